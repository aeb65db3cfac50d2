//! The bounds as a table for people.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

/// One bound, for a page of documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name of the field in [`Limits`](super::Limits).
    pub name: &'static str,
    /// What it bounds.
    pub bounds: &'static str,
    /// Its value.
    pub value: String,
    /// The unit of the value.
    pub unit: &'static str,
    /// What happens at the bound.
    pub consequence: &'static str,
    /// Where the bound comes from.
    pub source: &'static str,
}

/// Bounds without a knob: name, what is bounded with its value, what happens there, source.
pub const FIXED: &[(&str, &str, &str, &str)] = &[
    (
        "hpack_integer",
        "integers of header blocks: five octets after the prefix, and 2^28",
        "the connection ends with COMPRESSION_ERROR",
        "RFC 7541 §5.1, CVE-2023-33953",
    ),
    (
        "hpack_string",
        "strings of header blocks: what header_decode_bytes_max leaves, judged before they are stored",
        "the connection ends with ENHANCE_YOUR_CALM",
        "RFC 7541 §5.2, CVE-2023-33953",
    ),
    (
        "hpack_size_updates",
        "table size updates: two in a block, at its beginning",
        "the connection ends with COMPRESSION_ERROR",
        "RFC 7541 §4.2",
    ),
    (
        "hpack_encoder_table",
        "the table with which header lists are compressed: 4096 octets, whatever the peer allows",
        "older entries are evicted",
        "RFC 7541 §4.2",
    ),
    (
        "frame_size",
        "the payload of a received frame: 16384 octets, the least that there is",
        "the connection ends with FRAME_SIZE_ERROR",
        "RFC 9113 §4.2",
    ),
    (
        "small_data",
        "memory for messages that are not taken: at most twice their octets, however small the frames",
        "none: octets are copied together",
        "RUSTSEC-2026-0258",
    ),
    (
        "spare_buffers",
        "buffers of large messages that a process keeps for the next ones: 4 MiB in all, or as `keep_spare_bytes` says",
        "the oldest is freed",
        "RFC 9113 §10.5",
    ),
    (
        "sent_message",
        "the size of a sent message: 2^32 - 1 octets",
        "`send_message` answers `Misuse::MessageTooLarge`",
        "PROTOCOL-HTTP2.md",
    ),
    ("push_promise", "pushed streams: none", "the connection ends with PROTOCOL_ERROR", "RFC 9113 §8.4"),
    (
        "closed_streams",
        "memory for streams that are closed: none, but for three sums",
        "frames that cannot have been on their way count as pointless",
        "RFC 9113 §5.1",
    ),
    (
        "grpc_timeout",
        "a deadline: eight digits and a unit, at most 584 years from the origin of time",
        "a longer text is answered with HTTP status 400; a longer time is cut",
        "PROTOCOL-HTTP2.md",
    ),
];

/// How a value is written in the table.
pub(super) trait Shown {
    fn shown(&self) -> String;
}

impl Shown for u32 {
    fn shown(&self) -> String {
        usize::try_from(*self).unwrap_or(usize::MAX).shown()
    }
}

impl Shown for usize {
    fn shown(&self) -> String {
        for (unit, name) in [(1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")] {
            if *self >= unit && self % unit == 0 {
                return format!("{} {name}", self / unit);
            }
        }
        format!("{self}")
    }
}

impl Shown for Duration {
    fn shown(&self) -> String {
        let seconds = self.as_secs();
        for (unit, name) in [(3600, "h"), (60, "min")] {
            if seconds >= 2 * unit && seconds % unit == 0 && self.subsec_nanos() == 0 {
                return format!("{} {name}", seconds / unit);
            }
        }
        format!("{} s", self.as_secs_f64())
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> String {
        self.as_ref().map_or_else(|| "off".into(), T::shown)
    }
}
