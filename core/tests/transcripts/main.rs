//! Transcripts of whole connections, split and disturbed at every octet.
//!
//! `cargo test --profile sim -p sailplane --test transcripts -- --ignored` takes every place; without
//! optimisation some of them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
mod support;

mod disturbed;
mod split;

use sailplane::Instant;
use support::scenarios::{self, Scenario};
use support::world::World;
use support::{End, Pair};

/// What one side of a scenario hears from its first octet to the last, and how that side is made again.
pub(crate) struct Transcript {
    pub(crate) name: String,
    pub(crate) is_server: bool,
    pub(crate) bytes: Vec<u8>,
    scenario: Scenario,
}

impl Transcript {
    /// The side as it was before it heard anything; a client has started its calls and written them.
    pub(crate) fn fresh(&self) -> (End, Instant) {
        let Scenario { client_limits, server_limits, plans, .. } = &self.scenario;
        if self.is_server {
            let pair = Pair::with(client_limits.clone(), server_limits.clone());
            return (pair.server, pair.now);
        }
        // Calls that did not fit at first are not part of it: nobody starts them here.
        let World { mut pair, .. } = World::with(plans, client_limits.clone(), server_limits.clone());
        pair.client.drain(pair.now);
        pair.client.take_events();
        (pair.client, pair.now)
    }
}

/// All scenarios, in both roles.
pub(crate) fn all() -> Vec<Transcript> {
    let scenarios: Vec<_> = scenarios::small().into_iter().chain(scenarios::more()).collect();
    assert!(scenarios.len() >= 40, "{} scenarios", scenarios.len());
    scenarios.into_iter().flat_map(of).collect()
}

fn of(scenario: Scenario) -> [Transcript; 2] {
    let mut world = scenario.world();
    world.finish();
    let (up, down) = (world.pair.client.written, world.pair.server.written);
    [(true, up), (false, down)].map(|(is_server, bytes)| {
        let name = format!("{} ({})", scenario.name, if is_server { "server" } else { "client" });
        Transcript { name, is_server, bytes, scenario: scenario.clone() }
    })
}

/// Every place of every transcript, counted for the ledger.
#[test]
#[ignore = "hundreds of thousands of connections: run by name with --profile sim"]
fn every_place_of_every_transcript() {
    let (splits, pairs) = (split::everywhere(1), split::pairs(25, 1));
    let disturbed = disturbed::everywhere(1);
    if let Some(ledger) = std::env::var_os("SAILPLANE_LEDGER") {
        let line =
            format!("{{\"splits\": {splits}, \"pairs_of_splits\": {pairs}, \"disturbed\": {disturbed}}}\n");
        std::fs::write(std::path::Path::new(&ledger).join("transcripts.json"), line).unwrap();
    }
}
