//! Frames to bytes: each function appends one frame, or a header block, to a buffer.
//!
//! Nothing that we send is padded or carries a priority. Frames are within what every peer accepts
//! ([`DEFAULT_MAX_FRAME_SIZE`](super::DEFAULT_MAX_FRAME_SIZE)) unless the caller says that the peer
//! accepts more.

pub use super::data::data_header;
pub(crate) use super::data::small_data;
pub use super::goaway::goaway;
pub use super::headers::headers;
pub(crate) use super::headers::headers_with;
pub use super::ping::ping;
pub use super::preface::CLIENT_PREFACE;
pub(crate) use super::response::ResponseFrames;
pub use super::rst_stream::rst_stream;
pub use super::settings::{
    ENABLE_CONNECT_PROTOCOL, ENABLE_PUSH, HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE, settings, settings_ack,
};
pub use super::window_update::window_update;
