//! The crate `h2` as a peer, in both roles, over pipes in memory.
#![forbid(unsafe_code)]

use sailplane_oracles::pair::run;
use sailplane_oracles::{ledger, rng};

#[test]
fn every_call_ends_as_it_must() {
    let (seeds, usual) = rng::seeds(1_000);
    let count = seeds.end - seeds.start;
    seeds.for_each(run);
    println!("h2 crate: {count} seeds");
    if usual {
        ledger::record("scripts", "h2 crate", count);
    }
}
