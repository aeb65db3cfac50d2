//! SETTINGS (RFC 9113 §6.5): pairs of identifier and value. Which values are valid, the connection
//! judges.

use alloc::vec::Vec;
use core::fmt;

use super::frame_header::{FrameHeader, flag};
use super::{Frame, FrameType, Malformed, StreamId};

/// Octets of the table of the header decoder (RFC 9113 §6.5.2).
pub const HEADER_TABLE_SIZE: u16 = 0x1;
/// Whether a server may push: 0 or 1.
pub const ENABLE_PUSH: u16 = 0x2;
/// How many streams the peer may have open at a time.
pub const MAX_CONCURRENT_STREAMS: u16 = 0x3;
/// The flow-control window of a new stream, in octets.
pub const INITIAL_WINDOW_SIZE: u16 = 0x4;
/// The largest frame payload that is accepted, in octets.
pub const MAX_FRAME_SIZE: u16 = 0x5;
/// The largest header list that is accepted, in octets, with 32 more for each field.
pub const MAX_HEADER_LIST_SIZE: u16 = 0x6;
/// Whether CONNECT may carry other protocols: 0 or 1 (RFC 8441 §3).
pub const ENABLE_CONNECT_PROTOCOL: u16 = 0x8;

/// Octets of one setting.
const SETTING_LEN: u32 = 6;

/// Appends a SETTINGS frame. There are few dozen settings at most.
pub fn settings(out: &mut Vec<u8>, settings: &[(u16, u32)]) {
    let count = u32::try_from(settings.len()).unwrap_or(u32::MAX);
    let length = count.saturating_mul(SETTING_LEN);
    let stream_id = StreamId::ZERO;
    FrameHeader { length, kind: FrameType::SETTINGS, flags: 0, stream_id }.write(out);
    for (id, value) in settings {
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends a SETTINGS frame with the ACK flag.
pub fn settings_ack(out: &mut Vec<u8>) {
    let (kind, stream_id) = (FrameType::SETTINGS, StreamId::ZERO);
    FrameHeader { length: 0, kind, flags: flag::ACK, stream_id }.write(out);
}

/// Judges the header alone.
pub(super) fn check(header: FrameHeader) -> Result<(), Malformed> {
    header.require_connection()?;
    // RFC 9113 §6.5: "Receipt of a SETTINGS frame with the ACK flag set and a length field value
    // other than 0 MUST be treated as a connection error of type FRAME_SIZE_ERROR."
    if header.has(flag::ACK) && header.length != 0 {
        return Err(Malformed::SettingsAckWithPayload);
    }
    if header.length.checked_rem(SETTING_LEN) != Some(0) {
        return Err(header.wrong_length());
    }
    Ok(())
}

/// Wraps the payload.
pub(super) const fn parse(header: FrameHeader, payload: &[u8]) -> Frame<'_> {
    if header.has(flag::ACK) {
        return Frame::SettingsAck;
    }
    Frame::Settings(SettingsFrame { rest: payload })
}

/// The settings of one frame, in their order: an iterator over identifiers and values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SettingsFrame<'a> {
    rest: &'a [u8],
}

impl<'a> SettingsFrame<'a> {
    /// How many settings are left.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rest.chunks_exact(SETTING_LEN as usize).len()
    }

    /// Whether none is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[cfg(test)]
    pub(super) const fn payload(self) -> &'a [u8] {
        self.rest
    }

    #[cfg(test)]
    pub(super) const fn from_payload(rest: &'a [u8]) -> Self {
        Self { rest }
    }
}

impl Iterator for SettingsFrame<'_> {
    type Item = (u16, u32);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[i0, i1, v0, v1, v2, v3], rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some((u16::from_be_bytes([i0, i1]), u32::from_be_bytes([v0, v1, v2, v3])))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl ExactSizeIterator for SettingsFrame<'_> {}

impl fmt::Debug for SettingsFrame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(*self).finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec};

    use super::super::tests::{frame, read_all};
    use super::*;

    #[test]
    fn settings_keep_their_order_and_doubles() {
        let sent = [(MAX_FRAME_SIZE, 16_384), (0xffff, u32::MAX), (MAX_FRAME_SIZE, 20_000)];
        let mut out = Vec::new();
        settings(&mut out, &sent);
        let frames = read_all(&out).unwrap();
        let [Frame::Settings(received)] = frames[..] else { panic!("{frames:?}") };
        assert_eq!(received.len(), 3);
        assert!(!received.is_empty());
        assert_eq!(received.collect::<Vec<_>>(), sent);
        assert_eq!(format!("{received:?}"), "{5: 16384, 65535: 4294967295, 5: 20000}");
    }

    #[test]
    fn an_empty_frame_is_no_acknowledgement() {
        let mut out = Vec::new();
        settings(&mut out, &[]);
        settings_ack(&mut out);
        let expected = vec![Frame::Settings(SettingsFrame { rest: &[] }), Frame::SettingsAck];
        assert_eq!(read_all(&out), Ok(expected));
    }

    #[test]
    fn the_length_is_a_multiple_of_six() {
        for length in 0..40 {
            let whole = length % 6 == 0;
            let outcome = read_all(&frame(4, 0, 0, &vec![0; length]));
            if whole {
                assert_eq!(outcome.map(|frames| frames.len()), Ok(1));
            } else {
                let fault = Malformed::WrongLength { kind: FrameType::SETTINGS };
                assert_eq!(outcome, Err(fault));
            }
        }
    }

    #[test]
    fn an_acknowledgement_is_empty() {
        for length in [1, 6, 7] {
            let outcome = read_all(&frame(4, 1, 0, &vec![0; length]));
            assert_eq!(outcome, Err(Malformed::SettingsAckWithPayload));
        }
    }

    #[test]
    fn settings_belong_to_the_connection() {
        let fault = Malformed::NonZeroStream { kind: FrameType::SETTINGS };
        assert_eq!(read_all(&frame(4, 0, 1, &[0; 6])), Err(fault));
        assert_eq!(read_all(&frame(4, 1, 1, &[])), Err(fault));
    }
}
