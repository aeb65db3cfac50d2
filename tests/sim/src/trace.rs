//! What happened, as a hash, and as lines for a person where they are wanted.

use std::fmt::Arguments;

use crate::rng::mix;

/// The trace of one run.
#[derive(Clone, Debug)]
pub struct Trace {
    hash: u64,
    verbose: bool,
}

impl Trace {
    /// A new one; a verbose one prints its lines.
    #[must_use]
    pub const fn new(verbose: bool) -> Self {
        Self { hash: 0, verbose }
    }

    /// Takes note of numbers that identify what happened.
    pub fn note(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.hash = mix(self.hash.rotate_left(5) ^ number);
        }
    }

    /// Whether lines are wanted.
    #[must_use]
    pub const fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// A line, at a time in nanoseconds.
    pub fn line(&self, now: u64, text: Arguments<'_>) {
        if self.verbose {
            let micros = now / 1000;
            println!("{:>6}.{:06} {text}", micros / 1_000_000, micros % 1_000_000);
        }
    }

    /// Equal for equal runs.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }
}
