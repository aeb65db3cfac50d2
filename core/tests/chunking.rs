//! The chunking law: how the bytes of a peer are cut changes nothing.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use bytes::Bytes;
use core::time::Duration;
use sailplane::{Code, Metadata};
use support::actors::Plan;
use support::late::{Late, late};
use support::rng::Rng;
use support::scenarios::{self, Scenario};
use support::world::World;
use support::{End, Pair};

/// What a client has of a call: messages, status, initial and trailing metadata.
type Answer = (Vec<Bytes>, Option<Result<(), Code>>, Option<Metadata>, Option<Metadata>);

/// What the applications saw, in order, per call.
#[derive(Debug, PartialEq)]
struct Summary {
    client: Vec<Answer>,
    server: Vec<(String, Vec<Bytes>, bool)>,
}

fn summary(world: &World) -> Summary {
    let client = world.client.calls.iter().map(|seen| {
        let trailers = seen.outcome.as_ref().map(|outcome| outcome.trailers.clone());
        (seen.received.clone(), seen.status(), seen.head.clone(), trailers)
    });
    let server = world.server.calls.iter().map(|seen| {
        // What of a request came before a handler answered without reading it, is not part of the law.
        let reads = !matches!(seen.method.as_str(), "early" | "refuse");
        let received = if reads { seen.received.clone() } else { Vec::new() };
        (seen.method.clone(), received, seen.answered.is_some())
    });
    Summary { client: client.collect(), server: server.collect() }
}

fn run(scenario: &Scenario, set: impl FnOnce(&mut World)) -> Summary {
    let mut world = scenario.world();
    set(&mut world);
    world.finish();
    summary(&world)
}

#[test]
fn applications_see_the_same_byte_by_byte() {
    for scenario in scenarios::small() {
        let whole = run(&scenario, |_| {});
        assert_eq!(run(&scenario, |world| world.link.piece = Some(1)), whole, "{}", scenario.name);
    }
}

#[test]
fn applications_see_the_same_at_random_cuts() {
    for scenario in scenarios::small() {
        let whole = run(&scenario, |_| {});
        for seed in 0..50 {
            let cut = run(&scenario, |world| world.link.random = Some(Rng(seed)));
            assert_eq!(cut, whole, "{} with seed {seed}", scenario.name);
        }
    }
}

#[test]
fn applications_see_the_same_of_large_transfers_in_pieces() {
    for scenario in scenarios::large() {
        let whole = run(&scenario, |_| {});
        for piece in [7, 9, 1000, 16_384, 16_393] {
            let cut = run(&scenario, |world| world.link.piece = Some(piece));
            assert!(cut == whole, "{} in pieces of {piece}", scenario.name);
        }
    }
}

fn same_when_late(name: &str, bytes: &[u8], fresh: impl Fn() -> (End, sailplane::Instant)) {
    let feed = |cut: &mut dyn FnMut(usize) -> usize| {
        let (end, now) = fresh();
        late(end, now, bytes, cut)
    };
    let whole = feed(&mut |left| left);
    let compare = |cut: Late, how: &str| {
        assert_eq!(cut.events, whole.events, "{name} {how}");
        assert_eq!(cut.codes, whole.codes, "{name} {how}");
        assert!(cut == whole, "{name} {how}");
    };
    compare(feed(&mut |_| 1), "byte by byte");
    for seed in 0..if bytes.len() > 10_000 { 5 } else { 50 } {
        let mut rng = Rng(seed);
        let most = 1 + rng.below(60);
        compare(feed(&mut |_| rng.below(most)), &format!("at random cuts, seed {seed}"));
    }
}

fn server() -> (End, sailplane::Instant) {
    let pair = Pair::new();
    (pair.server, pair.now)
}

/// A client that has started the calls of `plans` and written all it can.
fn client(plans: &[Plan]) -> (End, sailplane::Instant) {
    let World { mut pair, .. } = World::new(plans);
    pair.client.drain(pair.now);
    (pair.client, pair.now)
}

#[test]
fn a_late_server_sees_and_writes_the_same() {
    for scenario in scenarios::small().into_iter().chain(scenarios::large()) {
        let mut world = scenario.world();
        world.finish();
        same_when_late(scenario.name, &world.pair.client.written, server);
    }
}

#[test]
fn a_late_client_sees_and_writes_the_same() {
    for scenario in scenarios::small().into_iter().chain(scenarios::large()) {
        let mut world = scenario.world();
        world.finish();
        same_when_late(scenario.name, &world.pair.server.written, || client(&scenario.plans));
    }
}

#[test]
fn time_does_not_matter_to_the_law() {
    let mut world = World::new(&[Plan::sized("echo", &[1, 2, 3])]);
    world.link.piece = Some(1);
    world.pass(Duration::from_secs(1));
    world.finish();
    assert_eq!(world.client.calls[0].status(), Some(Ok(())));
}
