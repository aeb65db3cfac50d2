//! The memory of a server's call is used again: the next call finds nothing of the last one in it, and nobody who still
//! has the last one finds the next.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use sailplane::Call;
use support::World;

/// A call from the client, as its handler gets it.
fn next(world: &mut World) -> (support::Call, Call) {
    let call = world.start("x");
    world.pump();
    (call, world.calls.pop().unwrap().into_call().unwrap())
}

/// Answers with the trailers that were set, which the client counts.
fn answer(world: &mut World, (call, served): (support::Call, &Call)) -> usize {
    let (driver, id) = served.parts();
    driver.respond(id, Some("reply".into()), Ok(()));
    world.pump();
    assert_eq!(call.receive().map(|_| ()), std::task::Poll::Ready(()));
    let std::task::Poll::Ready(outcome) = call.outcome() else { panic!("it was answered") };
    outcome.status.unwrap();
    outcome.trailers.len()
}

#[test]
fn calls_that_follow_each_other_have_nothing_in_common() {
    let mut world = World::connected();
    let mut slots = Vec::new();
    for round in 0..3 {
        let (call, served) = next(&mut world);
        assert!(!served.is_cancelled(), "{round}");
        assert_eq!(served.peer(), None);
        served.set_trailer("x", "y").unwrap();
        slots.push(served.parts().1.index());
        assert_eq!(answer(&mut world, (call, &served)), 1, "{round}");
        assert!(served.is_cancelled(), "it is over");
    }
    assert_eq!(slots, [slots[0]; 3], "they had the same slot");
}

#[test]
fn who_keeps_a_call_keeps_that_one() {
    let mut world = World::connected();
    let (call, first) = next(&mut world);
    answer(&mut world, (call, &first));
    let (call, second) = next(&mut world);
    assert!(first.is_cancelled() && !second.is_cancelled());
    let (driver, id) = first.parts();
    driver.respond(id, None, Err(sailplane::Status::aborted("too late")));
    driver.release(id);
    assert!(!second.is_cancelled());
    drop(first);
    assert_eq!(answer(&mut world, (call, &second)), 0);
    let client = Arc::clone(&world.pairs[0].client);
    assert!(!client.is_over());
}
