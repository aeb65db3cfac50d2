//! Many threads on one channel: no wake-up is lost, whoever cancels or panics.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use sailplane::{Code, Limits, Status};
use support::{ANY, World, carry, echo};

/// Carries bytes and answers calls until the test says stop.
fn serve(world: &World, done: &AtomicBool) {
    let mut calls = Vec::new();
    while !done.load(Ordering::SeqCst) {
        let mut busy = false;
        for pair in &world.pairs {
            busy |= carry(pair, &mut calls);
        }
        busy |= !calls.is_empty();
        calls.drain(..).for_each(echo);
        if !busy {
            std::thread::yield_now();
        }
    }
}

/// Runs `work` in eight threads, over one connection that a ninth thread serves.
fn in_eight_threads(server: Limits, work: impl Fn(&World, usize) + Sync) -> World {
    let mut world = World::with(Limits::default(), server);
    let first = world.start("first");
    world.connect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| serve(&world, &done));
        let workers: Vec<_> = (0..8)
            .map(|thread| {
                scope.spawn({
                    let (work, world) = (&work, &world);
                    move || work(world, thread)
                })
            })
            .collect();
        let results: Vec<_> = workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        assert_eq!(first.wait().unwrap(), "first");
        done.store(true, Ordering::SeqCst);
        for result in results {
            result.unwrap();
        }
    });
    drop(first);
    world.pump();
    assert_eq!(world.pairs[0].client.live_calls(), 0);
    world
}

#[test]
fn every_thread_gets_its_own_replies() {
    in_eight_threads(Limits::default(), |world, thread| {
        let text = ["a", "b", "c", "d", "e", "f", "g", "h"][thread];
        for _ in 0..200 {
            assert_eq!(world.start(text).wait().unwrap(), text);
        }
    });
}

#[test]
fn threads_that_wait_for_room_get_it() {
    in_eight_threads(Limits::default().concurrent_calls_max(2), |world, _| {
        for _ in 0..100 {
            assert_eq!(world.start("x").wait().unwrap(), "x");
        }
    });
}

#[test]
fn those_who_cancel_disturb_nobody() {
    in_eight_threads(Limits::default().concurrent_calls_max(3), |world, thread| {
        for turn in 0..100 {
            let call = world.start("x");
            if (turn + thread) % 3 == 0 {
                call.0.cancel(ANY, Status::cancelled("enough"));
                // The reply may have been faster.
                let result = call.wait();
                assert!(
                    result
                        .as_deref()
                        .map_or_else(|status| status.code() == Code::Cancelled, |text| text == "x")
                );
            } else {
                assert_eq!(call.wait().unwrap(), "x");
            }
        }
    });
}

#[test]
fn a_cancelled_wait_ends() {
    let world = World::new();
    let call = Arc::new(world.start("x"));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| call.wait().unwrap_err());
        call.0.cancel(ANY, Status::cancelled("enough"));
        assert_eq!(waiting.join().unwrap().code(), Code::Cancelled);
    });
}

#[test]
fn those_who_panic_while_they_wait_disturb_nobody() {
    in_eight_threads(Limits::default().concurrent_calls_max(3), |world, thread| {
        for turn in 0..50 {
            let call = world.start("x");
            if thread == 0 && turn % 5 == 0 {
                let mut polls = 0;
                let panicking = catch_unwind(AssertUnwindSafe(|| {
                    call.0.block(ANY, &mut |cx| {
                        polls += 1;
                        assert!(polls < 2 && call.0.poll_outcome(ANY, cx).is_pending(), "as asked");
                        Poll::Pending
                    });
                }));
                assert!(panicking.is_err());
            } else {
                assert_eq!(call.wait().unwrap(), "x");
            }
        }
    });
}
