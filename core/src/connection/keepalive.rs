//! PINGs: those that this side sends to see whether the peer lives, and the policy of a server towards
//! those of its clients (gRFC A8, A9).

use core::time::Duration;

use super::goaway::Why;
use super::receive::Fatal;
use super::{Connection, Role};
use crate::error::{ErrorCode, PeerViolation};
use crate::limits::Limits;
use crate::random::Random;
use crate::time::{Instant, Timer};

/// The payload of the PINGs that this side sends.
pub(super) const KEEPALIVE_PING: [u8; 8] = *b"keepaliv";

/// The least interval between the PINGs of a client (gRFC A8).
const CLIENT_INTERVAL_MIN: Duration = Duration::from_secs(10);

/// The least interval between the PINGs of a server: one that is due at once is always due.
const SERVER_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// The debug data of the GOAWAY to a client that sends PINGs too often, and what a server's means.
pub(super) const TOO_MANY_PINGS: &str = "too_many_pings";

#[derive(Clone, Copy, Debug)]
pub(super) struct Keepalive {
    /// How long nothing may be received before a PING is sent, in nanoseconds; [`u64::MAX`] for ever.
    interval: u64,
    /// When something was received last.
    pub(super) heard: Instant,
    /// When the PING was written that shall show whether the peer lives; none is out at [`Instant::MAX`].
    asked: Instant,
    /// Its acknowledgement has not come.
    unanswered: bool,
    /// A PING is to be written.
    pub(super) due: bool,
    /// Client: no call runs, so nobody wants to know.
    pub(super) dormant: bool,

    /// Server: when the last PING came.
    last_ping: Instant,
    /// Server: PINGs that came too early since messages went either way.
    strikes: u32,
}

impl Keepalive {
    pub(super) fn new(role: Role, now: Instant, limits: &Limits) -> Self {
        let interval = match role {
            Role::Client => limits.client_keepalive.map(|interval| interval.max(CLIENT_INTERVAL_MIN)),
            Role::Server => limits.server_keepalive.map(|interval| interval.max(SERVER_INTERVAL_MIN)),
        };
        Self {
            interval: interval.map_or(u64::MAX, |at| u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)),
            heard: now,
            asked: Instant::MAX,
            unanswered: false,
            due: false,
            dormant: role == Role::Client && interval.is_some(),
            last_ping: Instant::MAX,
            strikes: 0,
        }
    }
}

impl Keepalive {
    const fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    /// Whether an acknowledgement answers a PING of this side, each of which has one.
    pub(super) const fn take_answer(&mut self) -> bool {
        let wanted = self.unanswered;
        self.unanswered = false;
        wanted
    }
}

impl Connection {
    /// Sets the timers that a connection has from its beginning.
    pub(super) fn start_timers(&mut self, seed: u64) {
        self.timers.set(Timer::Handshake, self.now.saturating_add(self.limits.handshake_timeout));
        if self.role == Role::Client {
            return;
        }
        self.timers.set(Timer::Keepalive, self.now.saturating_add(self.keepalive.interval()));
        if let Some(idle) = self.limits.connection_idle_max {
            self.timers.set(Timer::Idle, self.now.saturating_add(idle));
        }
        if let Some(age) = self.limits.connection_age_max {
            // gRFC A9: connections that were made at once shall not end at once.
            let age = Random::new(seed).around(age, 10);
            self.timers.set(Timer::Age, self.now.saturating_add(age));
        }
    }

    /// Client: a call starts, so it matters whether the peer lives.
    pub(super) fn wake_keepalive(&mut self) {
        self.keepalive.dormant = false;
        let at = self.keepalive.heard.saturating_add(self.keepalive.interval());
        self.timers.set(Timer::Keepalive, at.max(self.now));
    }

    /// The peer was silent for a while, or did not answer. What was received meanwhile is looked at here, so
    /// that receiving costs no timer.
    pub(super) fn check_keepalive(&mut self) {
        let silent_at = self.keepalive.heard.saturating_add(self.keepalive.interval());
        if self.keepalive.asked <= self.keepalive.heard {
            self.keepalive.asked = Instant::MAX;
        }
        let answer_until = self.keepalive.asked.saturating_add(self.limits.keepalive_timeout);
        if self.keepalive.asked != Instant::MAX && answer_until > self.now {
            return self.timers.set(Timer::Keepalive, answer_until);
        }
        if self.keepalive.asked != Instant::MAX {
            let text = alloc::format!(
                "the peer answered no PING within {:?} (keepalive)",
                self.limits.keepalive_timeout
            );
            // A GOAWAY would not arrive either.
            return self.lose(ErrorCode::NO_ERROR, text);
        }
        if silent_at > self.now {
            return self.timers.set(Timer::Keepalive, silent_at);
        }
        if self.role == Role::Client && self.streams_open == 0 {
            self.keepalive.dormant = true;
            self.deadlines.shrink();
            return self.decoder.shrink();
        }
        self.output.control = true;
        self.keepalive.due = true;
        self.keepalive.asked = self.now;
        self.keepalive.unanswered = true;
        // An answer is found when the next PING would be due.
        let look = self.limits.keepalive_timeout.min(self.keepalive.interval());
        self.timers.set(Timer::Keepalive, self.now.saturating_add(look));
    }

    /// No call ran for a while.
    pub(super) fn check_idle(&mut self) {
        let Some(idle) = self.limits.connection_idle_max else { return };
        let since = if self.streams_open > 0 { self.now } else { self.idle_since };
        let at = since.saturating_add(idle);
        if at > self.now {
            return self.timers.set(Timer::Idle, at);
        }
        self.retire(Why::Idle);
    }

    /// The connection has lived long enough. One that ends already has its own bound.
    pub(super) fn retire(&mut self, why: Why) {
        if !self.shutdown.has_begun() {
            self.start_shutdown(self.limits.connection_age_grace, why);
        }
    }

    /// A PING of the peer. gRFC A8: a server bears with two that come too early since it last sent
    /// something; a third ends the connection.
    pub(super) fn receive_ping(&mut self, payload: [u8; 8]) -> Result<(), Fatal> {
        self.output.control = true;
        self.output.ping_acks.push_back(payload);
        let before = core::mem::replace(&mut self.keepalive.last_ping, self.now);
        if core::mem::take(&mut self.ping_is_free) {
            self.keepalive.strikes = 0;
            return Ok(());
        }
        if self.role == Role::Server {
            let idle = self.streams_open == 0;
            let least = if idle { self.limits.ping_interval_idle_min } else { self.limits.ping_interval_min };
            if self.now < before.saturating_add(least) {
                self.keepalive.strikes = self.keepalive.strikes.saturating_add(1);
            }
            if self.keepalive.strikes > self.limits.ping_strikes_max {
                let mut fatal = Fatal::from(PeerViolation::TooManyPings);
                fatal.explanation = TOO_MANY_PINGS.into();
                return Err(fatal);
            }
        }
        self.glitch(1)
    }

    /// Client: the interval for the next connection to this server, where this one's PINGs came too often
    /// for it: twice as long (gRFC A8).
    #[must_use]
    pub fn longer_keepalive(&self) -> Option<Duration> {
        let refused = self.shutdown.too_many_pings && self.role == Role::Client;
        (refused && self.keepalive.interval != u64::MAX).then(|| self.keepalive.interval().saturating_mul(2))
    }
}
