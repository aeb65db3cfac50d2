//! Shutdown in two steps, or at once (RFC 9113 §6.8).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::wire::StreamId;

/// The payload of the PING between the two GOAWAYs of a graceful shutdown.
pub(super) const DRAIN_PING: [u8; 8] = *b"sailplan";

/// RFC 9113 §6.8: the last-stream-id of the first of two GOAWAYs.
pub(super) const LAST_STREAM_ID_MAX: StreamId = StreamId::new(0x7fff_ffff);

/// A GOAWAY to be written.
#[derive(Clone, Debug)]
pub(super) struct GoAway {
    pub(super) last: StreamId,
    pub(super) code: ErrorCode,
    pub(super) debug: Vec<u8>,
    /// A PING follows it; its acknowledgement shows that the peer has seen the GOAWAY.
    pub(super) ping: bool,
}

/// Why this side shuts down.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Why {
    /// The driver asked for it.
    #[default]
    Asked,
    /// No call ran for long.
    Idle,
    /// The connection is old.
    Age,
}

impl Why {
    /// The debug data of the GOAWAYs, as other implementations of gRPC write it.
    pub(super) fn debug(self) -> Vec<u8> {
        match self {
            Self::Asked => Vec::new(),
            Self::Idle => b"max_idle".to_vec(),
            Self::Age => b"max_age".to_vec(),
        }
    }
}

/// What was sent and received of it.
#[derive(Debug, Default)]
pub(super) struct Shutdown {
    /// To be written.
    pub(super) pending: Option<Box<GoAway>>,
    /// Server: the second GOAWAY is to come, after the acknowledgement of the PING.
    pub(super) second_due: bool,
    /// Streams of the peer above it are ignored.
    pub(super) accepted_last: Option<StreamId>,
    /// The last-stream-id of the peer's GOAWAY.
    pub(super) received_last: Option<StreamId>,
    pub(super) received_code: Option<ErrorCode>,
    /// Why this side shuts down.
    pub(super) why: Why,
    /// The server told this client that its PINGs come too often.
    pub(super) too_many_pings: bool,
}

impl Shutdown {
    /// Whether this side shuts down.
    pub(super) const fn has_begun(&self) -> bool {
        self.second_due || self.accepted_last.is_some()
    }
}
