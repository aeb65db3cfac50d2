//! A channel's calls in virtual time, over a network in memory.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use sailplane::call::{Batch, Code, Status};
use sailplane::stub::driver::Incoming;
use sailplane::{End, Limits};
use support::{ANY, Count, World, echo};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_first_call_connects_and_the_second_goes_out_at_once() {
    let mut world = World::new();
    let first = world.start("one");
    assert!(first.result().is_none());
    world.connect();
    world.pump();
    assert_eq!(world.answer(), 1);
    assert_eq!(first.result().unwrap().unwrap(), "one");
    assert_eq!(first.0.peer(ANY).as_deref(), Some("memory"));

    let second = world.start("two");
    world.pump();
    assert_eq!(world.answer(), 1);
    assert_eq!(second.result().unwrap().unwrap(), "two");
    assert!(world.wanted().is_none());
    assert_eq!(world.pairs[0].client.live_calls(), 0);
    assert_eq!(world.pairs[0].server.live_calls(), 0);
}

#[test]
fn a_waiting_call_ends_at_its_deadline_and_not_before() {
    let mut world = World::new();
    let call = world.start_with("x", Some(SECOND), true);
    let at = world.client.timeout().unwrap();
    assert_eq!(at, world.clock.now().saturating_add(SECOND));
    world.clock.advance(SECOND / 2);
    world.timed_out();
    assert!(call.result().is_none());
    world.clock.advance(SECOND / 2);
    world.timed_out();
    assert_eq!(call.failure().code(), Code::DeadlineExceeded);
    world.connect();
    world.pump();
    assert!(world.calls.is_empty(), "it was not sent");
}

#[test]
fn the_deadline_counts_from_the_start_of_the_call() {
    let mut world = World::new();
    let call = world.start_with("x", Some(SECOND), false);
    world.clock.advance(SECOND / 2);
    world.connect();
    world.pump();
    assert_eq!(world.calls.len(), 1);
    world.clock.advance(SECOND / 2);
    world.timed_out();
    assert_eq!(call.failure().code(), Code::DeadlineExceeded);
}

#[test]
fn a_failed_attempt_fails_those_that_do_not_wait_for_ready() {
    let mut world = World::new();
    let call = world.start("x");
    let patient = world.start_with("y", None, true);
    let id = world.wanted().unwrap();
    world.client.connect_failed(id, Status::unavailable("refused"));
    assert_eq!(call.failure().message(), "refused");
    assert!(patient.result().is_none());
    assert!(world.wanted().is_none());
    world.clock.advance(2 * SECOND);
    world.timed_out();
    world.connect();
    world.pump();
    world.answer();
    assert_eq!(patient.result().unwrap().unwrap(), "y");
}

#[test]
fn a_waiting_call_can_be_cancelled() {
    let mut world = World::new();
    let call = world.start("x");
    call.0.cancel(ANY, Status::cancelled("enough"));
    assert_eq!(call.failure().message(), "enough");
    world.connect();
    world.pump();
    assert!(world.calls.is_empty());
}

#[test]
fn a_running_call_can_be_cancelled_and_its_handler_learns_of_it() {
    let mut world = World::new();
    let call = world.start("x");
    world.connect();
    world.pump();
    let served = world.calls.pop().unwrap().into_call().unwrap();
    let (server, id) = served.parts();
    let woken = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&woken));
    assert!(server.poll_cancelled(id, &mut Context::from_waker(&waker)).is_pending());
    call.0.cancel(ANY, Status::cancelled("enough"));
    assert_eq!(call.failure().message(), "enough");
    world.pump();
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    let Poll::Ready(status) = server.poll_cancelled(id, &mut Context::from_waker(&waker)) else { panic!() };
    assert_eq!(status.code(), Code::Cancelled);
    server.release(id);
    assert_eq!(world.pairs[0].server.live_calls(), 0);
    assert_eq!(world.pairs[0].client.live_calls(), 0);
}

#[test]
fn calls_without_room_wait_in_order() {
    let mut world = World::with(Limits::default(), Limits::default().concurrent_calls_max(1));
    let first = world.start("0");
    world.connect();
    world.pump();
    let rest: Vec<_> = ["1", "2", "3"].into_iter().map(|text| world.start(text)).collect();
    world.pump();
    assert_eq!(world.calls.len(), 1);
    assert_eq!(world.answer(), 1);
    assert_eq!(first.result().unwrap().unwrap(), "0");
    for (index, call) in rest.iter().enumerate() {
        assert!(call.result().is_none());
        assert_eq!(world.answer(), 1);
        assert_eq!(call.result().unwrap().unwrap(), (index + 1).to_string());
    }
}

#[test]
fn calls_that_the_server_did_not_expect_yet_are_handled_one_by_one() {
    // Before the server's SETTINGS arrive the client does not know that it takes one call only.
    let mut world = World::with(Limits::default(), Limits::default().concurrent_calls_max(1));
    let calls: Vec<_> = ["0", "1", "2"].into_iter().map(|text| world.start(text)).collect();
    world.connect();
    world.pump();
    for (index, call) in calls.iter().enumerate() {
        assert_eq!(world.answer(), 1);
        assert_eq!(call.result().unwrap().unwrap(), index.to_string());
    }
}

/// RST_STREAM of the client's first or second stream, with REFUSED_STREAM.
fn refusal(stream: u8) -> Vec<u8> {
    vec![0, 0, 4, 3, 0, 0, 0, 0, stream, 0, 0, 0, 7]
}

#[test]
fn a_refused_call_is_placed_once_more_unnoticed_and_not_twice() {
    let mut world = World::new();
    let lucky = world.start("lucky");
    world.connect();
    let client = Arc::clone(&world.pairs[0].client);
    client.received(&mut GO_AWAY[..9].to_vec());
    client.received(&mut refusal(1));
    assert!(lucky.result().is_none());
    world.pump();
    world.calls.remove(0).refuse(Status::internal("the stream is gone"));
    assert_eq!(world.answer(), 1);
    assert_eq!(lucky.result().unwrap().unwrap(), "lucky");

    let unlucky = world.start("unlucky");
    client.received(&mut refusal(5));
    assert!(unlucky.result().is_none());
    client.received(&mut refusal(7));
    let status = unlucky.failure();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(!status.may_have_run());
}

/// SETTINGS, then GOAWAY with last stream 0.
const GO_AWAY: &[u8] = &[
    0, 0, 0, 4, 0, 0, 0, 0, 0, // SETTINGS
    0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // GOAWAY
];

#[test]
fn what_two_servers_did_not_process_is_unavailable() {
    let mut world = World::new();
    let call = world.start("x");
    world.connect();
    world.pairs[0].client.received(&mut GO_AWAY.to_vec());
    assert!(call.result().is_none(), "it is placed once more");
    world.connect();
    world.pairs[1].client.received(&mut GO_AWAY.to_vec());
    let status = call.failure();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(!status.may_have_run());
    assert!(world.wanted().is_none());
}

#[test]
fn a_lost_connection_ends_its_calls_and_the_next_call_connects_again() {
    let mut world = World::new();
    let call = world.start("x");
    world.connect();
    world.pump();
    world.pairs[0].client.ended(End::Closed);
    assert_eq!(call.failure().code(), Code::Unavailable);
    assert!(world.wanted().is_none());
    world.calls.clear();

    let call = world.start("y");
    world.connect();
    world.pump();
    world.answer();
    assert_eq!(call.result().unwrap().unwrap(), "y");
}

#[test]
fn messages_sent_before_there_is_a_connection_arrive_in_order() {
    let mut world = World::new();
    let call = world.start_streaming();
    let mut cx = Context::from_waker(Waker::noop());
    for text in ["a", "b", "c"] {
        let mut message = Batch::from(Bytes::from(text.repeat(40_000)));
        assert!(call.0.poll_send(ANY, &mut message, &mut cx).is_ready() || text == "c");
        if !message.is_empty() {
            assert_eq!(message.octets(), 40_005, "the record is full");
        }
    }
    let woken = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut message = Batch::from(Bytes::from("c".repeat(40_000)));
    assert!(call.0.poll_send(ANY, &mut message, &mut Context::from_waker(&waker)).is_pending());
    world.connect();
    world.pump();
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert!(call.0.poll_send(ANY, &mut message, &mut cx).is_ready());
    call.0.finish_sending(ANY);
    world.pump();

    let served = world.calls.pop().unwrap().into_call().unwrap();
    let (server, id) = served.parts();
    let mut received = Vec::new();
    loop {
        match server.poll_receive(id, &mut cx) {
            Poll::Ready(Incoming::Messages(messages)) => {
                received.extend(messages.map(|message| (message[0], message.len())));
            }
            Poll::Ready(Incoming::End) => break,
            Poll::Ready(Incoming::Ended(status)) => panic!("{status}"),
            Poll::Pending => world.pump(),
        }
    }
    assert_eq!(received, [(b'a', 40_000), (b'b', 40_000), (b'c', 40_000)]);
    server.respond(id, Some("done".into()), Ok(()));
    world.pump();
    assert_eq!(call.result().unwrap().unwrap(), "done");
}

#[test]
fn too_many_waiting_calls_are_refused() {
    let world = World::with(Limits::default().waiting_calls_max(2), Limits::default());
    let _waiting = [world.start("a"), world.start("b")];
    assert_eq!(world.start("c").failure().code(), Code::ResourceExhausted);
}

#[test]
fn a_full_transport_is_finished_by_the_loop() {
    let mut world = World::connected();
    let (client, server) = {
        let pair = &world.pairs[0];
        (Arc::clone(&pair.client), Arc::clone(&pair.server))
    };
    client.io().room.store(10, Ordering::SeqCst);
    let call = world.start("much longer than ten octets");
    assert!(client.wants_writable());
    assert!(client.io().wants_writable.load(Ordering::SeqCst));
    let mut all = client.io().take();
    assert_eq!(all.len(), 10);
    client.io().room.store(usize::MAX, Ordering::SeqCst);
    client.writable();
    assert!(!client.wants_writable());
    all.extend(client.io().take());
    server.received_calls(&mut all, &mut world.calls);
    echo(world.calls.pop().unwrap());
    world.pump();
    assert_eq!(call.result().unwrap().unwrap(), "much longer than ten octets");
}

#[test]
fn a_closed_channel_says_goodbye_and_refuses() {
    let mut world = World::new();
    let call = world.start("x");
    world.connect();
    world.pump();
    world.client.close();
    assert_eq!(call.failure().code(), Code::Unavailable);
    world.pump();
    assert!(world.pairs[0].client.is_finished());
    assert!(world.pairs[0].client.io().finished.load(Ordering::SeqCst));
    assert_eq!(world.start("y").failure().message(), "the channel was closed");
}

/// gRFC A8: the next connection asks half as often.
#[test]
fn a_server_that_is_sent_too_many_pings_is_sent_fewer() {
    let limits = Limits::default().client_keepalive(Some(10 * SECOND));
    let mut world = World::with(limits, Limits::default());
    let mut calls = Vec::new();
    for interval in [10, 20, 40] {
        let call = world.start_streaming();
        world.connect();
        world.pump();
        let asks = world.pairs.last().unwrap().client.timeout().unwrap();
        assert_eq!(asks, world.clock.now().saturating_add(interval * SECOND));
        for _ in 0..4 {
            world.clock.advance(interval * SECOND);
            world.timed_out();
        }
        // The call may go on as long as the server keeps the connection; the next one needs another.
        calls.push(call);
    }
}
