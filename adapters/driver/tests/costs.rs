//! What a unary call costs in locks, writes and wake-ups, gated: who makes it dearer must say so here.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::Duration;

use sailplane::Limits;
use sailplane::call::Batch;
use sailplane_driver::{Gather, Link};
use support::{ANY, Count, Pipe, World, echo};

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
    let (world, _) = connected();
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
    // Receive, take and release, after a start at a time that its caller knows. Nothing is looked at again after a
    // write that took all there was.
    assert_eq!(spent(after.0, before.0), Costs { locks: 1, writes: 1 }, "client");
    // Receive; respond.
    assert_eq!(spent(after.1, before.1), Costs { locks: 2, writes: 1 }, "server");
    assert_eq!(after.2 - before.2, 1, "wake-ups");
}

/// A server's connection and its client's, over which nothing is on its way.
fn connected() -> (World, Arc<Link<Pipe>>) {
    let world = World::connected();
    let server = Arc::clone(&world.pairs[0].server);
    (world, server)
}

#[test]
fn the_answers_of_a_turn_are_one_write() {
    let (mut world, server) = connected();
    let calls: Vec<_> = (0..10).map(|_| world.start("x")).collect();
    let client = Arc::clone(&world.pairs[0].client);
    let mut incoming = Vec::new();
    server.received_calls(&mut client.io().take(), &mut incoming);
    let (locks, writes) = server.io().costs();

    let turn = server.turn(Gather::Answers);
    incoming.into_iter().for_each(echo);
    assert_eq!(server.io().costs(), (locks + 10, writes), "one lock each, and nothing is written yet");
    turn.flush();
    assert_eq!(server.io().costs(), (locks + 11, writes + 1));
    turn.flush();
    assert_eq!(server.io().costs(), (locks + 11, writes + 1), "there is nothing more");
    drop(turn);

    world.pump();
    assert!(calls.iter().all(|call| call.result().unwrap().is_ok()));
}

#[test]
fn in_a_turn_a_message_that_comes_alone_leaves_at_once_and_those_that_follow_gather() {
    let (mut world, server) = connected();
    let _call = world.start("x");
    let client = Arc::clone(&world.pairs[0].client);
    let mut incoming = Vec::new();
    server.received_calls(&mut client.io().take(), &mut incoming);
    let served = incoming.pop().unwrap().into_call().unwrap();
    let (driver, id) = served.parts();
    let send = || {
        let mut message = Batch::from(Bytes::from_static(b"message"));
        assert!(driver.poll_send(id, &mut message, &mut Context::from_waker(Waker::noop())).is_ready());
        server.io().costs().1
    };
    world.clock.advance(Duration::from_millis(1));
    let before = server.io().costs().1;

    let turn = server.turn(Gather::Messages);
    assert_eq!(send(), before + 1);
    assert_eq!((send(), send()), (before + 1, before + 1));
    world.clock.advance(Duration::from_millis(1));
    // While output waits, one message in eight asks the clock.
    let sent: Vec<_> = (0..8).map(|_| send()).collect();
    assert_eq!(sent.last(), Some(&(before + 2)), "all that came before goes with it: {sent:?}");
    assert_eq!(send(), before + 2);
    driver.respond(id, None, Ok(()));
    assert_eq!(server.io().costs().1, before + 3, "an answer does not wait");
    drop(turn);
    world.pump();
}

#[test]
fn what_was_written_long_ago_is_no_stall() {
    let (world, server) = connected();
    one_call(&world, &Arc::default());
    assert!(world.clock.now() < server.timeout().unwrap(), "the time of the write is running");
    world.clock.advance(2 * Limits::default().write_stall_timeout);
    server.timed_out();
    assert!(!server.is_over());
    assert!(server.timeout().is_none_or(|at| at > world.clock.now()));
}

/// Answers a call with so many octets; the most that the server's transport was offered at once.
fn most_offered(world: &mut World, octets: usize, room: usize) -> usize {
    let call = world.start("x");
    let server = Arc::clone(&world.pairs[0].server);
    let mut calls = Vec::new();
    server.received_calls(&mut world.pairs[0].client.io().take(), &mut calls);
    server.io().room.store(room, Ordering::SeqCst);
    server.io().most_offered.store(0, Ordering::SeqCst);
    let served = calls.pop().unwrap().into_call().unwrap();
    let (driver, id) = served.parts();
    driver.respond(id, Some(Bytes::from(vec![0; octets])), Ok(()));
    let most = server.io().most_offered.load(Ordering::SeqCst);
    while server.wants_writable() {
        world.pairs[0].client.received(&mut server.io().take());
        server.writable();
    }
    world.pump();
    assert_eq!(call.result().unwrap().unwrap().len(), octets);
    most
}

#[test]
fn a_transport_that_takes_all_is_given_more_each_time_and_one_that_does_not_is_given_little() {
    const KIB: usize = 1024;
    let mut world = World::with(Limits::default().stream_window_bytes(2 * 1024 * 1024), Limits::default());
    drop(world.start("first"));
    world.connect();
    world.pump();
    world.answer();
    let of_two_frames = 33 * KIB;
    // 128, 256 and 512 KiB.
    let most = most_offered(&mut world, 1024 * KIB, usize::MAX);
    assert!((512 * KIB..512 * KIB + of_two_frames).contains(&most), "{most}");
    for _ in 0..2 {
        let most = most_offered(&mut world, 1024 * KIB, 100 * KIB);
        assert!((128 * KIB..128 * KIB + of_two_frames).contains(&most), "{most}");
    }
}
