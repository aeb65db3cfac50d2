//! The frames of a small response, one behind the other.

use alloc::vec::Vec;

use super::frame_header::{FrameHeader, flag};
use super::{FrameType, StreamId};

/// Appends HEADERS with `head`, DATA with `prefix` and `message`, and HEADERS with `trailers` that end the
/// stream. Each is small enough for one frame.
#[inline]
pub(crate) fn response_frames<const PREFIX: usize>(
    out: &mut Vec<u8>,
    stream_id: StreamId,
    head: &[u8],
    (prefix, message): ([u8; PREFIX], &[u8]),
    trailers: &[u8],
) {
    let data = message.len().saturating_add(PREFIX);
    let payloads = head.len().saturating_add(data).saturating_add(trailers.len());
    out.reserve(payloads.saturating_add(3 * FrameHeader::LEN));
    let header = |length: usize, kind, flags| {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        FrameHeader { length, kind, flags, stream_id }.octets()
    };
    out.extend_from_slice(&header(head.len(), FrameType::HEADERS, flag::END_HEADERS));
    out.extend_from_slice(head);
    out.extend_from_slice(&header(data, FrameType::DATA, 0));
    out.extend_from_slice(&prefix);
    out.extend_from_slice(message);
    out.extend_from_slice(&header(trailers.len(), FrameType::HEADERS, flag::END_HEADERS | flag::END_STREAM));
    out.extend_from_slice(trailers);
}
