//! Counts what a client does, in a window of time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Error;
use crate::usage::cpu_ns;

/// What the workers of a client share with the one who measures.
#[derive(Debug, Default)]
pub struct Meter {
    done: AtomicU64,
    failed: AtomicBool,
    times: Mutex<Vec<u32>>,
}

impl Meter {
    /// So many calls or messages are done.
    pub fn add(&self, done: u64) {
        self.done.fetch_add(done, Ordering::Relaxed);
    }

    /// A call is done that took so long.
    pub fn add_timed(&self, took: Duration) {
        let took = u32::try_from(took.as_nanos()).unwrap_or(u32::MAX);
        self.times.lock().unwrap_or_else(PoisonError::into_inner).push(took);
        self.add(1);
    }

    /// The client cannot go on.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Lets the workers run for a tenth of `duration`, and then measures for `duration`.
    ///
    /// # Errors
    /// A worker failed, or none has done anything.
    pub fn measure(&self, duration: Duration) -> Result<Outcome, Error> {
        self.sleep(duration / 10)?;
        self.times.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let (before, cpu, started) = (self.done.load(Ordering::Relaxed), cpu_ns(), Instant::now());
        self.sleep(duration)?;
        let (total, cpu, elapsed) = (self.done.load(Ordering::Relaxed), cpu_ns() - cpu, started.elapsed());
        let mut times = std::mem::take(&mut *self.times.lock().unwrap_or_else(PoisonError::into_inner));
        times.sort_unstable();
        let count = total - before;
        if count == 0 {
            return Err("nothing was done in the time measured".into());
        }
        let (p50, p99) = (percentile(&times, 50), percentile(&times, 99));
        Ok(Outcome { count, elapsed, cpu_ns: cpu, total, p50_ns: p50, p99_ns: p99 })
    }

    fn sleep(&self, duration: Duration) -> Result<(), Error> {
        std::thread::sleep(duration);
        if self.failed.load(Ordering::Relaxed) { Err("the client failed".into()) } else { Ok(()) }
    }
}

/// What a client did in the time measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Calls or messages.
    pub count: u64,
    /// The time.
    pub elapsed: Duration,
    /// CPU time of the client, in ns.
    pub cpu_ns: u64,
    /// Calls or messages from the beginning, warm-up included.
    pub total: u64,
    /// Median time of a call in ns, where calls are timed.
    pub p50_ns: u32,
    /// 99th percentile of the time of a call in ns, where calls are timed.
    pub p99_ns: u32,
}

impl Outcome {
    /// A line that [`from_line`](Self::from_line) reads.
    #[must_use]
    pub fn line(&self) -> String {
        let elapsed = u64::try_from(self.elapsed.as_nanos()).unwrap_or(u64::MAX);
        json!([self.count, elapsed, self.cpu_ns, self.total, self.p50_ns, self.p99_ns]).to_string()
    }

    /// The outcome that a client told.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        let Value::Array(values) = serde_json::from_str(line).ok()? else { return None };
        let values: Option<Vec<u64>> = values.iter().map(Value::as_u64).collect();
        let [count, elapsed, cpu_ns, total, p50, p99] = *values?.as_slice() else { return None };
        let (p50_ns, p99_ns) = (u32::try_from(p50).ok()?, u32::try_from(p99).ok()?);
        Some(Self { count, elapsed: Duration::from_nanos(elapsed), cpu_ns, total, p50_ns, p99_ns })
    }
}

fn percentile(sorted: &[u32], percent: usize) -> u32 {
    let index = sorted.len() * percent / 100;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_survives_its_line() {
        let elapsed = Duration::from_nanos(7);
        let outcome = Outcome { count: 1, elapsed, cpu_ns: 3, total: 4, p50_ns: 5, p99_ns: 6 };
        assert_eq!(Outcome::from_line(&outcome.line()), Some(outcome));
        assert_eq!(Outcome::from_line("[1, 2]"), None);
        assert_eq!(Outcome::from_line("panicked"), None);
    }

    #[test]
    fn percentiles_are_ranks() {
        let times: Vec<u32> = (0..100).collect();
        assert_eq!((percentile(&times, 50), percentile(&times, 99)), (50, 99));
        assert_eq!((percentile(&[7], 99), percentile(&[], 50)), (7, 0));
    }

    #[test]
    fn a_client_that_does_nothing_is_an_error() {
        let meter = Meter::default();
        assert!(meter.measure(Duration::ZERO).is_err());
        meter.fail();
        assert_eq!(meter.measure(Duration::ZERO).expect_err("failed").to_string(), "the client failed");
    }
}
