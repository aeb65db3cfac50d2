//! WINDOW_UPDATE (RFC 9113 §6.9).

use alloc::vec::Vec;

use super::frame_header::FrameHeader;
use super::{Frame, FrameType, Malformed, StreamId};

/// Octets of the payload.
const LEN: u32 = 4;
/// The bits of the increment; the one above is reserved.
const INCREMENT_MAX: u32 = 0x7fff_ffff;

/// Appends a WINDOW_UPDATE frame. `increment` is 1 to 2^31-1 octets.
pub fn window_update(out: &mut Vec<u8>, stream_id: StreamId, increment: u32) {
    debug_assert!(increment != 0 && increment <= INCREMENT_MAX, "increment {increment}");
    FrameHeader { length: LEN, kind: FrameType::WINDOW_UPDATE, flags: 0, stream_id }.write(out);
    out.extend_from_slice(&(increment & INCREMENT_MAX).to_be_bytes());
}

/// Judges the header alone.
// RFC 9113 §6.9: "A WINDOW_UPDATE frame with a length other than 4 octets MUST be treated as a
// connection error of type FRAME_SIZE_ERROR."
pub(super) fn check(header: FrameHeader) -> Result<(), Malformed> {
    header.require_length(LEN)
}

/// Reads the payload.
pub(super) fn parse(header: FrameHeader, payload: &[u8]) -> Result<Frame<'static>, Malformed> {
    let octets = payload.first_chunk().ok_or_else(|| header.wrong_length())?;
    Ok(Frame::WindowUpdate { stream_id: header.stream_id, increment: increment(*octets) })
}

/// The increment in the four octets of the payload.
#[inline]
pub(super) fn increment(octets: [u8; 4]) -> u32 {
    u32::from_be_bytes(octets) & INCREMENT_MAX
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::tests::{frame, read_all};
    use super::*;

    #[test]
    fn increments_pass_for_streams_and_connection() {
        for stream_id in [StreamId::ZERO, StreamId::new(7)] {
            for increment in [1, 65_535, INCREMENT_MAX] {
                let mut out = Vec::new();
                window_update(&mut out, stream_id, increment);
                let expected = Frame::WindowUpdate { stream_id, increment };
                assert_eq!(read_all(&out), Ok(vec![expected]));
            }
        }
    }

    #[test]
    fn zero_is_told_and_the_reserved_bit_ignored() {
        let expected = Frame::WindowUpdate { stream_id: StreamId::new(1), increment: 0 };
        assert_eq!(read_all(&frame(8, 0, 1, &[0x80, 0, 0, 0])), Ok(vec![expected]));
    }

    #[test]
    fn it_has_four_octets() {
        for length in (0..12).filter(|&length| length != 4) {
            let fault = Malformed::WrongLength { kind: FrameType::WINDOW_UPDATE };
            assert_eq!(read_all(&frame(8, 0, 0, &vec![0; length])), Err(fault));
        }
    }
}
