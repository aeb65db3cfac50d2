//! String literals (RFC 7541 §5.2).

use alloc::vec::Vec;

use super::{DecodeError, huffman, integer};

const HUFFMAN_FLAG: u8 = 0x80;
const LENGTH_MASK: u8 = 0x7f;

/// A string as it stands in the block.
#[derive(Clone, Copy)]
pub(super) struct EncodedString<'a> {
    pub(super) is_huffman: bool,
    pub(super) octets: &'a [u8],
}

impl<'a> EncodedString<'a> {
    /// Takes a string from the input. It may have `len_max` octets as they stand there.
    #[inline]
    pub(super) fn take(input: &mut &'a [u8], len_max: usize) -> Result<Self, DecodeError> {
        let is_huffman = input.first().is_some_and(|first| first & HUFFMAN_FLAG != 0);
        let len = integer::take(input, LENGTH_MASK)?;
        let (octets, rest) = input.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        if len > len_max {
            return Err(DecodeError::StringTooLong);
        }
        *input = rest;
        Ok(Self { is_huffman, octets })
    }

    /// Appends the text, which may have `len_max` octets.
    #[inline]
    pub(super) fn decode(self, out: &mut Vec<u8>, len_max: usize) -> Result<(), DecodeError> {
        if self.is_huffman {
            return huffman::decode(self.octets, out, len_max);
        }
        if self.octets.len() > len_max {
            return Err(DecodeError::TooLarge);
        }
        out.extend_from_slice(self.octets);
        Ok(())
    }
}

/// Appends a string, in Huffman coding if that is shorter.
pub(super) fn put(out: &mut Vec<u8>, text: &[u8]) {
    let huffman_len = huffman::encoded_len(text);
    if huffman_len < text.len() {
        integer::put(out, HUFFMAN_FLAG, LENGTH_MASK, huffman_len);
        huffman::encode(text, out);
    } else {
        integer::put(out, 0, LENGTH_MASK, text.len());
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn the_shorter_coding_is_chosen() {
        let mut out = vec![];
        put(&mut out, b"302");
        assert_eq!(out, [0x82, 0x64, 0x02]);
        out.clear();
        put(&mut out, b"\\");
        assert_eq!(out, b"\x01\\");
        out.clear();
        put(&mut out, b"");
        assert_eq!(out, [0]);
    }

    #[test]
    fn length_is_checked_before_the_text() {
        let take = |wire: &[u8], len_max| {
            let mut input = wire;
            EncodedString::take(&mut input, len_max).map(|string| string.octets.to_vec())
        };
        assert_eq!(take(b"\x03abc", 3), Ok(b"abc".to_vec()));
        assert_eq!(take(b"\x03abc", 2), Err(DecodeError::StringTooLong));
        assert_eq!(take(b"\x04abc", 9), Err(DecodeError::Truncated));
        assert_eq!(take(b"\x7f\xff\xff\xff\x7e", 9), Err(DecodeError::Truncated));
        assert_eq!(take(b"\x7f\xff\xff\xff\xff\x7f", 9), Err(DecodeError::IntegerTooLarge));
        assert_eq!(take(b"", 9), Err(DecodeError::Truncated));
    }
}
