//! What RFC 9113 says about one frame, told by its header alone: a second description, as short as it can be.

use sailplane::error::ErrorCode;

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Nothing at all happens.
    Ignored,
    /// It is taken; what it says is carried out.
    Accepted,
    /// RST_STREAM with this code.
    Stream(u32),
    /// GOAWAY with this code.
    Connection(u32),
}

const PROTOCOL: Outcome = Outcome::Connection(ErrorCode::PROTOCOL_ERROR.0);
const FRAME_SIZE: Outcome = Outcome::Connection(ErrorCode::FRAME_SIZE_ERROR.0);
const STREAM_PROTOCOL: Outcome = Outcome::Stream(ErrorCode::PROTOCOL_ERROR.0);

/// A frame's header; what its payload is, [`payload`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Header {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) length: u32,
    pub(crate) stream: u32,
}

/// The octet of which a payload is made. DATA: empty messages. A header block: `:method: GET`, over and over.
pub(crate) const fn filling(kind: u8) -> u8 {
    match kind {
        1 | 9 => 0x82,
        8 => 1,
        _ => 0,
    }
}

/// The first octet of a padded payload: so many octets at its end are padding.
pub(crate) const PADDING: u8 = 2;

impl Header {
    const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// On a connection whose stream 1 is open, and on a client stream 3 too, without a response yet.
    pub(crate) fn outcome(self, is_server: bool) -> Outcome {
        // RFC 9113 §4.2.
        if self.length > 16_384 {
            return FRAME_SIZE;
        }
        let idle = self.stream == 2 || (is_server && self.stream == 3);
        match self.kind {
            0 => self.data(idle, is_server),
            1 => self.headers(),
            2 => self.priority(idle),
            // RFC 9113 §6.4.
            3 if self.stream == 0 => PROTOCOL,
            3 if self.length != 4 => FRAME_SIZE,
            3 if idle => PROTOCOL,
            // RFC 9113 §6.5.
            4 if self.stream != 0 => PROTOCOL,
            4 if self.has(1) && self.length != 0 => FRAME_SIZE,
            4 if self.length % 6 != 0 => FRAME_SIZE,
            // RFC 9113 §8.4.
            5 => PROTOCOL,
            // RFC 9113 §6.7, §6.8.
            6 | 7 if self.stream != 0 => PROTOCOL,
            6 if self.length != 8 => FRAME_SIZE,
            7 if self.length < 8 => FRAME_SIZE,
            // RFC 9113 §6.9.
            8 if self.length != 4 => FRAME_SIZE,
            8 if idle => PROTOCOL,
            // RFC 9113 §6.10: no header block is open.
            9 => PROTOCOL,
            // RFC 9113 §5.5.
            10.. => Outcome::Ignored,
            _ => Outcome::Accepted,
        }
    }

    /// RFC 9113 §6.1.
    fn data(self, idle: bool, is_server: bool) -> Outcome {
        let padded = self.has(8);
        if self.stream == 0 {
            PROTOCOL
        } else if padded && self.length == 0 {
            FRAME_SIZE
        } else if (padded && self.length <= u32::from(PADDING)) || idle {
            PROTOCOL
        } else if !is_server && self.stream == 3 {
            // RFC 9113 §8.1: DATA before the response's HEADERS.
            STREAM_PROTOCOL
        } else {
            Outcome::Accepted
        }
    }

    /// RFC 9113 §6.2, §8.1 and §8.3.
    fn headers(self) -> Outcome {
        if self.stream == 0 {
            return PROTOCOL;
        }
        let (pad_length, padding) = if self.has(8) { (1, u32::from(PADDING)) } else { (0, 0) };
        let priority = if self.has(0x20) { 5 } else { 0 };
        let Some(rest) = self.length.checked_sub(pad_length + priority) else { return FRAME_SIZE };
        let Some(fragment) = rest.checked_sub(padding) else { return PROTOCOL };
        if !self.has(4) {
            // CONTINUATION is to follow.
            return Outcome::Accepted;
        }
        if self.stream == 2 {
            // RFC 9113 §5.1.1: no client opens it, and no server without a push.
            return PROTOCOL;
        }
        // On stream 1 they are trailers, which end the stream and have no pseudo-header fields. On stream 3 they
        // are a request or a response, of which the pseudo-header fields are missing, or twice there.
        let trailers = self.stream == 1 && self.has(1) && fragment == 0;
        if trailers { Outcome::Accepted } else { STREAM_PROTOCOL }
    }

    /// RFC 9113 §6.3; and RFC 9113 §6.4: no RST_STREAM for an idle stream.
    fn priority(self, idle: bool) -> Outcome {
        if self.stream == 0 {
            PROTOCOL
        } else if self.length == 5 {
            Outcome::Ignored
        } else if idle {
            FRAME_SIZE
        } else {
            Outcome::Stream(ErrorCode::FRAME_SIZE_ERROR.0)
        }
    }
}
