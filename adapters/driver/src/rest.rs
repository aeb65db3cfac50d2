//! When a connection rests: between calls that are far apart.
//!
//! One whose calls follow each other closely keeps what makes the next one cheap, and rests when none came for a
//! while. One that has a call now and then, or none, rests as soon as nothing is going on.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sailplane::connection::Resting;
use sailplane::{Connection, Instant};

/// Calls with less than this between them are close.
const CLOSE: Duration = Duration::from_secs(5);

/// A connection, which rests in between. Under the lock it is awake: [`wake`](Self::wake) comes first.
#[derive(Debug)]
pub(crate) enum Sleeper {
    Awake(Box<Connection>),
    Resting(Box<Resting>),
}

impl Sleeper {
    pub(crate) fn new(connection: Connection) -> Self {
        Self::Awake(Box::new(connection))
    }

    #[inline]
    pub(crate) fn wake(&mut self) {
        if let Self::Resting(resting) = self {
            *self = Self::Awake(Box::new(resting.wake()));
        }
    }

    /// Rests, if nothing is going on; whether it does.
    pub(crate) fn rest(&mut self) -> bool {
        let Some(resting) = self.deref_mut().rest() else { return false };
        *self = Self::Resting(Box::new(resting));
        true
    }
}

impl Deref for Sleeper {
    type Target = Connection;

    #[inline]
    fn deref(&self) -> &Connection {
        match self {
            Self::Awake(connection) => connection,
            Self::Resting(_) => unreachable!("who takes the lock wakes the connection"),
        }
    }
}

impl DerefMut for Sleeper {
    #[inline]
    fn deref_mut(&mut self) -> &mut Connection {
        match self {
            Self::Awake(connection) => connection,
            Self::Resting(_) => unreachable!("who takes the lock wakes the connection"),
        }
    }
}

/// How closely calls follow each other.
#[derive(Debug)]
pub(crate) struct Pace {
    /// There are calls.
    is_busy: bool,
    /// The last ones came closely.
    is_close: bool,
    /// Since when there is none; none before the first.
    idle_since: Option<Instant>,
    /// When to look whether calls have become rare. It is moved when it has passed, not at every call.
    look: Instant,
}

impl Pace {
    pub(crate) const fn new() -> Self {
        Self { is_busy: false, is_close: false, idle_since: None, look: Instant::MAX }
    }

    /// When the next command must come at the latest; [`Instant::MAX`] for never.
    pub(crate) const fn look(&self) -> Instant {
        self.look
    }

    /// After a command, which left calls or none: whether the connection shall rest.
    #[inline]
    pub(crate) fn is_slow(&mut self, has_calls: bool, now: Instant) -> bool {
        if self.look <= now {
            self.look = Instant::MAX;
        }
        if has_calls {
            if !self.is_busy {
                self.is_busy = true;
                self.is_close |= self.idle_since.is_some_and(|since| now < since.saturating_add(CLOSE));
            }
            return false;
        }
        if self.is_busy {
            self.is_busy = false;
            self.idle_since = Some(now);
        }
        if !self.is_close || self.look != Instant::MAX {
            return !self.is_close;
        }
        let rare_at = self.idle_since.map_or(now, |since| since.saturating_add(CLOSE));
        self.is_close = now < rare_at;
        if self.is_close {
            self.look = rare_at;
        }
        !self.is_close
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a connection is told to do at these times, in ms: a call begins, or ends, or nothing changes.
    fn rests(commands: &[(u64, bool)]) -> Vec<bool> {
        let mut pace = Pace::new();
        commands.iter().map(|(at, calls)| pace.is_slow(*calls, Instant::from_nanos(at * 1_000_000))).collect()
    }

    #[test]
    fn one_with_rare_calls_rests_at_once() {
        let calls =
            [(0, false), (1, true), (2, false), (5100, true), (9000, true), (20_000, false), (26_000, true)];
        assert_eq!(rests(&calls), [true, false, true, false, false, true, false]);
    }

    #[test]
    fn one_with_close_calls_rests_when_none_came_for_a_while() {
        let mut pace = Pace::new();
        let at = |ms: u64| Instant::from_nanos(ms * 1_000_000);
        for call in 0..8 {
            assert!(!pace.is_slow(true, at(call * 1000)));
            // The first of all is like a rare one.
            assert_eq!(pace.is_slow(false, at(call * 1000 + 500)), call == 0);
            // It looks once in so many calls.
            let look = if call == 0 { Instant::MAX } else { at(if call < 6 { 6500 } else { 11_500 }) };
            assert_eq!(pace.look(), look, "{call}");
        }
        assert!(!pace.is_slow(false, at(11_499)));
        assert!(!pace.is_slow(false, at(11_500)));
        assert_eq!(pace.look(), at(12_500));
        assert!(pace.is_slow(false, at(12_500)));
        assert_eq!(pace.look(), Instant::MAX);
        assert!(!pace.is_slow(true, at(20_000)));
        assert!(pace.is_slow(false, at(20_001)));
    }

    #[test]
    fn a_look_that_finds_a_call_is_over() {
        let mut pace = Pace::new();
        let at = |ms: u64| Instant::from_nanos(ms * 1_000_000);
        for (ms, calls) in [(0, true), (1, false), (2, true), (3, false), (4, true)] {
            pace.is_slow(calls, at(ms));
        }
        assert_eq!(pace.look(), at(5003));
        assert!(!pace.is_slow(true, at(5003)));
        assert_eq!(pace.look(), Instant::MAX);
        assert!(!pace.is_slow(false, at(6000)));
        assert_eq!(pace.look(), at(11_000));
    }
}
