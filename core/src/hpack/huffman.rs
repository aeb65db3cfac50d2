//! Huffman coding of strings (RFC 7541 §5.2, Appendix B).

use alloc::vec::Vec;

use super::DecodeError;
use super::huffman_table::{CODES, EOS, LENGTHS, LONG_LENGTHS, STEP_BITS, STEPS, SYMBOLS};

/// The bits that a refill guarantees while input lasts: more than the longest code.
const REFILL_BITS: u32 = 32;

/// Appends the decoded string. It may have `len_max` octets; one that has more is `TooLarge`.
///
/// Costs one look-up for one or two octets of text, and three to ten times that for each octet whose
/// code is longer than twelve bits. On an error `out` is as before.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>, len_max: usize) -> Result<(), DecodeError> {
    let start = out.len();
    // The shortest code has five bits. A step writes two octets, even if it has one.
    let len_bound = (input.len().saturating_mul(8) / 5).min(len_max);
    out.resize(start.saturating_add(len_bound).saturating_add(2), 0);
    let decoded = expand(input, out.get_mut(start..).unwrap_or_default());
    let len = match decoded {
        Ok(len) if len > len_max => Err(DecodeError::TooLarge),
        other => other,
    };
    out.truncate(start.saturating_add(*len.as_ref().unwrap_or(&0)));
    len.map(drop)
}

/// Decodes into a slice and returns how many octets were written.
fn expand(mut input: &[u8], out: &mut [u8]) -> Result<usize, DecodeError> {
    // The next bits, from the top down; those below `count` are zero.
    let mut bits = 0u64;
    let mut count = 0u32;
    let mut len = 0usize;
    loop {
        if count < REFILL_BITS {
            (bits, count) = refill(&mut input, bits, count);
        }
        let step = STEPS.get((bits >> (64 - STEP_BITS)) as usize).ok_or(DecodeError::TooLarge)?;
        let mut used = step.bits();
        let mut symbols = usize::from(step.count);
        if used > count && symbols == 2 {
            used = step.first_bits();
            symbols = 1;
        }
        if used > count || symbols == 0 {
            let (symbol, long) = match symbols {
                0 => long_code(bits),
                _ => (0, used),
            };
            if long > count {
                return if is_padding(bits, count) { Ok(len) } else { Err(DecodeError::InvalidHuffman) };
            }
            if symbol == EOS {
                return Err(DecodeError::InvalidHuffman);
            }
            *out.get_mut(len).ok_or(DecodeError::TooLarge)? = symbol.to_le_bytes()[0];
            len = len.wrapping_add(1);
            used = long;
        } else {
            let slot = out.get_mut(len..).and_then(<[u8]>::first_chunk_mut);
            *slot.ok_or(DecodeError::TooLarge)? = step.symbols;
            len = len.wrapping_add(symbols);
        }
        // At most thirty bits, and at most `count`.
        bits = bits.wrapping_shl(used);
        count = count.wrapping_sub(used);
    }
}

/// Adds octets until there are at least `REFILL_BITS` bits or the input ends. Called with fewer.
#[inline]
fn refill(input: &mut &[u8], mut bits: u64, mut count: u32) -> (u64, u32) {
    if let Some((word, rest)) = input.split_first_chunk() {
        *input = rest;
        let word = u64::from(u32::from_be_bytes(*word));
        return (bits | word.wrapping_shl(32u32.wrapping_sub(count)), count.wrapping_add(32));
    }
    for &octet in &**input {
        bits |= u64::from(octet).wrapping_shl(56u32.wrapping_sub(count));
        count = count.wrapping_add(8);
    }
    *input = &[];
    (bits, count)
}

/// The symbol of a code that is longer than a step, and its bits.
fn long_code(bits: u64) -> (u16, u32) {
    let word = (bits >> 34) as u32;
    for length in &LONG_LENGTHS {
        if word < length.end {
            let offset = word.wrapping_sub(length.first) >> (30u32.wrapping_sub(length.bits));
            let at = length.symbols_at.wrapping_add(offset as usize);
            return (SYMBOLS.get(at).copied().unwrap_or(EOS), length.bits);
        }
    }
    (EOS, 30)
}

/// Whether the last `count` bits are padding.
///
/// RFC 7541 §5.2: "A padding strictly longer than 7 bits MUST be treated as a decoding error." So must
/// one that is not the first bits of EOS, which are ones.
const fn is_padding(bits: u64, count: u32) -> bool {
    count <= 7 && bits.leading_ones() >= count
}

/// The octets of a string in Huffman coding.
pub(super) fn encoded_len(text: &[u8]) -> usize {
    let bits = text.iter().fold(0usize, |bits, &octet| {
        let code = LENGTHS.get(usize::from(octet)).copied().unwrap_or_default();
        bits.wrapping_add(usize::from(code))
    });
    bits.div_ceil(8)
}

/// Appends a string in Huffman coding, padded with ones.
pub(super) fn encode(text: &[u8], out: &mut Vec<u8>) {
    // The bits not yet written, in the low `count` bits; at most 31 before each code.
    let mut bits = 0u64;
    let mut count = 0u32;
    for &octet in text {
        let symbol = usize::from(octet);
        let length = LENGTHS.get(symbol).copied().map_or(0, u32::from);
        let code = CODES.get(symbol).copied().map_or(0, u64::from);
        bits = bits.wrapping_shl(length) | code;
        count = count.wrapping_add(length);
        if count >= 32 {
            count = count.wrapping_sub(32);
            out.extend_from_slice(&(bits.wrapping_shr(count) as u32).to_be_bytes());
        }
    }
    while count >= 8 {
        count = count.wrapping_sub(8);
        out.push(bits.wrapping_shr(count).to_le_bytes()[0]);
    }
    if count > 0 {
        let padding = 8u32.wrapping_sub(count);
        let ones = 0xffu8.wrapping_shr(count);
        out.push(bits.wrapping_shl(padding).to_le_bytes()[0] | ones);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn decoded(input: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut out = vec![b'#'];
        let result = decode(input, &mut out, usize::MAX);
        assert_eq!(out.remove(0), b'#');
        assert!(result.is_ok() || out.is_empty());
        result.map(|()| out)
    }

    fn check(text: &[u8], coded: &[u8]) {
        let mut out = vec![];
        encode(text, &mut out);
        assert_eq!(out, coded);
        assert_eq!(encoded_len(text), coded.len());
        assert_eq!(decoded(coded), Ok(text.to_vec()));
    }

    #[test]
    fn strings_of_appendix_c() {
        check(b"", &[]);
        check(b"www.example.com", b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff");
        check(b"no-cache", b"\xa8\xeb\x10\x64\x9c\xbf");
        check(b"custom-key", b"\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f");
        check(b"302", b"\x64\x02");
        check(b"private", b"\xae\xc3\x77\x1a\x4b");
    }

    #[test]
    fn every_octet_beside_every_other() {
        for first in 0..=255 {
            for second in 0..=255 {
                let text = [first, second, first];
                let mut coded = vec![];
                encode(&text, &mut coded);
                assert_eq!(coded.len(), encoded_len(&text));
                assert_eq!(decoded(&coded), Ok(text.to_vec()));
            }
        }
    }

    #[test]
    fn padding_is_at_most_seven_ones() {
        // "0" is 00000.
        assert_eq!(decoded(&[0b0000_0111]), Ok(vec![b'0']));
        for wrong in [
            &[0b0000_0110][..],
            &[0b0000_0111, 0xff],
            &[0xff],
            &[0xff, 0xff],
            // The prefix of a long code that is not all ones.
            &[0xfe],
            &[0b0000_0111, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(decoded(wrong), Err(DecodeError::InvalidHuffman), "{wrong:x?}");
        }
    }

    #[test]
    fn eos_is_an_error_wherever_it_stands() {
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xff]), Err(DecodeError::InvalidHuffman));
        let wrong = [0b0000_0111, 0xff, 0xff, 0xff, 0b1110_0000, 0b0111_1111];
        assert_eq!(decoded(&wrong), Err(DecodeError::InvalidHuffman));
    }

    #[test]
    fn nothing_beyond_the_limit_is_kept() {
        let mut coded = vec![];
        encode(b"0000000000", &mut coded);
        for len_max in 0..10 {
            let mut out = vec![];
            assert_eq!(decode(&coded, &mut out, len_max), Err(DecodeError::TooLarge));
            assert!(out.is_empty() && out.capacity() <= 12);
        }
        let mut out = vec![];
        assert_eq!(decode(&coded, &mut out, 10), Ok(()));
        assert_eq!(out, b"0000000000");
    }

    #[test]
    fn three_octets_never_panic_and_only_valid_ones_come_back() {
        for word in 0u32..1 << 24 {
            // Sparse in the middle octet: the edges are where codes end.
            if (word >> 8) & 0xff > 8 && (word >> 8) & 0xff < 0xf8 {
                continue;
            }
            let input = &word.to_be_bytes()[1..];
            if let Ok(text) = decoded(input) {
                let mut again = vec![];
                encode(&text, &mut again);
                assert_eq!(again, input);
            }
        }
    }
}
