//! How long a channel waits between attempts to connect (gRPC's connection-backoff.md).

use core::time::Duration;

use crate::random::Random;

/// What a pause is multiplied by for the next one, in tenths.
const MULTIPLIER_TENTHS: u32 = 16;
/// A pause differs by so many hundredths at the most, so that clients of one server do not come back at once.
const JITTER_PERCENT: u32 = 20;

/// Pauses that grow.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
    random: Random,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration, seed: u64) -> Self {
        let first = first.min(longest);
        Self { first, longest, next: first, random: Random::new(seed) }
    }

    /// The pause after an attempt that failed.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.random.around(self.next, JITTER_PERCENT);
        self.next = (self.next / 10).saturating_mul(MULTIPLIER_TENTHS).min(self.longest);
        pause
    }

    /// An attempt succeeded.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(120), 7);
        let mut middle = 1.0;
        for _ in 0..20 {
            let pause = backoff.pause().as_secs_f64();
            assert!(pause >= middle * 0.799 && pause <= middle * 1.201, "{pause} around {middle}");
            middle = f64::min(middle * 1.6, 120.0);
        }
        assert!(middle >= 120.0);
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_millis(1200));
    }

    #[test]
    fn two_seeds_do_not_come_back_at_once() {
        let pauses: alloc::collections::BTreeSet<_> =
            (0..100).map(|seed| Backoff::new(Duration::from_secs(1), Duration::MAX, seed).pause()).collect();
        assert!(pauses.len() > 90);
    }
}
