//! Something happens after every octet of a transcript: whatever it is, every call that was told of ends once,
//! and nothing is left.

use bytes::Bytes;
use core::time::Duration;
use sailplane::error::ErrorCode;
use sailplane::{CallId, End as TransportEnd, Event, Instant, Metadata, Status};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::support::End;
use crate::support::wire::Peer;
use crate::{Transcript, all};

/// What happens.
#[derive(Clone, Copy, Debug)]
enum Happens {
    EndOfStream,
    Failure,
    /// RST_STREAM of the first stream.
    Reset,
    GoAwayOfAll,
    GoAwayOfNone,
    /// SETTINGS that close every window.
    NoWindows,
    Ping,
    /// Octets that are no frame.
    Noise,
    Cancel,
    Release,
    Answer,
    Shutdown,
    Close,
    /// Every deadline passes, and a frame that is incomplete is overdue.
    Time,
}

const ALL: [Happens; 14] = [
    Happens::EndOfStream,
    Happens::Failure,
    Happens::Reset,
    Happens::GoAwayOfAll,
    Happens::GoAwayOfNone,
    Happens::NoWindows,
    Happens::Ping,
    Happens::Noise,
    Happens::Cancel,
    Happens::Release,
    Happens::Answer,
    Happens::Shutdown,
    Happens::Close,
    Happens::Time,
];

/// A side whose application only watches.
struct Watched {
    end: End,
    now: Instant,
    is_server: bool,
    /// Calls that are not released, and how often they ended.
    calls: BTreeMap<CallId, usize>,
    closed: usize,
}

impl Watched {
    fn new(transcript: &Transcript) -> Self {
        let (end, now) = transcript.fresh();
        let mut calls = BTreeMap::new();
        if !transcript.is_server {
            let started = (0..20).map(|index| CallId::new(index, 0));
            calls.extend(
                started.filter(|call| end.connection.has_ended(*call).is_some()).map(|call| (call, 0)),
            );
        }
        Self { end, now, is_server: transcript.is_server, calls, closed: 0 }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.end.receive(self.now, bytes);
        self.look();
    }

    fn look(&mut self) {
        self.end.drain(self.now);
        self.end.written.clear();
        for event in self.end.take_events() {
            match event {
                Event::Call(call) => assert_eq!(self.calls.insert(call, 0), None, "told twice"),
                Event::Ended(call) => {
                    let ended = self.calls.get_mut(&call).expect("a call that is known");
                    *ended += 1;
                    assert_eq!(*ended, 1, "{call:?} ended twice");
                    assert!(self.end.connection.take_outcome(call).is_some());
                }
                Event::Closed(_) => self.closed += 1,
                Event::Headers(call) | Event::Message(call) | Event::Writable(call) => {
                    assert!(self.calls.contains_key(&call), "an event of a call that is released");
                }
                _ => {}
            }
        }
    }

    fn happen(&mut self, what: Happens) {
        let now = self.now;
        let connection = &mut self.end.connection;
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        let mut peer = Peer::silent();
        match what {
            Happens::EndOfStream => connection.handle_end(now, TransportEnd::Closed),
            Happens::Failure => {
                let error = std::io::Error::other("the cable was pulled");
                connection.handle_end(now, TransportEnd::Failed(Arc::new(error)));
            }
            Happens::Reset => drop(peer.rst(1, ErrorCode::CANCEL)),
            Happens::GoAwayOfAll => drop(peer.goaway(0, ErrorCode::NO_ERROR)),
            Happens::GoAwayOfNone => drop(peer.goaway(0x7fff_ffff, ErrorCode::NO_ERROR)),
            Happens::NoWindows => drop(peer.settings(&[(4, 0)])),
            Happens::Ping => drop(peer.ping(9)),
            Happens::Noise => peer.bytes.extend_from_slice(&[0xff; 30]),
            Happens::Cancel => {
                for call in calls {
                    connection.cancel(call, Status::cancelled("enough")).unwrap();
                }
            }
            Happens::Release => {
                for call in calls {
                    connection.release(call);
                    self.calls.remove(&call);
                }
            }
            Happens::Answer => {
                for call in calls {
                    let reply = Some(Bytes::from_static(b"answered"));
                    // A call may have ended, and a client's has nothing to answer.
                    let _ = if self.is_server {
                        connection.respond(call, reply, Metadata::new(), Ok(()))
                    } else {
                        connection.finish_sending(call)
                    };
                }
            }
            Happens::Shutdown => connection.shutdown(now, Duration::from_secs(1)),
            Happens::Close => connection.close(now),
            Happens::Time => {
                self.now = now.saturating_add(Duration::from_secs(40));
                connection.handle_timeout(self.now);
            }
        }
        self.look();
        let bytes = peer.take();
        if !bytes.is_empty() {
            self.hear(&bytes);
        }
    }

    fn finish(mut self) {
        self.end.connection.handle_end(self.now, TransportEnd::Closed);
        self.look();
        assert!(self.calls.values().all(|ended| *ended == 1), "{:?}", self.calls);
        assert_eq!(self.closed, 1);
        let connection = &mut self.end.connection;
        assert!(connection.is_finished());
        for call in self.calls.keys() {
            connection.release(*call);
        }
        let left = (connection.live_calls(), connection.unread_bytes(), connection.unsent_bytes());
        assert_eq!(left, (0, 0, 0), "calls, unread, unsent");
        assert_eq!(connection.poll_timeout(), None);
    }
}

/// Says where it was.
struct Place<'a>(&'a str, usize, Happens);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} after {} octets: {:?}", self.0, self.1, self.2);
        }
    }
}

/// Every event after every `stride`th octet of every transcript; how many.
pub(crate) fn everywhere(stride: usize) -> usize {
    let mut count = 0;
    for transcript in all() {
        for what in ALL {
            // Another place for each, where not all are taken.
            for at in (count % stride..=transcript.bytes.len()).step_by(stride) {
                let _place = Place(&transcript.name, at, what);
                let (before, after) = transcript.bytes.split_at(at);
                let mut side = Watched::new(&transcript);
                side.hear(before);
                side.happen(what);
                side.hear(after);
                side.finish();
                count += 1;
            }
        }
    }
    count
}

#[test]
fn something_happens_in_some_places() {
    assert!(everywhere(97) > 1000);
}
