//! What can be wrong with bytes, before anybody asks what they mean.

use core::fmt;

use super::FrameType;
use crate::error::{ErrorCode, Scope};

/// Bytes that are no valid frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// The client's connection did not begin with the preface (RFC 9113 §3.4).
    BadPreface,
    /// The payload is longer than our `SETTINGS_MAX_FRAME_SIZE` (RFC 9113 §4.2).
    FrameTooLarge,
    /// The payload does not have the length that its type demands (RFC 9113 §4.2).
    WrongLength {
        /// The type of the frame.
        kind: FrameType,
    },
    /// A SETTINGS acknowledgement has a payload (RFC 9113 §6.5).
    SettingsAckWithPayload,
    /// A frame that belongs to a stream names the connection.
    ZeroStream {
        /// The type of the frame.
        kind: FrameType,
    },
    /// A frame that belongs to the connection names a stream.
    NonZeroStream {
        /// The type of the frame.
        kind: FrameType,
    },
    /// The padding is longer than what it could fill (RFC 9113 §6.1, §6.2).
    PaddingTooLong {
        /// The type of the frame.
        kind: FrameType,
    },
}

impl Malformed {
    /// The error code that the peer is told.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            // RFC 9113 §4.2: "An endpoint MUST send an error code of FRAME_SIZE_ERROR".
            Self::FrameTooLarge | Self::WrongLength { .. } | Self::SettingsAckWithPayload => {
                ErrorCode::FRAME_SIZE_ERROR
            }
            Self::BadPreface
            | Self::ZeroStream { .. }
            | Self::NonZeroStream { .. }
            | Self::PaddingTooLong { .. } => ErrorCode::PROTOCOL_ERROR,
        }
    }

    /// How far the fault reaches.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            // RFC 9113 §6.3: a length other than 5 octets is "a stream error of type
            // FRAME_SIZE_ERROR".
            Self::WrongLength { kind: FrameType::PRIORITY } => Scope::Stream,
            _ => Scope::Connection,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPreface => f.write_str("the peer does not begin with the HTTP/2 preface"),
            Self::FrameTooLarge => f.write_str("a frame is larger than SETTINGS_MAX_FRAME_SIZE"),
            Self::WrongLength { kind } => write!(f, "a {kind} frame has a wrong length"),
            Self::SettingsAckWithPayload => f.write_str("a SETTINGS acknowledgement has a payload"),
            Self::ZeroStream { kind } => write!(f, "a {kind} frame is on stream 0"),
            Self::NonZeroStream { kind } => write!(f, "a {kind} frame is on a stream"),
            Self::PaddingTooLong { kind } => {
                write!(f, "a {kind} frame has more padding than payload")
            }
        }
    }
}

impl core::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_priority_of_a_wrong_length_leaves_the_connection_alone() {
        assert_eq!(Malformed::WrongLength { kind: FrameType::PRIORITY }.scope(), Scope::Stream);
        for kind in [FrameType::RST_STREAM, FrameType::WINDOW_UPDATE, FrameType::HEADERS] {
            assert_eq!(Malformed::WrongLength { kind }.scope(), Scope::Connection);
        }
        assert_eq!(Malformed::FrameTooLarge.scope(), Scope::Connection);
        assert_eq!(Malformed::ZeroStream { kind: FrameType::PRIORITY }.scope(), Scope::Connection);
    }

    #[test]
    fn texts_name_the_frame() {
        use alloc::string::ToString;
        let text = Malformed::PaddingTooLong { kind: FrameType::DATA }.to_string();
        assert_eq!(text, "a DATA frame has more padding than payload");
    }
}
