//! Numbers from a seed (SplitMix64), and which seeds a test runs.

use std::env;
use std::ops::Range;

/// A generator of numbers.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The generator of one seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// Any number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub const fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// True once in `of` times.
    pub const fn once_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    /// Any octet.
    pub const fn octet(&mut self) -> u8 {
        self.number() as u8
    }

    /// One of these.
    pub fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// The seeds to run: `count` of them, or what the environment asks for; and whether they are the usual ones.
#[must_use]
pub fn seeds(count: u64) -> (Range<u64>, bool) {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse().expect("a number"));
    match (number("SEED"), number("COUNT")) {
        (Some(seed), count) => (seed..seed + count.unwrap_or(1), false),
        (None, Some(count)) => (0..count, false),
        (None, None) => (0..count, true),
    }
}
