//! The nine octets that begin every frame (RFC 9113 §4.1).

use alloc::vec::Vec;
use core::fmt;

use super::{Malformed, StreamId};

/// Length, type, flags and stream identifier of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Octets of payload; 24 bits.
    pub(super) length: u32,
    /// The type.
    pub(super) kind: FrameType,
    /// The flags, whose meaning depends on the type. Those without meaning are ignored.
    pub(super) flags: u8,
    /// The stream.
    pub(super) stream_id: StreamId,
}

impl FrameHeader {
    /// Octets of a frame header.
    pub(super) const LEN: usize = 9;
    /// The longest payload that the length field can express.
    const LENGTH_MAX: u32 = 0x00ff_ffff;

    /// Reads the nine octets.
    #[inline]
    pub(super) const fn parse(octets: &[u8; Self::LEN]) -> Self {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = *octets;
        Self {
            length: u32::from_be_bytes([0, l0, l1, l2]),
            kind: FrameType(kind),
            flags,
            stream_id: StreamId::new(u32::from_be_bytes([s0, s1, s2, s3])),
        }
    }

    /// Appends the nine octets. The length is ours, and in range.
    #[inline]
    pub(super) fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.octets());
    }

    /// The nine octets.
    #[inline]
    pub(super) fn octets(self) -> [u8; Self::LEN] {
        debug_assert!(self.length <= Self::LENGTH_MAX, "a frame of {} octets", self.length);
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream_id.as_u32().to_be_bytes();
        [l0, l1, l2, self.kind.0, self.flags, s0, s1, s2, s3]
    }

    /// Puts the stream into the nine octets at the front of `frame`.
    #[inline]
    pub(super) fn set_stream(frame: &mut [u8], stream_id: StreamId) {
        if let Some([_, _, _, _, _, stream @ ..]) = frame.first_chunk_mut::<{ Self::LEN }>() {
            *stream = stream_id.as_u32().to_be_bytes();
        }
    }

    /// Whether all bits of `flag` are set.
    pub(super) const fn has(self, flag: u8) -> bool {
        self.flags & flag == flag
    }

    /// Fails unless the frame belongs to a stream.
    pub(super) const fn require_stream(self) -> Result<(), Malformed> {
        if self.stream_id.is_zero() {
            return Err(Malformed::ZeroStream { kind: self.kind });
        }
        Ok(())
    }

    /// Fails unless the frame belongs to the connection.
    pub(super) const fn require_connection(self) -> Result<(), Malformed> {
        if self.stream_id.is_zero() {
            return Ok(());
        }
        Err(Malformed::NonZeroStream { kind: self.kind })
    }

    /// Fails unless the payload has `length` octets.
    pub(super) const fn require_length(self, length: u32) -> Result<(), Malformed> {
        if self.length == length {
            return Ok(());
        }
        Err(self.wrong_length())
    }

    /// The fault of a payload that is too short or too long for its type.
    pub(super) const fn wrong_length(self) -> Malformed {
        Malformed::WrongLength { kind: self.kind }
    }
}

/// The type of a frame (RFC 9113 §6).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameType(pub u8);

impl FrameType {
    /// DATA.
    pub const DATA: Self = Self(0x0);
    /// HEADERS.
    pub const HEADERS: Self = Self(0x1);
    /// PRIORITY.
    pub const PRIORITY: Self = Self(0x2);
    /// RST_STREAM.
    pub const RST_STREAM: Self = Self(0x3);
    /// SETTINGS.
    pub const SETTINGS: Self = Self(0x4);
    /// PUSH_PROMISE.
    pub const PUSH_PROMISE: Self = Self(0x5);
    /// PING.
    pub const PING: Self = Self(0x6);
    /// GOAWAY.
    pub const GOAWAY: Self = Self(0x7);
    /// WINDOW_UPDATE.
    pub const WINDOW_UPDATE: Self = Self(0x8);
    /// CONTINUATION.
    pub const CONTINUATION: Self = Self(0x9);

    /// The name in RFC 9113 §6, or `None` for an unknown type.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x0 => "DATA",
            0x1 => "HEADERS",
            0x2 => "PRIORITY",
            0x3 => "RST_STREAM",
            0x4 => "SETTINGS",
            0x5 => "PUSH_PROMISE",
            0x6 => "PING",
            0x7 => "GOAWAY",
            0x8 => "WINDOW_UPDATE",
            0x9 => "CONTINUATION",
            _ => return None,
        })
    }
}

impl fmt::Display for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "type {:#04x}", self.0),
        }
    }
}

impl fmt::Debug for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The flags that have a meaning.
pub(super) mod flag {
    /// The frame is the last of its stream: DATA, HEADERS.
    pub(in crate::wire) const END_STREAM: u8 = 0x1;
    /// The frame acknowledges: SETTINGS, PING.
    pub(in crate::wire) const ACK: u8 = 0x1;
    /// The header block is complete: HEADERS, CONTINUATION.
    pub(in crate::wire) const END_HEADERS: u8 = 0x4;
    /// The payload is padded: DATA, HEADERS.
    pub(in crate::wire) const PADDED: u8 = 0x8;
    /// The payload has a priority: HEADERS.
    pub(in crate::wire) const PRIORITY: u8 = 0x20;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_where_the_specification_draws_them() {
        let octets = [0x01, 0x02, 0x03, 0x09, 0x2d, 0x80, 0x00, 0x01, 0x07];
        let header = FrameHeader::parse(&octets);
        let expected = FrameHeader {
            length: 0x01_0203,
            kind: FrameType::CONTINUATION,
            flags: 0x2d,
            stream_id: StreamId::new(0x107),
        };
        assert_eq!(header, expected);

        let mut out = Vec::new();
        header.write(&mut out);
        assert_eq!(out, [0x01, 0x02, 0x03, 0x09, 0x2d, 0x00, 0x00, 0x01, 0x07], "reserved bit unset");
    }

    #[test]
    fn types_have_their_names() {
        use alloc::string::ToString;
        assert_eq!(FrameType::GOAWAY.to_string(), "GOAWAY");
        assert_eq!(FrameType(0xfe).to_string(), "type 0xfe");
    }
}
