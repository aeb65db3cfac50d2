//! A connection, its driver and an application that notices every broken promise.

use bytes::{Buf, Bytes};
use core::time::Duration;
use sailplane::connection::SendError;
use sailplane::error::Misuse;
use sailplane::{CallId, Code, Connection, Event, Instant, Limits, Metadata, Received, Status, Transmit};
use std::collections::BTreeMap;

use crate::written::Written;

/// Polls without bytes, events or time that count as a busy loop.
const SPINS_MAX: usize = 1000;

/// What the application knows of a call that it did not release.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) ended: bool,
    /// `Blocked` was answered, and no `Writable` came since.
    pub(crate) blocked: bool,
    /// Answers `Blocked`, each of which may cause one `Writable`.
    pub(crate) refused: usize,
    pub(crate) end: bool,
    pub(crate) headers: bool,
    /// How it ended.
    pub(crate) status: Option<Result<(), Code>>,
    pub(crate) trailers: Metadata,
    pub(crate) received: Vec<Bytes>,
    /// Which of the application's plans it is.
    pub(crate) plan: usize,
    pub(crate) sent: usize,
    pub(crate) finished: bool,
}

pub(crate) struct Rig {
    pub(crate) connection: Connection,
    pub(crate) limits: Limits,
    pub(crate) is_server: bool,
    pub(crate) transmit: Transmit,
    pub(crate) written: Written,
    pub(crate) calls: BTreeMap<CallId, Known>,
    pub(crate) released: Vec<CallId>,
    pub(crate) closed: bool,
    pub(crate) told: usize,
    /// Server: calls that were told and not looked at.
    pub(crate) new_calls: Vec<CallId>,
}

impl Rig {
    pub(crate) fn new(connection: Connection, limits: Limits, is_server: bool) -> Self {
        Self {
            connection,
            limits,
            is_server,
            transmit: Transmit::new(),
            written: Written::new(!is_server),
            calls: BTreeMap::new(),
            released: Vec::new(),
            closed: false,
            told: 0,
            new_calls: Vec::new(),
        }
    }

    /// Takes one event and checks it.
    pub(crate) fn event(&mut self) -> Option<Event> {
        let promised = self.connection.has_event();
        let event = self.connection.poll_event();
        assert!(promised || event.is_none(), "{event:?} without has_event");
        let event = event?;
        // A pull tells of the next message at any time.
        assert!(!self.closed || matches!(event, Event::Message(_)), "{event:?} after Closed");
        match &event {
            Event::Call(call) => {
                assert!(self.is_server && !self.calls.contains_key(call), "{call:?} was told twice");
                self.told += 1;
                self.calls.insert(*call, Known::default());
                self.new_calls.push(*call);
            }
            Event::Headers(call) => {
                let known = self.known(*call);
                assert!(!known.headers, "headers twice");
                known.headers = true;
            }
            Event::Message(call) => drop(self.known(*call)),
            Event::Writable(call) => {
                let known = self.known(*call);
                assert!(known.refused > 0, "Writable without Blocked");
                assert!(!known.ended, "Writable after the end");
                known.refused -= 1;
                known.blocked = false;
            }
            Event::Ended(call) => self.ended(*call),
            Event::Closed(_) => {
                self.closed = true;
                assert!(self.calls.values().all(|known| known.ended), "Closed before every call has ended");
            }
            _ => {}
        }
        Some(event)
    }

    fn known(&mut self, call: CallId) -> &mut Known {
        self.calls.get_mut(&call).unwrap_or_else(|| panic!("an event of the unknown {call:?}"))
    }

    fn ended(&mut self, call: CallId) {
        let known = self.known(call);
        assert!(!known.ended, "{call:?} ended twice");
        known.ended = true;
        assert_eq!(self.connection.has_ended(call), Some(true));
        let outcome = self.connection.take_outcome(call).expect("who has ended has an outcome");
        assert!(self.connection.take_outcome(call).is_none(), "two outcomes");
        let known = self.known(call);
        known.status = Some(outcome.status.map_err(|status| status.code()));
        known.trailers = outcome.trailers;
    }

    /// Hands at most so many octets of output out.
    pub(crate) fn write(&mut self, now: Instant, most: usize) -> Vec<u8> {
        let has = self.connection.poll_transmit(now, &mut self.transmit);
        assert_eq!(has, self.transmit.has_remaining());
        let mut out = Vec::new();
        while out.len() < most && self.transmit.has_remaining() {
            let chunk = self.transmit.chunk();
            let count = chunk.len().min(most - out.len());
            out.extend_from_slice(&chunk[..count]);
            self.transmit.advance(count);
        }
        self.written.read(&out);
        out
    }

    /// Drains until quiet, as a driver does before it sleeps.
    pub(crate) fn drain(&mut self, now: Instant, mut on: impl FnMut(&mut Self, Event)) -> Vec<u8> {
        let (mut out, mut turns) = (Vec::new(), 0);
        loop {
            while let Some(event) = self.event() {
                on(self, event);
                turns += 1;
                assert!(turns < 100_000, "events without end");
            }
            loop {
                let bytes = self.write(now, usize::MAX);
                if bytes.is_empty() {
                    break;
                }
                out.extend(bytes);
            }
            turns += 1;
            assert!(turns < 100_000, "a busy loop");
            if !self.connection.has_event() {
                break;
            }
        }
        assert!(!self.connection.poll_transmit(now, &mut self.transmit));
        if !self.closed && !self.connection.is_finished() {
            assert!(self.connection.wants_receive(), "everything is written, and nothing is read");
        }
        self.check();
        out
    }

    /// Time passes to `until`; the driver wakes when `poll_timeout` says so.
    pub(crate) fn sleep(&mut self, now: &mut Instant, until: Instant, on: &mut dyn FnMut(&mut Self, Event)) {
        let mut spins = 0;
        loop {
            self.drain(*now, &mut *on);
            let Some(at) = self.connection.poll_timeout().map(|timeout| timeout.at) else { break };
            if at > until {
                break;
            }
            spins = if at > *now { 0 } else { spins + 1 };
            assert!(spins < SPINS_MAX, "time stands still at {:?}", self.connection.poll_timeout());
            *now = at.max(*now);
            self.connection.handle_timeout(*now);
        }
        *now = until.max(*now);
    }

    /// Takes messages that are there; whether the end was seen.
    pub(crate) fn receive(&mut self, call: CallId, most: usize) {
        for _ in 0..most {
            match self.connection.receive_message(call) {
                Ok(Received::Message(message)) => {
                    let known = self.known(call);
                    assert!(!known.end, "a message after the end");
                    known.received.push(message);
                }
                Ok(Received::Pending) => {
                    let known = self.known(call);
                    assert!(!known.end && !known.ended, "pending after the end");
                    return;
                }
                Ok(Received::End) => {
                    self.known(call).end = true;
                    return;
                }
                Err(misuse) => panic!("{misuse:?} for a known call"),
            }
        }
    }

    /// Queues a message; whether it was taken.
    pub(crate) fn send(&mut self, call: CallId, message: Bytes) -> bool {
        let has_unsent = self.connection.unsent_bytes() > 0;
        let size = message.len();
        match self.connection.send_message(call, message) {
            Ok(()) => {
                let known = self.known(call);
                assert!(!known.ended && !known.finished);
                known.sent += 1;
                true
            }
            Err(SendError::Blocked(back)) => {
                assert!(has_unsent && back.len() == size, "blocked by nothing");
                let known = self.known(call);
                known.blocked = true;
                known.refused += 1;
                false
            }
            Err(SendError::Ended) => {
                assert_eq!(self.connection.has_ended(call), Some(true));
                false
            }
            Err(SendError::Misuse(Misuse::SendingFinished)) => {
                assert!(self.known(call).finished);
                false
            }
            Err(SendError::Misuse(misuse)) => panic!("{misuse:?}"),
        }
    }

    /// Gives a call up: from here on its id means nothing.
    pub(crate) fn release(&mut self, call: CallId) {
        self.connection.release(call);
        self.calls.remove(&call);
        self.new_calls.retain(|other| *other != call);
        self.released.push(call);
        self.check_stale(call);
    }

    fn check_stale(&mut self, call: CallId) {
        if self.calls.contains_key(&call) {
            return;
        }
        assert_eq!(self.connection.receive_message(call), Err(Misuse::UnknownCall));
        assert_eq!(self.connection.cancel(call, Status::cancelled("stale")), Err(Misuse::UnknownCall));
        assert!(self.connection.take_outcome(call).is_none() && self.connection.has_ended(call).is_none());
        self.connection.release(call);
    }

    /// Windows and memory, at any time.
    pub(crate) fn check(&mut self) {
        // The connection's credit is returned on receipt, always.
        let (available, owed) = self.connection.receive_credit();
        let window = i64::from(self.limits.connection_window_bytes.max(65_535));
        let sum = available + i64::from(owed);
        assert!(available >= 0 && (sum == window || sum == 65_535), "{available} and {owed} of {window}");
        assert!((0..=0x7fff_ffff).contains(&self.connection.send_credit()));
        // Each call may finish one message, and have a window of what follows.
        let call =
            self.limits.message_bytes_max.min(1 << 20) + self.limits.stream_window_bytes.max(65_535) as usize;
        let calls = self.connection.live_calls() + 1;
        let bound = self.limits.unread_bytes_max + calls * call;
        assert!(self.connection.unread_bytes() <= bound, "{} unread", self.connection.unread_bytes());
        assert!(self.connection.credit_ahead() <= self.limits.credit_ahead_bytes_max);
        if let Some(call) = self.released.last().copied() {
            self.check_stale(call);
        }
    }

    /// The transport is gone or all is over: every call has ended, and once they are released nothing is left.
    pub(crate) fn finish(&mut self, now: Instant) {
        self.drain(now, |_, _| {});
        assert!(self.closed && self.connection.is_finished(), "it is over and not finished");
        assert_eq!(self.connection.poll_timeout(), None);
        for (call, known) in core::mem::take(&mut self.calls) {
            assert!(known.ended, "{call:?} did not end");
            assert!(!matches!(self.connection.receive_message(call), Ok(Received::Pending)));
            self.connection.release(call);
            self.released.push(call);
        }
        let left =
            (self.connection.live_calls(), self.connection.unread_bytes(), self.connection.unsent_bytes());
        assert_eq!(left, (0, 0, 0), "calls, unread, unsent");
        assert_eq!(self.connection.credit_ahead(), 0);
        assert!(!self.connection.has_event() && self.connection.room() == 0);
        self.connection.handle_received(now, &mut [0; 30]);
        self.connection.handle_timeout(now.saturating_add(Duration::from_secs(1000)));
        assert!(!self.connection.has_event() && !self.connection.poll_transmit(now, &mut self.transmit));
    }
}
