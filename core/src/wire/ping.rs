//! PING (RFC 9113 §6.7).

use alloc::vec::Vec;

use super::frame_header::{FrameHeader, flag};
use super::{Frame, FrameType, Malformed, StreamId};

/// Octets of the payload.
const LEN: u32 = 8;

/// Appends a PING frame; with `ack` it answers the peer's, whose payload it repeats.
pub fn ping(out: &mut Vec<u8>, ack: bool, payload: [u8; 8]) {
    let flags = if ack { flag::ACK } else { 0 };
    let stream_id = StreamId::ZERO;
    FrameHeader { length: LEN, kind: FrameType::PING, flags, stream_id }.write(out);
    out.extend_from_slice(&payload);
}

/// Judges the header alone.
pub(super) fn check(header: FrameHeader) -> Result<(), Malformed> {
    header.require_connection()?;
    header.require_length(LEN)
}

/// Reads the payload.
pub(super) fn parse(header: FrameHeader, payload: &[u8]) -> Result<Frame<'static>, Malformed> {
    let payload = *payload.first_chunk().ok_or_else(|| header.wrong_length())?;
    Ok(Frame::Ping { ack: header.has(flag::ACK), payload })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::tests::{frame, read_all};
    use super::*;

    #[test]
    fn payload_and_flag_pass() {
        for ack in [false, true] {
            let mut out = Vec::new();
            ping(&mut out, ack, *b"deadbeef");
            let expected = Frame::Ping { ack, payload: *b"deadbeef" };
            assert_eq!(read_all(&out), Ok(vec![expected]));
        }
    }

    #[test]
    fn it_has_eight_octets() {
        for length in (0..20).filter(|&length| length != 8) {
            let fault = Malformed::WrongLength { kind: FrameType::PING };
            assert_eq!(read_all(&frame(6, 0, 0, &vec![0; length])), Err(fault));
        }
    }

    #[test]
    fn it_belongs_to_the_connection() {
        let fault = Malformed::NonZeroStream { kind: FrameType::PING };
        assert_eq!(read_all(&frame(6, 0, 1, &[0; 8])), Err(fault));
    }
}
