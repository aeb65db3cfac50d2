//! PRIORITY, PUSH_PROMISE and unknown types: checked as far as the specification demands, and
//! skipped.

use super::frame_header::FrameHeader;
use super::{Frame, Malformed, StreamId};

/// Octets of a priority: in PRIORITY the whole payload, in HEADERS a part of it.
pub(super) const PRIORITY_LEN: u32 = 5;

/// Judges the header of PRIORITY alone; a wrong length is a fault of its stream.
pub(super) fn check_priority(header: FrameHeader) -> Result<Option<Frame<'static>>, Malformed> {
    header.require_stream()?;
    Ok(header
        .require_length(PRIORITY_LEN)
        .err()
        .map(|fault| Frame::Faulty { stream_id: header.stream_id, fault }))
}

/// Reads the payload of PRIORITY.
pub(super) fn parse_priority(header: FrameHeader, payload: &[u8]) -> Result<Frame<'static>, Malformed> {
    let priority = payload.first_chunk().ok_or_else(|| header.wrong_length())?;
    let self_dependent = depends_on(*priority) == header.stream_id;
    Ok(Frame::Priority { stream_id: header.stream_id, self_dependent })
}

/// The stream that a priority names (RFC 7540 §6.3): the exclusive bit is no part of it.
pub(super) const fn depends_on(priority: [u8; PRIORITY_LEN as usize]) -> StreamId {
    let [s0, s1, s2, s3, _weight] = priority;
    StreamId::new(u32::from_be_bytes([s0, s1, s2, s3]))
}

/// Judges the header of PUSH_PROMISE (RFC 9113 §6.6). We never allow a push, so nobody asks for what is promised.
pub(super) fn push_promise(header: FrameHeader) -> Result<Frame<'static>, Malformed> {
    header.require_stream()?;
    Ok(Frame::PushPromise { stream_id: header.stream_id })
}

/// Any other frame.
// RFC 9113 §5.5: "Implementations MUST ignore unknown or unsupported values in all extensible
// protocol elements", and "MUST discard frames that have unknown or unsupported types".
pub(super) const fn unknown(header: FrameHeader) -> Frame<'static> {
    Frame::Unknown { kind: header.kind.0, stream_id: header.stream_id }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::FrameType;
    use super::super::tests::{frame, read_all};
    use super::*;

    const STREAM: StreamId = StreamId::new(9);

    /// RFC 7540 §6.3, which RFC 9113 §6.3 refers to for the layout.
    #[test]
    fn a_priority_tells_whether_the_stream_depends_on_itself() {
        for (dependency, self_dependent) in [(11, false), (9, true), (0, false)] {
            for exclusive in [0, 0x80] {
                let payload = [exclusive, 0, 0, dependency, 7];
                let expected = Frame::Priority { stream_id: STREAM, self_dependent };
                assert_eq!(read_all(&frame(2, 0, 9, &payload)), Ok(vec![expected]));
            }
        }
    }

    #[test]
    fn a_priority_of_a_wrong_length_faults_its_stream_and_what_follows_is_read() {
        for length in (0..12).filter(|&length| length != 5) {
            let mut bytes = frame(2, 0, 9, &vec![0xff; length]);
            bytes.extend(frame(4, 1, 0, &[]));
            let fault = Malformed::WrongLength { kind: FrameType::PRIORITY };
            let expected = vec![Frame::Faulty { stream_id: STREAM, fault }, Frame::SettingsAck];
            assert_eq!(read_all(&bytes), Ok(expected));
        }
    }

    #[test]
    fn priority_and_promises_belong_to_a_stream() {
        for kind in [FrameType::PRIORITY, FrameType::PUSH_PROMISE] {
            let fault = Malformed::ZeroStream { kind };
            assert_eq!(read_all(&frame(kind.0, 0, 0, &[0; 5])), Err(fault));
        }
    }

    #[test]
    fn promises_and_unknown_frames_are_told_and_skipped() {
        let mut bytes = frame(5, 0xc, 9, &[0xff; 100]);
        bytes.extend(frame(0xfe, 0xff, 9, &[0xff; 100]));
        bytes.extend(frame(0x0a, 0, 0, &[]));
        bytes.extend(frame(4, 1, 0, &[]));
        let expected = vec![
            Frame::PushPromise { stream_id: STREAM },
            Frame::Unknown { kind: 0xfe, stream_id: STREAM },
            Frame::Unknown { kind: 0x0a, stream_id: StreamId::ZERO },
            Frame::SettingsAck,
        ];
        assert_eq!(read_all(&bytes), Ok(expected));
    }
}
