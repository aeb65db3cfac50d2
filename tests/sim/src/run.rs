//! Runs seeds: one, with a trace for a person, or many.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::faults::Counts;
use crate::options::Options;
use crate::world::World;

/// What one seed did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Calls.
    pub calls: u64,
    /// Things that happened.
    pub steps: u64,
    /// Connections.
    pub links: u64,
    /// The hash of the trace.
    pub hash: u64,
    /// Faults.
    pub counts: Counts,
}

/// Why a seed failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The invariant: `I1` to `I13`.
    pub invariant: String,
    /// What was wrong.
    pub text: String,
}

/// Runs a seed.
///
/// # Errors
/// The invariant that does not hold.
pub fn run(seed: u64, verbose: bool) -> Result<Summary, Failure> {
    let options = Options::from_seed(seed);
    if verbose {
        println!("{options}");
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(options, verbose);
        world.run_all();
        world
    }));
    match outcome {
        Ok(world) => Ok(Summary {
            calls: world.calls.len() as u64,
            steps: world.steps,
            links: world.connections,
            hash: world.trace.hash(),
            counts: world.counts,
        }),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_default();
            let named = text.split_once(' ').filter(|(name, _)| is_invariant(name));
            let (invariant, text) = match named {
                Some((name, text)) => (name.to_owned(), text.to_owned()),
                None => ("I12".to_owned(), format!("panic: {text}")),
            };
            Err(Failure { seed, invariant, text })
        }
    }
}

fn is_invariant(name: &str) -> bool {
    name.strip_prefix('I').is_some_and(|number| number.parse::<u32>().is_ok())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {} breaks {}: {}", self.seed, self.invariant, self.text)
    }
}
