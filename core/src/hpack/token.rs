//! Field names that this crate acts on, as one octet each.

/// Writes the enum and the names in one place.
macro_rules! tokens {
    ($($(#[$meta:meta])* $variant:ident = $name:literal,)*) => {
        /// A field name, resolved once while a block is decoded.
        ///
        /// Entries of both tables carry their token, so most fields of a call never have their name
        /// compared as text.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum Token {
            $($(#[$meta])* #[doc = concat!("`", $name, "`")] $variant,)*
            /// A name that begins with a colon and is none of the above. Its text is in the field.
            UnknownPseudo,
            /// Any other name. Its text is in the field.
            Other,
        }

        impl Token {
            /// How many tokens there are, for tables indexed by one.
            pub(super) const COUNT: usize = Self::Other as usize + 1;

            /// All tokens that have a name.
            pub(super) const NAMED: &'static [Self] = &[$(Self::$variant,)*];

            /// The name, or `None` for [`Token::UnknownPseudo`] and [`Token::Other`].
            #[must_use]
            #[inline]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($name),)*
                    Self::UnknownPseudo | Self::Other => None,
                }
            }
        }
    };
}

tokens! {
    Authority = ":authority",
    Method = ":method",
    Path = ":path",
    Scheme = ":scheme",
    Status = ":status",
    Protocol = ":protocol",
    ContentType = "content-type",
    Te = "te",
    GrpcTimeout = "grpc-timeout",
    GrpcEncoding = "grpc-encoding",
    GrpcAcceptEncoding = "grpc-accept-encoding",
    GrpcMessageType = "grpc-message-type",
    GrpcStatus = "grpc-status",
    GrpcMessage = "grpc-message",
    GrpcStatusDetailsBin = "grpc-status-details-bin",
    GrpcPreviousRpcAttempts = "grpc-previous-rpc-attempts",
    GrpcRetryPushbackMs = "grpc-retry-pushback-ms",
    GrpcTraceBin = "grpc-trace-bin",
    GrpcTagsBin = "grpc-tags-bin",
    Traceparent = "traceparent",
    Tracestate = "tracestate",
    UserAgent = "user-agent",
    ContentLength = "content-length",
    Host = "host",
    Cookie = "cookie",
    SetCookie = "set-cookie",
    Authorization = "authorization",
    Connection = "connection",
    KeepAlive = "keep-alive",
    ProxyConnection = "proxy-connection",
    TransferEncoding = "transfer-encoding",
    Upgrade = "upgrade",
    Date = "date",
    Server = "server",
    Via = "via",
    Location = "location",
    Accept = "accept",
    AcceptEncoding = "accept-encoding",
    ContentEncoding = "content-encoding",
    CacheControl = "cache-control",
    Expect = "expect",
}

impl Token {
    /// The token of a name. Names are compared as they are: HTTP/2 has lower case only.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        let (Some(&first), Some(&last)) = (name.first(), name.last()) else {
            return Self::Other;
        };
        let slot = slot(MULTIPLIERS, name.len(), first, last);
        if let Some(&token) = BY_SLOT.get(slot) {
            if token.name().is_some_and(|known| known.as_bytes() == name) {
                return token;
            }
        }
        if first == b':' { Self::UnknownPseudo } else { Self::Other }
    }

    /// The token that `as u8` makes this number of.
    pub(super) fn numbered(number: u8) -> Self {
        let unnamed = if number == Self::UnknownPseudo as u8 { Self::UnknownPseudo } else { Self::Other };
        Self::NAMED.get(usize::from(number)).copied().unwrap_or(unnamed)
    }

    /// Whether the name begins with a colon (RFC 9113 §8.3).
    #[must_use]
    #[inline]
    pub const fn is_pseudo(self) -> bool {
        matches!(
            self,
            Self::Authority
                | Self::Method
                | Self::Path
                | Self::Scheme
                | Self::Status
                | Self::Protocol
                | Self::UnknownPseudo
        )
    }
}

/// The slots of the perfect hash over the known names.
const SLOTS: usize = 256;

/// A slot from what tells all known names apart: length, first and last octet.
#[inline]
const fn slot(multipliers: (usize, usize), len: usize, first: u8, last: u8) -> usize {
    let first = (first as usize).wrapping_mul(multipliers.0);
    let len = len.wrapping_mul(multipliers.1);
    first.wrapping_add(len).wrapping_add(last as usize) % SLOTS
}

/// Multipliers under which no two known names share a slot, found by the compiler.
const MULTIPLIERS: (usize, usize) = {
    let mut first = 1;
    'search: loop {
        let mut len = 1;
        while len < SLOTS {
            if fill((first, len)).is_some() {
                break 'search (first, len);
            }
            len += 1;
        }
        first += 1;
    }
};

/// The token whose name may be in a slot; `Other` in empty ones.
static BY_SLOT: [Token; SLOTS] = match fill(MULTIPLIERS) {
    Some(table) => table,
    None => [Token::Other; SLOTS],
};

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs in the compiler, over our own table"
)]
const fn fill(multipliers: (usize, usize)) -> Option<[Token; SLOTS]> {
    let mut table = [Token::Other; SLOTS];
    let mut at = 0;
    while at < Token::NAMED.len() {
        let token = Token::NAMED[at];
        if let Some(name) = token.name() {
            let bytes = name.as_bytes();
            let slot = slot(multipliers, bytes.len(), bytes[0], bytes[bytes.len() - 1]);
            if !matches!(table[slot], Token::Other) {
                return None;
            }
            table[slot] = token;
        }
        at += 1;
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tokens_are_inverse() {
        for &token in Token::NAMED {
            let name = token.name().unwrap();
            assert_eq!(Token::of(name.as_bytes()), token);
            assert_eq!(token.is_pseudo(), name.starts_with(':'), "{name}");
        }
        assert_eq!(Token::NAMED.len() + 2, Token::COUNT);
        for token in Token::NAMED.iter().copied().chain([Token::UnknownPseudo, Token::Other]) {
            assert_eq!(Token::numbered(token as u8), token);
        }
    }

    #[test]
    fn other_names_have_no_token_of_their_own() {
        for (name, token) in [
            (&b""[..], Token::Other),
            (b"x-user", Token::Other),
            (b"Content-Type", Token::Other),
            (b"\xff\xfe", Token::Other),
            (b":", Token::UnknownPseudo),
            (b":Path", Token::UnknownPseudo),
            (b":\xff", Token::UnknownPseudo),
        ] {
            assert_eq!(Token::of(name), token);
            assert_eq!(token.name(), None);
        }
        assert!(Token::UnknownPseudo.is_pseudo());
        assert!(!Token::Other.is_pseudo());
    }
}
