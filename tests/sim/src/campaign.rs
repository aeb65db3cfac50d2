//! Many seeds on all cores, and what they came to.

use std::fmt::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::faults::Counts;
use crate::run::{Failure, run};

/// Every so many seeds one runs twice, and both traces must be equal.
const TWICE: usize = 100;

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Campaign {
    /// Seeds.
    pub seeds: u64,
    /// Of these, run twice.
    pub twice: u64,
    /// Calls.
    pub calls: u64,
    /// Connections.
    pub links: u64,
    /// Things that happened.
    pub steps: u64,
    /// Faults.
    pub counts: Counts,
    /// What failed.
    pub failures: Vec<Failure>,
    /// How long it took.
    pub time: Duration,
}

impl Campaign {
    /// One object of figures.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut faults = String::new();
        for (name, count) in self.counts.iter() {
            let comma = if faults.is_empty() { "" } else { "," };
            let _ = write!(faults, "{comma}\"{name}\":{count}");
        }
        format!(
            "{{\"seeds\":{},\"twice\":{},\"calls\":{},\"connections\":{},\"steps\":{},\"failures\":{},\
             \"faults\":{{{faults}}},\"seconds\":{:.1}}}\n",
            self.seeds,
            self.twice,
            self.calls,
            self.links,
            self.steps,
            self.failures.len(),
            self.time.as_secs_f64(),
        )
    }

    fn add(&mut self, seed: u64, twice: bool) {
        self.seeds += 1;
        match run(seed, false) {
            Ok(summary) => {
                self.calls += summary.calls;
                self.links += summary.links;
                self.steps += summary.steps;
                self.counts.merge(&summary.counts);
                if twice {
                    self.twice += 1;
                    let again = run(seed, false);
                    if again.as_ref().map(|again| again.hash) != Ok(summary.hash) {
                        let text = "the second run went another way".to_owned();
                        self.failures.push(Failure { seed, invariant: "I0".to_owned(), text });
                    }
                }
            }
            Err(failure) => self.failures.push(failure),
        }
    }

    fn merge(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.twice += other.twice;
        self.calls += other.calls;
        self.links += other.links;
        self.steps += other.steps;
        self.counts.merge(&other.counts);
        self.failures.extend(other.failures);
    }
}

/// Runs all of `seeds`.
#[must_use]
pub fn run_all(seeds: &[u64]) -> Campaign {
    let begin = Instant::now();
    let next = AtomicUsize::new(0);
    let sum = Mutex::new(Campaign::default());
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut own = Campaign::default();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(seed) = seeds.get(index) else { break };
                    own.add(*seed, index % TWICE == 0);
                }
                sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner).merge(own);
            });
        }
    });
    let mut campaign = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    campaign.failures.sort_by_key(|failure| failure.seed);
    campaign.time = begin.elapsed();
    campaign
}

/// The first of `seeds` that fails. They run on all cores, some beyond it in vain.
#[must_use]
pub fn first_failure(seeds: &[u64]) -> Option<Failure> {
    let mut size = 8;
    let mut rest = seeds;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(size));
        rest = later;
        size = (2 * size).min(500);
        let first = run_all(now).failures.into_iter().next();
        if first.is_some() {
            return first;
        }
    }
    None
}

impl fmt::Display for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in self.failures.iter().take(20) {
            let mut short = failure.clone();
            short.text = short.text.chars().take(400).collect();
            writeln!(f, "{short}\n  replay: --seed {}", failure.seed)?;
        }
        for (name, count) in self.counts.iter() {
            writeln!(f, "{name:20} {count:>10}")?;
        }
        write!(
            f,
            "{} seeds ({} of them twice), {} calls on {} connections, {} steps in {:.1} s: {} failures",
            self.seeds,
            self.twice,
            self.calls,
            self.links,
            self.steps,
            self.time.as_secs_f64(),
            self.failures.len(),
        )
    }
}
