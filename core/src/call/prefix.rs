//! The prefix of a message: what it says, and what is wrong with it.

use core::fmt;

/// Octets before each message: the compressed flag and the length.
pub const PREFIX_LEN: usize = 5;

/// The prefix of a message of `len` octets.
#[inline]
pub(crate) fn prefix(len: usize) -> [u8; PREFIX_LEN] {
    let [a, b, c, d] = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
    [0, a, b, c, d]
}

/// The length of a message by a prefix that is known to be good.
#[inline]
pub(crate) fn length([_, a, b, c, d]: [u8; PREFIX_LEN]) -> usize {
    usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX)
}

/// What makes received messages unusable: the call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// The length is above the limit.
    TooLarge {
        /// The length that the prefix claims.
        length: u32,
        /// The limit.
        limit: usize,
    },
    /// The compressed flag is set, but the call has no encoding.
    CompressedWithoutEncoding,
    /// The compressed flag is neither 0 nor 1.
    InvalidFlag(u8),
    /// The stream ended inside a message.
    Truncated,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { length, limit } => {
                write!(f, "a received message of {length} bytes is larger than the limit of {limit}")
            }
            Self::CompressedWithoutEncoding => {
                f.write_str("a message is compressed, but no grpc-encoding was named")
            }
            Self::InvalidFlag(flag) => write!(f, "a message has the compressed flag {flag}"),
            Self::Truncated => f.write_str("the stream ended inside a message"),
        }
    }
}

/// Where the received octets stand: in a prefix, or in a message with `left` octets to come.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) prefix: [u8; PREFIX_LEN],
    pub(super) have: u8,
    pub(super) left: u32,
}

impl Scan {
    pub(super) const fn in_body(&self) -> bool {
        self.have as usize == PREFIX_LEN
    }

    /// Octets that the prefix lacks.
    pub(super) const fn prefix_left(&self) -> usize {
        PREFIX_LEN.saturating_sub(self.have as usize)
    }

    /// Takes octets of the prefix, no more than it lacks.
    pub(super) fn take_prefix(&mut self, piece: &[u8], limit: usize) -> Result<(), MessageError> {
        for (place, octet) in self.prefix.iter_mut().skip(usize::from(self.have)).zip(piece) {
            *place = *octet;
            self.have = self.have.saturating_add(1);
        }
        if self.in_body() {
            // It was a number of 32 bits.
            self.left = u32::try_from(judge_prefix(self.prefix, limit)?).unwrap_or(u32::MAX);
        }
        Ok(())
    }
}

/// The length of a message by its prefix.
#[inline]
pub(super) fn judge_prefix(
    [flag, a, b, c, d]: [u8; PREFIX_LEN],
    limit: usize,
) -> Result<usize, MessageError> {
    let length = u32::from_be_bytes([a, b, c, d]);
    match (flag, usize::try_from(length)) {
        (0, Ok(octets)) if octets <= limit => Ok(octets),
        (0, _) => Err(MessageError::TooLarge { length, limit }),
        (1, _) => Err(MessageError::CompressedWithoutEncoding),
        (flag, _) => Err(MessageError::InvalidFlag(flag)),
    }
}

/// The first message of octets whose prefixes are good, if it is complete.
#[inline(always)]
pub(super) fn first_whole(framed: &[u8]) -> Option<&[u8]> {
    let (prefix, behind) = framed.split_first_chunk::<PREFIX_LEN>()?;
    behind.get(..length(*prefix))
}

/// The length of the messages in front that are whole and within `limit`.
pub(super) fn whole_messages(bytes: &[u8], limit: usize) -> usize {
    let mut end = 0_usize;
    while let Some(prefix) = bytes.get(end..).and_then(<[u8]>::first_chunk) {
        let Ok(length) = judge_prefix(*prefix, limit) else { break };
        let next = end.saturating_add(PREFIX_LEN).saturating_add(length);
        if next > bytes.len() {
            break;
        }
        end = next;
    }
    end
}
