//! Header blocks (RFC 7541).
