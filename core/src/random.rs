//! Numbers for jitter: not secret, and the same for the same seed.

use core::time::Duration;

/// SplitMix64: a counter, mixed. The seed is an input, for the core has no source of randomness.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A time that differs from `middle` by so many hundredths at the most, either way.
    pub(crate) fn around(&mut self, middle: Duration, percent: u32) -> Duration {
        const STEPS: u64 = 10_000;
        let spread = middle / 100 * percent.min(100);
        let step = u32::try_from(self.next() % (2 * STEPS + 1)).unwrap_or(0);
        middle.saturating_sub(spread).saturating_add(spread / 10_000 * step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jitter_stays_around_its_middle_and_repeats_with_its_seed() {
        let middle = Duration::from_secs(1000);
        let (mut low, mut high) = (middle, middle);
        let mut random = Random::new(7);
        for _ in 0..10_000 {
            let time = random.around(middle, 10);
            low = low.min(time);
            high = high.max(time);
        }
        assert!(low >= Duration::from_secs(900) && low < Duration::from_secs(901), "{low:?}");
        assert!(high <= Duration::from_secs(1100) && high > Duration::from_secs(1099), "{high:?}");
        assert_eq!(Random::new(3).next(), Random::new(3).next());
        assert_ne!(Random::new(3).next(), Random::new(4).next());
        assert_eq!(Random::new(1).around(Duration::ZERO, 20), Duration::ZERO);
        assert!(Random::new(1).around(Duration::MAX, 20) > Duration::ZERO);
    }
}
