//! The chunking law for what this project never writes itself, but peers do.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use sailplane::error::ErrorCode;
use sailplane::{Event, Instant};
use support::actors::Plan;
use support::rng::Rng;
use support::wire::{END_HEADERS, OK, PADDED, Peer, REQUEST, RESPONSE};
use support::world::World;
use support::{End, Pair};

fn server() -> (End, Instant) {
    let pair = Pair::new();
    (pair.server, pair.now)
}

/// A client with two calls on their way.
fn client() -> (End, Instant) {
    let plans = [Plan::new("unary", &[b"a"]), Plan::new("echo", &[b"b"])];
    let World { mut pair, .. } = World::new(&plans);
    pair.client.drain(pair.now);
    (pair.client, pair.now)
}

fn drained_late(
    (mut end, now): (End, Instant),
    bytes: &[u8],
    mut cut: impl FnMut() -> usize,
) -> (Vec<Event>, Vec<u8>) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(cut().min(rest.len()));
        end.receive(now, piece);
        rest = behind;
    }
    let written = end.drain(now);
    (end.take_events(), written)
}

/// Whole, byte by byte, cut in two at every place, and at random places: all the same.
fn check(fresh: impl Fn() -> (End, Instant), bytes: &[u8]) -> Vec<Event> {
    let whole = drained_late(fresh(), bytes, || usize::MAX);
    assert!(drained_late(fresh(), bytes, || 1) == whole, "byte by byte: {:?}", whole.0);
    for at in 1..bytes.len().min(2000) {
        let mut first = Some(at);
        let cut = drained_late(fresh(), bytes, || first.take().unwrap_or(usize::MAX));
        assert!(cut == whole, "cut at {at}: {:?} and {:?}", cut.0, whole.0);
    }
    for seed in 0..30 {
        let mut rng = Rng(seed);
        let cut = drained_late(fresh(), bytes, || 1 + rng.below(20));
        assert!(cut == whole, "random cuts with seed {seed}");
    }
    whole.0
}

fn calls(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Call(_))).count()
}

#[test]
fn continuations() {
    let mut peer = Peer::client();
    let block = peer.block(&REQUEST);
    peer.frame(1, 0, 1, &block[..10]).frame(9, 0, 1, b"").frame(9, 0, 1, &block[10..30]);
    peer.frame(9, END_HEADERS, 1, &block[30..]).message(1, b"x", true);
    assert_eq!(calls(&check(server, &peer.bytes)), 1);
}

#[test]
fn padding() {
    let mut peer = Peer::client();
    let mut block = vec![3];
    block.extend(peer.block(&REQUEST));
    block.extend([0; 3]);
    peer.frame(1, END_HEADERS | PADDED, 1, &block);
    for padding in [0, 1, 100, 255_u8] {
        let mut payload = vec![padding, 0, 0, 0, 0, 1, b'x'];
        payload.resize(payload.len() + usize::from(padding), 0);
        peer.frame(0, PADDED, 1, &payload);
    }
    peer.frame(0, PADDED | 1, 1, &[0]);
    assert_eq!(calls(&check(server, &peer.bytes)), 1);
}

#[test]
fn interim_responses() {
    let mut peer = Peer::server();
    peer.headers(1, &[(":status", "103"), ("link", "x")], false).headers(1, &[(":status", "100")], false);
    peer.headers(1, &RESPONSE, false).message(1, b"hello", false).headers(1, &OK, true);
    let events = check(client, &peer.bytes);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Headers(_))).count(), 1);
}

#[test]
fn unknown_frames() {
    let mut peer = Peer::client();
    for kind in 0x0a..0x20 {
        peer.frame(kind, 0xff, u32::from(kind % 3), &[kind; 9]);
    }
    peer.frame(2, 0, 1, &[0, 0, 0, 0, 9]).request(1).frame(0xfe, 0, 1, b"").message(1, b"x", true);
    assert_eq!(calls(&check(server, &peer.bytes)), 1);
}

#[test]
fn resets_pings_settings_and_goaway() {
    let mut peer = Peer::client();
    peer.request(1)
        .ping(7)
        .request(3)
        .rst(1, ErrorCode::CANCEL)
        .settings(&[(4, 100), (1, 0)])
        .message(3, b"x", true);
    peer.window_update(3, 5).window_update(0, 5).goaway(0, ErrorCode::NO_ERROR);
    let events = check(server, &peer.bytes);
    assert!(events.contains(&Event::Draining));
}

#[test]
fn refused_streams_and_goaway_on_a_client() {
    let mut peer = Peer::server();
    peer.rst(1, ErrorCode::REFUSED_STREAM).goaway(1, ErrorCode::ENHANCE_YOUR_CALM);
    let events = check(client, &peer.bytes);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Ended(_))).count(), 2);
}

#[test]
fn connection_errors() {
    let broken: [fn(&mut Peer); 6] = [
        |peer| {
            peer.frame(6, 0, 0, b"short");
        },
        |peer| {
            peer.frame(4, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff]);
        },
        |peer| {
            peer.frame(9, END_HEADERS, 1, b"");
        },
        |peer| {
            peer.frame(1, END_HEADERS, 3, &[0xff, 0xff, 0xff, 0xff, 0xff]);
        },
        |peer| {
            peer.frame(0, 0, 5, b"idle");
        },
        |peer| {
            peer.frame(0, 0, 1, &[0; 16_385]);
        },
    ];
    for (at, damage) in broken.iter().enumerate() {
        let mut peer = Peer::client();
        peer.request(1);
        damage(&mut peer);
        peer.ping(1).request(7);
        let events = check(server, &peer.bytes);
        assert!(matches!(events.last(), Some(Event::Closed(_))), "{at}: {events:?}");
    }
}

#[test]
fn a_peer_that_speaks_another_protocol() {
    check(server, b"GET /index.html HTTP/1.1\r\nHost: example.org\r\n\r\n");
    check(server, &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
    check(client, b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>");
    check(client, &[0x15, 3, 3, 0, 2, 2, 40]);
}
