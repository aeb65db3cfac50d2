//! Why a header block could not be decoded.

use core::fmt;

use crate::error::ErrorCode;

/// Why a header block could not be decoded.
///
/// Each of these ends the connection, since the two tables may differ from here on: with
/// COMPRESSION_ERROR (RFC 9113 §4.3) if the block is wrong, with ENHANCE_YOUR_CALM if it only exceeds
/// our limit. [`DecodeError::code`] says which.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum DecodeError {
    /// The block ends within a field.
    Truncated,
    /// The block ends within an integer.
    UnterminatedInteger,
    /// An integer has more than five octets after its prefix, or is above 2^28.
    IntegerTooLarge,
    /// An index is zero or beyond both tables (RFC 7541 §2.3.3).
    InvalidIndex,
    /// A string has more octets than the limit on the whole list. ENHANCE_YOUR_CALM at the wire.
    StringTooLong,
    /// A Huffman-coded string holds EOS, or ends in something that is not at most seven bits of its
    /// prefix (RFC 7541 §5.2).
    InvalidHuffman,
    /// A size update is above the acknowledged SETTINGS_HEADER_TABLE_SIZE.
    SizeUpdateTooLarge,
    /// More than two size updates in one block.
    TooManySizeUpdates,
    /// A size update after a field (RFC 7541 §4.2).
    SizeUpdateNotAtStart,
    /// The acknowledged setting was lowered below the table's size, and the block does not begin with
    /// an update that follows it.
    MissingSizeUpdate,
    /// The list is above the hard limit. ENHANCE_YOUR_CALM at the wire.
    TooLarge,
}

impl DecodeError {
    /// The code with which the connection ends.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::TooLarge | Self::StringTooLong => ErrorCode::ENHANCE_YOUR_CALM,
            _ => ErrorCode::COMPRESSION_ERROR,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "header block ends within a field",
            Self::UnterminatedInteger => "header block ends within an integer",
            Self::IntegerTooLarge => "integer in header block is too large",
            Self::InvalidIndex => "index in header block is beyond the tables",
            Self::StringTooLong => "string in header block is longer than the limit",
            Self::InvalidHuffman => "invalid Huffman code in header block",
            Self::SizeUpdateTooLarge => "table size update is above the acknowledged setting",
            Self::TooManySizeUpdates => "more than two table size updates in a header block",
            Self::SizeUpdateNotAtStart => "table size update after a field",
            Self::MissingSizeUpdate => "header block lacks the required table size update",
            Self::TooLarge => "header list is larger than the limit",
        })
    }
}

impl core::error::Error for DecodeError {}
