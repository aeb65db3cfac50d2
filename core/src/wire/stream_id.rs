//! Stream identifiers (RFC 9113 §5.1.1).

use core::fmt;

/// The identifier of a stream: 31 bits, of which 0 names the connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId(u32);

impl StreamId {
    /// The connection itself.
    pub const ZERO: Self = Self(0);
    /// The highest identifier.
    pub const MAX: Self = Self(0x7fff_ffff);

    /// The identifier in the lower 31 bits of `id`.
    // RFC 9113 §4.1: the reserved bit "MUST remain unset (0x00) when sending and MUST be
    // ignored when receiving".
    #[must_use]
    pub const fn new(id: u32) -> Self {
        Self(id & Self::MAX.0)
    }

    /// The number.
    #[must_use]
    pub const fn as_u32(self) -> u32 {
        self.0
    }

    /// Whether this is the connection and not a stream.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether a client starts streams of this identifier: it is odd.
    #[must_use]
    pub const fn is_client_initiated(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether a server starts streams of this identifier: it is even and not 0.
    #[must_use]
    pub const fn is_server_initiated(self) -> bool {
        self.0 != 0 && self.0 & 1 == 0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserved_bit_is_ignored() {
        assert_eq!(StreamId::new(0x8000_0005), StreamId::new(5));
        assert_eq!(StreamId::new(u32::MAX), StreamId::MAX);
        assert!(StreamId::new(0x8000_0000).is_zero());
    }

    #[test]
    fn parity_names_the_initiator_and_zero_has_none() {
        assert!(StreamId::new(1).is_client_initiated());
        assert!(!StreamId::new(1).is_server_initiated());
        assert!(StreamId::new(2).is_server_initiated());
        assert!(!StreamId::new(2).is_client_initiated());
        assert!(!StreamId::ZERO.is_client_initiated());
        assert!(!StreamId::ZERO.is_server_initiated());
    }
}
