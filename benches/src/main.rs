//! What calls cost: counts that are held to a baseline, and comparisons with other stacks.
//!
//! | command | what |
//! |---|---|
//! | `cargo run --release -p sailplane-benches` | instructions and allocations for each call, as a table |
//! | `… -- counts PART` | the same for the scenarios whose names contain `PART` |
//! | `… -- check` | the same, and fails if one rose above `baseline.json` |
//! | `… -- bless` | makes them the baseline |
//! | `… -- compare` | servers and clients beside those of other stacks |
//! | `… -- report` | writes the pages of the last comparison once more |
//! | `… -- syscalls` | what each adapter asks of the kernel for a call, by strace |
//!
//! With `run SCENARIO CALLS` it runs one scenario, with `ask CLIENT ADDRESS IN_FLIGHT CALLS` one of its clients: so
//! it counts itself, under callgrind.
#![forbid(unsafe_code)]

mod compare;
mod counts;
mod gate;

use std::alloc::System;
use std::process::ExitCode;

use sailplane_benches::Error;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["run", scenario, calls] => return counts::run(scenario, calls),
        ["ask", client, address, in_flight, calls] => return counts::ask(client, address, in_flight, calls),
        ["compare", ..] => compare::run(arguments.get(1..).unwrap_or_default()),
        ["report"] => compare::report(),
        [] => print(""),
        ["counts", only] => print(only),
        ["syscalls"] => syscalls(),
        ["check"] => check(),
        ["bless"] => bless(),
        _ => Err("usage: sailplane-benches [counts PART | syscalls | check | bless | report | \
                  compare [--rounds N] [--seconds S] [--only PART]]"
            .into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn print(only: &str) -> Result<(), Error> {
    counts::build()?;
    print!("{}", counts::table(&counts::measure(|name| name.contains(only))?));
    Ok(())
}

fn syscalls() -> Result<(), Error> {
    counts::build()?;
    print!("{}", counts::syscalls()?);
    Ok(())
}

fn check() -> Result<(), Error> {
    counts::build()?;
    let (baseline, mut costs) = (gate::Baseline::read()?, counts::measure(|_| true)?);
    print!("{}", counts::table(&costs));
    let rustc = counts::rustc();
    if rustc != baseline.rustc {
        println!("The baseline is of {}, this is {rustc}: bless it anew.", baseline.rustc);
    }
    gate::tell(&costs)?;
    let mut findings = gate::findings(&baseline.costs, &costs);
    let doubtful = gate::doubtful(&findings);
    if !doubtful.is_empty() {
        println!("Once more, since it depends on who is faster: {}", doubtful.join(", "));
        costs.extend(counts::measure(|name| doubtful.iter().any(|doubted| doubted == name))?);
        findings = gate::findings(&baseline.costs, &costs);
    }
    if findings.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    Err(format!("{}\nIf that is meant: cargo run --release -p sailplane-benches -- bless", lines.join("\n"))
        .into())
}

fn bless() -> Result<(), Error> {
    counts::build()?;
    let costs = counts::measure(|_| true)?;
    print!("{}", counts::table(&costs));
    gate::Baseline { rustc: counts::rustc(), costs }.write()
}
