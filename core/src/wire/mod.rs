//! Bytes to frames and back (RFC 9113 §4, §6).
