//! Honest traffic that looks like a flood: it must never cost a connection.

use crate::support::actors::body;
use crate::support::wire::{Peer, Sent, parse};
use crate::support::{End, Pair};
use sailplane::error::ErrorCode;
use sailplane::{Event, Instant, Metadata, Status};

fn server() -> (End, Instant) {
    let mut pair = Pair::new();
    pair.server.drain(pair.now);
    (pair.server, pair.now)
}

fn goaway(end: &End) -> bool {
    parse(false, &end.written).iter().any(|frame| matches!(frame, Sent::GoAway { .. }))
}

fn call(end: &mut End) -> sailplane::CallId {
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
        pair.settle();
        pair.client.connection.release(call);
        pair.server.connection.release(served);
        pair.client.take_events();
        pair.server.take_events();
        assert!(pair.server.connection.wants_receive(), "after {turn} calls");
    }
}
