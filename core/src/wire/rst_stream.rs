//! RST_STREAM (RFC 9113 §6.4).

use alloc::vec::Vec;

use super::frame_header::FrameHeader;
use super::{Frame, FrameType, Malformed, StreamId};
use crate::error::ErrorCode;

/// Octets of the payload.
const LEN: u32 = 4;

/// Appends a RST_STREAM frame.
pub fn rst_stream(out: &mut Vec<u8>, stream_id: StreamId, code: ErrorCode) {
    FrameHeader { length: LEN, kind: FrameType::RST_STREAM, flags: 0, stream_id }.write(out);
    out.extend_from_slice(&code.0.to_be_bytes());
}

/// Judges the header alone.
pub(super) fn check(header: FrameHeader) -> Result<(), Malformed> {
    header.require_stream()?;
    header.require_length(LEN)
}

/// Reads the payload.
pub(super) fn parse(header: FrameHeader, payload: &[u8]) -> Result<Frame<'static>, Malformed> {
    let octets = payload.first_chunk().ok_or_else(|| header.wrong_length())?;
    let code = ErrorCode(u32::from_be_bytes(*octets));
    Ok(Frame::RstStream { stream_id: header.stream_id, code })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::tests::{frame, read_all};
    use super::*;

    #[test]
    fn codes_pass_as_they_are() {
        for code in [ErrorCode::NO_ERROR, ErrorCode::CANCEL, ErrorCode(u32::MAX)] {
            let mut out = Vec::new();
            rst_stream(&mut out, StreamId::new(3), code);
            let expected = Frame::RstStream { stream_id: StreamId::new(3), code };
            assert_eq!(read_all(&out), Ok(vec![expected]));
        }
    }

    #[test]
    fn it_has_four_octets() {
        for length in (0..16).filter(|&length| length != 4) {
            let fault = Malformed::WrongLength { kind: FrameType::RST_STREAM };
            assert_eq!(read_all(&frame(3, 0, 3, &vec![0; length])), Err(fault));
        }
    }

    #[test]
    fn it_belongs_to_a_stream() {
        let fault = Malformed::ZeroStream { kind: FrameType::RST_STREAM };
        assert_eq!(read_all(&frame(3, 0, 0, &[0; 4])), Err(fault));
    }
}
