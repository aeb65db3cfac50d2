//! `--seed N` replays one seed with its trace. `--seeds A..B` and `--fresh TEXT COUNT` run many on all cores.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use sailplane_simulation::campaign::{Campaign, first_failure, run_all};
use sailplane_simulation::mutants;
use sailplane_simulation::rng::mix;
use sailplane_simulation::run::run;

const USAGE: &str = "usage: sailplane-simulation [--seed N] [--seeds A..B] [--fresh TEXT COUNT]
       sailplane-simulation mutants [NAME ...]

--seed N            one run, with a line for all that happens and the invariant that fails, if one does
--seeds A..B        these seeds, on all cores, and a summary
--fresh TEXT COUNT  so many seeds that TEXT decides: a commit's name, for instance
--until-failure A..B  these seeds, up to the first that fails
mutants             every planted bug, and in how many seeds it is found
";

enum Task {
    Replay(u64),
    Many(Vec<u64>),
    UntilFailure(Vec<u64>),
    Mutants(Vec<String>),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // A broken invariant is a panic; what it says is printed with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    match parse(&arguments) {
        Some(Task::Replay(seed)) => replay(seed),
        Some(Task::Many(seeds)) => many(&seeds),
        Some(Task::UntilFailure(seeds)) => until_failure(&seeds),
        Some(Task::Mutants(names)) => run_mutants(&names),
        None => {
            print!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Option<Task> {
    if let [command, names @ ..] = arguments {
        if command == "mutants" {
            return Some(Task::Mutants(names.to_vec()));
        }
    }
    let mut seeds = Vec::new();
    let mut rest = arguments;
    while let [option, value, more @ ..] = rest {
        match option.as_str() {
            "--seed" => return Some(Task::Replay(value.parse().ok()?)),
            "--seeds" => seeds.extend(range(value)?),
            "--until-failure" => return Some(Task::UntilFailure(range(value)?.collect())),
            "--fresh" => {
                let [count, beyond @ ..] = more else { return None };
                let first = value.bytes().fold(1, |hash, octet| mix(hash ^ u64::from(octet))) >> 16;
                seeds.extend(first..first + count.parse::<u64>().ok()?);
                rest = beyond;
                continue;
            }
            _ => return None,
        }
        rest = more;
    }
    (rest.is_empty() && !seeds.is_empty()).then_some(Task::Many(seeds))
}

fn range(text: &str) -> Option<std::ops::Range<u64>> {
    let (first, end) = text.split_once("..")?;
    Some(first.parse().ok()?..end.parse().ok()?)
}

fn until_failure(seeds: &[u64]) -> ExitCode {
    match first_failure(seeds) {
        Some(failure) => {
            println!("{failure}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn run_mutants(names: &[String]) -> ExitCode {
    match mutants::run_all(names) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn replay(seed: u64) -> ExitCode {
    match run(seed, true) {
        Ok(summary) => {
            println!("seed {seed} holds: {} calls, {} steps", summary.calls, summary.steps);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn many(seeds: &[u64]) -> ExitCode {
    let campaign = run_all(seeds);
    println!("{campaign}");
    if let Err(error) = write_ledger(&campaign) {
        println!("the ledger cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    if campaign.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `sim.json` in the folder that `SAILPLANE_LEDGER` names.
fn write_ledger(campaign: &Campaign) -> std::io::Result<()> {
    let Some(folder) = std::env::var_os("SAILPLANE_LEDGER") else { return Ok(()) };
    std::fs::write(PathBuf::from(folder).join("sim.json"), campaign.to_json())
}
