//! Frames as an independent reader sees them (RFC 9113 §4.1): a header, and octets.

/// RFC 9113 §6: the types that concern the simulation.
pub mod kind {
    /// §6.1.
    pub const DATA: u8 = 0;
    /// §6.2.
    pub const HEADERS: u8 = 1;
    /// §6.4.
    pub const RST_STREAM: u8 = 3;
    /// §6.5.
    pub const SETTINGS: u8 = 4;
    /// §6.7.
    pub const PING: u8 = 6;
    /// §6.8.
    pub const GOAWAY: u8 = 7;
    /// §6.9.
    pub const WINDOW_UPDATE: u8 = 8;
    /// §6.10.
    pub const CONTINUATION: u8 = 9;
}

/// END_STREAM, and ACK.
pub const END_STREAM: u8 = 1;
/// END_HEADERS.
pub const END_HEADERS: u8 = 4;
/// PADDED.
pub const PADDED: u8 = 8;

const HEADER: usize = 9;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One frame, or the preface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// All octets, header included.
    pub bytes: Vec<u8>,
    /// It is the client's preface and no frame.
    pub is_preface: bool,
}

impl Frame {
    /// A frame of these parts.
    #[must_use]
    pub fn new(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        let len = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
        let mut bytes = vec![len[1], len[2], len[3], kind, flags];
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
        Self { bytes, is_preface: false }
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.bytes[3]
    }

    /// Its flags.
    #[must_use]
    pub fn flags(&self) -> u8 {
        self.bytes[4]
    }

    /// Whether a flag is set.
    #[must_use]
    pub fn has(&self, flag: u8) -> bool {
        self.flags() & flag != 0
    }

    /// Its stream.
    #[must_use]
    pub fn stream(&self) -> u32 {
        word(&self.bytes[5..]) & 0x7fff_ffff
    }

    /// Its payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.bytes[HEADER..]
    }

    /// Whether it is of this type.
    #[must_use]
    pub fn is(&self, kind: u8) -> bool {
        !self.is_preface && self.kind() == kind
    }

    /// A line for a person.
    #[must_use]
    pub fn describe(&self) -> String {
        if self.is_preface {
            return "preface".into();
        }
        let name = match self.kind() {
            kind::DATA => "DATA",
            kind::HEADERS => "HEADERS",
            kind::RST_STREAM => "RST_STREAM",
            kind::SETTINGS => "SETTINGS",
            kind::PING => "PING",
            kind::GOAWAY => "GOAWAY",
            kind::WINDOW_UPDATE => "WINDOW_UPDATE",
            kind::CONTINUATION => "CONTINUATION",
            _ => "?",
        };
        let number = match self.kind() {
            kind::RST_STREAM | kind::GOAWAY | kind::WINDOW_UPDATE if self.payload().len() >= 4 => {
                format!(" {}", word(self.payload()))
            }
            _ => String::new(),
        };
        let flags = self.flags();
        format!("{name} stream {} flags {flags:x} len {}{number}", self.stream(), self.payload().len())
    }
}

/// Four octets as a number.
#[must_use]
pub fn word(octets: &[u8]) -> u32 {
    u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]])
}

/// Cuts a byte stream into frames.
#[derive(Debug, Default)]
pub struct Reader {
    partial: Vec<u8>,
    /// The client's preface is still to come.
    preface: bool,
}

impl Reader {
    /// For what a client, or a server, sends.
    #[must_use]
    pub const fn new(of_client: bool) -> Self {
        Self { partial: Vec::new(), preface: of_client }
    }

    /// Takes octets; hands out each frame as it is complete.
    pub fn take(&mut self, mut octets: &[u8], mut each: impl FnMut(Frame)) {
        while !octets.is_empty() {
            let missing = self.missing();
            let piece = &octets[..missing.min(octets.len())];
            self.partial.extend_from_slice(piece);
            octets = &octets[piece.len()..];
            if self.missing() == 0 {
                let is_preface = std::mem::take(&mut self.preface);
                each(Frame { bytes: std::mem::take(&mut self.partial), is_preface });
            }
        }
    }

    fn missing(&self) -> usize {
        let have = self.partial.len();
        if self.preface {
            return PREFACE.len() - have;
        }
        if have < HEADER {
            return HEADER - have;
        }
        let [a, b, c] = [self.partial[0], self.partial[1], self.partial[2]];
        HEADER + usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(0) - have
    }
}
