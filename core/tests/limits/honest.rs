//! Honest traffic that looks like a flood: it must never cost a connection.

use crate::support::actors::body;
use crate::support::wire::{Peer, Sent, parse};
use crate::support::{End, Pair};
use bytes::Bytes;
use core::time::Duration;
use sailplane::error::ErrorCode;
use sailplane::{CallId, Event, Instant, Metadata, Status};

fn server() -> (End, Instant) {
    let mut pair = Pair::new();
    pair.server.drain(pair.now);
    (pair.server, pair.now)
}

fn goaway(end: &End) -> bool {
    parse(false, &end.written).iter().any(|frame| matches!(frame, Sent::GoAway { .. }))
}

fn call(end: &mut End) -> CallId {
    let found = end.take_events().into_iter().find_map(|event| match event {
        Event::Call(call) => Some(call),
        _ => None,
    });
    found.expect("a call")
}

#[test]
fn tiny_messages_on_their_way_to_a_call_that_was_cancelled() {
    let (mut end, now) = server();
    let mut peer = Peer::client();
    for turn in 0..10_u32 {
        let stream = 2 * turn + 1;
        peer.request(stream);
        end.receive(now, &peer.take());
        end.drain(now);
        let served = call(&mut end);
        end.connection.cancel(served, Status::cancelled("")).unwrap();
        end.connection.release(served);
        end.drain(now);
        for _ in 0..10_000 {
            peer.message(stream, b"x", false);
        }
        peer.data(stream, b"", true);
        end.receive(now, &peer.take());
        end.drain(now);
        assert!(!goaway(&end), "after {turn} calls");
    }
}

#[test]
fn window_updates_and_resets_that_cross_the_end_of_a_response() {
    let (mut end, now) = server();
    let mut peer = Peer::client();
    for turn in 0..20_000_u32 {
        let stream = 2 * turn + 1;
        peer.request(stream).message(stream, b"x", false);
        end.receive(now, &peer.take());
        end.drain(now);
        let served = call(&mut end);
        end.connection.respond(served, Some(body(0, 30_000)), Metadata::new(), Ok(())).unwrap();
        end.connection.release(served);
        end.drain(now);
        peer.window_update(stream, 16_384)
            .window_update(stream, 13_621)
            .window_update(0, 30_005)
            .rst(stream, ErrorCode::NO_ERROR);
        end.receive(now, &peer.take());
        end.drain(now);
        end.written.drain(..end.written.len().saturating_sub(17));
        assert!(end.connection.wants_receive(), "after {turn} calls");
    }
}

/// gRPC implementations measure the bandwidth by PINGs, one for each round trip in which data came.
#[test]
fn a_ping_for_every_message() {
    let (mut end, now) = server();
    let mut peer = Peer::client();
    peer.request(1);
    end.receive(now, &peer.take());
    end.drain(now);
    let served = call(&mut end);
    for turn in 0..20_000 {
        end.connection.send_message(served, body(0, 1)).unwrap();
        end.drain(now);
        end.written.clear();
        peer.ping(turn).window_update(0, 6).window_update(1, 6);
        end.receive(now, &peer.take());
        assert!(end.connection.wants_receive(), "after {turn} messages");
    }
}

/// Both ends have done with the call.
fn let_go(pair: &mut Pair, call: CallId, served: CallId) {
    pair.settle();
    pair.client.connection.release(call);
    pair.server.connection.release(served);
    pair.client.take_events();
    pair.server.take_events();
}

#[test]
fn calls_that_are_cancelled_among_calls_that_end_well() {
    let mut pair = Pair::new().ready();
    for turn in 0..20_000 {
        let call = pair.start(crate::support::unary("x"));
        let served = pair.accepted();
        if turn % 2 == 0 {
            pair.client.connection.cancel(call, Status::cancelled("")).unwrap();
        } else {
            pair.respond(served, "y", Ok(()));
        }
        let_go(&mut pair, call, served);
        assert!(pair.server.connection.wants_receive(), "after {turn} calls");
    }
}

/// A call that is cancelled now and then, for a day: a lifetime's count would end the connection.
#[test]
fn a_long_connection_with_resets_now_and_then() {
    let mut pair = Pair::new().ready();
    for turn in 0..20_000 {
        pair.now = pair.now.saturating_add(Duration::from_secs(4));
        pair.server.connection.handle_timeout(pair.now);
        let call = pair.start(crate::support::streaming());
        let served = pair.accepted();
        pair.client.connection.cancel(call, Status::cancelled("")).unwrap();
        let_go(&mut pair, call, served);
        assert!(pair.server.connection.wants_receive(), "after {turn} calls");
    }
}

/// gRFC A6, hedging: the same call three times, and all but the first that answers are cancelled.
#[test]
fn a_hedging_client() {
    let mut pair = Pair::new().ready();
    for turn in 0..2_000 {
        let calls = [0; 3].map(|_| pair.start(crate::support::unary("x")));
        pair.settle();
        let served: Vec<_> = pair.server.take_events().into_iter().filter_map(called).collect();
        pair.respond(served[0], "y", Ok(()));
        pair.settle();
        for call in calls {
            pair.client.connection.release(call);
        }
        pair.settle();
        for call in served {
            pair.server.connection.release(call);
        }
        pair.client.take_events();
        pair.server.take_events();
        // Ten of these in a second: twenty resets, for ten calls that end well.
        pair.now = pair.now.saturating_add(Duration::from_millis(100));
        assert!(pair.server.connection.wants_receive(), "after {turn} turns");
    }
    assert!(!goaway(&pair.server));
}

fn called(event: Event) -> Option<CallId> {
    match event {
        Event::Call(call) => Some(call),
        _ => None,
    }
}

/// Envoy's limit of header fields broke users with as many cookies (envoy#45483).
#[test]
fn ninety_cookies() {
    let (mut end, now) = server();
    let mut peer = Peer::client();
    let cookies: Vec<String> = (0..90).map(|number| format!("session-{number}=0123456789abcdef")).collect();
    for turn in 0..1_000_u32 {
        let mut fields = crate::support::wire::REQUEST.to_vec();
        fields.extend(cookies.iter().map(|cookie| ("cookie", cookie.as_str())));
        peer.headers(2 * turn + 1, &fields, true);
        end.receive(now, &peer.take());
        end.drain(now);
        let served = call(&mut end);
        end.connection.respond(served, None, Metadata::new(), Ok(())).unwrap();
        end.connection.release(served);
        end.drain(now);
    }
    assert!(!goaway(&end));
}

/// Uploads of which the server has heard enough: what was on its way is a window's worth for each.
#[test]
fn large_uploads_that_are_reset_midway() {
    let (mut end, now) = server();
    let mut peer = Peer::client();
    for turn in 0..2_000_u32 {
        let stream = 2 * turn + 1;
        peer.request(stream);
        end.receive(now, &peer.take());
        end.drain(now);
        let served = call(&mut end);
        for _ in 0..2 {
            peer.data(stream, &[0, 0, 0x10, 0, 0, 9], false).data(stream, &[7; 10_000], false);
        }
        end.receive(now, &peer.take());
        end.connection.respond(served, None, Metadata::new(), Err(Status::aborted("enough"))).unwrap();
        end.connection.release(served);
        end.drain(now);
        for _ in 0..4 {
            peer.data(stream, &[7; 10_000], false);
        }
        peer.rst(stream, ErrorCode::CANCEL);
        end.receive(now, &peer.take());
        end.drain(now);
        assert!(!end.events.iter().any(|event| matches!(event, Event::Closed(_))), "after {turn} uploads");
        end.take_events();
        end.written.clear();
    }
}

/// Readers that stop in the middle, and whose deadlines pass: each call ends by itself, no other does.
#[test]
fn slow_readers_with_deadlines() {
    let mut pair = Pair::new().ready();
    for turn in 0..500 {
        let mut start = crate::support::unary("x");
        start.head.deadline = Some(pair.now.saturating_add(Duration::from_secs(1)));
        let call = pair.start(start);
        let served = pair.accepted();
        let reply = body(0, 30_000);
        while pair.server.connection.send_message(served, reply.clone()).is_ok() {
            pair.settle();
        }
        // One of many is taken.
        assert!(matches!(pair.client.connection.receive_message(call), Ok(sailplane::Received::Message(_))));
        pair.pass(Duration::from_secs(2));
        let status = pair.outcome(call).status.unwrap_err();
        assert_eq!(status.code(), sailplane::Code::DeadlineExceeded);
        pair.client.connection.release(call);
        pair.server.connection.release(served);
        pair.client.take_events();
        pair.server.take_events();
        assert!(pair.server.connection.wants_receive() && pair.client.connection.wants_receive(), "{turn}");
    }
    assert!(!goaway(&pair.server) && pair.client.connection.takes_calls());
}

/// A stream whose messages have one octet each, in a frame of its own, for long.
#[test]
fn messages_of_one_octet() {
    let (mut end, now) = server();
    let mut peer = Peer::client();
    peer.request(1);
    end.receive(now, &peer.take());
    end.drain(now);
    let served = call(&mut end);
    for _ in 0..200 {
        for _ in 0..500 {
            peer.message(1, b"x", false);
        }
        end.receive(now, &peer.take());
        assert_eq!(end.messages(served).0.len(), 500);
        end.drain(now);
        end.take_events();
    }
    assert!(!goaway(&end));
}

/// Octets one by one in frames of their own, from a client whose peer opens the window one by one.
#[test]
fn a_window_of_one_octet() {
    let limits = sailplane::Limits::default().stream_window_bytes(1);
    let mut pair = Pair::with(sailplane::Limits::default(), limits).ready();
    let message = Bytes::from(vec![7; 20_000]);
    let start =
        sailplane::Start { message: Some(message.clone()), finished: true, ..crate::support::streaming() };
    pair.start(start);
    let served = pair.accepted();
    pair.settle();
    assert_eq!(pair.server.messages(served).0, [message]);
    assert!(!goaway(&pair.server) && pair.client.connection.takes_calls());
}
