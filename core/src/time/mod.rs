//! Time as a parameter: the core never asks for it.

pub(crate) mod deadlines;
pub(crate) mod timers;

use core::fmt;
use core::time::Duration;

/// A point in time: nanoseconds since one origin per process, which the driver chose.
///
/// The core has no clock. With feature `std`, `Instant::from(std::time::Instant)` maps the
/// monotonic clock onto this scale; in tests any number will do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The origin.
    pub const ZERO: Self = Self(0);
    /// A point that is never reached (584 years after the origin).
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanoseconds` after the origin.
    #[must_use]
    pub const fn from_nanos(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// `self + duration`, or [`Instant::MAX`] where that overflows.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanoseconds))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

#[cfg(feature = "std")]
impl From<std::time::Instant> for Instant {
    /// Maps the monotonic clock onto the scale of this process. The first use fixes the origin, one
    /// hour before that moment, so that points shortly before it can be expressed.
    fn from(at: std::time::Instant) -> Self {
        static ORIGIN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        const HEAD_START: u64 = 3600 * 1_000_000_000;
        let origin = *ORIGIN.get_or_init(std::time::Instant::now);
        match at.checked_duration_since(origin) {
            Some(after) => Self(HEAD_START.saturating_add(nanoseconds(after))),
            None => Self(HEAD_START.saturating_sub(nanoseconds(origin.saturating_duration_since(at)))),
        }
    }
}

/// Without the division and the wide product of [`Duration::as_nanos`]: clocks are read several times a call.
#[cfg(feature = "std")]
const fn nanoseconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos() as u64)
}

/// When the driver must call `handle_timeout` at the latest, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    /// The point in time; a lower bound for deadlines, never late.
    pub at: Instant,
    /// The timer that is due first.
    pub timer: Timer,
}

/// The timers of a connection or channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// The deadline of a call.
    Deadline,
    /// Preface and first SETTINGS of the peer.
    Handshake,
    /// The acknowledgement of our SETTINGS.
    SettingsAck,
    /// A partially received frame or header block.
    PartialFrame,
    /// A write that makes no progress.
    WriteStall,
    /// A connection that holds more than its limit of unread bytes.
    ReceiveStall,
    /// A peer that was silent for long, or does not answer a PING.
    Keepalive,
    /// A connection without calls.
    Idle,
    /// The time after which a connection is replaced.
    Age,
    /// The bound of a graceful shutdown.
    Drain,
    /// The next attempt to connect.
    Reconnect,
}
