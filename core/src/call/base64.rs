//! Base64 (RFC 4648 §4) of binary metadata: padded or not on receipt, unpadded on sending.

use alloc::vec::Vec;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the unpadded encoding of `octets`.
pub fn encode(octets: &[u8], out: &mut Vec<u8>) {
    for chunk in octets.chunks(3) {
        let mut group = 0_u32;
        for place in 0..3 {
            group = group << 8 | u32::from(chunk.get(place).copied().unwrap_or(0));
        }
        for place in 0..=chunk.len() {
            let sextet = group >> (18_usize.saturating_sub(place.saturating_mul(6))) & 0x3f;
            out.push(ALPHABET.get(sextet as usize).copied().unwrap_or(b'A'));
        }
    }
}

/// Appends the decoding of `text`. `None` where it is no base64; `out` may then hold a part of it.
#[must_use]
pub fn decode(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let text = match text {
        [head @ .., b'=', b'='] if text.len() % 4 == 0 => head,
        [head @ .., b'='] if text.len() % 4 == 0 => head,
        _ => text,
    };
    for chunk in text.chunks(4) {
        let mut group = 0_u32;
        for place in 0..4 {
            let sextet = match chunk.get(place) {
                Some(digit) => value(*digit)?,
                None => 0,
            };
            group = group << 6 | u32::from(sextet);
        }
        let [_, first, second, third] = group.to_be_bytes();
        match chunk.len() {
            4 => out.extend([first, second, third]),
            3 => out.extend([first, second]),
            2 => out.push(first),
            _ => return None,
        }
    }
    Some(())
}

const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    quickcheck! {
        fn octets_survive_with_and_without_padding(octets: Vec<u8>) -> bool {
            let (mut text, mut back, mut padded_back) = (Vec::new(), Vec::new(), Vec::new());
            encode(&octets, &mut text);
            let bare = decode(&text, &mut back);
            while text.len() % 4 != 0 {
                text.push(b'=');
            }
            let padded = decode(&text, &mut padded_back);
            bare.and(padded).is_some() && back == octets && padded_back == octets
        }
    }

    /// RFC 4648 §10, of the alphabet of RFC 4648 §4.
    #[test]
    fn the_vectors_of_rfc_4648_hold() {
        for (octets, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = Vec::new();
            encode(octets.as_bytes(), &mut out);
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn what_is_no_base64_is_noticed() {
        for bad in ["A", "AB=", "A===", "====", "AB=C", "A B=", "AAAAA", "_-__"] {
            assert_eq!(decode(bad.as_bytes(), &mut Vec::new()), None, "{bad}");
        }
    }
}
