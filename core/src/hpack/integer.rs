//! Integers with an N-bit prefix (RFC 7541 §5.1).

use alloc::vec::Vec;

use super::DecodeError;

/// The largest value that is accepted.
const VALUE_MAX: u64 = 1 << 28;
/// The most octets after the prefix. Five reach `VALUE_MAX` with any prefix; more are padding.
const CONTINUATION_OCTETS_MAX: u32 = 5;

/// Takes an integer from the input. `mask` has the bits of the prefix.
#[inline]
pub(super) fn take(input: &mut &[u8], mask: u8) -> Result<usize, DecodeError> {
    let (&first, rest) = input.split_first().ok_or(DecodeError::Truncated)?;
    *input = rest;
    let prefix = first & mask;
    if prefix < mask {
        return Ok(usize::from(prefix));
    }
    take_continuation(input, prefix)
}

fn take_continuation(input: &mut &[u8], prefix: u8) -> Result<usize, DecodeError> {
    let mut value = u64::from(prefix);
    for octets in 0..CONTINUATION_OCTETS_MAX {
        let (&octet, rest) = input.split_first().ok_or(DecodeError::UnterminatedInteger)?;
        *input = rest;
        let shift = octets.saturating_mul(7);
        value = value.saturating_add(u64::from(octet & 0x7f).wrapping_shl(shift));
        if value > VALUE_MAX {
            return Err(DecodeError::IntegerTooLarge);
        }
        if octet & 0x80 == 0 {
            return usize::try_from(value).map_err(|_| DecodeError::IntegerTooLarge);
        }
    }
    Err(DecodeError::IntegerTooLarge)
}

/// Appends an integer. `mask` has the bits of the prefix, `flags` the bits before it.
#[inline]
pub(super) fn put(out: &mut Vec<u8>, flags: u8, mask: u8, value: usize) {
    match u8::try_from(value) {
        Ok(short) if short < mask => out.push(flags | short),
        _ => put_long(out, flags, mask, value),
    }
}

fn put_long(out: &mut Vec<u8>, flags: u8, mask: u8, value: usize) {
    out.push(flags | mask);
    let mut rest = value.saturating_sub(usize::from(mask));
    while rest >= 0x80 {
        out.push(low_octet(rest) | 0x80);
        rest >>= 7;
    }
    out.push(low_octet(rest));
}

/// The low octet of a value, the rest is dropped.
const fn low_octet(value: usize) -> u8 {
    value.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn check(value: usize, mask: u8, wire: &[u8]) {
        let mut out = vec![];
        put(&mut out, 0, mask, value);
        assert_eq!(out, wire);
        let mut input = wire;
        assert_eq!(take(&mut input, mask), Ok(value));
        assert!(input.is_empty());
    }

    #[test]
    fn examples_of_appendix_c_1() {
        check(10, 0x1f, &[0x0a]);
        check(1337, 0x1f, &[0x1f, 0x9a, 0x0a]);
        check(42, 0xff, &[0x2a]);
    }

    #[test]
    fn borders() {
        check(30, 0x1f, &[0x1e]);
        check(31, 0x1f, &[0x1f, 0x00]);
        check(31 + 127, 0x1f, &[0x1f, 0x7f]);
        check(31 + 128, 0x1f, &[0x1f, 0x80, 0x01]);
        check(1 << 28, 0x0f, &[0x0f, 0xf1, 0xff, 0xff, 0x7f]);
        check(1 << 28, 0x7f, &[0x7f, 0x81, 0xff, 0xff, 0x7f]);
    }

    #[test]
    fn every_prefix_round_trips() {
        for bits in 1..=8 {
            let mask = u8::try_from((1u16 << bits) - 1).unwrap();
            for value in (0..70_000).chain([(1 << 28) - 1, 1 << 28]) {
                let mut out = vec![];
                put(&mut out, 0, mask, value);
                assert_eq!(take(&mut &out[..], mask), Ok(value), "{bits} bits");
            }
        }
    }

    #[test]
    fn too_large_or_unfinished() {
        for (wire, error) in [
            (&[][..], DecodeError::Truncated),
            (&[0x1f], DecodeError::UnterminatedInteger),
            (&[0x1f, 0x80, 0x80], DecodeError::UnterminatedInteger),
            (&[0x1f, 0x80, 0x80, 0x80, 0x80, 0x02], DecodeError::IntegerTooLarge),
            (&[0x1f, 0xe2, 0xff, 0xff, 0x7f], DecodeError::IntegerTooLarge),
            (&[0x1f, 0xff, 0xff, 0xff, 0xff, 0x7f], DecodeError::IntegerTooLarge),
            (&[0x1f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], DecodeError::IntegerTooLarge),
        ] {
            assert_eq!(take(&mut &wire[..], 0x1f), Err(error), "{wire:x?}");
        }
        // Padding is accepted as long as it fits five octets.
        assert_eq!(take(&mut &[0x1f, 0x80, 0x80, 0x80, 0x80, 0x00][..], 0x1f), Ok(31));
    }
}
