//! Deterministic costs of a call: instructions and allocations.
//!
//! `cargo run --release -p sailplane-benches` prints them; it runs itself under callgrind. With `call TARGET
//! CALLS` it is a blocking client that greets so often, for `strace -c -f`.
#![forbid(unsafe_code)]

mod client;
mod compare;
mod core_pair;
mod counts;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["run", scenario, calls] => counts::run(scenario, calls),
        ["call", target, calls] => client::run(target, calls),
        ["compare", ..] => compare::run(arguments.get(1..).unwrap_or_default()),
        [] => counts::print(),
        _ => {
            eprintln!(
                "usage: sailplane-benches [run SCENARIO CALLS | call TARGET CALLS | compare [--rounds N] [--seconds S] [--only PART]]"
            );
            std::process::ExitCode::FAILURE
        }
    }
}
