//! Small inputs, all of them. `cargo test --profile sim -p sailplane-fuzz --test exhaustive -- --ignored` runs
//! every one; without optimisation a part of them.

mod headers;
mod hpack;
mod model;

use std::collections::BTreeMap;
use std::fmt::Debug;

/// How often each outcome was seen.
type Counts = BTreeMap<String, u64>;

/// Runs `work` on two halves of `0..end`, of which it does every `stride`th, and adds up what they count.
fn on_two_threads(end: u32, work: impl Fn(std::ops::Range<u32>) -> Counts + Sync) -> Counts {
    let work = &work;
    std::thread::scope(|scope| {
        let halves = [0..end / 2, end / 2..end].map(|half| scope.spawn(move || work(half)));
        let mut sum = Counts::new();
        for half in halves {
            match half.join() {
                Ok(counts) => {
                    counts.into_iter().for_each(|(key, count)| *sum.entry(key).or_default() += count);
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        sum
    })
}

fn count(counts: &mut Counts, key: impl Debug) {
    *counts.entry(format!("{key:?}").replace('"', "")).or_default() += 1;
}

/// Compares with the table that is written down.
fn assert_golden(name: &str, counts: &Counts, golden: &[&str]) {
    let table: Vec<String> = counts.iter().map(|(key, count)| format!("{count} {key}")).collect();
    assert!(table == golden, "{name} differ from the golden ones:\n{table:#?}");
}

/// `hpack_inputs` and `frame_headers` of the ledger.
#[test]
#[ignore = "millions of inputs: run by name with --profile sim"]
fn all_small_inputs() {
    let inputs = hpack::all();
    let headers = headers::all();
    if let Some(ledger) = std::env::var_os("SAILPLANE_LEDGER") {
        let line = format!("{{\"hpack_inputs\": {inputs}, \"frame_headers\": {headers}}}\n");
        std::fs::write(std::path::Path::new(&ledger).join("exhaustive.json"), line)
            .expect("a folder to write to");
    }
}
