//! Runs each scenario for N and for 3N calls and takes the difference: what one call costs, start-up apart.

use std::process::{Command, ExitCode};

use crate::{ALLOCATOR, core_pair};
use stats_alloc::Region;

/// Calls of the smaller run.
const CALLS: u64 = 5_000;
const SCENARIOS: [&str; 6] =
    ["pair-1", "pair-100", "pair-1-metadata", "server-1", "server-100", "server-literal-path"];

/// One scenario, for this many calls.
pub(crate) fn run(scenario: &str, calls: &str) -> ExitCode {
    let Ok(calls) = calls.parse() else { return ExitCode::FAILURE };
    if play(scenario, calls) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn play(scenario: &str, calls: u64) -> bool {
    match scenario {
        "pair-1" => core_pair::pair(calls, 1, false),
        "pair-100" => core_pair::pair(calls, 100, false),
        "pair-1-metadata" => core_pair::pair(calls, 1, true),
        "server-1" => core_pair::server(calls, 1, true),
        "server-100" => core_pair::server(calls, 100, true),
        "server-literal-path" => core_pair::server(calls, 1, false),
        _ => return false,
    }
    true
}

/// All scenarios, as a table.
pub(crate) fn print() -> ExitCode {
    println!("| unary calls of the core, 16 bytes each way | instructions per call | allocations per call |");
    println!("|---|---|---|");
    for scenario in SCENARIOS {
        let allocations = allocations(scenario);
        match instructions(scenario) {
            Ok(instructions) => println!("| {scenario} | {instructions} | {allocations:.2} |"),
            Err(error) => {
                eprintln!("{scenario}: valgrind: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn allocations(scenario: &str) -> f64 {
    let count = |calls| {
        let region = Region::new(ALLOCATOR);
        play(scenario, calls);
        let change = region.change();
        change.allocations + change.reallocations
    };
    let (once, thrice) = (count(CALLS), count(3 * CALLS));
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let per_call = (thrice.saturating_sub(once)) as f64 / (2 * CALLS) as f64;
    per_call
}

fn instructions(scenario: &str) -> std::io::Result<u64> {
    let once = callgrind(scenario, CALLS)?;
    let thrice = callgrind(scenario, 3 * CALLS)?;
    Ok(thrice.saturating_sub(once) / (2 * CALLS))
}

fn callgrind(scenario: &str, calls: u64) -> std::io::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["run", scenario, &calls.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let total = text.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    total.ok_or_else(|| std::io::Error::other(text.into_owned()))
}
