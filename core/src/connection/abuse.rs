//! Budgets for what is legal once and an attack in masses: buckets that refill.

use crate::limits::Limits;
use crate::time::Instant;

/// How much a bucket holds, and how fast it refills.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) burst: u32,
    pub(super) per_second: u32,
}

/// A bucket of tokens that refills with time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    tokens: u32,
    /// Refilled up to here.
    refilled: Instant,
}

impl Bucket {
    const fn new(now: Instant, burst: u32) -> Self {
        Self { tokens: burst, refilled: now }
    }

    /// Takes `count` tokens. False: the bucket is empty.
    pub(super) fn spend(&mut self, now: Instant, count: u32, rate: Rate) -> bool {
        if self.tokens < count {
            self.refill(now, rate);
        }
        let enough = self.tokens >= count;
        self.tokens = self.tokens.saturating_sub(count);
        enough
    }

    pub(super) fn put_back(&mut self, burst: u32) {
        self.tokens = self.tokens.saturating_add(1).min(burst);
    }

    fn refill(&mut self, now: Instant, rate: Rate) {
        const SECOND: u128 = 1_000_000_000;
        let elapsed = now.saturating_duration_since(self.refilled).as_nanos();
        let earned = elapsed.saturating_mul(u128::from(rate.per_second)) / SECOND;
        if earned > 0 {
            self.refilled = now;
            let earned = u32::try_from(earned).unwrap_or(u32::MAX);
            self.tokens = self.tokens.saturating_add(earned).min(rate.burst);
        }
    }
}

/// The budgets of one peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budgets {
    /// Streams that ended before their time.
    pub(super) resets: Bucket,
    /// Frames that are legal but pointless.
    pub(super) glitches: Bucket,
}

impl Budgets {
    pub(super) const fn new(now: Instant, limits: &Limits) -> Self {
        Self {
            resets: Bucket::new(now, limits.resets_burst),
            glitches: Bucket::new(now, limits.glitches_burst),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn a_bucket_empties_and_refills_with_time() {
        let mut now = Instant::from_nanos(5);
        let rate = Rate { burst: 3, per_second: 2 };
        let mut bucket = Bucket::new(now, rate.burst);
        assert!(bucket.spend(now, 3, rate) && !bucket.spend(now, 1, rate));
        now = now.saturating_add(Duration::from_millis(499));
        assert!(!bucket.spend(now, 1, rate));
        now = now.saturating_add(Duration::from_millis(1));
        assert!(bucket.spend(now, 1, rate) && !bucket.spend(now, 1, rate));
        now = now.saturating_add(Duration::from_secs(3600));
        assert!(bucket.spend(now, 3, rate) && !bucket.spend(now, 1, rate));
    }
}
