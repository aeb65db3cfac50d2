//! A client and a server connection over an in-memory link, in virtual time.
//!
//! The driver in here is the faithful sleeper: it wakes for bytes and for `poll_timeout` only.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses a part of it")]

pub mod actors;
pub mod audit;
pub mod late;
pub mod rng;
pub mod scenarios;
pub mod scene;
pub mod wire;
pub mod world;

use bytes::{Buf, Bytes};
use core::time::Duration;
use sailplane::call::{Outcome, RequestHead};
use sailplane::connection::Received;
use sailplane::{
    CallId, Config, Connection, Event, Instant, Limits, Metadata, Path, Start, Status, Transmit,
};

/// One end: a connection, its unwritten output, and the events that nobody looked at yet.
pub struct End {
    pub connection: Connection,
    pub transmit: Transmit,
    pub events: Vec<Event>,
    /// All that was ever written.
    pub written: Vec<u8>,
    /// What it may send.
    pub auditor: audit::Auditor,
    /// It rests whenever it may, and how often it did.
    pub rests: bool,
    pub rested: usize,
}

impl End {
    pub fn new(connection: Connection, is_client: bool) -> Self {
        Self {
            connection,
            transmit: Transmit::new(),
            events: Vec::new(),
            written: Vec::new(),
            auditor: audit::Auditor::new(is_client),
            rests: false,
            rested: 0,
        }
    }

    /// Drains events and transmits until both are quiet, as a driver does before it sleeps.
    pub fn drain(&mut self, now: Instant) -> Vec<u8> {
        let mut out = Vec::new();
        loop {
            while let Some(event) = self.connection.poll_event() {
                self.events.push(event);
            }
            while self.connection.poll_transmit(now, &mut self.transmit) {
                let chunk = self.transmit.chunk().to_vec();
                self.transmit.advance(chunk.len());
                out.extend_from_slice(&chunk);
            }
            if !self.connection.has_event() {
                break;
            }
        }
        self.written.extend_from_slice(&out);
        self.auditor.gave(&out);
        if self.rests {
            self.rest();
        }
        out
    }

    /// Rests and wakes, if it may.
    pub fn rest(&mut self) -> bool {
        let timeout = self.connection.poll_timeout();
        let Some(mut resting) = self.connection.rest() else { return false };
        assert!(self.connection.is_finished() && self.connection.poll_timeout() == timeout);
        self.connection = resting.wake();
        assert_eq!(self.connection.poll_timeout(), timeout);
        self.rested += 1;
        true
    }

    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.auditor.took(bytes);
        self.connection.handle_received(now, &mut bytes.to_vec());
    }

    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// All messages that can be taken now, and whether the end was seen.
    pub fn messages(&mut self, call: CallId) -> (Vec<Bytes>, bool) {
        let mut messages = Vec::new();
        loop {
            match self.connection.receive_message(call).unwrap() {
                Received::Message(message) => messages.push(message),
                Received::Pending => return (messages, false),
                Received::End => return (messages, true),
            }
        }
    }
}

/// Both ends and the time.
pub struct Pair {
    pub now: Instant,
    pub client: End,
    pub server: End,
}

impl Pair {
    pub fn new() -> Self {
        Self::with(Limits::default(), Limits::default())
    }

    pub fn with(client: Limits, server: Limits) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let config = |limits| Config::new(limits, 1);
        Self {
            now,
            client: End::new(Connection::client(now, &config(client)), true),
            server: End::new(Connection::server(now, &config(server)), false),
        }
    }

    /// Both sides have exchanged their SETTINGS.
    pub fn ready(mut self) -> Self {
        self.settle();
        assert_eq!(self.client.take_events(), [Event::Ready]);
        assert_eq!(self.server.take_events(), [Event::Ready]);
        self
    }

    /// Carries bytes both ways until nobody has any.
    pub fn settle(&mut self) {
        loop {
            let up = self.client.drain(self.now);
            let down = self.server.drain(self.now);
            if up.is_empty() && down.is_empty() && !self.hang_up() {
                return;
            }
            self.server.receive(self.now, &up);
            self.client.receive(self.now, &down);
        }
    }

    /// An end that is finished closes its transport; whether the other end learnt that now.
    fn hang_up(&mut self) -> bool {
        let (client, server) = (&mut self.client.connection, &mut self.server.connection);
        let before = (client.is_finished(), server.is_finished());
        if before.0 && !before.1 {
            server.handle_end(self.now, sailplane::End::Closed);
        }
        if before.1 && !before.0 {
            client.handle_end(self.now, sailplane::End::Closed);
        }
        before.0 != before.1
    }

    /// Time passes; each side is woken no more often than `poll_timeout` asks.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now.saturating_add(time);
        let mut spins = 0;
        loop {
            self.settle();
            let next = [&self.client, &self.server]
                .into_iter()
                .filter_map(|end| end.connection.poll_timeout())
                .map(|t| t.at)
                .min();
            match next {
                Some(at) if at <= end => {
                    spins = if at > self.now { 0 } else { spins + 1 };
                    assert!(spins < 1000, "time stands still");
                    self.now = self.now.max(at);
                    self.client.connection.handle_timeout(self.now);
                    self.server.connection.handle_timeout(self.now);
                }
                _ => break,
            }
        }
        self.now = end;
        self.settle();
    }

    pub fn start(&mut self, start: Start) -> CallId {
        self.client.connection.start_call(self.now, start).unwrap()
    }

    /// The server's id of the only call it was just told of.
    pub fn accepted(&mut self) -> CallId {
        self.settle();
        let calls: Vec<_> = self
            .server
            .take_events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Call(call) => Some(call),
                _ => None,
            })
            .collect();
        assert_eq!(calls.len(), 1, "one call");
        calls[0]
    }

    pub fn outcome(&mut self, call: CallId) -> Outcome {
        self.settle();
        self.client.connection.take_outcome(call).expect("the call has ended")
    }

    pub fn respond(&mut self, call: CallId, message: &'static str, status: Result<(), Status>) {
        let message = (!message.is_empty()).then(|| Bytes::from_static(message.as_bytes()));
        self.server.connection.respond(call, message, Metadata::new(), status).unwrap();
    }
}

pub fn head() -> RequestHead {
    RequestHead::new(Path::from_static("/greet.Greeter/SayHello"), Bytes::from_static(b"localhost"))
}

pub fn unary(message: &'static str) -> Start {
    Start { head: head(), message: Some(Bytes::from_static(message.as_bytes())), finished: true }
}

pub fn streaming() -> Start {
    Start { head: head(), message: None, finished: false }
}
