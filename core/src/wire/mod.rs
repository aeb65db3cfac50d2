//! Bytes to frames and back (RFC 9113 §3.4, §4, §6).
//!
//! [`FrameReader`] takes bytes in any chunking and yields [`Frame`]s that borrow from them. The
//! functions in [`send`] append frames to a buffer. Both know sizes, flags, padding and which
//! frames belong to a stream; what a frame means, and whether it may come, the connection judges.
//!
//! ```
//! use sailplane::wire::{Frame, FrameReader, StreamId, send};
//!
//! let mut bytes = Vec::new();
//! send::window_update(&mut bytes, StreamId::ZERO, 1000);
//!
//! let mut reader = FrameReader::new(false);
//! let mut input = &bytes[..];
//! while let Some(frame) = reader.read(&mut input)? {
//!     assert_eq!(frame, Frame::WindowUpdate { stream_id: StreamId::ZERO, increment: 1000 });
//! }
//! # Ok::<(), sailplane::wire::Malformed>(())
//! ```
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::unwrap_used))]

mod data;
mod frame_debug;
mod frame_header;
mod goaway;
mod headers;
mod ignored;
mod malformed;
mod ping;
mod preface;
mod receive;
mod response;
mod rst_stream;
pub mod send;
pub mod settings;
mod stream_id;
#[cfg(test)]
mod tests;
mod window_update;

use crate::error::ErrorCode;

pub use frame_header::FrameType;
pub use malformed::Malformed;
pub use preface::CLIENT_PREFACE;
pub use receive::FrameReader;
pub(crate) use receive::WholeFrame;
pub use settings::SettingsFrame;
pub use stream_id::StreamId;

/// The largest frame payload that every peer accepts, and the default of `SETTINGS_MAX_FRAME_SIZE`
/// (RFC 9113 §4.2), in octets.
pub const DEFAULT_MAX_FRAME_SIZE: u32 = 16_384;

/// A frame as it was received, or a part of a DATA frame.
///
/// Its `Debug` shows lengths in place of payloads: header blocks and messages may hold secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A DATA frame begins (RFC 9113 §6.1). Its payload follows in pieces as it arrives.
    DataHead {
        /// The stream that it belongs to; never [`StreamId::ZERO`].
        stream_id: StreamId,
        /// Octets that it takes from the flow-control windows: the whole payload, with the padding
        /// and the octet that counts it.
        flow_controlled_len: u32,
        /// Whether the stream ends with this frame.
        end_stream: bool,
    },
    /// A part of the data of the DATA frame that began last; never empty, never padding.
    DataPiece {
        /// The stream that it belongs to.
        stream_id: StreamId,
        /// The data.
        bytes: &'a [u8],
    },
    /// The DATA frame that began last is complete, with its padding.
    DataEnd {
        /// The stream that it belongs to.
        stream_id: StreamId,
        /// Whether the stream ends with this frame.
        end_stream: bool,
    },
    /// HEADERS (RFC 9113 §6.2), without padding and priority.
    Headers {
        /// The stream that it belongs to; never [`StreamId::ZERO`].
        stream_id: StreamId,
        /// Whether the stream ends with this header block.
        end_stream: bool,
        /// Whether the header block ends with this frame.
        end_headers: bool,
        /// Whether it carries a priority by which the stream depends on itself.
        self_dependent: bool,
        /// The first part of the header block.
        fragment: &'a [u8],
    },
    /// CONTINUATION (RFC 9113 §6.10).
    Continuation {
        /// The stream that it belongs to; never [`StreamId::ZERO`].
        stream_id: StreamId,
        /// Whether the header block ends with this frame.
        end_headers: bool,
        /// The next part of the header block.
        fragment: &'a [u8],
    },
    /// PRIORITY (RFC 9113 §6.3), which is deprecated and has no effect.
    Priority {
        /// The stream that it speaks about; never [`StreamId::ZERO`].
        stream_id: StreamId,
        /// Whether the stream is to depend on itself.
        self_dependent: bool,
    },
    /// RST_STREAM (RFC 9113 §6.4).
    RstStream {
        /// The stream that ends; never [`StreamId::ZERO`].
        stream_id: StreamId,
        /// Why.
        code: ErrorCode,
    },
    /// SETTINGS (RFC 9113 §6.5), to be applied and acknowledged.
    Settings(SettingsFrame<'a>),
    /// SETTINGS with the ACK flag: ours were applied.
    SettingsAck,
    /// PING (RFC 9113 §6.7).
    Ping {
        /// Whether it answers a PING of ours.
        ack: bool,
        /// What the answer repeats.
        payload: [u8; 8],
    },
    /// GOAWAY (RFC 9113 §6.8).
    GoAway {
        /// The last stream that the peer has processed or may process.
        last_stream_id: StreamId,
        /// Why.
        code: ErrorCode,
        /// Text for humans, of any content.
        debug: &'a [u8],
    },
    /// WINDOW_UPDATE (RFC 9113 §6.9).
    WindowUpdate {
        /// The stream whose window grows; [`StreamId::ZERO`] for the connection's.
        stream_id: StreamId,
        /// By how many octets, 0 to 2^31-1. Zero is a fault, of the stream or of the connection.
        increment: u32,
    },
    /// PUSH_PROMISE (RFC 9113 §6.6): reported as soon as its header is known, its payload is
    /// skipped.
    PushPromise {
        /// The stream that it belongs to; never [`StreamId::ZERO`].
        stream_id: StreamId,
    },
    /// A frame of another type (RFC 9113 §5.5): reported as soon as its header is known, its
    /// payload is skipped.
    Unknown {
        /// Its type.
        kind: u8,
        /// The stream that it names.
        stream_id: StreamId,
    },
    /// A frame whose fault concerns its stream alone; it is skipped.
    Faulty {
        /// The stream that is to be reset.
        stream_id: StreamId,
        /// The fault, with [`Scope::Stream`](crate::error::Scope::Stream).
        fault: Malformed,
    },
}
