//! GOAWAY (RFC 9113 §6.8).

use alloc::vec::Vec;

use super::frame_header::FrameHeader;
use super::{DEFAULT_MAX_FRAME_SIZE, Frame, FrameType, Malformed, StreamId};
use crate::error::ErrorCode;

/// Octets of the payload without debug data.
const LEN_MIN: u32 = 8;

/// Appends a GOAWAY frame. `debug` is cut so that the frame fits into what every peer accepts.
pub fn goaway(out: &mut Vec<u8>, last_stream_id: StreamId, code: ErrorCode, debug: &[u8]) {
    let room = usize::try_from(DEFAULT_MAX_FRAME_SIZE.saturating_sub(LEN_MIN)).unwrap_or(0);
    let debug = debug.get(..room).unwrap_or(debug);
    let length = u32::try_from(debug.len()).unwrap_or(0).saturating_add(LEN_MIN);
    let stream_id = StreamId::ZERO;
    FrameHeader { length, kind: FrameType::GOAWAY, flags: 0, stream_id }.write(out);
    out.extend_from_slice(&last_stream_id.as_u32().to_be_bytes());
    out.extend_from_slice(&code.0.to_be_bytes());
    out.extend_from_slice(debug);
}

/// Judges the header alone.
pub(super) fn check(header: FrameHeader) -> Result<(), Malformed> {
    header.require_connection()?;
    if header.length < LEN_MIN {
        return Err(header.wrong_length());
    }
    Ok(())
}

/// Reads the payload.
pub(super) fn parse(header: FrameHeader, payload: &[u8]) -> Result<Frame<'_>, Malformed> {
    let (last_stream_id, rest) = payload.split_first_chunk().ok_or_else(|| header.wrong_length())?;
    let (code, debug) = rest.split_first_chunk().ok_or_else(|| header.wrong_length())?;
    Ok(Frame::GoAway {
        last_stream_id: StreamId::new(u32::from_be_bytes(*last_stream_id)),
        code: ErrorCode(u32::from_be_bytes(*code)),
        debug,
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::tests::{frame, read_all};
    use super::*;

    #[test]
    fn fields_pass() {
        let last_stream_id = StreamId::new(30);
        let code = ErrorCode::COMPRESSION_ERROR;
        for debug in [&b""[..], b"hpack is broken"] {
            let mut out = Vec::new();
            goaway(&mut out, last_stream_id, code, debug);
            assert_eq!(read_all(&out), Ok(vec![Frame::GoAway { last_stream_id, code, debug }]));
        }
    }

    #[test]
    fn debug_data_is_cut_to_one_frame() {
        let mut out = Vec::new();
        goaway(&mut out, StreamId::ZERO, ErrorCode::NO_ERROR, &[b'x'; 20_000]);
        assert_eq!(out.len(), FrameHeader::LEN + 16_384);
        assert_eq!(read_all(&out).map(|frames| frames.len()), Ok(1));
    }

    #[test]
    fn it_has_eight_octets_at_least() {
        for length in 0..8 {
            let fault = Malformed::WrongLength { kind: FrameType::GOAWAY };
            assert_eq!(read_all(&frame(7, 0, 0, &vec![0; length])), Err(fault));
        }
    }

    #[test]
    fn it_belongs_to_the_connection() {
        let fault = Malformed::NonZeroStream { kind: FrameType::GOAWAY };
        assert_eq!(read_all(&frame(7, 0, 1, &[0; 8])), Err(fault));
    }
}
