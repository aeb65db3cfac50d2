//! Every bound on what a peer can make this side hold or do: its default, what happens there, and why.

use core::time::Duration;

macro_rules! limits {
    ($( $(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr; )*) => {
        /// The bounds of one connection. Both roles use the same: a hostile server attacks clients with
        /// the same frames. Every field names its unit; the documentation says what happens at the bound.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Limits {
            $( $(#[doc = $doc])+ #[doc = concat!("\n\nDefault: `", stringify!($default), "`.")] pub $name: $type, )*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $( $name: $default, )* }
            }
        }

        impl Limits {
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

limits! {
    /// Calls that a peer may have open at once on a connection: advertised as
    /// `SETTINGS_MAX_CONCURRENT_STREAMS` (RFC 9113 §5.1.2). A call counts until it is released, so work is
    /// bounded and not only streams. What comes above it is refused with REFUSED_STREAM.
    concurrent_calls_max: u32 = 100;
    /// Resets before a call's normal end, by either side, that a peer may cause at once; refilled by
    /// [`resets_per_second`](Self::resets_per_second) and by every call that ends well. Above it the
    /// connection ends with ENHANCE_YOUR_CALM (CVE-2023-44487, CVE-2025-8671).
    resets_burst: u32 = 1000;
    /// Refill of [`resets_burst`](Self::resets_burst).
    resets_per_second: u32 = 33;
    /// Frames that are legal but pointless (empty DATA, PRIORITY, unknown types, SETTINGS, PING, …) at once.
    /// Above it the connection ends with ENHANCE_YOUR_CALM.
    glitches_burst: u32 = 10_000;
    /// Refill of [`glitches_burst`](Self::glitches_burst).
    glitches_per_second: u32 = 330;
    /// Unsent replies that a peer caused (acknowledgements, resets). At the bound nothing more is read from
    /// it until they are written (CVE-2019-9512, CVE-2019-9514, CVE-2019-9515).
    queued_replies_max: usize = 100;
    /// Size of a decoded header list, name + value + 32 for each field (RFC 9113 §6.5.2): advertised and
    /// enforced. Above it the call ends with RESOURCE_EXHAUSTED.
    header_list_bytes_max: usize = 16 * KIB;
    /// Fields of a header block. Above it the call ends with RESOURCE_EXHAUSTED.
    header_fields_max: usize = 128;
    /// Size up to which a header list is decoded at all, to keep HPACK in step. Above it the connection ends
    /// with ENHANCE_YOUR_CALM.
    header_decode_bytes_max: usize = 64 * KIB;
    /// CONTINUATION frames of one header block. Above it the connection ends with ENHANCE_YOUR_CALM
    /// (CVE-2024-27316).
    continuation_frames_max: u32 = 8;
    /// HPACK decoder table: advertised as `SETTINGS_HEADER_TABLE_SIZE`.
    header_table_bytes: usize = 4096;
    /// Flow-control window of each stream that this side receives on (RFC 9113 §5.2).
    stream_window_bytes: u32 = 64 * 1024;
    /// Flow-control window of the connection that this side receives on.
    connection_window_bytes: u32 = 4 * 1024 * 1024;
    /// Received bytes of messages that nobody took, in all calls of a connection. Above it only the oldest
    /// unfinished message gets credit.
    unread_bytes_max: usize = 4 * MIB;
    /// How long a connection may stay above [`unread_bytes_max`](Self::unread_bytes_max) with no message
    /// finished; then the largest ends RESOURCE_EXHAUSTED.
    unread_stall: Duration = Duration::from_secs(60);
    /// Unsent bytes of one call above which `send_message` answers `Blocked`. A call that holds no unsent
    /// byte may always queue one message.
    unsent_call_bytes_max: usize = 64 * KIB;
    /// Unsent bytes of all calls above which `send_message` answers `Blocked`, for what comes on top of the
    /// first message of each call.
    unsent_bytes_max: usize = MIB;
    /// Size of a received message. Above it the call ends with RESOURCE_EXHAUSTED as soon as its prefix is
    /// known; memory grows with what arrived, never by the prefix (CVE-2024-37168).
    message_bytes_max: usize = 4 * MIB;
    /// Settings in one SETTINGS frame. Above it the connection ends with ENHANCE_YOUR_CALM (CVE-2020-11080).
    settings_per_frame_max: usize = 32;
    /// Interim (1xx) header blocks of one response. Above it the stream is reset.
    interim_responses_max: u32 = 8;
    /// Time for the peer's preface and first SETTINGS. Then the connection ends.
    handshake_timeout: Duration = Duration::from_secs(10);
    /// Time for the acknowledgement of our SETTINGS. Then the connection ends with SETTINGS_TIMEOUT.
    settings_ack_timeout: Duration = Duration::from_secs(20);
    /// Time for the rest of a frame or header block. Then the connection ends.
    partial_frame_timeout: Duration = Duration::from_secs(30);
    /// Time in which a write must make some progress. Then the connection ends.
    write_stall_timeout: Duration = Duration::from_secs(30);
    /// Metadata of requests that a connection may hold at once. Above it a call is refused with
    /// REFUSED_STREAM.
    request_metadata_bytes_max: usize = MIB;
    /// Sent messages that a call keeps until the response commits it, so that it can be placed once more.
    /// Above it the call cannot be repeated.
    replay_bytes_max: usize = 256 * KIB;
    /// Calls that wait for a connection or for room on one. Above it they fail with RESOURCE_EXHAUSTED.
    waiting_calls_max: usize = 1024;
}
