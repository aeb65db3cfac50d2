//! Calls that take too long.

use std::time::{Duration, Instant};

use sailplane::{Code, Origin};

use crate::behaviour::scenarios::{LONG, SHORT, ask, assert_status, is_serial, payload, say};
use crate::behaviour::{Adapter, Stage, World};
use crate::pb::{Act, Request};

/// A minute, in milliseconds.
const MINUTE: i64 = 60_000;

/// The client does not wait for a handler that does not come to an end.
pub fn missed_deadline_of_a_unary_call(world: &World) {
    let client = world.client();
    assert_eq!(client.with_timeout(LONG).unary(&say("x")).unwrap().payload, b"x");
    let start = Instant::now();
    let late = client.key("gate").with_timeout(SHORT).unary(&ask(&[Act::WaitForGate]));
    let status = assert_status(late, Code::DeadlineExceeded, "");
    assert_eq!(status.origin(), Origin::Local, "{status}");
    assert!(start.elapsed() >= SHORT, "{:?}", start.elapsed());
    world.stage.open("gate");
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
}

/// A stream's deadline ends it on both sides.
pub fn missed_deadline_of_a_stream(world: &World) {
    let client = world.client();
    let (mut requests, mut replies) = client.key("talk").with_timeout(SHORT * 5).both();
    requests.send(&say("x")).unwrap();
    assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
    assert_status(replies.message(), Code::DeadlineExceeded, "");
    assert_status(requests.send(&say("y")).map_err(Into::into), Code::DeadlineExceeded, "");
    world.stage.wait_left("talk", true);
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
}

/// A handler learns that nobody waits for it any more.
pub fn deadline_reaches_a_unary_handler(world: &World) {
    let late = world.client().key("slow").with_timeout(SHORT * 5).unary(&ask(&[Act::WaitForCancel]));
    assert_status(late, Code::DeadlineExceeded, "");
    world.stage.wait_left("slow", true);
}

/// A handler knows how much time there is.
pub fn deadline_is_seen_by_the_server(world: &World) {
    let client = world.client();
    assert_eq!(client.unary(&say("x")).unwrap().milliseconds_left, -1);
    let left = client.with_timeout(Duration::from_secs(60)).unary(&say("x")).unwrap().milliseconds_left;
    assert!((1..=MINUTE).contains(&left), "{left}");
    let client = client.with_timeout(Duration::from_secs(60)).with_timeout(LONG);
    let left = client.unary(&say("x")).unwrap().milliseconds_left;
    assert!((1..=MINUTE).contains(&left), "the earlier one holds: {left}");
}

/// A call without time does not reach the server.
pub fn deadline_that_has_passed(world: &World) {
    let client = world.client();
    client.unary(&say("x")).unwrap();
    let status = assert_status(
        client.key("late").with_timeout(Duration::ZERO).unary(&say("x")),
        Code::DeadlineExceeded,
        "",
    );
    assert_eq!(status.origin(), Origin::Local, "{status}");
    let past = sailplane::Instant::from_nanos(1);
    assert_status(
        client.key("late").with_deadline(past).down(&say("x")).message(),
        Code::DeadlineExceeded,
        "",
    );
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
    assert_eq!(world.stage.count(|fact| format!("{fact:?}").contains("late")), 0);
}

/// What a handler asks of a second server, on whichever adapter, has what is left of its own call.
pub fn deadline_is_inherited(world: &World) {
    let client = world.client();
    for adapter in [Adapter::Blocking, Adapter::Threads, Adapter::Smol] {
        let stage = Stage::default();
        let second = world.start_other(adapter, &stage);
        for between in [Adapter::Blocking, Adapter::Threads, Adapter::Smol] {
            world.stage.set_next(Some(world.client_on(between, second.target())));
            let request = Request { relayed: Some(Box::new(say("inner"))), ..ask(&[Act::Relay]) };
            let reply = client.unary(&request).unwrap();
            assert_eq!((reply.payload, reply.milliseconds_left), (b"inner".to_vec(), -1));
            let reply = client.with_timeout(Duration::from_secs(60)).unary(&request).unwrap();
            let left = reply.milliseconds_left;
            assert!((1..=MINUTE).contains(&left), "{between:?} to {adapter:?}: {left}");
        }
        world.stage.set_next(None);
    }
}

/// A cancelled call cancels what its handler asked of a second server.
pub fn cancellation_is_inherited(world: &World) {
    let client = world.client();
    assert!(!is_serial(world.pairing));
    for adapter in [Adapter::Threads, Adapter::Smol] {
        let stage = Stage::default();
        let second = world.start_other(adapter, &stage);
        for between in [Adapter::Blocking, Adapter::Threads, Adapter::Smol] {
            let key = format!("{between:?} to {adapter:?}");
            world.stage.set_next(Some(world.client_on(between, second.target()).key(&key)));
            let inner = ask(&[Act::WaitForCancel]);
            let request = Request { relayed: Some(Box::new(inner)), ..ask(&[Act::Relay]) };
            let call = client.key(&key).start_unary(&request);
            stage.wait_began(&key);
            call.cancel();
            assert_status(call.wait(), Code::Cancelled, "");
            stage.wait_left(&key, true);
            world.stage.wait_left(&key, true);
        }
        world.stage.set_next(None);
    }
}
