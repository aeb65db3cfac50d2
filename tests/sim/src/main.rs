//! `--seed N` replays one seed with its trace. `--seeds A..B` and `--fresh TEXT COUNT` run many on all cores.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use sailplane_simulation::campaign::{Campaign, run_all};
use sailplane_simulation::rng::mix;
use sailplane_simulation::run::run;

const USAGE: &str = "usage: sailplane-simulation [--seed N] [--seeds A..B] [--fresh TEXT COUNT]

--seed N            one run, with a line for all that happens and the invariant that fails, if one does
--seeds A..B        these seeds, on all cores, and a summary
--fresh TEXT COUNT  so many seeds that TEXT decides: a commit's name, for instance
";

enum Task {
    Replay(u64),
    Many(Vec<u64>),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // A broken invariant is a panic; what it says is printed with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    match parse(&arguments) {
        Some(Task::Replay(seed)) => replay(seed),
        Some(Task::Many(seeds)) => many(&seeds),
        None => {
            print!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Option<Task> {
    let mut seeds = Vec::new();
    let mut rest = arguments;
    while let [option, value, more @ ..] = rest {
        match option.as_str() {
            "--seed" => return Some(Task::Replay(value.parse().ok()?)),
            "--seeds" => {
                let (first, end) = value.split_once("..")?;
                seeds.extend(first.parse::<u64>().ok()?..end.parse().ok()?);
            }
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
