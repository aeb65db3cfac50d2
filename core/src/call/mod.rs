//! One gRPC call over one HTTP/2 stream: heads, messages, metadata, status, deadline.
//!
//! This layer sees header lists, body bytes, trailers, the end and a reset's cause; never a frame.

pub mod base64;
mod batch;
pub mod content_type;
pub(crate) mod fields;
mod growth;
pub mod head;
pub mod mapping;
pub mod message;
mod message_queue;
pub mod metadata;
pub(crate) mod outgoing;
pub mod path;
pub mod percent;
pub(crate) mod prefix;
mod raw_messages;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod spare;
pub mod state;
pub mod status;
pub mod timeout;

pub use batch::{Batch, Messages};
pub use head::{Outcome, Replay, RequestHead, ResponseHead, Scheme};
pub use metadata::{InvalidMetadata, Metadata, Value, ValueRef};
pub use path::{InvalidPath, Path};
pub use status::{Code, Origin, Phase, Result, ResultExt, Status};

use core::fmt;

/// Names one call of one connection: a slot and its generation, so that a stale id is noticed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId {
    index: u32,
    generation: u32,
}

impl CallId {
    /// The id of slot `index` in its `generation`.
    #[must_use]
    pub const fn new(index: u32, generation: u32) -> Self {
        Self { index, generation }
    }

    /// The slot: small, dense and reused; drivers index their own tables with it.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// How often the slot was reused.
    #[must_use]
    pub const fn generation(self) -> u32 {
        self.generation
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}.{}", self.index, self.generation)
    }
}
