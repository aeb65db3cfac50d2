//! What every header list must keep (RFC 9113 §8.2, §8.3), and the custom metadata in it.

use alloc::vec::Vec;

use crate::call::base64;
use crate::call::metadata::{self, Metadata};
use crate::hpack::{Field, Token};

/// A header list that no endpoint may send: the stream ends with PROTOCOL_ERROR (RFC 9113 §8.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MalformedFields {
    Name,
    Value,
    Pseudo,
    ConnectionSpecific,
    ContentLength,
    Host,
}

/// Checks the order of a list: pseudo-header fields come first (RFC 9113 §8.3), each at most once.
#[derive(Debug, Default)]
pub(crate) struct Order {
    regular_seen: bool,
    pseudo_seen: u32,
}

impl Order {
    /// Takes the next field; whether it is a pseudo-header field.
    pub(crate) fn next(&mut self, field: &Field<'_>) -> Result<bool, MalformedFields> {
        check_value(if may_have_edges(field.token) { without_edges(field.value) } else { field.value })?;
        if !field.token.is_pseudo() {
            self.regular_seen = true;
            return Ok(false);
        }
        let bit = 1_u32.checked_shl(field.token as u32).unwrap_or(0);
        // RFC 9113 §8.3: "The same pseudo-header field name MUST NOT appear more than once in a field block."
        if self.regular_seen || self.pseudo_seen & bit != 0 || field.token == Token::UnknownPseudo {
            return Err(MalformedFields::Pseudo);
        }
        self.pseudo_seen |= bit;
        Ok(true)
    }
}

/// What the regular fields of a list say beside the custom metadata.
#[derive(Debug, Default)]
pub(crate) struct Regular {
    pub(crate) metadata: Metadata,
    pub(crate) content_length: Option<u64>,
    /// A `-bin` value was no base64.
    pub(crate) bad_binary: Option<()>,
}

impl Regular {
    /// Takes a regular field that its role has no use of its own for.
    pub(crate) fn take(&mut self, field: &Field<'_>) -> Result<(), MalformedFields> {
        match field.token {
            // RFC 9113 §8.2.2: a message with connection-specific fields is malformed.
            Token::Connection
            | Token::KeepAlive
            | Token::ProxyConnection
            | Token::TransferEncoding
            | Token::Upgrade => {
                return Err(MalformedFields::ConnectionSpecific);
            }
            Token::Te if field.value != b"trailers" => return Err(MalformedFields::ConnectionSpecific),
            Token::Te | Token::Host | Token::ContentType | Token::GrpcAcceptEncoding => {}
            Token::ContentLength => {
                let length = content_length(field.value).ok_or(MalformedFields::ContentLength)?;
                if self.content_length.is_some_and(|other| other != length) {
                    return Err(MalformedFields::ContentLength);
                }
                self.content_length = Some(length);
            }
            _ => {
                if field.token == Token::Other {
                    check_name(field.name)?;
                }
                self.take_custom(field);
            }
        }
        Ok(())
    }

    fn take_custom(&mut self, field: &Field<'_>) {
        if !metadata::is_binary(field.name) {
            self.metadata.push(field.name, without_edges(field.value), field.never_indexed);
            return;
        }
        // PROTOCOL-HTTP2.md: values of one name may have been joined with commas; split before decoding.
        for text in field.value.split(|octet| *octet == b',') {
            let mut octets = Vec::new();
            match base64::decode(text.trim_ascii(), &mut octets) {
                Some(()) => {
                    self.metadata.push(field.name, &octets, field.never_indexed);
                }
                None => self.bad_binary = Some(()),
            }
        }
    }
}

/// RFC 9113 §8.2.1: lower case, visible, no colon.
fn check_name(name: &[u8]) -> Result<(), MalformedFields> {
    let legal = |octet: &u8| matches!(octet, 0x21..=0x7e) && !octet.is_ascii_uppercase() && *octet != b':';
    if name.is_empty() || !name.iter().all(legal) { Err(MalformedFields::Name) } else { Ok(()) }
}

/// RFC 9113 §8.2.1: no NUL, CR or LF anywhere, no white space at the edges.
fn check_value(value: &[u8]) -> Result<(), MalformedFields> {
    let edge = |octet: Option<&u8>| matches!(octet, Some(b' ' | b'\t'));
    let illegal = |octet: &u8| matches!(octet, 0 | b'\r' | b'\n');
    if edge(value.first()) || edge(value.last()) || has_control(value) && value.iter().any(illegal) {
        Err(MalformedFields::Value)
    } else {
        Ok(())
    }
}

/// Whether an octet is below 0x20; eight at a time, for every field of every call comes by here.
#[inline]
fn has_control(value: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    // The highest bit of an octet is set by the subtraction and was not before, if it was below 0x20.
    let below = |octets: &[u8; 8]| {
        let word = u64::from_ne_bytes(*octets);
        word.wrapping_sub(ONES.wrapping_mul(0x20)) & !word & ONES.wrapping_mul(0x80)
    };
    let Some(last) = value.last_chunk() else { return value.iter().any(|octet| *octet < 0x20) };
    // What the last eight share with those before them is looked at twice.
    let mut found = below(last);
    let mut rest = value;
    while let Some((octets, behind)) = rest.split_first_chunk() {
        found |= below(octets);
        rest = behind;
    }
    found != 0
}

/// Whether white space at the edges of a value is no fault.
///
/// RFC 9113 §8.2.1 has it that it is. PROTOCOL-HTTP2.md, "Custom-Metadata": "ASCII-Value should not have leading
/// or trailing whitespace. If it contains leading or trailing whitespace, it may be stripped." C-core
/// and grpc-go send it: their checks of a value let %x20 stand anywhere (`src/core/lib/surface/validate_metadata.cc`,
/// `internal/metadata/metadata.go`). So it is stripped from custom metadata, where nobody can mistake what is left;
/// what HTTP/2 and gRPC act on themselves is strict. The message of a status keeps its spaces: they are not escaped.
const fn may_have_edges(token: Token) -> bool {
    !matches!(
        token,
        Token::Authority
            | Token::Method
            | Token::Path
            | Token::Scheme
            | Token::Status
            | Token::Protocol
            | Token::UnknownPseudo
            | Token::ContentType
            | Token::ContentLength
            | Token::Te
            | Token::Host
            | Token::UserAgent
            | Token::GrpcTimeout
            | Token::GrpcEncoding
            | Token::GrpcAcceptEncoding
            | Token::GrpcStatus
            | Token::GrpcStatusDetailsBin
    )
}

/// Without white space at the edges.
fn without_edges(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// RFC 9110 §8.6: `1*DIGIT`.
fn content_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |length, digit| {
        let digit = digit.is_ascii_digit().then(|| digit.wrapping_sub(b'0'))?;
        length.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9113 §8.2.1: which octets a name and a value may have.
    #[test]
    fn every_octet_is_judged_in_every_place() {
        for octet in 0..=255_u8 {
            for place in 0..19 {
                let mut text = *b"abcdefghijklmnopqrs";
                text[place] = octet;
                let name_ok = matches!(octet, 0x21..=0x7e) && !octet.is_ascii_uppercase() && octet != b':';
                assert_eq!(check_name(&text).is_ok(), name_ok, "{octet} in a name");
                let edge_space = (place == 0 || place == 18) && matches!(octet, b' ' | b'\t');
                let value_ok = !matches!(octet, 0 | b'\r' | b'\n') && !edge_space;
                assert_eq!(check_value(&text).is_ok(), value_ok, "{octet} in a value");
            }
        }
        assert!(check_name(b"").is_err());
        assert!(check_value(b"").is_ok());
    }

    fn field<'a>(name: &'a str, value: &'a str) -> Field<'a> {
        let (name, value) = (name.as_bytes(), value.as_bytes());
        Field { token: Token::of(name), name, value, never_indexed: false }
    }

    /// C-core sends the spaces at the edges of messages and metadata as they are: PROTOCOL-HTTP2.md does not
    /// escape them.
    #[test]
    fn edges_of_messages_and_metadata_may_be_spaces() {
        let mut order = Order::default();
        assert_eq!(order.next(&field(":path", " /")), Err(MalformedFields::Value));
        assert_eq!(order.next(&field("grpc-message", " edges ")), Ok(false));
        assert_eq!(order.next(&field("grpc-message", " \n ")), Err(MalformedFields::Value));
        assert_eq!(order.next(&field("x-custom", " edges ")), Ok(false));
        assert_eq!(order.next(&field("x-custom", " a\0 ")), Err(MalformedFields::Value));
        assert_eq!(order.next(&field("user-agent", " edges")), Err(MalformedFields::Value));
        assert_eq!(order.next(&field("content-type", "application/grpc ")), Err(MalformedFields::Value));
    }

    /// RFC 9110 §8.6: a content-length is digits and nothing else.
    #[test]
    fn content_lengths_are_digits() {
        for (text, length) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("", None),
            ("+1", None),
            ("-1", None),
            ("1 ", None),
            ("1,1", None),
        ] {
            assert_eq!(content_length(text.as_bytes()), length, "{text:?}");
        }
        assert_eq!(content_length(b"18446744073709551616"), None);
    }
}
