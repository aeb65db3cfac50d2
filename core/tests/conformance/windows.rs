//! Flow control: what windows hold back, and what they must never hold back.

use crate::support::actors::{Manner, Plan, body};
use crate::support::wire::{Peer, Sent};
use crate::support::world::World;
use crate::support::{Pair, streaming};
use bytes::Bytes;
use core::time::Duration;
use sailplane::{Code, Event, Limits, Metadata, Received, Status};

const MIB: usize = 1 << 20;

#[test]
fn messages_of_four_mebibytes_interleave_in_many_calls() {
    let plans: Vec<_> = (0..20).map(|_| Plan::sized("echo", &[4 * MIB])).collect();
    let mut world = World::new(&plans);
    let mut most = 0;
    while world.step() {
        most = most.max(world.pair.server.connection.unread_bytes());
    }
    world.finish();
    assert!(world.client.calls.iter().all(|seen| seen.status() == Some(Ok(()))));
    assert!(most <= 4 * MIB + 20 * 64 * 1024 + 4 * MIB, "{most}");
}

/// The server takes nothing, so nothing can be finished: memory is bounded, and the largest end one by one.
#[test]
fn unfinished_messages_of_many_calls_stay_below_the_formula() {
    let limits = Limits::default().concurrent_calls_max(256);
    let mut pair = Pair::with(Limits::default(), limits).ready();
    let message = body(0, 4 * MIB);
    let calls: Vec<_> = (0..256).map(|_| pair.start(streaming())).collect();
    pair.settle();
    for call in &calls {
        pair.client.connection.send_message(*call, message.clone()).unwrap();
    }
    let bound = 4 * MIB + 256 * 64 * 1024 + 4 * MIB;
    for _ in 0..300 {
        pair.pass(Duration::from_secs(61));
        let held = pair.server.connection.unread_bytes();
        assert!(held <= bound, "{held} octets are held");
    }
    let mut over = std::collections::BTreeSet::new();
    for event in pair.server.take_events() {
        match event {
            Event::Message(call) => {
                over.insert(call);
            }
            Event::Ended(call) => {
                let status = pair.server.connection.take_outcome(call).unwrap().status.unwrap_err();
                assert_eq!(status.code(), Code::ResourceExhausted);
                over.insert(call);
            }
            _ => {}
        }
    }
    assert_eq!(over.len(), 256, "every message is finished or its call ended");
}

/// The same with a server that takes what is finished: all of them finish.
#[test]
fn with_a_reader_every_one_of_many_large_messages_finishes() {
    let limits = Limits::default().concurrent_calls_max(64);
    let plans: Vec<_> = (0..64).map(|_| Plan::sized("count", &[4 * MIB])).collect();
    let mut world = World::with(&plans, Limits::default(), limits);
    world.finish();
    assert!(world.client.calls.iter().all(|seen| seen.status() == Some(Ok(()))));
}

#[test]
fn stalled_responses_do_not_stop_a_healthy_call() {
    let limits = Limits::default().concurrent_calls_max(300);
    let mut pair = Pair::with(Limits::default(), limits).ready();
    for _ in 0..256 {
        pair.start(streaming());
    }
    pair.settle();
    let calls: Vec<_> = pair.server.take_events();
    assert_eq!(calls.len(), 256);
    for event in calls {
        let Event::Call(call) = event else { panic!("{event:?}") };
        while pair.server.connection.send_message(call, body(0, 60_000)).is_ok() {}
    }
    pair.settle();
    let call = pair.start(crate::support::unary("healthy"));
    let served = pair.accepted();
    assert_eq!(pair.server.messages(served).0.len(), 1);
    pair.respond(served, "fine", Ok(()));
    assert!(pair.outcome(call).status.is_ok());
}

#[test]
fn a_call_that_ends_frees_its_credit_for_others() {
    let limits = Limits::default().unread_bytes_max(100_000);
    let mut pair = Pair::with(Limits::default(), limits).ready();
    let [first, second] = [pair.start(streaming()), pair.start(streaming())];
    pair.settle();
    let served: Vec<_> = pair.server.take_events();
    // The first holds a finished message that nobody takes; the second wants more than its window.
    pair.client.connection.send_message(first, body(0, 110_000)).unwrap();
    pair.settle();
    pair.client.connection.send_message(second, body(1, 300_000)).unwrap();
    pair.client.connection.send_message(first, body(2, 50_000)).unwrap();
    pair.settle();
    pair.client.connection.cancel(first, Status::cancelled("")).unwrap();
    pair.settle();
    let Event::Call(other) = served[1] else { panic!("{served:?}") };
    assert_eq!(pair.server.messages(other).0.len(), 1, "no timer was needed");
}

#[test]
fn a_reader_that_is_slow_loses_nothing_of_a_call_that_ended_well() {
    let limits = Limits::default().unread_bytes_max(100_000);
    let mut pair = Pair::with(limits, Limits::default()).ready();
    let call = pair.start(crate::support::unary("x"));
    let served = pair.accepted();
    let message = body(0, 200_000);
    pair.server.connection.respond(served, Some(message.clone()), Metadata::new(), Ok(())).unwrap();
    pair.settle();
    let other = pair.start(streaming());
    let served = pair.accepted();
    for at in 0..2 {
        let _ = pair.server.connection.send_message(served, body(at, 50_000));
    }
    pair.pass(Duration::from_secs(200));
    assert!(pair.outcome(call).status.is_ok());
    assert!(pair.client.messages(call).0 == [message]);
    pair.client.connection.release(other);
}

#[test]
fn small_windows_that_the_peer_learns_of_late_open_again() {
    let limits = Limits::default().stream_window_bytes(16);
    let mut pair = Pair::with(Limits::default(), limits);
    let call = pair.start(streaming());
    pair.client.connection.send_message(call, body(0, 1000)).unwrap();
    pair.settle();
    pair.client.connection.send_message(call, body(1, 1000)).unwrap();
    pair.settle();
    let Some(Event::Call(served)) =
        pair.server.take_events().into_iter().find(|event| matches!(event, Event::Call(_)))
    else {
        panic!("a call")
    };
    assert!(pair.server.messages(served).0 == [body(0, 1000)]);
    pair.settle();
    assert!(pair.server.messages(served).0 == [body(1, 1000)]);
}

/// RFC 9113 §6.9.2: a peer may take back what it had granted.
#[test]
fn a_window_below_what_is_in_flight_stops_a_sender_until_it_is_positive_again() {
    use crate::support::wire::{Peer, RESPONSE};
    let mut pair = Pair::new();
    let call = pair.start(streaming());
    let mut peer = Peer::server();
    pair.client.receive(pair.now, &peer.take());
    let _ = pair.client.connection.send_message(call, body(0, 60_000));
    pair.client.drain(pair.now);
    peer.headers(1, &RESPONSE, false).settings(&[(4, 10_000)]);
    pair.client.receive(pair.now, &peer.take());
    let _ = pair.client.connection.send_message(call, body(1, 1_000));
    let data = |pair: &mut Pair| {
        let before = pair.client.written.len();
        pair.client.drain(pair.now);
        pair.client.written.len() - before
    };
    data(&mut pair);
    peer.window_update(1, 50_005);
    pair.client.receive(pair.now, &peer.take());
    assert_eq!(data(&mut pair), 0, "the window is zero, not positive");
    peer.window_update(1, 5);
    pair.client.receive(pair.now, &peer.take());
    assert_eq!(data(&mut pair), 9 + 5);
    peer.settings(&[(4, 65_535)]);
    pair.client.receive(pair.now, &peer.take());
    assert_eq!(data(&mut pair), 9 + 9 + 1000, "an acknowledgement and the rest");
}

#[test]
fn connection_credit_comes_back_for_calls_that_are_gone() {
    let mut world = World::new(&[Plan::sized("hang", &[60_000, 60_000]), Plan::sized("early", &[60_000; 4])]);
    world.server.manner = Manner { stalled: true, ..Manner::default() };
    for _ in 0..4 {
        world.step();
    }
    for call in world.client.open() {
        world.pair.client.connection.cancel(call, Status::cancelled("")).unwrap();
    }
    world.finish();
}

#[test]
fn whoever_is_blocked_is_told_when_there_is_room() {
    let mut pair = Pair::new().ready();
    let call = pair.start(streaming());
    let served = pair.accepted();
    let mut sent = 0;
    while pair.client.connection.send_message(call, Bytes::from(vec![0; 10_000])).is_ok() {
        sent += 1;
    }
    assert!(!pair.client.connection.has_event());
    loop {
        pair.settle();
        match pair.server.connection.receive_message(served).unwrap() {
            Received::Message(_) => sent -= 1,
            _ => break,
        }
    }
    assert_eq!(sent, 0);
    assert_eq!(pair.client.take_events(), [Event::Writable(call)]);
}

/// PROTOCOL-HTTP2.md, "Requests": the last DATA of a request carries END_STREAM, HEADERS never do.
#[test]
fn a_request_ends_with_data() {
    let mut world = World::new(&[Plan::new("unary", &[]), Plan::new("unary", &[b"x"])]);
    world.finish();
    for frame in world.client_wrote() {
        assert!(!matches!(frame, Sent::Headers { end: true, .. }));
    }
}

/// RFC 9113 §5.2.2, §6.1: padding counts, and is nothing that anybody has to take.
#[test]
fn the_credit_of_padding_comes_back() {
    use crate::support::wire::{PADDED, Peer};
    let mut pair = Pair::new();
    pair.server.drain(pair.now);
    let mut peer = Peer::client();
    peer.request(1).data(1, &[0, 0, 0, 1, 44], false);
    for _ in 0..300 {
        let mut payload = vec![255, 7];
        payload.extend([0; 255]);
        peer.frame(0, PADDED, 1, &payload);
        pair.server.receive(pair.now, &peer.take());
        pair.server.drain(pair.now);
    }
    let events = pair.server.take_events();
    let [.., Event::Message(call)] = events[..] else { panic!("{events:?}") };
    assert!(pair.server.messages(call).0 == [Bytes::from(vec![7; 300])]);
}

/// RFC 9113 §6.9.2: a changed initial window size changes the windows of all streams, also of those on which
/// nothing is left to send: what the peer adds to them is counted from there.
#[test]
fn the_window_of_a_request_that_is_complete_follows_the_setting() {
    use crate::support::unary;
    let mut pair = Pair::new();
    let call = pair.start(unary("x"));
    pair.client.drain(pair.now);
    let mut peer = Peer::server();
    peer.settings(&[(4, 0)]).window_update(1, 0x7fff_ffff);
    pair.client.receive(pair.now, &peer.take());
    pair.client.drain(pair.now);
    assert_eq!(pair.client.connection.has_ended(call), Some(false));
    // The message took six octets of it.
    peer.window_update(1, 7);
    pair.client.receive(pair.now, &peer.take());
    let outcome = pair.client.connection.take_outcome(call).expect("the window is above 2^31-1");
    assert_eq!(
        outcome.status.unwrap_err().http2_code(),
        Some(sailplane::error::ErrorCode::FLOW_CONTROL_ERROR)
    );
}

/// RFC 9113 §5.2, §6.9.1, §6.9.2: how much goes out, window by window: what the peer does, and the DATA that
/// comes of it, for a response of 100 octets and its prefix.
#[test]
fn data_goes_as_far_as_the_windows() {
    use crate::support::wire::Peer;
    use crate::table::Bench;
    type Step = (&'static str, for<'a> fn(&'a mut Peer) -> &'a mut Peer, &'static str);
    let tables: [(&str, u32, &[Step]); 6] = [
        (
            "h2spec http2/6.9.1/1: a window of 1",
            1,
            &[
                ("", |p| p, "HEADERS 1 200, DATA 1 1"),
                ("one more", |p| p.window_update(1, 1), "DATA 1 1"),
                (
                    "the rest",
                    |p| p.window_update(1, 1000),
                    "DATA 1 103, HEADERS 1 0 END, RST 1 NO_ERROR, a OK",
                ),
            ],
        ),
        (
            "h2spec http2/6.9.2/1: SETTINGS open it",
            0,
            &[
                ("", |p| p, "HEADERS 1 200"),
                ("to 1", |p| p.settings(&[(4, 1)]), "SETTINGS ACK, DATA 1 1"),
                ("to 3", |p| p.settings(&[(4, 3)]), "SETTINGS ACK, DATA 1 2"),
            ],
        ),
        (
            "h2spec http2/6.9.2/2: negative windows",
            50,
            &[
                ("", |p| p, "HEADERS 1 200, DATA 1 50"),
                ("to -48", |p| p.settings(&[(4, 2)]), "SETTINGS ACK"),
                ("to 0", |p| p.window_update(1, 48), ""),
                ("to 1", |p| p.window_update(1, 1), "DATA 1 1"),
                ("to -2", |p| p.settings(&[(4, 0)]), "SETTINGS ACK"),
                ("to 8", |p| p.settings(&[(4, 10)]), "SETTINGS ACK, DATA 1 8"),
            ],
        ),
        (
            "h2spec http2/6.5.3/1: the last of many values",
            0,
            &[
                ("", |p| p, "HEADERS 1 200"),
                ("in one frame", |p| p.settings(&[(4, 100), (4, 1)]), "SETTINGS ACK, DATA 1 1"),
            ],
        ),
        (
            "an end needs no window",
            105,
            &[("", |p| p, "HEADERS 1 200, DATA 1 105, HEADERS 1 0 END, RST 1 NO_ERROR, a OK")],
        ),
        (
            "credit for a stream that is gone",
            10,
            &[
                ("", |p| p, "HEADERS 1 200, DATA 1 10"),
                ("reset", |p| p.rst(1, sailplane::error::ErrorCode::CANCEL), "a Cancelled"),
                ("late", |p| p.window_update(1, 100), ""),
                ("SETTINGS", |p| p.settings(&[(4, 100)]), "SETTINGS ACK"),
            ],
        ),
    ];
    for (name, window, steps) in tables {
        let mut bench = Bench::server();
        bench.peer.settings(&[(4, window)]).request(1);
        assert_eq!(bench.answer(), "SETTINGS ACK, a call");
        let call = bench.calls()[0];
        let message = Some(Bytes::from_static(&[7; 100]));
        bench.end().connection.respond(call, message, Metadata::new(), Ok(())).unwrap();
        for (step, script, expected) in steps {
            script(&mut bench.peer);
            assert_eq!(bench.answer(), *expected, "{name}: {step}");
        }
        assert!(bench.is_alive());
    }
}

/// RFC 9113 §6.9.1: the window of the connection is one for all streams, and SETTINGS do not change it (§6.9.2).
#[test]
fn the_window_of_the_connection() {
    use crate::table::Bench;
    let mut bench = Bench::server();
    bench.peer.settings(&[(4, 0x7fff_ffff)]).request(1).request(3);
    bench.answer();
    for call in [bench.calls()[0], bench.calls()[1]] {
        let message = Some(Bytes::from(vec![7; 40_000]));
        bench.end().connection.respond(call, message, Metadata::new(), Ok(())).unwrap();
    }
    let sent = |answer: &str| -> u32 {
        let data = answer.split(", ").filter_map(|item| item.strip_prefix("DATA "));
        data.map(|item| item.split(' ').nth(1).unwrap().parse::<u32>().unwrap()).sum()
    };
    assert_eq!(sent(&bench.answer()), 65_535);
    bench.peer.window_update(1, 0x100).settings(&[(4, 0x7fff_0000)]);
    assert_eq!(sent(&bench.answer()), 0);
    bench.peer.window_update(0, 5);
    assert_eq!(sent(&bench.answer()), 5);
    bench.peer.window_update(0, 1_000_000);
    assert_eq!(sent(&bench.answer()), 80_010 - 65_540);
    // RFC 9113 §6.9: the reserved bit of the increment is ignored.
    bench.peer.window_update(0, 0x8000_0001);
    assert_eq!(bench.answer(), "");
    bench.peer.window_update(0, 0x8000_0000);
    assert!(bench.answer().contains("GOAWAY 3 PROTOCOL_ERROR"));
}

/// RFC 9113 §6.9.1, §6.9.2: windows up to 2^31-1 and not above, and what overflows them.
#[test]
fn windows_that_overflow() {
    use crate::table::{Row, on_client, on_server};
    const FLOW: &str = "GOAWAY 0 FLOW_CONTROL_ERROR";
    on_server(&[
        Row("the connection to 2^31-1", "§6.9.1", |p| p.window_update(0, 0x7fff_ffff - 65_535), ""),
        Row("the connection to 2^31", "§6.9.1", |p| p.window_update(0, 0x7fff_ffff - 65_534), FLOW),
        Row(
            "a stream to 2^31-1",
            "§6.9.1",
            |p| p.request(1).window_update(1, 0x7fff_ffff - 65_535),
            "a call",
        ),
        Row(
            "a stream to 2^31",
            "§6.9.1",
            |p| p.request(1).window_update(1, 0x7fff_ffff - 65_534),
            "RST 1 FLOW_CONTROL_ERROR",
        ),
        Row(
            "a stream by SETTINGS",
            "§6.9.2",
            |p| p.request(1).window_update(1, 1).settings(&[(4, 0x7fff_ffff)]),
            "GOAWAY 1 FLOW_CONTROL_ERROR",
        ),
        Row(
            "no stream by SETTINGS",
            "§6.9.2",
            |p| p.settings(&[(4, 0x7fff_ffff)]).request(1),
            "SETTINGS ACK, a call",
        ),
        Row(
            "DATA above the stream's window",
            "§6.9.1",
            |p| {
                p.request(1).data(1, &[0, 0, 2, 0, 0], false);
                for _ in 0..4 {
                    p.data(1, &[0; 16_384], false);
                }
                p
            },
            "RST 1 FLOW_CONTROL_ERROR",
        ),
    ]);
    on_client(&[
        Row("the connection to 2^31", "§6.9.1", |p| p.window_update(0, 0x7fff_ffff - 65_534), FLOW),
        Row(
            "a stream to 2^31",
            "§6.9.1",
            |p| p.window_update(3, 0x7fff_ffff - 65_534),
            "RST 3 FLOW_CONTROL_ERROR, b Internal",
        ),
        Row("a stream by SETTINGS", "§6.9.2", |p| p.window_update(3, 1).settings(&[(4, 0x7fff_ffff)]), FLOW),
    ]);
}
