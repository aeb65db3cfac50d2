//! One of our ends against a peer by hand, in virtual time.

use core::time::Duration;
use sailplane::error::ErrorCode;
use sailplane::{CallId, Config, Connection, Event, Instant, Limits};

use super::End;
use super::wire::{Peer, Sent, parse};

pub struct Scene {
    pub end: End,
    pub now: Instant,
    pub peer: Peer,
    is_client: bool,
}

impl Scene {
    /// A server and a client by hand, which have exchanged and acknowledged their SETTINGS.
    pub fn server(limits: Limits) -> Self {
        Self::with(&Config::new(limits, 1))
    }

    /// The same, with all that a connection is made with.
    pub fn with(config: &Config) -> Self {
        let mut scene = Self::silent(config);
        scene.peer = Peer::client();
        scene.shake_hands()
    }

    /// A client and a server by hand, which have exchanged and acknowledged their SETTINGS.
    pub fn client(limits: Limits) -> Self {
        let mut scene = Self::silent_server(limits);
        scene.peer = Peer::server();
        scene.shake_hands()
    }

    /// A server, and a peer that has said nothing yet.
    pub fn silent(config: &Config) -> Self {
        let now = start();
        let end = End::new(Connection::server(now, config), false);
        Self { end, now, peer: Peer::silent(), is_client: false }
    }

    /// A client, and a peer that has said nothing yet.
    pub fn silent_server(limits: Limits) -> Self {
        let now = start();
        let end = End::new(Connection::client(now, &Config::new(limits, 1)), true);
        Self { end, now, peer: Peer::silent(), is_client: true }
    }

    fn shake_hands(mut self) -> Self {
        self.end.drain(self.now);
        self.deliver();
        assert_eq!(self.end.take_events(), [Event::Ready]);
        self
    }

    /// What the peer wrote arrives; nothing is written.
    pub fn feed(&mut self) {
        self.end.receive(self.now, &self.peer.take());
    }

    /// What the peer wrote arrives, and our end drains its output and events.
    pub fn deliver(&mut self) {
        self.feed();
        self.end.drain(self.now);
    }

    /// Time passes; our end is woken no more often than it asks.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now.saturating_add(time);
        let mut spins = 0;
        while let Some(timeout) = self.end.connection.poll_timeout().filter(|timeout| timeout.at <= until) {
            spins = if timeout.at > self.now { 0 } else { spins + 1 };
            assert!(spins < 1000, "time stands still at {:?}", timeout.timer);
            self.now = self.now.max(timeout.at);
            self.end.connection.handle_timeout(self.now);
            self.end.drain(self.now);
        }
        self.now = until;
    }

    /// The calls that our end was told of since the last look.
    pub fn calls(&mut self) -> Vec<CallId> {
        let calls = self.end.take_events().into_iter().filter_map(|event| match event {
            Event::Call(call) => Some(call),
            _ => None,
        });
        calls.collect()
    }

    /// The only one of them.
    #[track_caller]
    pub fn call(&mut self) -> CallId {
        let calls = self.calls();
        assert_eq!(calls.len(), 1, "one call");
        calls[0]
    }

    /// Whether the connection has ended, as far as events tell; they stay.
    pub fn is_over(&self) -> bool {
        self.end.connection.is_finished() || self.end.events.iter().any(|e| matches!(e, Event::Closed(_)))
    }

    pub fn sent(&self) -> Vec<Sent> {
        parse(self.is_client, &self.end.written)
    }

    /// Code and debug data of the last GOAWAY.
    pub fn last_goaway(&self) -> Option<(ErrorCode, String)> {
        self.sent().into_iter().rev().find_map(|frame| match frame {
            Sent::GoAway { code, debug, .. } => Some((code, debug)),
            _ => None,
        })
    }

    pub fn goaway(&self) -> Option<ErrorCode> {
        self.last_goaway().map(|(code, _)| code)
    }

    /// The streams that were reset with this code, in order.
    pub fn resets(&self, wanted: ErrorCode) -> Vec<u32> {
        let resets = self.sent().into_iter().filter_map(|frame| match frame {
            Sent::Rst { stream, code } if code == wanted => Some(stream),
            _ => None,
        });
        resets.collect()
    }

    /// The gRPC status that was sent on a stream.
    pub fn status(&self, wanted: u32) -> Option<String> {
        self.sent().into_iter().find_map(|frame| match frame {
            Sent::Headers { stream, fields, .. } if stream == wanted => {
                fields.into_iter().find(|(name, _)| name == "grpc-status").map(|(_, value)| value)
            }
            _ => None,
        })
    }

    /// Credit that was sent for a stream, or for the connection as stream 0.
    pub fn credit(&self, wanted: u32) -> u32 {
        let updates = self.sent().into_iter().filter_map(|frame| match frame {
            Sent::Window { stream, increment } if stream == wanted => Some(increment),
            _ => None,
        });
        updates.sum()
    }
}

fn start() -> Instant {
    Instant::from_nanos(1_000_000_000)
}
