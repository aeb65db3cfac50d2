//! DATA (RFC 9113 §6.1): the payload is passed on in pieces, so only the head is parsed here.

use alloc::vec::Vec;

use super::frame_header::{FrameHeader, flag};
use super::{Frame, FrameType, Malformed, StreamId};

/// Appends the header of a DATA frame; `len` octets of data must follow it.
///
/// `len` is at most the peer's `SETTINGS_MAX_FRAME_SIZE`, which the caller knows.
#[inline]
pub fn data_header(out: &mut Vec<u8>, stream_id: StreamId, len: u32, end_stream: bool) {
    let flags = if end_stream { flag::END_STREAM } else { 0 };
    FrameHeader { length: len, kind: FrameType::DATA, flags, stream_id }.write(out);
}

/// Appends a DATA frame of a prefix and a message that is small enough for one frame of any peer.
#[inline(always)]
pub(crate) fn small_data<const PREFIX: usize>(
    out: &mut Vec<u8>,
    stream_id: StreamId,
    end_stream: bool,
    prefix: [u8; PREFIX],
    message: &[u8],
) {
    let octets = message.len().saturating_add(PREFIX);
    out.reserve(octets.saturating_add(FrameHeader::LEN));
    data_header(out, stream_id, u32::try_from(octets).unwrap_or(u32::MAX), end_stream);
    out.extend_from_slice(&prefix);
    out.extend_from_slice(message);
}

/// What is left of the payload of a DATA frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct DataFrame {
    /// The stream.
    pub(super) stream_id: StreamId,
    /// Whether the stream ends with this frame.
    pub(super) end_stream: bool,
    /// Octets of data to come.
    pub(super) data: u32,
    /// Octets of padding to come after the data.
    pub(super) padding: u32,
}

/// Judges the header alone.
pub(super) fn check(header: FrameHeader) -> Result<(), Malformed> {
    header.require_stream()?;
    if is_padded(header) && header.length == 0 {
        return Err(header.wrong_length());
    }
    Ok(())
}

/// Whether the payload begins with the length of the padding.
pub(super) const fn is_padded(header: FrameHeader) -> bool {
    header.has(flag::PADDED)
}

/// Divides the payload; `pad_length` is the octet that begins it if it is padded.
pub(super) fn divide(header: FrameHeader, pad_length: Option<u8>) -> Result<DataFrame, Malformed> {
    let padding = pad_length.map_or(0, u32::from);
    let behind = header.length.saturating_sub(u32::from(pad_length.is_some()));
    // RFC 9113 §6.1: "If the length of the padding is the length of the frame payload or greater,
    // the recipient MUST treat this as a connection error of type PROTOCOL_ERROR."
    let Some(data) = behind.checked_sub(padding) else {
        return Err(Malformed::PaddingTooLong { kind: header.kind });
    };
    let end_stream = header.has(flag::END_STREAM);
    Ok(DataFrame { stream_id: header.stream_id, end_stream, data, padding })
}

/// The frame's facts.
// RFC 9113 §6.1: "The entire DATA frame payload is included in flow control, including the Pad
// Length and Padding fields if present."
pub(super) const fn head(header: FrameHeader) -> Frame<'static> {
    Frame::DataHead {
        stream_id: header.stream_id,
        flow_controlled_len: header.length,
        end_stream: header.has(flag::END_STREAM),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::tests::{frame, read_all};
    use super::*;

    const STREAM: StreamId = StreamId::new(1);

    #[test]
    fn data_comes_as_head_piece_and_end() {
        let mut out = Vec::new();
        data_header(&mut out, STREAM, 3, true);
        out.extend_from_slice(b"abc");
        let expected = vec![
            Frame::DataHead { stream_id: STREAM, flow_controlled_len: 3, end_stream: true },
            Frame::DataPiece { stream_id: STREAM, bytes: b"abc" },
            Frame::DataEnd { stream_id: STREAM, end_stream: true },
        ];
        assert_eq!(read_all(&out), Ok(expected));
    }

    #[test]
    fn an_empty_frame_has_no_piece() {
        let expected = vec![
            Frame::DataHead { stream_id: STREAM, flow_controlled_len: 0, end_stream: false },
            Frame::DataEnd { stream_id: STREAM, end_stream: false },
        ];
        assert_eq!(read_all(&frame(0, 0, 1, b"")), Ok(expected));
    }

    #[test]
    fn padding_is_swallowed_and_counted() {
        for padding in 0..=255_u8 {
            for data in 0..=3_usize {
                let mut payload = vec![padding];
                payload.extend_from_slice(&b"xyz"[..data]);
                payload.resize(payload.len() + usize::from(padding), 0xaa);
                let len = payload.len() as u32;

                let mut expected =
                    vec![Frame::DataHead { stream_id: STREAM, flow_controlled_len: len, end_stream: true }];
                if data > 0 {
                    let bytes = &b"xyz"[..data];
                    expected.push(Frame::DataPiece { stream_id: STREAM, bytes });
                }
                expected.push(Frame::DataEnd { stream_id: STREAM, end_stream: true });
                assert_eq!(read_all(&frame(0, 0x9, 1, &payload)), Ok(expected));
            }
        }
    }

    #[test]
    fn padding_that_leaves_no_room_for_its_length_is_a_fault() {
        let fault = Malformed::PaddingTooLong { kind: FrameType::DATA };
        for octets in 1..=255_u8 {
            let mut payload = vec![0; usize::from(octets)];
            for padding in octets..=255 {
                payload[0] = padding;
                assert_eq!(read_all(&frame(0, 0x8, 1, &payload)), Err(fault));
            }
        }
    }

    #[test]
    fn a_padded_frame_without_the_length_of_its_padding_is_a_fault() {
        let fault = Malformed::WrongLength { kind: FrameType::DATA };
        assert_eq!(read_all(&frame(0, 0x8, 1, b"")), Err(fault));
    }

    #[test]
    fn data_belongs_to_a_stream() {
        let fault = Malformed::ZeroStream { kind: FrameType::DATA };
        assert_eq!(read_all(&frame(0, 0, 0, b"a")), Err(fault));
    }
}
