//! Facts that a connection tells its driver.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::error::Error;
use core::fmt;

use crate::call::{CallId, Code, Phase, Status};
use crate::error::{ErrorCode, PeerViolation};

/// A fact. Contents are pulled: `take_request`, `take_response`, `receive_message`, `take_outcome`.
///
/// At most one event of a kind is pending for a call; pulling re-arms it. So events cannot pile up.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The peer's SETTINGS arrived: the connection is established in both directions.
    Ready,
    /// Server: a new call; its head is there ([`take_request`](super::Connection::take_request)).
    Call(CallId),
    /// Client: initial metadata are there ([`take_response`](super::Connection::take_response)).
    Headers(CallId),
    /// [`receive_message`](super::Connection::receive_message) has something: a message, or the end.
    Message(CallId),
    /// A call that was answered `Blocked` may send again.
    Writable(CallId),
    /// The call ended ([`take_outcome`](super::Connection::take_outcome)). Messages that arrived before
    /// are still there.
    Ended(CallId),
    /// Client: a call can be started again, after `start_call` was refused for want of room.
    Room,
    /// No more calls can be started: one side sent GOAWAY. Those that run go on.
    Draining,
    /// The connection is over; every call has ended.
    Closed(Box<Ended>),
}

/// How the byte stream ended ([`handle_end`](super::Connection::handle_end)).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum End {
    /// The peer closed its direction in order.
    Closed,
    /// Reading or writing failed.
    Failed(Arc<dyn Error + Send + Sync>),
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// This side, for what the peer did or for what the driver asked.
    Local,
    /// The peer, by GOAWAY.
    Peer,
    /// The transport was lost.
    Transport,
}

/// Why a connection is over.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Who ended it.
    pub by: Initiator,
    /// The HTTP/2 code that was sent or received.
    pub code: ErrorCode,
    /// In which phase it was.
    pub phase: Phase,
    /// One line for a person.
    pub explanation: String,
    /// What the peer did wrong, where it was HTTP/2 at all.
    pub violation: Option<PeerViolation>,
    /// The transport's error, where there is one.
    pub source: Option<Arc<dyn Error + Send + Sync>>,
}

impl PartialEq for Ended {
    fn eq(&self, other: &Self) -> bool {
        (self.by, self.code, self.phase, self.violation, &self.explanation)
            == (other.by, other.code, other.phase, other.violation, &other.explanation)
    }
}

impl Ended {
    /// The status of a call that this ended: UNAVAILABLE.
    #[must_use]
    pub fn to_status(&self) -> Status {
        let status = Status::transport(Code::Unavailable, self.phase, self.explanation.clone())
            .with_http2_code(self.code);
        match &self.source {
            Some(source) => status.with_source(Arc::clone(source)),
            None => status,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.explanation)
    }
}
