//! What a unary call costs in locks, writes and wake-ups, gated: who makes it dearer must say so here.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};

use support::{ANY, Count, World, echo};

/// Of one call: how often the connection was locked, and how often something was written.
#[derive(Debug, PartialEq, Eq)]
struct Costs {
    locks: usize,
    writes: usize,
}

/// A call on a connection that is there, with somebody who waits for it: the client starts it and waits,
/// the server reads once and answers, the client reads once.
fn one_call(world: &World, wakes: &Arc<Count>) {
    let pair = &world.pairs[0];
    let call = world.start("x");
    let waker = Waker::from(Arc::clone(wakes));
    assert!(call.0.poll_outcome(ANY, &mut Context::from_waker(&waker)).is_pending());
    let mut calls = Vec::new();
    pair.server.received_calls(&mut pair.client.io().take(), &mut calls);
    calls.into_iter().for_each(echo);
    pair.client.received(&mut pair.server.io().take());
    assert_eq!(call.result().unwrap().unwrap(), "x");
}

#[test]
fn a_unary_call_is_one_write_and_few_locks_on_each_side() {
    let mut world = World::new();
    let first = world.start("first");
    world.connect();
    world.pump();
    world.answer();
    assert!(first.result().is_some());
    let wakes = Arc::new(Count::default());
    one_call(&world, &wakes);

    let pair = &world.pairs[0];
    let before = (pair.client.io().costs(), pair.server.io().costs(), wakes.0.load(Ordering::SeqCst));
    one_call(&world, &wakes);
    let after = (pair.client.io().costs(), pair.server.io().costs(), wakes.0.load(Ordering::SeqCst));

    let spent = |after: (usize, usize), before: (usize, usize)| Costs {
        locks: after.0 - before.0,
        writes: after.1 - before.1,
    };
    // Start, and again after the write; receive; take and release.
    assert_eq!(spent(after.0, before.0), Costs { locks: 4, writes: 1 }, "client");
    // Receive; respond, and again after the write.
    assert_eq!(spent(after.1, before.1), Costs { locks: 3, writes: 1 }, "server");
    assert_eq!(after.2 - before.2, 1, "wake-ups");
}
