//! HTTP/2 error codes, and faults by origin: bytes that are no frames ([`Malformed`](crate::wire::Malformed)),
//! what a peer may not do ([`PeerViolation`], and [`Violation`](crate::stream::Violation) of a stream's state),
//! [`Misuse`] by our caller, and how a connection [`Ended`](crate::connection::Ended). Each one that reaches the
//! wire knows its HTTP/2 error code.

use core::fmt;

/// An HTTP/2 error code (RFC 9113 §7). Unknown codes are kept as they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// Graceful shutdown, or a stream that is no longer needed.
    pub const NO_ERROR: Self = Self(0x0);
    /// An unspecific violation of the protocol.
    pub const PROTOCOL_ERROR: Self = Self(0x1);
    /// An unexpected internal error.
    pub const INTERNAL_ERROR: Self = Self(0x2);
    /// The peer violated the flow-control protocol.
    pub const FLOW_CONTROL_ERROR: Self = Self(0x3);
    /// SETTINGS were not acknowledged in time.
    pub const SETTINGS_TIMEOUT: Self = Self(0x4);
    /// A frame came after the stream was half-closed.
    pub const STREAM_CLOSED: Self = Self(0x5);
    /// A frame of an invalid size.
    pub const FRAME_SIZE_ERROR: Self = Self(0x6);
    /// The stream was refused before any processing.
    pub const REFUSED_STREAM: Self = Self(0x7);
    /// The stream is no longer needed.
    pub const CANCEL: Self = Self(0x8);
    /// The header compression context cannot be maintained.
    pub const COMPRESSION_ERROR: Self = Self(0x9);
    /// A connection made by CONNECT was reset or closed abnormally.
    pub const CONNECT_ERROR: Self = Self(0xa);
    /// The peer causes excessive load.
    pub const ENHANCE_YOUR_CALM: Self = Self(0xb);
    /// The transport does not meet the minimum of security.
    pub const INADEQUATE_SECURITY: Self = Self(0xc);
    /// HTTP/1.1 is required.
    pub const HTTP_1_1_REQUIRED: Self = Self(0xd);

    /// The name in RFC 9113 §7, or `None` for an unknown code.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x0 => "NO_ERROR",
            0x1 => "PROTOCOL_ERROR",
            0x2 => "INTERNAL_ERROR",
            0x3 => "FLOW_CONTROL_ERROR",
            0x4 => "SETTINGS_TIMEOUT",
            0x5 => "STREAM_CLOSED",
            0x6 => "FRAME_SIZE_ERROR",
            0x7 => "REFUSED_STREAM",
            0x8 => "CANCEL",
            0x9 => "COMPRESSION_ERROR",
            0xa => "CONNECT_ERROR",
            0xb => "ENHANCE_YOUR_CALM",
            0xc => "INADEQUATE_SECURITY",
            0xd => "HTTP_1_1_REQUIRED",
            _ => return None,
        })
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error code {:#x}", self.0),
        }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How far a fault reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The stream is reset; the connection lives on (RFC 9113 §5.4.2).
    Stream,
    /// The connection ends with GOAWAY (RFC 9113 §5.4.1).
    Connection,
}

/// A command that makes no sense, from the caller on this side. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// No such call, or it was released.
    UnknownCall,
    /// A command of the other role.
    WrongRole,
    /// Sending was finished already.
    SendingFinished,
    /// Initial metadata were sent already.
    HeadersSent,
    /// The call has ended.
    Ended,
    /// A message longer than 2^32 - 1 octets.
    MessageTooLarge,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownCall => "there is no such call",
            Self::WrongRole => "this command belongs to the other role",
            Self::SendingFinished => "sending was finished",
            Self::HeadersSent => "initial metadata were sent already",
            Self::Ended => "the call has ended",
            Self::MessageTooLarge => "a message has at most 2^32 - 1 octets",
        })
    }
}

impl core::error::Error for Misuse {}

macro_rules! violations {
    ($( $(#[doc = $doc:literal])+ $name:ident $code:ident $text:literal; )*) => {
        /// What a peer did that HTTP/2 forbids, or that no honest peer does. It ends the connection.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum PeerViolation {
            $( $(#[doc = $doc])+ $name, )*
        }

        impl PeerViolation {
            /// The code of the GOAWAY.
            #[must_use]
            pub const fn code(self) -> ErrorCode {
                match self {
                    $( Self::$name => ErrorCode::$code, )*
                }
            }
        }

        impl fmt::Display for PeerViolation {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $( Self::$name => $text, )*
                })
            }
        }
    };
}

violations! {
    /// RFC 9113 §3.4: SETTINGS come first.
    SettingsNotFirst PROTOCOL_ERROR "the first frame is not SETTINGS";
    /// RFC 9113 §6.10: CONTINUATION follows HEADERS or CONTINUATION.
    StrayContinuation PROTOCOL_ERROR "CONTINUATION without HEADERS";
    /// RFC 9113 §6.10: nothing comes between the frames of a header block.
    InterruptedHeaderBlock PROTOCOL_ERROR "a frame between HEADERS and CONTINUATION";
    /// A header block of too many frames or octets.
    HeaderBlockTooLong ENHANCE_YOUR_CALM "a header block is too long";
    /// RFC 9113 §8.4: push is disabled.
    PushPromise PROTOCOL_ERROR "PUSH_PROMISE, although push is disabled";
    /// Frames that are legal but pointless, in masses.
    TooManyGlitches ENHANCE_YOUR_CALM "too many frames without a purpose";
    /// Streams that end before their time, in masses.
    TooManyResets ENHANCE_YOUR_CALM "too many streams were reset";
    /// gRFC A8: PINGs of a client, more often than its server allows.
    TooManyPings ENHANCE_YOUR_CALM "PINGs come too often";
    /// Settings in one frame, in masses.
    TooManySettings ENHANCE_YOUR_CALM "too many settings in one frame";
    /// RFC 9113 §5.1.1: clients use odd identifiers.
    EvenStream PROTOCOL_ERROR "a client opened a stream with an even identifier";
    /// RFC 9113 §5.1.1: identifiers rise.
    LowerStream PROTOCOL_ERROR "HEADERS on a stream below the highest";
    /// RFC 9113 §5.1: HEADERS for a stream that was closed.
    ClosedStream STREAM_CLOSED "HEADERS on a closed stream";
    /// RFC 9113 §5.1: HEADERS on a stream that this side did not open.
    HeadersOnIdleStream PROTOCOL_ERROR "HEADERS on an idle stream";
    /// RFC 9113 §5.1: DATA on a stream that nobody opened.
    DataOnIdleStream PROTOCOL_ERROR "DATA on an idle stream";
    /// RFC 9113 §6.4: RST_STREAM on a stream that nobody opened.
    ResetOnIdleStream PROTOCOL_ERROR "RST_STREAM on an idle stream";
    /// RFC 9113 §5.1: WINDOW_UPDATE on a stream that nobody opened.
    WindowUpdateOnIdleStream PROTOCOL_ERROR "WINDOW_UPDATE on an idle stream";
    /// RFC 9113 §6.9: an increment of zero for the connection.
    ZeroWindowUpdate PROTOCOL_ERROR "WINDOW_UPDATE of 0";
    /// RFC 9113 §6.9.1: a window above 2^31-1.
    WindowOverflow FLOW_CONTROL_ERROR "WINDOW_UPDATE raises the window above 2^31-1";
    /// RFC 9113 §6.9.2: SETTINGS that raise a window above 2^31-1.
    InitialWindowOverflow FLOW_CONTROL_ERROR "SETTINGS raise a window above 2^31-1";
    /// RFC 9113 §6.9.1: more DATA than the window of the connection.
    WindowExceeded FLOW_CONTROL_ERROR "more DATA than the connection's window";
    /// RFC 9113 §6.8: a last stream id above that of an earlier GOAWAY.
    GoAwayRaised PROTOCOL_ERROR "GOAWAY raises the last stream id";
    /// No SETTINGS in time.
    HandshakeTimeout SETTINGS_TIMEOUT "the peer sent no SETTINGS in time";
    /// RFC 9113 §6.5.3: no acknowledgement of SETTINGS in time.
    SettingsTimeout SETTINGS_TIMEOUT "the peer did not acknowledge SETTINGS in time";
    /// A frame or header block that is not completed in time.
    PartialFrameTimeout ENHANCE_YOUR_CALM "a frame was not completed in time";
}
