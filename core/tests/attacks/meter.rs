//! A connection under attack, with every octet counted that it allocates.
//!
//! Counting is per thread, so tests that run beside each other do not disturb. What the attacker and the
//! test need themselves is not counted.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Mutex;

use allocation_counter::{measure, opt_out};
use bytes::Buf;
use sailplane::error::ErrorCode;
use sailplane::wire::{Frame, FrameReader};
use sailplane::{CallId, Code, Config, Connection, Event, Instant, Limits, Status, Transmit};

use crate::support::wire::{Peer, Sent, parse};

/// Does something that is not counted.
pub(crate) fn apart<T>(act: impl FnOnce() -> T) -> T {
    let mut done = None;
    opt_out(|| done = Some(act()));
    done.unwrap()
}

/// What a connection may hold beside the terms of the formula for messages, metadata and output: 192 KiB.
pub(crate) const FIXED: usize = 192 * 1024;

/// A read of the driver is no larger.
const READ: usize = 65 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    Client,
    Server,
}

pub(crate) struct Attack {
    pub(crate) connection: Connection,
    pub(crate) transmit: Transmit,
    pub(crate) now: Instant,
    pub(crate) peer: Peer,
    /// Calls that were told, in order.
    pub(crate) calls: Vec<CallId>,
    /// How calls ended.
    pub(crate) ended: Vec<(CallId, Result<(), Code>)>,
    pub(crate) is_over: bool,
    /// All that was written.
    written: Vec<u8>,
    looked: usize,
    /// What was sent and not read.
    input: Vec<u8>,
    /// The application takes outcomes and releases the calls that ended.
    pub(crate) releases: bool,
}

/// What an attack did.
pub(crate) struct Report {
    /// The most that the connection held at once, itself included.
    pub(crate) peak: usize,
    /// All that was allocated, freed or not.
    pub(crate) allocated: usize,
    pub(crate) sent: Vec<Sent>,
    pub(crate) is_over: bool,
    pub(crate) told: usize,
}

impl Attack {
    /// The attacker prepares something.
    pub(crate) fn peer(&mut self, act: impl FnOnce(&mut Peer)) -> &mut Self {
        apart(|| {
            act(&mut self.peer);
            self.input.append(&mut self.peer.bytes);
        });
        self
    }

    /// The victim reads all, or until it does not want more; nothing is written. False: something is left.
    pub(crate) fn feed(&mut self) -> bool {
        let mut input = core::mem::take(&mut self.input);
        let mut taken = 0;
        while taken < input.len() && self.connection.wants_receive() {
            let read = (input.len() - taken).min(READ);
            self.connection.handle_received(self.now, &mut input[taken..taken + read]);
            taken += read;
        }
        apart(|| {
            input.drain(..taken);
            self.input = input;
        });
        self.input.is_empty()
    }

    /// Drains events and output, as a driver does before it sleeps.
    pub(crate) fn drain(&mut self) {
        let mut idle_turns = 0;
        loop {
            self.events();
            let mut wrote = false;
            while self.connection.poll_transmit(self.now, &mut self.transmit) {
                wrote = true;
                let chunk = self.transmit.chunk();
                let octets = chunk.len();
                apart(|| self.written.extend_from_slice(chunk));
                self.transmit.advance(octets);
            }
            if !self.connection.has_event() {
                return;
            }
            idle_turns = if wrote { 0 } else { idle_turns + 1 };
            assert!(idle_turns < 1000, "it spins");
        }
    }

    fn events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            match &event {
                Event::Call(call) => apart(|| self.calls.push(*call)),
                Event::Ended(call) if self.releases => {
                    let outcome = self.connection.take_outcome(*call).expect("it has ended");
                    let status = outcome.status.as_ref().copied().map_err(Status::code);
                    apart(|| self.ended.push((*call, status)));
                    self.connection.release(*call);
                }
                Event::Closed(_) => {
                    assert!(!self.is_over, "it ends once");
                    self.is_over = true;
                }
                _ => {}
            }
            drop(event);
        }
    }

    /// The victim reads all and writes all.
    pub(crate) fn deliver(&mut self) -> &mut Self {
        let mut turns = 0;
        while !self.feed() && !self.is_over {
            self.drain();
            turns += 1;
            assert!(turns < 100_000, "neither read nor over");
        }
        self.drain();
        self
    }

    /// Credit for streams that was sent since the last look; what was written is forgotten. Free it while
    /// nothing is counted.
    pub(crate) fn credit(&mut self) -> Vec<(u32, u32)> {
        apart(|| {
            let mut credit = Vec::new();
            let (mut reader, mut rest) = (FrameReader::new(false), &self.written[self.looked..]);
            while let Ok(Some(frame)) = reader.read(&mut rest) {
                if let Frame::WindowUpdate { stream_id, increment } = frame {
                    credit.push((stream_id.as_u32(), increment));
                }
            }
            self.looked = self.written.len();
            credit.retain(|(stream, _)| *stream > 0);
            credit
        })
    }

    /// Time passes; the victim is woken no more often than it asks.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now.saturating_add(time);
        let mut spins = 0;
        while let Some(timeout) = self.connection.poll_timeout().filter(|timeout| timeout.at <= until) {
            spins = if timeout.at > self.now { 0 } else { spins + 1 };
            assert!(spins < 1000, "time stands still at {:?}", timeout.timer);
            self.now = self.now.max(timeout.at);
            self.connection.handle_timeout(self.now);
            self.drain();
        }
        self.now = until;
    }
}

impl Report {
    pub(crate) fn goaway(&self) -> Option<ErrorCode> {
        self.sent.iter().rev().find_map(|frame| match frame {
            Sent::GoAway { code, .. } => Some(*code),
            _ => None,
        })
    }

    /// How many streams were reset with this code.
    pub(crate) fn resets(&self, wanted: ErrorCode) -> usize {
        self.sent.iter().filter(|frame| matches!(frame, Sent::Rst { code, .. } if *code == wanted)).count()
    }

    /// The gRPC statuses that were sent, in order.
    pub(crate) fn statuses(&self) -> Vec<String> {
        let fields = self.sent.iter().filter_map(|frame| match frame {
            Sent::Headers { fields, .. } => fields.iter().find(|(name, _)| name == "grpc-status"),
            _ => None,
        });
        fields.map(|(_, value)| value.clone()).collect()
    }
}

/// Runs an attack on a connection with the default limits that has shaken hands, and holds it to `bound`
/// octets. All of it is free again once the connection is gone.
#[track_caller]
pub(crate) fn run(name: &str, victim: Victim, bound: usize, attack: impl FnOnce(&mut Attack)) -> Report {
    run_with(name, victim, Limits::default(), bound, attack)
}

/// The same with other limits.
#[track_caller]
pub(crate) fn run_with(
    name: &str,
    victim: Victim,
    limits: Limits,
    bound: usize,
    attack: impl FnOnce(&mut Attack),
) -> Report {
    // What a process keeps for the next connection is no connection's.
    sailplane::keep_spare_bytes(0);
    let config = Config::new(limits, 1);
    let now = Instant::from_nanos(1_000_000_000);
    let mut report = None;
    let counted = measure(|| {
        let connection = match victim {
            Victim::Client => Connection::client(now, &config),
            Victim::Server => Connection::server(now, &config),
        };
        let peer = apart(|| if victim == Victim::Client { Peer::server() } else { Peer::client() });
        let mut scene = Attack {
            connection,
            transmit: Transmit::new(),
            now,
            peer,
            calls: Vec::new(),
            ended: Vec::new(),
            is_over: false,
            written: Vec::new(),
            looked: 0,
            input: Vec::new(),
            releases: true,
        };
        scene.drain();
        scene.peer(|_| {});
        scene.deliver();
        attack(&mut scene);
        let Attack { connection, transmit, calls, ended, is_over, written, input, peer, .. } = scene;
        drop((connection, transmit));
        apart(|| {
            let sent = parse(victim == Victim::Client, &written);
            report = Some((sent, is_over, calls.len()));
            drop((calls, ended, written, input, peer));
        });
    });
    assert_eq!(counted.bytes_current, 0, "{name}: what is left when the connection is gone");
    let peak = usize::try_from(counted.bytes_max).unwrap() + size_of::<Connection>();
    assert!(peak <= bound, "{name}: {peak} octets at once, above {bound}");
    record(name, peak);
    let (sent, is_over, told) = report.unwrap();
    Report { peak, allocated: usize::try_from(counted.bytes_total).unwrap(), sent, is_over, told }
}

/// Peaks of all attacks of this process.
static PEAKS: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

/// Writes the peaks to the ledger, where there is one.
pub(crate) fn record(name: &str, peak: usize) {
    let mut peaks = PEAKS.lock().unwrap();
    let known = peaks.entry(name.to_owned()).or_default();
    *known = peak.max(*known);
    if let Some(folder) = std::env::var_os("SAILPLANE_LEDGER") {
        let text = serde_json::json!({ "peak_bytes": &*peaks }).to_string();
        std::fs::write(std::path::Path::new(&folder).join("attacks.json"), text).unwrap();
    }
}
