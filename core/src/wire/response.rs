//! The frames of a small response, one behind the other.

use alloc::vec::Vec;

use super::frame_header::{FrameHeader, flag};
use super::{FrameType, StreamId};

/// The frames of responses that differ in their stream and their one small message only: HEADERS, DATA, and
/// HEADERS that end the stream. Each is small enough for one frame of any peer.
#[derive(Debug, Default)]
pub(crate) struct ResponseFrames<const PREFIX: usize> {
    /// All but the message.
    octets: Vec<u8>,
    /// Where the message goes.
    before: usize,
}

impl<const PREFIX: usize> ResponseFrames<PREFIX> {
    /// With these header blocks.
    pub(crate) fn new(head: &[u8], trailers: &[u8]) -> Self {
        let header = |block: &[u8], flags| {
            let length = u32::try_from(block.len()).unwrap_or(u32::MAX);
            let flags = flags | flag::END_HEADERS;
            FrameHeader { length, kind: FrameType::HEADERS, flags, stream_id: StreamId::ZERO }.octets()
        };
        let mut octets = [&header(head, 0)[..], head, &[0; FrameHeader::LEN], &[0; PREFIX]].concat();
        let before = octets.len();
        octets.extend_from_slice(&header(trailers, flag::END_STREAM));
        octets.extend_from_slice(trailers);
        Self { octets, before }
    }

    /// Whether it has no header blocks.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Octets of the first frame.
    #[inline]
    pub(crate) const fn head_len(&self) -> usize {
        self.before.saturating_sub(FrameHeader::LEN.saturating_add(PREFIX))
    }

    /// Appends the frames for a message.
    #[inline]
    pub(crate) fn write(
        &mut self,
        out: &mut Vec<u8>,
        stream_id: StreamId,
        prefix: [u8; PREFIX],
        message: &[u8],
    ) {
        let Some((before, after)) = self.octets.split_at_mut_checked(self.before) else { return };
        let length = u32::try_from(message.len().saturating_add(PREFIX)).unwrap_or(u32::MAX);
        let data = FrameHeader { length, kind: FrameType::DATA, flags: 0, stream_id };
        FrameHeader::set_stream(before, stream_id);
        FrameHeader::set_stream(after, stream_id);
        if let Some((rest, place)) = before.split_last_chunk_mut() {
            *place = prefix;
            if let Some(place) = rest.last_chunk_mut() {
                *place = data.octets();
            }
        }
        out.reserve(before.len().saturating_add(message.len()).saturating_add(after.len()));
        out.extend_from_slice(before);
        out.extend_from_slice(message);
        out.extend_from_slice(after);
    }
}
