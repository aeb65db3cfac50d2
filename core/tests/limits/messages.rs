//! Messages, their windows, and what both sides hold of them.

use bytes::Bytes;
use core::time::Duration;
use sailplane::connection::SendError;
use sailplane::error::ErrorCode;
use sailplane::limits::Budget;
use sailplane::{Config, Event, Limits, Metadata};

use crate::support::scene::Scene;
use crate::support::{Pair, streaming, unary};

/// The beginning of a message of so many octets: prefix and a part.
fn beginning(whole: u32, part: usize) -> Vec<u8> {
    let mut out = vec![0];
    out.extend(whole.to_be_bytes());
    out.resize(part, b'm');
    out
}

pub(crate) fn stream_window_bytes() {
    let mut scene = Scene::server(Limits::default().stream_window_bytes(1000));
    scene.peer.request(1).data(1, &beginning(5000, 1000), false);
    scene.peer.request(3).data(3, &beginning(5000, 1001), false);
    scene.deliver();
    assert_eq!((scene.resets(ErrorCode::FLOW_CONTROL_ERROR), scene.goaway()), (vec![3], None));
}

pub(crate) fn connection_window_bytes() {
    let mut scene = Scene::server(Limits::default().connection_window_bytes(160_000));
    let part = beginning(200_000, 16_000);
    for stream in [1, 3, 5] {
        scene.peer.request(stream);
    }
    for stream in [1, 3, 5, 1, 3, 5, 1, 3, 5, 1] {
        scene.peer.data(stream, &part, false);
    }
    scene.feed();
    assert_eq!(scene.end.connection.receive_credit().0, 0);
    scene.peer.data(3, b"m", false);
    scene.deliver();
    assert_eq!(scene.goaway(), Some(ErrorCode::FLOW_CONTROL_ERROR));
}

/// Three calls: the first holds more than the connection may, the others are in the middle of a message.
fn crowded() -> Scene {
    let mut scene = Scene::server(Limits::default().unread_bytes_max(40_000));
    for stream in [1, 3, 5] {
        scene.peer.request(stream);
    }
    let mut whole = beginning(39_995, 40_000);
    whole.extend(beginning(10, 8));
    for piece in whole.chunks(16_384) {
        scene.peer.data(1, piece, false);
    }
    for stream in [3, 5] {
        for _ in 0..3 {
            let part = beginning(200_000, 16_384);
            scene.peer.data(stream, &part, false);
        }
    }
    scene.deliver();
    scene
}

pub(crate) fn unread_bytes_max() {
    let scene = crowded();
    assert_eq!(scene.credit(3), 3 * 16_384, "the oldest message may finish");
    assert_eq!(scene.credit(5), 0, "the others wait");
    assert!(scene.credit(0) > 100_000, "the connection's credit never waits");
}

pub(crate) fn credit_ahead_bytes_max() {
    let mut scene = Scene::server(Limits::default().credit_ahead_bytes_max(100_000));
    for stream in [1, 3, 5] {
        scene.peer.request(stream);
    }
    // What the message lacks beyond the window; what the first one leaves; nothing.
    scene.peer.data(1, &beginning(131_072, 16_384), false);
    scene.peer.data(3, &beginning(262_144, 16_384), false);
    scene.peer.data(5, &beginning(262_144, 16_384), false);
    scene.deliver();
    let ahead = 131_072 + 5 - 16_384 - 65_536;
    assert_eq!([1, 3, 5].map(|stream| scene.credit(stream)), [16_384 + ahead, 16_384 + 100_000 - ahead, 0]);
    // The octets pay it back, and others have it.
    for _ in 0..7 {
        scene.peer.data(1, &[b'm'; 16_384], false);
    }
    scene.peer.data(5, &[b'm'; 16_384], false);
    scene.deliver();
    assert_eq!(scene.credit(5), 2 * 16_384 + ahead);
    // So is that of a call which ends.
    scene.peer.rst(3, ErrorCode::CANCEL).request(7).data(7, &beginning(262_144, 16_384), false);
    scene.deliver();
    assert_eq!(scene.credit(7), 16_384 + 100_000 - ahead);
}

pub(crate) fn unread_stall() {
    let mut scene = crowded();
    scene.pass(Duration::from_millis(59_999));
    assert_eq!([1, 3, 5].map(|stream| scene.status(stream)), [None, None, None]);
    scene.pass(Duration::from_millis(1));
    let ended = [1, 3, 5].map(|stream| scene.status(stream));
    assert_eq!(ended.iter().flatten().collect::<Vec<_>>(), ["8"], "{ended:?}");
    assert_eq!(scene.goaway(), None);
}

pub(crate) fn unsent_call_bytes_max() {
    let mut scene = Scene::server(Limits::default().unsent_call_bytes_max(1000));
    scene.peer.settings(&[(4, 0)]).request(1);
    scene.deliver();
    let call = scene.call();
    let message = |octets| Bytes::from(vec![0; octets]);
    // A message of any size, where none is unsent; then up to the bound, prefixes included.
    let connection = &mut scene.end.connection;
    assert_eq!(connection.send_message(call, message(500)), Ok(()));
    assert_eq!(connection.send_message(call, message(490)), Ok(()));
    assert_eq!(connection.send_message(call, message(1)), Err(SendError::Blocked(message(1))));
    scene.peer.window_update(1, 10_000);
    scene.deliver();
    assert_eq!(scene.end.take_events(), [Event::Writable(call)]);
}

pub(crate) fn unsent_bytes_max() {
    let mut scene = Scene::server(Limits::default().unsent_bytes_max(1000));
    scene.peer.settings(&[(4, 0)]).request(1).request(3);
    scene.deliver();
    let calls = scene.calls();
    let message = |octets| Bytes::from(vec![0; octets]);
    let connection = &mut scene.end.connection;
    assert_eq!(connection.send_message(calls[0], message(900)), Ok(()));
    assert_eq!(connection.send_message(calls[1], message(900)), Ok(()), "the first of a call always");
    assert_eq!(connection.send_message(calls[1], message(1)), Err(SendError::Blocked(message(1))));
    scene.peer.window_update(1, 10_000);
    scene.deliver();
    assert_eq!(scene.end.take_events(), [Event::Writable(calls[1])]);
}

pub(crate) fn message_bytes_max() {
    let mut scene = Scene::server(Limits::default().message_bytes_max(10));
    scene.peer.request(1).data(1, &beginning(10, 5), false);
    scene.peer.request(3).data(3, &beginning(11, 5), false);
    scene.deliver();
    assert_eq!((scene.status(1), scene.status(3).as_deref()), (None, Some("8")));
    assert_eq!(scene.goaway(), None);
}

pub(crate) fn replay_bytes_max() {
    for (octets, kept) in [(95, true), (96, false)] {
        let mut scene = Scene::client(Limits::default().replay_bytes_max(100));
        let message = Some(Bytes::from(vec![7; octets]));
        let start = sailplane::Start { message, ..streaming() };
        let call = scene.end.connection.start_call(scene.now, start).unwrap();
        scene.end.drain(scene.now);
        scene.peer.goaway(0, ErrorCode::NO_ERROR);
        scene.deliver();
        let outcome = scene.end.connection.take_outcome(call).unwrap();
        assert_eq!(outcome.replay.is_some(), kept, "{octets}");
    }
}

pub(crate) fn server_bytes_max() {
    let budget = Budget::new(1 << 20);
    let config = Config { memory: Some(budget.clone()), ..Config::new(Limits::default(), 1) };
    let (mut full, mut other) = (Scene::with(&config), Scene::with(&config));
    for turn in 0..16 {
        full.peer.request(2 * turn + 1);
        for _ in 0..3 {
            full.peer.data(2 * turn + 1, &beginning(1 << 20, 16_000), false);
        }
        full.deliver();
        assert_eq!(full.resets(ErrorCode::REFUSED_STREAM), []);
        if budget.is_pressed() {
            break;
        }
    }
    assert!(budget.is_pressed() && budget.used() < 1 << 20, "{}", budget.used());
    other.peer.request(1);
    other.deliver();
    assert_eq!((other.calls().len(), other.resets(ErrorCode::REFUSED_STREAM)), (0, vec![1]));
    assert_eq!(other.goaway(), None);
    drop(full);
    other.peer.request(3);
    other.deliver();
    assert_eq!(other.calls().len(), 1);
    drop(other);
    assert_eq!(budget.used(), 0);
}

/// What is held and reported goes down again when calls end.
#[test]
fn a_budget_is_given_back_by_calls_that_end() {
    let budget = Budget::new(1 << 30);
    let config = Config { memory: Some(budget.clone()), ..Config::new(Limits::default(), 1) };
    let mut scene = Scene::with(&config);
    let idle = budget.used();
    scene.peer.request(1);
    for _ in 0..3 {
        scene.peer.data(1, &beginning(1 << 20, 16_000), false);
    }
    scene.deliver();
    assert!(budget.used() > 48_000);
    let call = scene.call();
    scene.end.connection.respond(call, None, Metadata::new(), Ok(())).unwrap();
    scene.end.connection.release(call);
    scene.deliver();
    assert!(budget.used() <= idle + 8192, "{} {idle}", budget.used());
}

/// The other rows concern servers; a client's calls hold no more, whatever the server does.
#[test]
fn a_client_is_bounded_by_the_same_rows() {
    let mut pair = Pair::with(Limits::default().message_bytes_max(10), Limits::default()).ready();
    let call = pair.start(unary("x"));
    let served = pair.accepted();
    pair.respond(served, "eleven octets", Ok(()));
    let status = pair.outcome(call).status.unwrap_err();
    assert_eq!(status.code(), sailplane::Code::ResourceExhausted);
}
