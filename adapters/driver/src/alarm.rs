//! A point in time that is read without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

use sailplane::Instant;

/// When something has to be looked at; set by one at a time, read by anybody.
#[derive(Debug)]
pub struct Alarm(AtomicU64);

/// Stands for no point in time.
const NEVER: u64 = u64::MAX;

impl Alarm {
    /// Not set.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(NEVER))
    }

    /// When it goes off.
    #[must_use]
    pub fn get(&self) -> Option<Instant> {
        match self.0.load(Ordering::SeqCst) {
            NEVER => None,
            nanoseconds => Some(Instant::from_nanos(nanoseconds)),
        }
    }

    /// Goes off at `at` from now on; the answer is that point, where it is earlier than before.
    pub fn set(&self, at: Option<Instant>) -> Option<Instant> {
        let nanoseconds = at.map_or(NEVER, Instant::as_nanos);
        // Most settings change nothing, and a swap is dear.
        let changed = nanoseconds != self.0.load(Ordering::Relaxed);
        let earlier = changed && nanoseconds < self.0.swap(nanoseconds, Ordering::SeqCst);
        at.filter(|_| earlier)
    }
}

impl Default for Alarm {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_earlier_point_is_told() {
        let (early, late) = (Instant::from_nanos(1), Instant::from_nanos(2));
        let alarm = Alarm::new();
        assert_eq!(alarm.get(), None);
        assert_eq!(alarm.set(None), None);
        assert_eq!(alarm.set(Some(late)), Some(late));
        assert_eq!(alarm.set(Some(late)), None);
        assert_eq!(alarm.set(Some(early)), Some(early));
        assert_eq!(alarm.set(Some(late)), None);
        assert_eq!(alarm.get(), Some(late));
        assert_eq!(alarm.set(None), None);
        assert_eq!(alarm.get(), None);
    }
}
