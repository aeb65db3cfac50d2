//! HEADERS and CONTINUATION (RFC 9113 §6.2, §6.10): the fragments of a header block.

use alloc::vec::Vec;

use super::frame_header::{FrameHeader, flag};
use super::{DEFAULT_MAX_FRAME_SIZE, Frame, FrameType, Malformed, StreamId, ignored};

/// Appends a header block as one HEADERS frame and as many CONTINUATION frames as it takes.
///
/// `max_frame_size` is the peer's, in octets; anything below the least that RFC 9113 §6.5.2 allows
/// counts as that.
#[inline]
pub fn headers(out: &mut Vec<u8>, stream_id: StreamId, block: &[u8], end_stream: bool, max_frame_size: u32) {
    let mut flags = if end_stream { flag::END_STREAM } else { 0 };
    if block.len() <= DEFAULT_MAX_FRAME_SIZE as usize {
        flags |= flag::END_HEADERS;
        let length = block.len() as u32;
        out.reserve(block.len().saturating_add(FrameHeader::LEN));
        FrameHeader { length, kind: FrameType::HEADERS, flags, stream_id }.write(out);
        return out.extend_from_slice(block);
    }
    continued(out, stream_id, block, flags, max_frame_size);
}

/// Appends a header block that `encode` writes behind what is there, as [`headers`] does with one that is
/// there already.
#[inline(always)]
pub(crate) fn headers_with(
    out: &mut Vec<u8>,
    stream_id: StreamId,
    end_stream: bool,
    max_frame_size: u32,
    encode: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0; FrameHeader::LEN]);
    encode(out);
    let length = out.len().saturating_sub(start).saturating_sub(FrameHeader::LEN);
    if length > DEFAULT_MAX_FRAME_SIZE as usize {
        let block = out.split_off(start.saturating_add(FrameHeader::LEN));
        out.truncate(start);
        return headers(out, stream_id, &block, end_stream, max_frame_size);
    }
    let flags = if end_stream { flag::END_STREAM | flag::END_HEADERS } else { flag::END_HEADERS };
    let header = FrameHeader { length: length as u32, kind: FrameType::HEADERS, flags, stream_id };
    if let Some(place) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
        *place = header.octets();
    }
}

/// A block that takes CONTINUATION, or may.
#[cold]
fn continued(out: &mut Vec<u8>, stream_id: StreamId, block: &[u8], mut flags: u8, max_frame_size: u32) {
    let most = usize::try_from(max_frame_size.max(DEFAULT_MAX_FRAME_SIZE)).unwrap_or(usize::MAX);
    let mut kind = FrameType::HEADERS;
    let mut rest = block;
    loop {
        let (fragment, behind) = rest.split_at_checked(most).unwrap_or((rest, &[]));
        if behind.is_empty() {
            flags |= flag::END_HEADERS;
        }
        let length = u32::try_from(fragment.len()).unwrap_or(u32::MAX);
        FrameHeader { length, kind, flags, stream_id }.write(out);
        out.extend_from_slice(fragment);
        if behind.is_empty() {
            return;
        }
        rest = behind;
        kind = FrameType::CONTINUATION;
        flags = 0;
    }
}

/// Judges the header of HEADERS alone.
pub(super) fn check(header: FrameHeader) -> Result<(), Malformed> {
    header.require_stream()?;
    let pad_length = u32::from(header.has(flag::PADDED));
    let priority = if header.has(flag::PRIORITY) { ignored::PRIORITY_LEN } else { 0 };
    if header.length < pad_length.saturating_add(priority) {
        return Err(header.wrong_length());
    }
    Ok(())
}

/// Takes padding and priority off the payload of HEADERS.
pub(super) fn parse(header: FrameHeader, payload: &[u8]) -> Result<Frame<'_>, Malformed> {
    let mut rest = payload;
    let mut padding = 0;
    if header.has(flag::PADDED) {
        let (octet, behind) = rest.split_first().ok_or_else(|| header.wrong_length())?;
        padding = usize::from(*octet);
        rest = behind;
    }
    let mut self_dependent = false;
    if header.has(flag::PRIORITY) {
        let (priority, behind) = rest.split_first_chunk().ok_or_else(|| header.wrong_length())?;
        self_dependent = ignored::depends_on(*priority) == header.stream_id;
        rest = behind;
    }
    // RFC 9113 §6.2: "Padding that exceeds the size remaining for the field block fragment MUST be
    // treated as a PROTOCOL_ERROR."
    let fragment = rest
        .len()
        .checked_sub(padding)
        .and_then(|len| rest.get(..len))
        .ok_or(Malformed::PaddingTooLong { kind: header.kind })?;
    Ok(Frame::Headers {
        stream_id: header.stream_id,
        end_stream: header.has(flag::END_STREAM),
        end_headers: header.has(flag::END_HEADERS),
        self_dependent,
        fragment,
    })
}

/// The payload of CONTINUATION as it is.
pub(super) const fn parse_continuation(header: FrameHeader, payload: &[u8]) -> Frame<'_> {
    Frame::Continuation {
        stream_id: header.stream_id,
        end_headers: header.has(flag::END_HEADERS),
        fragment: payload,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::tests::{frame, read_all};
    use super::*;

    const STREAM: StreamId = StreamId::new(5);

    fn received(end_stream: bool, self_dependent: bool, fragment: &[u8]) -> Frame<'_> {
        Frame::Headers { stream_id: STREAM, end_stream, end_headers: true, self_dependent, fragment }
    }

    #[test]
    fn a_block_that_fits_is_one_frame() {
        for size in [0, 1, 16_383, 16_384] {
            let block = vec![7; size];
            let mut out = Vec::new();
            headers(&mut out, STREAM, &block, true, 16_384);
            assert_eq!(read_all(&out), Ok(vec![received(true, false, &block)]));
        }
    }

    #[test]
    fn a_longer_block_continues() {
        let block: Vec<u8> = (0..40_000_u32).map(|n| n as u8).collect();
        let mut out = Vec::new();
        headers(&mut out, STREAM, &block, true, 16_384);
        let (first, rest) = block.split_at(16_384);
        let (second, third) = rest.split_at(16_384);
        let expected = vec![
            Frame::Headers {
                stream_id: STREAM,
                end_stream: true,
                end_headers: false,
                self_dependent: false,
                fragment: first,
            },
            Frame::Continuation { stream_id: STREAM, end_headers: false, fragment: second },
            Frame::Continuation { stream_id: STREAM, end_headers: true, fragment: third },
        ];
        assert_eq!(read_all(&out), Ok(expected));
    }

    #[test]
    fn a_block_that_just_fits_has_no_empty_continuation() {
        let mut out = Vec::new();
        headers(&mut out, STREAM, &[7; 32_768], false, 16_384);
        assert_eq!(read_all(&out).map(|frames| frames.len()), Ok(2));
    }

    #[test]
    fn a_nonsensical_frame_size_is_no_endless_loop() {
        let mut out = Vec::new();
        headers(&mut out, STREAM, b"abc", false, 0);
        assert_eq!(read_all(&out), Ok(vec![received(false, false, b"abc")]));
    }

    #[test]
    fn padding_is_removed() {
        for padding in 0..=255_u8 {
            for size in 0..=3_usize {
                let mut payload = vec![padding];
                payload.extend_from_slice(&b"xyz"[..size]);
                payload.resize(payload.len() + usize::from(padding), 0xaa);
                let frames = read_all(&frame(1, 0xc, 5, &payload));
                assert_eq!(frames, Ok(vec![received(false, false, &b"xyz"[..size])]));
            }
        }
    }

    #[test]
    fn padding_beyond_the_payload_is_a_fault() {
        let fault = Malformed::PaddingTooLong { kind: FrameType::HEADERS };
        assert_eq!(read_all(&frame(1, 0xc, 5, &[1])), Err(fault));
        assert_eq!(read_all(&frame(1, 0xc, 5, &[4, 0, 0, 0])), Err(fault));
        // PADDED and PRIORITY: the padding would reach into the priority.
        assert_eq!(read_all(&frame(1, 0x2c, 5, &[2, 0, 0, 0, 0, 0, 0])), Err(fault));
    }

    #[test]
    fn priority_is_removed_and_dependence_on_itself_told() {
        let other = frame(1, 0x24, 5, &[0x80, 0, 0, 3, 9, b'h']);
        assert_eq!(read_all(&other), Ok(vec![received(false, false, b"h")]));
        let itself = frame(1, 0x25, 5, &[0x80, 0, 0, 5, 9, b'h']);
        assert_eq!(read_all(&itself), Ok(vec![received(true, true, b"h")]));
        let both = frame(1, 0x2c, 5, &[1, 0, 0, 0, 5, 9, b'h', 0]);
        assert_eq!(read_all(&both), Ok(vec![received(false, true, b"h")]));
    }

    #[test]
    fn a_payload_without_room_for_its_fields_is_a_fault() {
        let fault = Malformed::WrongLength { kind: FrameType::HEADERS };
        assert_eq!(read_all(&frame(1, 0x08, 5, &[])), Err(fault));
        assert_eq!(read_all(&frame(1, 0x20, 5, &[0; 4])), Err(fault));
        assert_eq!(read_all(&frame(1, 0x28, 5, &[0; 5])), Err(fault));
    }

    #[test]
    fn header_blocks_belong_to_a_stream() {
        for kind in [FrameType::HEADERS, FrameType::CONTINUATION] {
            let fault = Malformed::ZeroStream { kind };
            assert_eq!(read_all(&frame(kind.0, 4, 0, b"a")), Err(fault));
        }
    }
}
