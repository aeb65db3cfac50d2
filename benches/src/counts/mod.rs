//! Runs each scenario for N and for 3N calls and takes the difference: what one call costs, start-up apart.

mod adapters;
mod callgrind;
mod chat;
mod clients;
mod core_pair;
mod scenarios;
mod syscalls;
mod typed;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sailplane_benches::Error;
use stats_alloc::Region;

use crate::ALLOCATOR;
pub(crate) use adapters::Asked;
pub(crate) use clients::ask;
use scenarios::{SCENARIOS, Scenario, What};
pub(crate) use syscalls::table as syscalls;

/// What a call costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// User instructions.
    pub(crate) instructions: f64,
    /// Allocations, where they are counted.
    pub(crate) allocations: Option<f64>,
}

/// The cost of each scenario.
pub(crate) type Costs = BTreeMap<String, Cost>;

/// Runs of what depends on who is faster: of a process, of which the median counts, and of a reactor in this one, of which
/// the least does.
const RUNS: usize = 5;

/// One scenario, for this many calls.
pub(crate) fn run(name: &str, calls: &str) -> ExitCode {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name);
    let (Some(What::Here(play) | What::Reactor(play)), Ok(calls)) =
        (scenario.map(|scenario| scenario.what), calls.parse())
    else {
        return ExitCode::FAILURE;
    };
    play(calls);
    ExitCode::SUCCESS
}

/// Whether the scenario costs the same each time.
pub(crate) fn is_repeatable(name: &str) -> bool {
    SCENARIOS.iter().any(|scenario| scenario.name == name && matches!(scenario.what, What::Here(_)))
}

/// The scenarios whose names are `wanted`.
pub(crate) fn measure(wanted: impl Fn(&str) -> bool) -> Result<Costs, Error> {
    callgrind::version()?;
    let scenarios: Vec<&Scenario> = SCENARIOS.iter().filter(|one| wanted(one.name)).collect();
    // Before the other threads: the allocator counts for the process.
    let allocations: Vec<_> = scenarios.iter().map(|scenario| allocations(scenario)).collect();
    let (next, costs) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || -> Result<(), Error> {
        while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
            let instructions =
                instructions(scenario).map_err(|error| format!("{}: {error}", scenario.name))?;
            costs.lock().unwrap_or_else(PoisonError::into_inner).push((scenario.name, instructions));
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker panicked")?)
    })?;
    let mut found = Costs::new();
    for (name, instructions) in costs.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let index = scenarios.iter().position(|scenario| scenario.name == name);
        let allocations = index.and_then(|index| *allocations.get(index)?);
        found.insert(name.into(), Cost { instructions, allocations });
    }
    Ok(found)
}

fn allocations(scenario: &Scenario) -> Option<f64> {
    let (play, runs) = match scenario.what {
        What::Here(play) => (play, 1),
        What::Reactor(play) => (play, RUNS),
        What::Client(_) | What::Server(_) => return None,
    };
    let count = |calls| {
        let region = Region::new(ALLOCATOR);
        play(calls);
        let change = region.change();
        u64::try_from(change.allocations + change.reallocations).unwrap_or(u64::MAX)
    };
    let each = || per_call(count(scenario.calls), count(3 * scenario.calls), scenario.calls);
    (0..runs).map(|_| each()).min_by(f64::total_cmp)
}

fn instructions(scenario: &Scenario) -> Result<f64, Error> {
    let count = |calls| match &scenario.what {
        What::Here(_) | What::Reactor(_) => here(scenario.name, calls),
        What::Client(asking) => asking.instructions(calls),
        What::Server(asked) => asked.instructions(calls),
    };
    let runs = if matches!(scenario.what, What::Here(_)) { 1 } else { RUNS };
    let mut costs = Vec::new();
    for _ in 0..runs {
        costs.push(per_call(count(scenario.calls)?, count(3 * scenario.calls)?, scenario.calls));
    }
    costs.sort_by(f64::total_cmp);
    let counts = if matches!(scenario.what, What::Reactor(_)) { 0 } else { runs / 2 };
    Ok(costs.get(counts).copied().unwrap_or_default())
}

fn here(name: &str, calls: u64) -> Result<u64, Error> {
    let mut command = callgrind::command(&std::env::current_exe()?);
    callgrind::instructions(&command.args(["run", name, &calls.to_string()]).output()?)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn per_call(once: u64, thrice: u64, calls: u64) -> f64 {
    thrice.saturating_sub(once) as f64 / (2 * calls) as f64
}

/// Builds the servers, beside this program.
pub(crate) fn build() -> Result<(), Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--quiet", "-p", "sailplane-benches", "--bin", "bench-sailplane"]);
    if command.status()?.success() { Ok(()) } else { Err("bench-sailplane does not build".into()) }
}

/// The compiler, on whose version the counts depend.
pub(crate) fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output();
    output
        .map_or_else(|_| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// As a table.
pub(crate) fn table(costs: &Costs) -> String {
    let mut text = String::from("| what | instructions | allocations |\n|---|---|---|\n");
    for scenario in SCENARIOS {
        if let Some(Cost { instructions, allocations }) = costs.get(scenario.name) {
            let allocations = allocations.map_or_else(|| "–".into(), |count| format!("{count:.2}"));
            text += &format!("| {} | {instructions:.0} | {allocations} |\n", scenario.name);
        }
    }
    text
}
