//! Percent-encoding of `grpc-message` (PROTOCOL-HTTP2.md, "Responses").

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// Whether an octet travels as it is: printable ASCII but `%`.
const fn is_plain(octet: u8) -> bool {
    matches!(octet, 0x20..=0x7e) && octet != b'%'
}

/// Encodes UTF-8 text, borrowing where nothing needs an escape. Spaces at the edges are escaped as well:
/// HTTP/2 forbids them there (RFC 9113 §8.2.1).
#[must_use]
pub fn encode(text: &str) -> Cow<'_, [u8]> {
    let octets = text.as_bytes();
    let at_edge = |index: usize| index == 0 || index == octets.len().saturating_sub(1);
    let plain = |(index, octet): (usize, &u8)| is_plain(*octet) && !(*octet == b' ' && at_edge(index));
    if octets.iter().enumerate().all(plain) {
        return Cow::Borrowed(octets);
    }
    let mut out = Vec::with_capacity(octets.len().saturating_mul(2));
    for (index, octet) in octets.iter().enumerate() {
        if plain((index, octet)) {
            out.push(*octet);
        } else {
            out.extend([b'%', hex(octet >> 4), hex(octet & 0xf)]);
        }
    }
    Cow::Owned(out)
}

/// Decodes; never fails: a bad escape stays as it is, octets that are no UTF-8 become U+FFFD.
#[must_use]
pub fn decode(text: &[u8]) -> String {
    if !text.contains(&b'%') {
        return String::from_utf8_lossy(text).into_owned();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((octet, behind)) = rest.split_first() {
        let escaped = match (octet, behind) {
            (b'%', [high, low, ..]) => value(*high).zip(value(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*octet);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

const fn hex(digit: u8) -> u8 {
    match digit {
        0..=9 => b'0' + digit,
        _ => b'A' + (digit & 0xf) - 10,
    }
}

const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    quickcheck! {
        fn every_text_survives(text: String) -> bool {
            let wire = encode(&text);
            decode(&wire) == text && wire.iter().all(|octet| matches!(octet, 0x20..=0x7e))
        }

        fn nothing_makes_decoding_fail(octets: Vec<u8>) -> bool {
            let _ = decode(&octets);
            true
        }
    }

    #[test]
    fn bad_escapes_stay() {
        for (wire, text) in
            [("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%41%", "A%"), ("a%20b", "a b"), ("100%25", "100%")]
        {
            assert_eq!(decode(wire.as_bytes()), text);
        }
        assert_eq!(decode(b"%ff"), "\u{fffd}");
    }

    /// The text of the interop case `special_status_message`.
    #[test]
    fn white_space_and_planes_survive() {
        let text = "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}\t\n";
        assert_eq!(decode(&encode(text)), text);
    }
}
