//! Frames as RFC 9113 §4.1 writes them, without the help of what is tested.

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFrame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream, with the reserved bit as it came.
    pub stream: u32,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// The types of RFC 9113 §6.
pub mod kinds {
    #![allow(missing_docs, reason = "the names of RFC 9113")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// ACK of SETTINGS and PING; END_STREAM of DATA and HEADERS.
pub const ACK: u8 = 1;
/// END_STREAM.
pub const END_STREAM: u8 = 1;
/// END_HEADERS.
pub const END_HEADERS: u8 = 4;
/// PADDED.
pub const PADDED: u8 = 8;
/// PRIORITY.
pub const PRIORITY: u8 = 0x20;
/// What a client sends first (RFC 9113 §3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl RawFrame {
    /// A frame.
    #[must_use]
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    /// Its octets.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        let mut out = (self.payload.len() as u32).to_be_bytes()[1..].to_vec();
        out.extend([self.kind, self.flags]);
        out.extend(self.stream.to_be_bytes());
        out.extend(&self.payload);
        out
    }

    /// Its stream.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.stream & 0x7fff_ffff
    }

    /// Whether a flag is set.
    #[must_use]
    pub const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The number in an octet's place of the payload.
    #[must_use]
    pub fn number(&self, at: usize) -> u32 {
        let octets = self.payload.get(at..at + 4);
        octets.map_or(0, |octets| u32::from_be_bytes(octets.try_into().expect("four octets")))
    }
}

/// Octets in any chunking, to frames.
#[derive(Clone, Debug, Default)]
pub struct Splitter {
    held: Vec<u8>,
    preface_left: usize,
}

impl Splitter {
    /// One that expects the preface of a client first, or not.
    #[must_use]
    pub const fn new(expect_preface: bool) -> Self {
        Self { held: Vec::new(), preface_left: if expect_preface { PREFACE.len() } else { 0 } }
    }

    /// Whether a frame came in part.
    #[must_use]
    pub fn is_midway(&self) -> bool {
        !self.held.is_empty()
    }

    /// The frames that are complete with these octets.
    pub fn take(&mut self, octets: &[u8]) -> Vec<RawFrame> {
        let skipped = self.preface_left.min(octets.len());
        self.preface_left -= skipped;
        self.held.extend(&octets[skipped..]);
        let mut frames = Vec::new();
        while let Some(header) = self.held.get(..9) {
            let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
            let stream = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
            let (kind, flags) = (header[3], header[4]);
            if self.held.len() < 9 + length {
                break;
            }
            let payload = self.held[9..9 + length].to_vec();
            self.held.drain(..9 + length);
            frames.push(RawFrame { kind, flags, stream, payload });
        }
        frames
    }
}
