//! The timers of one connection: a fixed table of optional instants.

use crate::time::{Instant, Timeout, Timer};

const TIMERS: [Timer; 9] = [
    Timer::Handshake,
    Timer::SettingsAck,
    Timer::PartialFrame,
    Timer::WriteStall,
    Timer::ReceiveStall,
    Timer::Keepalive,
    Timer::Idle,
    Timer::Age,
    Timer::Drain,
];

/// When each timer is due; [`Instant::MAX`] where it is not set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers {
    at: [Instant; TIMERS.len()],
    /// None is due before. A timer that is cleared leaves it as it is: those that are set and cleared at every
    /// turn would have it looked for anew each time.
    not_before: Instant,
}

impl Timers {
    pub(crate) const fn new() -> Self {
        Self { at: [Instant::MAX; TIMERS.len()], not_before: Instant::MAX }
    }

    #[inline]
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.put(timer, at);
        self.not_before = self.not_before.min(at);
    }

    #[inline]
    pub(crate) fn clear(&mut self, timer: Timer) {
        self.put(timer, Instant::MAX);
    }

    pub(crate) fn clear_all(&mut self) {
        *self = Self::new();
    }

    #[inline]
    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        place(timer).and_then(|place| self.at.get(place)).is_some_and(|at| *at != Instant::MAX)
    }

    /// A timer that is due at `now`; it is cleared.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Timer> {
        if now < self.not_before {
            return None;
        }
        let earliest = self.earliest();
        self.not_before = earliest.map_or(Instant::MAX, |timeout| timeout.at);
        let Timeout { timer, .. } = earliest.filter(|timeout| timeout.at <= now)?;
        self.clear(timer);
        Some(timer)
    }

    /// The first one in the table of those that are due first.
    pub(crate) fn earliest(&self) -> Option<Timeout> {
        let (timer, at) = TIMERS.iter().zip(&self.at).min_by_key(|(_, at)| **at)?;
        (*at != Instant::MAX).then_some(Timeout { at: *at, timer: *timer })
    }

    #[inline]
    fn put(&mut self, timer: Timer, at: Instant) {
        if let Some(place) = place(timer).and_then(|place| self.at.get_mut(place)) {
            *place = at;
        }
    }
}

/// Where the time of a timer stands, unless that is elsewhere.
const fn place(timer: Timer) -> Option<usize> {
    Some(match timer {
        Timer::Handshake => 0,
        Timer::SettingsAck => 1,
        Timer::PartialFrame => 2,
        Timer::WriteStall => 3,
        Timer::ReceiveStall => 4,
        Timer::Keepalive => 5,
        Timer::Idle => 6,
        Timer::Age => 7,
        Timer::Drain => 8,
        Timer::Deadline | Timer::Reconnect => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timer_has_its_place() {
        for (index, timer) in TIMERS.into_iter().enumerate() {
            assert_eq!(place(timer), Some(index));
        }
    }

    #[test]
    fn the_earliest_timer_is_due_first() {
        let mut timers = Timers::new();
        assert_eq!(timers.earliest(), None);
        timers.set(Timer::Drain, Instant::from_nanos(20));
        timers.set(Timer::Handshake, Instant::from_nanos(10));
        assert_eq!(timers.earliest(), Some(Timeout { at: Instant::from_nanos(10), timer: Timer::Handshake }));
        assert_eq!(timers.expire(Instant::from_nanos(9)), None);
        assert_eq!(timers.expire(Instant::from_nanos(25)), Some(Timer::Handshake));
        assert_eq!(timers.expire(Instant::from_nanos(25)), Some(Timer::Drain));
        assert_eq!(timers.expire(Instant::from_nanos(25)), None);
    }
}
