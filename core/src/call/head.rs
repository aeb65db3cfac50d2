//! What stands before and after the messages of a call.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use bytes::Bytes;
use core::time::Duration;

use crate::call::{Metadata, Path, Status};
use crate::time::Instant;

/// `:scheme` of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Plaintext.
    #[default]
    Http,
    /// TLS.
    Https,
}

/// The head of a request: what a client sends first and a server is told first.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestHead {
    /// The service and method.
    pub path: Path,
    /// `:authority`; empty where a peer sent none.
    pub authority: Bytes,
    /// `:scheme`.
    pub scheme: Scheme,
    /// When the call must have ended. On the client `grpc-timeout` is computed from it as the head is
    /// written; on the server it is the moment of receipt plus the peer's timeout.
    pub deadline: Option<Instant>,
    /// `user-agent`; empty for none.
    pub user_agent: Bytes,
    /// `grpc-encoding` of the messages; empty for identity.
    pub encoding: Bytes,
    /// Custom metadata.
    pub metadata: Metadata,
}

impl RequestHead {
    /// A head with nothing but path and authority.
    #[must_use]
    pub const fn new(path: Path, authority: Bytes) -> Self {
        Self {
            path,
            authority,
            scheme: Scheme::Http,
            deadline: None,
            user_agent: Bytes::new(),
            encoding: Bytes::new(),
            metadata: Metadata::new(),
        }
    }

    /// What is left of the deadline at `now`.
    #[must_use]
    pub fn time_remaining(&self, now: Instant) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(now))
    }
}

/// The head of a response: initial metadata.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseHead {
    /// `grpc-encoding` of the messages; empty for identity.
    pub encoding: Bytes,
    /// Custom metadata.
    pub metadata: Metadata,
}

/// How a call ended, on this side.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// `Ok`, or why not.
    pub status: Result<(), Status>,
    /// Trailing metadata. On the server empty.
    pub trailers: Metadata,
    /// Client only: the call as it was started and continued, where the peer provably did not process
    /// it and nothing of it was dropped. A channel may place it once more.
    pub replay: Option<Box<Replay>>,
}

/// A call that can be started again as it was.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The head.
    pub head: RequestHead,
    /// All messages so far, in order.
    pub messages: VecDeque<Bytes>,
    /// Whether the sending side was finished.
    pub finished: bool,
    /// Nothing of it was ever written: repeating it costs the peer nothing (gRFC A6).
    pub never_sent: bool,
}
