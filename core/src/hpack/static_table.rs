//! The static table (RFC 7541 Appendix A).

use super::Token;
use super::dynamic_table::TableField;

/// The first index of the dynamic table.
pub(super) const DYNAMIC_INDEX_MIN: usize = ENTRIES.len() + 1;

/// The entry at an index, which begins at one.
#[inline]
pub(super) fn get(index: usize) -> Option<TableField<'static>> {
    ENTRIES.get(index.wrapping_sub(1)).copied()
}

/// The index of the first entry with this name.
#[inline]
pub(super) const fn name_index(token: Token) -> Option<usize> {
    Some(match token {
        Token::Authority => 1,
        Token::Method => 2,
        Token::Path => 4,
        Token::Scheme => 6,
        Token::Status => 8,
        Token::AcceptEncoding => 16,
        Token::Accept => 19,
        Token::Authorization => 23,
        Token::CacheControl => 24,
        Token::ContentEncoding => 26,
        Token::ContentLength => 28,
        Token::ContentType => 31,
        Token::Cookie => 32,
        Token::Date => 33,
        Token::Expect => 35,
        Token::Host => 38,
        Token::Location => 46,
        Token::Server => 54,
        Token::SetCookie => 55,
        Token::TransferEncoding => 57,
        Token::UserAgent => 58,
        Token::Via => 60,
        _ => return None,
    })
}

/// The index of the first entry with a name that has no token.
pub(super) const fn unnamed_index(name: &[u8]) -> Option<usize> {
    Some(match name {
        b"accept-charset" => 15,
        b"accept-language" => 17,
        b"accept-ranges" => 18,
        b"access-control-allow-origin" => 20,
        b"age" => 21,
        b"allow" => 22,
        b"content-disposition" => 25,
        b"content-language" => 27,
        b"content-location" => 29,
        b"content-range" => 30,
        b"etag" => 34,
        b"expires" => 36,
        b"from" => 37,
        b"if-match" => 39,
        b"if-modified-since" => 40,
        b"if-none-match" => 41,
        b"if-range" => 42,
        b"if-unmodified-since" => 43,
        b"last-modified" => 44,
        b"link" => 45,
        b"max-forwards" => 47,
        b"proxy-authenticate" => 48,
        b"proxy-authorization" => 49,
        b"range" => 50,
        b"referer" => 51,
        b"refresh" => 52,
        b"retry-after" => 53,
        b"strict-transport-security" => 56,
        b"vary" => 59,
        b"www-authenticate" => 61,
        _ => return None,
    })
}

/// The index of the entry with this name and this value, which is not empty.
#[inline]
pub(super) fn field_index(token: Token, value: &[u8]) -> Option<usize> {
    Some(match (token, value) {
        (Token::Method, b"GET") => 2,
        (Token::Method, b"POST") => 3,
        (Token::Path, b"/") => 4,
        (Token::Path, b"/index.html") => 5,
        (Token::Scheme, b"http") => 6,
        (Token::Scheme, b"https") => 7,
        (Token::Status, b"200") => 8,
        (Token::Status, b"204") => 9,
        (Token::Status, b"206") => 10,
        (Token::Status, b"304") => 11,
        (Token::Status, b"400") => 12,
        (Token::Status, b"404") => 13,
        (Token::Status, b"500") => 14,
        (Token::AcceptEncoding, b"gzip, deflate") => 16,
        _ => return None,
    })
}

#[expect(clippy::arithmetic_side_effects, reason = "runs in the compiler, over our own table")]
const fn known(token: Token, value: &'static str) -> TableField<'static> {
    let name_len = match token.name() {
        Some(name) => name.len(),
        None => 0,
    };
    let size = (name_len + value.len() + 32) as u32;
    TableField { token, text: value.as_bytes(), unnamed_len: 0, size }
}

#[expect(clippy::arithmetic_side_effects, reason = "runs in the compiler, over our own table")]
const fn other(name: &'static str) -> TableField<'static> {
    let unnamed_len = name.len() as u32;
    TableField { token: Token::Other, text: name.as_bytes(), unnamed_len, size: unnamed_len + 32 }
}

static ENTRIES: [TableField<'static>; 61] = [
    known(Token::Authority, ""),
    known(Token::Method, "GET"),
    known(Token::Method, "POST"),
    known(Token::Path, "/"),
    known(Token::Path, "/index.html"),
    known(Token::Scheme, "http"),
    known(Token::Scheme, "https"),
    known(Token::Status, "200"),
    known(Token::Status, "204"),
    known(Token::Status, "206"),
    known(Token::Status, "304"),
    known(Token::Status, "400"),
    known(Token::Status, "404"),
    known(Token::Status, "500"),
    other("accept-charset"),
    known(Token::AcceptEncoding, "gzip, deflate"),
    other("accept-language"),
    other("accept-ranges"),
    known(Token::Accept, ""),
    other("access-control-allow-origin"),
    other("age"),
    other("allow"),
    known(Token::Authorization, ""),
    known(Token::CacheControl, ""),
    other("content-disposition"),
    known(Token::ContentEncoding, ""),
    other("content-language"),
    known(Token::ContentLength, ""),
    other("content-location"),
    other("content-range"),
    known(Token::ContentType, ""),
    known(Token::Cookie, ""),
    known(Token::Date, ""),
    other("etag"),
    known(Token::Expect, ""),
    other("expires"),
    other("from"),
    known(Token::Host, ""),
    other("if-match"),
    other("if-modified-since"),
    other("if-none-match"),
    other("if-range"),
    other("if-unmodified-since"),
    other("last-modified"),
    other("link"),
    known(Token::Location, ""),
    other("max-forwards"),
    other("proxy-authenticate"),
    other("proxy-authorization"),
    other("range"),
    other("referer"),
    other("refresh"),
    other("retry-after"),
    known(Token::Server, ""),
    known(Token::SetCookie, ""),
    other("strict-transport-security"),
    known(Token::TransferEncoding, ""),
    known(Token::UserAgent, ""),
    other("vary"),
    known(Token::Via, ""),
    other("www-authenticate"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(entry: TableField<'static>) -> &'static [u8] {
        entry.token.name().map_or_else(|| entry.unnamed(), str::as_bytes)
    }

    #[test]
    fn indexes_lead_to_their_entries() {
        assert_eq!(DYNAMIC_INDEX_MIN, 62);
        assert!(get(0).is_none() && get(62).is_none());
        for index in 1..DYNAMIC_INDEX_MIN {
            let entry = get(index).unwrap();
            let name = name_of(entry);
            assert_eq!(entry.size as usize, name.len() + entry.value().len() + 32);
            let first = (1..=index).find(|&at| name_of(get(at).unwrap()) == name).unwrap();
            match entry.token {
                Token::Other => assert_eq!(unnamed_index(name), Some(first)),
                token => assert_eq!(name_index(token), Some(first)),
            }
            assert_eq!(Token::of(name), entry.token);
            if !entry.value().is_empty() {
                assert_eq!(field_index(entry.token, entry.value()), Some(index));
            }
        }
        assert_eq!(unnamed_index(b""), None);
        for &token in Token::NAMED {
            if let Some(index) = name_index(token) {
                assert_eq!(get(index).unwrap().token, token);
            }
        }
    }
}
