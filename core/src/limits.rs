//! Every bound on what a peer can make this side hold or do: its default, what happens there, and why.
//!
//! The table below makes the struct, its documentation, and the page `core/BOUNDS.md`; a test of its own
//! belongs to every row.

mod budget;
mod row;

pub use budget::Budget;
pub use row::{FIXED, Row};

use alloc::vec::Vec;
use core::time::Duration;

macro_rules! limits {
    ($( $(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr, $unit:literal, $at:literal, $why:literal; )*) => {
        /// The bounds of one connection, and those of a server or channel as a whole. Both roles use the
        /// same: a hostile server attacks clients with the same frames.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Limits {
            $(
                $(#[doc = $doc])+
                #[doc = concat!(
                    "\n\nAt the bound: ", $at, ".\n\nUnit: ", $unit, ". Default: `", stringify!($default),
                    "`. Source: ", $why, "."
                )]
                pub $name: $type,
            )*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $( $name: $default, )* }
            }
        }

        impl Limits {
            /// One row for each bound, with the values of these limits.
            #[must_use]
            pub fn rows(&self) -> Vec<Row> {
                alloc::vec![ $(
                    Row {
                        name: stringify!($name),
                        bounds: concat!($($doc),+),
                        value: row::Shown::shown(&self.$name),
                        unit: $unit,
                        consequence: $at,
                        source: $why,
                    },
                )* ]
            }

            $(
                #[doc = concat!("The same limits with another [`", stringify!($name), "`](Self::", stringify!($name), ").")]
                #[must_use]
                pub fn $name(mut self, value: $type) -> Self {
                    self.$name = value;
                    self
                }
            )*
        }
    };
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

limits! {
    /// Calls that a peer may have open at once on a connection, advertised as
    /// `SETTINGS_MAX_CONCURRENT_STREAMS`. A call counts until it is released, so work is bounded and not
    /// only streams.
    concurrent_calls_max: u32 = 100, "calls",
        "a stream above it is refused with REFUSED_STREAM; a call whose stream is one of them, while as many handlers run, waits",
        "RFC 9113 §5.1.2, CVE-2023-44487";
    /// Resets before a call's normal end, by either side, that a peer may cause at once; every call that
    /// ends well gives one back.
    resets_burst: u32 = 1000, "streams",
        "the connection ends with ENHANCE_YOUR_CALM",
        "CVE-2023-44487, CVE-2025-8671";
    /// Refill of [`resets_burst`](Self::resets_burst).
    resets_per_second: u32 = 33, "streams per second",
        "as for resets_burst",
        "CVE-2023-44487, CVE-2025-8671";
    /// Frames that are legal but pointless (empty DATA, PRIORITY, unknown types, SETTINGS, PING, …) at once.
    glitches_burst: u32 = 10_000, "frames",
        "the connection ends with ENHANCE_YOUR_CALM",
        "RFC 9113 §10.5, CVE-2019-9513, CVE-2019-9515, CVE-2019-9518";
    /// Refill of [`glitches_burst`](Self::glitches_burst).
    glitches_per_second: u32 = 330, "frames per second",
        "as for glitches_burst",
        "RFC 9113 §10.5";
    /// Unsent replies that a peer caused: acknowledgements and resets.
    queued_replies_max: usize = 100, "replies",
        "nothing more is read from the peer until they are written",
        "CVE-2019-9512, CVE-2019-9514, CVE-2019-9515";
    /// Size of a decoded header list, name + value + 32 for each field: advertised and enforced.
    header_list_bytes_max: usize = 16 * KIB, "octets",
        "the call ends with RESOURCE_EXHAUSTED",
        "RFC 9113 §6.5.2, CVE-2016-6581";
    /// Fields of a header list.
    header_fields_max: usize = 128, "fields",
        "the call ends with RESOURCE_EXHAUSTED",
        "CVE-2026-49975";
    /// Size up to which a header list is decoded at all, to keep HPACK in step, and size of its block.
    header_decode_bytes_max: usize = 64 * KIB, "octets",
        "the connection ends with ENHANCE_YOUR_CALM",
        "RFC 9113 §10.5.1, CVE-2023-45288";
    /// CONTINUATION frames of one header block.
    continuation_frames_max: u32 = 8, "frames",
        "the connection ends with ENHANCE_YOUR_CALM",
        "CVE-2024-27316, CVE-2024-28182, CVE-2026-33871";
    /// HPACK decoder table, advertised as `SETTINGS_HEADER_TABLE_SIZE`.
    header_table_bytes: usize = 4096, "octets",
        "a size update above it ends the connection with COMPRESSION_ERROR",
        "RFC 7541 §4.2, §6.3";
    /// Flow-control window of each stream that this side receives on.
    stream_window_bytes: u32 = 64 * 1024, "octets",
        "more DATA resets the stream with FLOW_CONTROL_ERROR",
        "RFC 9113 §5.2, §6.9.1";
    /// Flow-control window of the connection that this side receives on.
    connection_window_bytes: u32 = 4 * 1024 * 1024, "octets",
        "more DATA ends the connection with FLOW_CONTROL_ERROR",
        "RFC 9113 §5.2, §6.9.1";
    /// Received octets of messages that nobody took, in all calls of a connection.
    unread_bytes_max: usize = 4 * MIB, "octets",
        "only the oldest unfinished message gets flow-control credit",
        "RFC 9113 §5.2.2";
    /// Flow-control credit beyond the windows that streams begin with, in all calls of a connection: for the rest of
    /// messages in progress, and up to half of it for windows that hold their peers up, which grow. It counts as
    /// unread before the octets come.
    credit_ahead_bytes_max: u32 = 1024 * 1024, "octets",
        "a large message waits for credit once for each window of its stream, and windows stay as they are",
        "RFC 9113 §5.2.2";
    /// How long a connection may stay above [`unread_bytes_max`](Self::unread_bytes_max) with no message
    /// finished.
    unread_stall: Duration = Duration::from_secs(60), "time",
        "the call that holds most ends with RESOURCE_EXHAUSTED",
        "RFC 9113 §5.2.2";
    /// Unsent octets of one call. A call that holds no unsent octet may always queue one message.
    unsent_call_bytes_max: usize = 64 * KIB, "octets",
        "`send_message` answers `Blocked`, and `Writable` follows",
        "CVE-2019-9517";
    /// Unsent octets of all calls of a connection, for what comes on top of the first message of each.
    unsent_bytes_max: usize = MIB, "octets",
        "`send_message` answers `Blocked`, and `Writable` follows in order",
        "CVE-2019-9511, CVE-2019-9517";
    /// Size of a received message. Memory grows with what arrived, never by the length that is claimed.
    message_bytes_max: usize = 4 * MIB, "octets",
        "the call ends with RESOURCE_EXHAUSTED as soon as the length is known",
        "CVE-2024-37168, CVE-2026-48854";
    /// Settings in one SETTINGS frame.
    settings_per_frame_max: usize = 32, "settings",
        "the connection ends with ENHANCE_YOUR_CALM",
        "CVE-2020-11080";
    /// Interim (1xx) header blocks of one response.
    interim_responses_max: u32 = 8, "header blocks",
        "the stream is reset with ENHANCE_YOUR_CALM",
        "RFC 9110 §15.2";
    /// Time for the peer's preface and first SETTINGS, from the beginning of the connection.
    handshake_timeout: Duration = Duration::from_secs(10), "time",
        "the connection ends with SETTINGS_TIMEOUT",
        "CVE-2026-56853";
    /// Time for the acknowledgement of our SETTINGS.
    settings_ack_timeout: Duration = Duration::from_secs(20), "time",
        "the connection ends with SETTINGS_TIMEOUT",
        "RFC 9113 §6.5.3";
    /// Time for the rest of a frame.
    partial_frame_timeout: Duration = Duration::from_secs(30), "time",
        "the connection ends with ENHANCE_YOUR_CALM",
        "RFC 9113 §10.5";
    /// Time for the rest of a header block, from its first frame on.
    header_block_timeout: Duration = Duration::from_secs(10), "time",
        "the connection ends with ENHANCE_YOUR_CALM",
        "CVE-2023-45288";
    /// Time in which a write must make some progress.
    write_stall_timeout: Duration = Duration::from_secs(30), "time",
        "the connection is given up",
        "CVE-2019-9517";
    /// Server: the least time between two PINGs of a client with calls, unless messages or headers were
    /// sent, or messages received, between them.
    ping_interval_min: Duration = Duration::from_secs(5 * MINUTE), "time",
        "the PING is a strike",
        "gRFC A8";
    /// Server: the same for a client without calls.
    ping_interval_idle_min: Duration = Duration::from_secs(2 * HOUR), "time",
        "the PING is a strike",
        "gRFC A8";
    /// Server: strikes that a client has.
    ping_strikes_max: u32 = 2, "PINGs",
        "the connection ends with ENHANCE_YOUR_CALM, \"too_many_pings\"",
        "gRFC A8, CVE-2019-9512";
    /// Server: how long a client may be silent before it is sent a PING; at least 1 s.
    server_keepalive: Option<Duration> = Some(Duration::from_secs(2 * HOUR)), "time",
        "a PING is sent",
        "gRFC A9";
    /// Client: how long a server may be silent, while calls run, before it is sent a PING; at least 10 s.
    client_keepalive: Option<Duration> = None, "time",
        "a PING is sent",
        "gRFC A8";
    /// How long a peer may be silent after such a PING.
    keepalive_timeout: Duration = Duration::from_secs(20), "time",
        "the connection is given up, and its calls end UNAVAILABLE",
        "gRFC A8, A9";
    /// Server: how long a connection may have no calls.
    connection_idle_max: Option<Duration> = Some(Duration::from_secs(30 * MINUTE)), "time",
        "the connection ends in order with GOAWAY, \"max_idle\"",
        "gRFC A9";
    /// Server: how long a connection may live, give or take a tenth.
    connection_age_max: Option<Duration> = None, "time",
        "the connection ends in order with GOAWAY, \"max_age\"",
        "gRFC A9";
    /// Server: how long calls may run on after that.
    connection_age_grace: Duration = Duration::from_secs(10 * MINUTE), "time",
        "the calls that still run are cut off",
        "gRFC A9";
    /// Metadata of requests that a connection may hold at once before handlers take them.
    request_metadata_bytes_max: usize = MIB, "octets",
        "the stream is refused with REFUSED_STREAM",
        "CVE-2026-49975";
    /// Sent messages that a call keeps until the response commits it, so that it can be placed once more.
    replay_bytes_max: usize = 256 * KIB, "octets",
        "the call cannot be repeated",
        "gRFC A6";
    /// Calls that wait for a connection or for room on one.
    waiting_calls_max: usize = 1024, "calls",
        "the call ends with RESOURCE_EXHAUSTED",
        "RFC 9113 §5.1.2";
    /// Client: how long after a failed attempt to connect the next one starts, for calls that wait through
    /// failures; 1.6 times as long after each, give or take a fifth.
    reconnect_pause: Duration = Duration::from_secs(1), "time",
        "the next attempt starts",
        "gRPC connection-backoff.md";
    /// Client: as long as that gets.
    reconnect_pause_max: Duration = Duration::from_secs(2 * MINUTE), "time",
        "pauses grow no longer",
        "gRPC connection-backoff.md";
    /// Connections of a server, for adapters that accept them.
    connections_max: usize = 10_000, "connections",
        "no more are accepted; they wait in the system's queue",
        "CVE-2023-4785";
    /// Connections of a server whose clients have not sent their SETTINGS, for adapters that accept them.
    handshakes_max: usize = 256, "connections",
        "no more are accepted; they wait in the system's queue",
        "CVE-2023-4785";
    /// What all connections of a server hold together: unread and unsent messages, metadata, calls.
    server_bytes_max: usize = 1024 * MIB, "octets",
        "from three quarters of it, new streams are refused with REFUSED_STREAM",
        "RFC 9113 §10.5";
}
