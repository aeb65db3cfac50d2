//! GOAWAY in all its forms (RFC 9113 §6.8), and RST_STREAM in all states of a call.

use crate::support::wire::{OK, Peer, RESPONSE, Sent, parse};
use crate::support::{End, Pair, streaming, unary};
use core::time::Duration;
use sailplane::call::Outcome;
use sailplane::error::ErrorCode;
use sailplane::{CallId, Code, Event, Limits, RefusedReason};

/// A client with three calls on streams 1, 3 and 5 of a server by hand.
struct Client {
    pair: Pair,
    peer: Peer,
    calls: [CallId; 3],
}

impl Client {
    fn new() -> Self {
        let mut pair = Pair::new();
        let calls = [pair.start(unary("a")), pair.start(streaming()), pair.start(unary("c"))];
        let mut client = Self { pair, peer: Peer::silent(), calls };
        client.deliver();
        client.peer.settings(&[]).settings_ack();
        client.deliver();
        client
    }

    fn deliver(&mut self) {
        let bytes = self.peer.take();
        self.pair.client.receive(self.pair.now, &bytes);
        self.pair.client.drain(self.pair.now);
    }

    fn outcome(&mut self, at: usize) -> Option<Outcome> {
        self.pair.client.connection.take_outcome(self.calls[at])
    }

    fn code(&mut self, at: usize) -> Option<Result<(), Code>> {
        Some(self.outcome(at)?.status.map_err(|status| status.code()))
    }

    fn goaway_sent(&self) -> Option<ErrorCode> {
        goaway(&self.pair.client, true)
    }
}

fn goaway(end: &End, from_client: bool) -> Option<ErrorCode> {
    parse(from_client, &end.written).into_iter().find_map(|frame| match frame {
        Sent::GoAway { code, .. } => Some(code),
        _ => None,
    })
}

#[test]
fn calls_above_the_last_stream_can_be_placed_again_and_those_below_go_on() {
    let mut client = Client::new();
    client.peer.goaway(3, ErrorCode::NO_ERROR);
    client.deliver();
    let outcome = client.outcome(2).unwrap();
    assert_eq!(outcome.status.unwrap_err().code(), Code::Unavailable);
    let replay = outcome.replay.expect("it was not processed");
    assert_eq!((replay.messages.len(), replay.finished, replay.never_sent), (1, true, false));
    assert_eq!((client.code(0), client.code(1)), (None, None));
    client.peer.headers(1, &RESPONSE, false).headers(1, &OK, true);
    client.deliver();
    assert_eq!(client.code(0), Some(Ok(())));
}

#[test]
fn a_second_goaway_may_lower_the_last_stream() {
    let mut client = Client::new();
    client.peer.goaway(0x7fff_ffff, ErrorCode::NO_ERROR);
    client.deliver();
    assert!((0..3).all(|at| client.code(at).is_none()));
    let refused = client.pair.client.connection.start_call(client.pair.now, unary("d")).unwrap_err();
    assert_eq!(refused.reason, RefusedReason::Draining);
    client.peer.goaway(1, ErrorCode::NO_ERROR);
    client.deliver();
    assert!(client.outcome(1).unwrap().replay.is_some() && client.outcome(2).unwrap().replay.is_some());
    assert_eq!(client.code(0), None);
    let draining = client.pair.client.take_events().iter().filter(|event| **event == Event::Draining).count();
    assert_eq!(draining, 1);
}

#[test]
fn a_goaway_that_raises_the_last_stream_ends_the_connection() {
    let mut client = Client::new();
    client.peer.goaway(3, ErrorCode::NO_ERROR).goaway(5, ErrorCode::NO_ERROR);
    client.deliver();
    assert_eq!(client.goaway_sent(), Some(ErrorCode::PROTOCOL_ERROR));
    assert!((0..3).all(|at| client.code(at).is_some()));
}

#[test]
fn a_goaway_with_an_error_lets_calls_below_it_finish() {
    let mut client = Client::new();
    client.peer.goaway(1, ErrorCode::ENHANCE_YOUR_CALM).headers(1, &RESPONSE, false).headers(1, &OK, true);
    client.deliver();
    assert_eq!(client.code(0), Some(Ok(())));
    let status = client.outcome(1).unwrap().status.unwrap_err();
    assert!(status.message().contains("ENHANCE_YOUR_CALM"), "{status}");
    let closed = client.pair.client.take_events().into_iter().find_map(|event| match event {
        Event::Closed(ended) => Some(ended.code),
        _ => None,
    });
    assert_eq!(closed, Some(ErrorCode::ENHANCE_YOUR_CALM));
}

#[test]
fn a_call_that_is_partly_answered_is_not_placed_again_by_goaway() {
    let mut client = Client::new();
    client.peer.headers(5, &RESPONSE, false).goaway(1, ErrorCode::NO_ERROR);
    client.deliver();
    assert!(client.outcome(2).unwrap().replay.is_none());
    assert!(client.outcome(1).unwrap().replay.is_some());
}

#[test]
fn a_server_that_drains_takes_calls_until_the_client_knows() {
    let mut pair = Pair::new().ready();
    let first = pair.start(streaming());
    let served = pair.accepted();
    pair.server.connection.shutdown(pair.now, Duration::from_secs(10));
    let second = pair.start(unary("on its way"));
    let up = pair.client.drain(pair.now);
    let down = pair.server.drain(pair.now);
    pair.server.receive(pair.now, &up);
    pair.client.receive(pair.now, &down);
    let late = pair.accepted();
    pair.respond(late, "served", Ok(()));
    assert!(pair.outcome(second).status.is_ok());
    pair.respond(served, "", Ok(()));
    assert!(pair.outcome(first).status.is_ok());
    assert!(pair.server.connection.is_finished() || !pair.server.take_events().is_empty());
}

#[test]
fn a_stream_above_the_final_goaway_is_ignored_with_its_data() {
    let mut pair = Pair::new();
    pair.server.drain(pair.now);
    let mut peer = Peer::client();
    peer.request(1);
    pair.server.receive(pair.now, &peer.take());
    pair.server.connection.shutdown(pair.now, Duration::from_secs(10));
    pair.server.drain(pair.now);
    peer.frame(6, 1, 0, b"sailplan");
    pair.server.receive(pair.now, &peer.take());
    pair.server.drain(pair.now);
    pair.server.take_events();
    peer.request(3).message(3, b"late", true);
    pair.server.receive(pair.now, &peer.take());
    assert_eq!(pair.server.drain(pair.now), b"");
    assert_eq!(pair.server.take_events(), []);
    let last: Vec<_> = parse(false, &pair.server.written)
        .into_iter()
        .filter_map(|frame| match frame {
            Sent::GoAway { last, .. } => Some(last),
            _ => None,
        })
        .collect();
    assert_eq!(last, [0x7fff_ffff, 1]);
}

/// PROTOCOL-HTTP2.md, "Errors": what each reset means before anything of a response came.
#[test]
fn resets_before_the_response() {
    let table = [
        (ErrorCode::NO_ERROR, Code::Internal, false),
        (ErrorCode::REFUSED_STREAM, Code::Unavailable, true),
        (ErrorCode::CANCEL, Code::Cancelled, false),
        (ErrorCode::ENHANCE_YOUR_CALM, Code::ResourceExhausted, false),
        (ErrorCode::INADEQUATE_SECURITY, Code::PermissionDenied, false),
    ];
    for (reset, code, replay) in table {
        let mut client = Client::new();
        client.peer.rst(1, reset);
        client.deliver();
        let outcome = client.outcome(0).unwrap();
        assert_eq!((outcome.status.unwrap_err().code(), outcome.replay.is_some()), (code, replay), "{reset}");
        assert_eq!(client.code(1), None);
    }
}

#[test]
fn resets_in_the_middle_of_a_response_and_after_it() {
    let mut client = Client::new();
    client.peer.headers(1, &RESPONSE, false).message(1, b"x", false).rst(1, ErrorCode::REFUSED_STREAM);
    client.peer.headers(3, &RESPONSE, false).headers(3, &OK, true).rst(3, ErrorCode::CANCEL);
    client.deliver();
    let outcome = client.outcome(0).unwrap();
    assert_eq!((outcome.status.unwrap_err().code(), outcome.replay.is_none()), (Code::Unavailable, true));
    assert_eq!(client.pair.client.messages(client.calls[0]).0.len(), 1, "what came before is there");
    assert_eq!(client.code(1), Some(Ok(())), "a complete response beats a later reset");
}

#[test]
fn a_reset_after_the_deadline_is_still_the_deadline() {
    let mut pair = Pair::new();
    let mut start = unary("x");
    start.head.deadline = Some(pair.now.saturating_add(Duration::from_millis(10)));
    let call = pair.start(start);
    pair.client.drain(pair.now);
    let mut peer = Peer::server();
    peer.rst(1, ErrorCode::CANCEL);
    let later = pair.now.saturating_add(Duration::from_millis(10));
    pair.client.receive(later, &peer.take());
    let status = pair.client.connection.take_outcome(call).unwrap().status.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[test]
fn what_is_refused_above_the_limit_can_be_placed_again() {
    let mut pair = Pair::with(Limits::default(), Limits::default().concurrent_calls_max(1));
    let calls: Vec<_> = (0..100).map(|_| pair.start(unary("x"))).collect();
    pair.settle();
    let told = pair.server.take_events().into_iter().filter(|event| matches!(event, Event::Call(_))).count();
    assert_eq!(told, 1, "one handler at a time");
    let mut waiting = 0;
    for call in calls {
        match pair.client.connection.take_outcome(call) {
            Some(outcome) => assert!(outcome.replay.is_some()),
            None => waiting += 1,
        }
    }
    assert!(waiting >= 1, "{waiting}");
}

/// RFC 9113 §6.8: last streams of every kind, at a client with calls on the streams 1 and 3.
#[test]
fn goaways_of_every_kind() {
    use crate::table::{Row, on_client, on_server};
    const ONE: &str = "b Unavailable, draining";
    on_client(&[
        Row(
            "0",
            "§6.8",
            |p| p.goaway(0, ErrorCode::NO_ERROR),
            "GOAWAY 0 NO_ERROR, a Unavailable, b Unavailable, draining",
        ),
        Row("1", "§6.8", |p| p.goaway(1, ErrorCode::NO_ERROR), ONE),
        Row("even", "§6.8", |p| p.goaway(2, ErrorCode::NO_ERROR), ONE),
        Row("3", "§6.8", |p| p.goaway(3, ErrorCode::NO_ERROR), "draining"),
        Row("2^31-1", "§6.8", |p| p.goaway(0x7fff_ffff, ErrorCode::NO_ERROR), "draining"),
        Row(
            "2^31-1 and the reserved bit",
            "§6.8",
            |p| p.frame(7, 0, 0, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
            "draining",
        ),
        Row("2^31-2", "§6.8", |p| p.goaway(0x7fff_fffe, ErrorCode::NO_ERROR), "draining"),
        Row(
            "falling",
            "§6.8",
            |p| p.goaway(0x7fff_ffff, ErrorCode::NO_ERROR).goaway(1, ErrorCode::NO_ERROR),
            ONE,
        ),
        Row(
            "the same again",
            "§6.8",
            |p| p.goaway(1, ErrorCode::NO_ERROR).goaway(1, ErrorCode::NO_ERROR),
            ONE,
        ),
        Row(
            "rising",
            "§6.8",
            |p| p.goaway(1, ErrorCode::NO_ERROR).goaway(3, ErrorCode::NO_ERROR),
            "GOAWAY 0 PROTOCOL_ERROR, draining",
        ),
        Row("of 7 octets", "§6.8", |p| p.frame(7, 0, 0, &[0; 7]), "GOAWAY 0 FRAME_SIZE_ERROR"),
        Row(
            "with debug data",
            "§6.8",
            |p| p.frame(7, 0, 0, &[&[0, 0, 0, 3, 0, 0, 0, 0][..], &[0xff; 9000]].concat()),
            "draining",
        ),
        Row("of an unknown code", "§7", |p| p.goaway(3, ErrorCode(u32::MAX)), "draining"),
        Row(
            "within a header block",
            "§6.10",
            |p| p.frame(1, 0, 1, b"").goaway(3, ErrorCode::NO_ERROR),
            "GOAWAY 0 PROTOCOL_ERROR",
        ),
        Row(
            "below it calls go on",
            "§6.8",
            |p| p.goaway(1, ErrorCode::NO_ERROR).headers(1, &RESPONSE, false).headers(1, &OK, true),
            "RST 1 NO_ERROR, GOAWAY 0 NO_ERROR, b Unavailable, a head, a OK, draining",
        ),
    ]);
    on_server(&[
        Row(
            "of a client with a call",
            "§6.8",
            |p| p.request(1).goaway(0, ErrorCode::NO_ERROR),
            "a call, draining",
        ),
        Row(
            "of a client without one",
            "§6.8",
            |p| p.goaway(0, ErrorCode::NO_ERROR),
            "GOAWAY 0 NO_ERROR, draining",
        ),
        Row(
            "rising",
            "§6.8",
            |p| p.request(1).goaway(0, ErrorCode::NO_ERROR).goaway(2, ErrorCode::NO_ERROR),
            "GOAWAY 1 PROTOCOL_ERROR, draining",
        ),
    ]);
}

/// RFC 9113 §5.4.1, §5.4.2: what an error reaches. The connection's: GOAWAY with the last stream that was
/// taken, and nothing after it. A stream's: RST_STREAM, its call ends, and the others go on.
#[test]
fn errors_reach_as_far_as_they_should() {
    use crate::table::{Row, on_client, on_server};
    on_server(&[
        Row(
            "the last stream is told",
            "§5.4.1",
            |p| p.request(1).request(7).ping(1).data(0, b"", false),
            "GOAWAY 7 PROTOCOL_ERROR",
        ),
        Row(
            "nothing is taken after it",
            "§5.4.1",
            |p| p.data(0, b"", false).request(1).ping(1),
            "GOAWAY 0 PROTOCOL_ERROR",
        ),
        Row("once", "§5.4.1", |p| p.data(0, b"", false).data(0, b"", false), "GOAWAY 0 PROTOCOL_ERROR"),
        Row(
            "a stream's error is its own",
            "§5.4.2",
            |p| p.request(1).request(3).window_update(1, 0),
            "RST 1 PROTOCOL_ERROR, a call",
        ),
        Row(
            "RST_STREAM is not answered",
            "§5.4.2",
            |p| p.request(1).rst(1, ErrorCode::PROTOCOL_ERROR).rst(1, ErrorCode::PROTOCOL_ERROR),
            "",
        ),
        Row(
            "one RST_STREAM for many faults",
            "§5.4.2",
            |p| p.request(1).window_update(1, 0).window_update(1, 0).data(1, b"x", false),
            "RST 1 PROTOCOL_ERROR",
        ),
    ]);
    on_client(&[
        Row(
            "a stream's error is its own",
            "§5.4.2",
            |p| p.window_update(1, 0).headers(3, &RESPONSE, false),
            "RST 1 PROTOCOL_ERROR, a Internal, b head",
        ),
        Row("RST_STREAM is not answered", "§5.4.2", |p| p.rst(1, ErrorCode::PROTOCOL_ERROR), "a Internal"),
    ]);
    let mut client = Client::new();
    client.peer.frame(6, 0, 1, &[0; 8]);
    client.deliver();
    assert!(client.pair.client.connection.is_finished() || client.pair.client.connection.has_event());
    assert!(
        !client.pair.client.connection.wants_receive(),
        "RFC 9113 §5.4.1: the connection is to be closed"
    );
}

/// RFC 9113 §8.7: what was provably not processed can be repeated, and nothing else.
#[test]
fn what_was_not_processed_can_be_repeated() {
    type Script = fn(&mut Client);
    let table: [(&str, Script, bool); 7] = [
        ("REFUSED_STREAM", |client| _ = client.peer.rst(5, ErrorCode::REFUSED_STREAM), true),
        ("GOAWAY below it", |client| _ = client.peer.goaway(3, ErrorCode::NO_ERROR), true),
        ("CANCEL", |client| _ = client.peer.rst(5, ErrorCode::CANCEL), false),
        ("INTERNAL_ERROR", |client| _ = client.peer.rst(5, ErrorCode::INTERNAL_ERROR), false),
        (
            "REFUSED_STREAM after the head",
            |client| _ = client.peer.headers(5, &RESPONSE, false).rst(5, ErrorCode::REFUSED_STREAM),
            false,
        ),
        ("an error of the connection", |client| _ = client.peer.ping(1).data(0, b"", false), false),
        (
            "a status",
            |client| _ = client.peer.headers(5, &[RESPONSE[0], RESPONSE[1], ("grpc-status", "14")], true),
            false,
        ),
    ];
    for (name, script, repeatable) in table {
        let mut client = Client::new();
        script(&mut client);
        client.deliver();
        let outcome = client.outcome(2).unwrap();
        assert!(outcome.status.is_err(), "{name}");
        assert_eq!(outcome.replay.is_some(), repeatable, "{name}");
    }
}

/// RFC 9113 §6.8: "Endpoints MUST NOT increase the value they send in the last stream identifier", whatever comes
/// after the final GOAWAY.
#[test]
fn our_last_stream_never_rises() {
    use crate::table::Bench;
    let mut bench = Bench::server();
    bench.peer.request(1);
    bench.answer();
    let now = bench.pair.now;
    bench.end().connection.shutdown(now, Duration::from_secs(10));
    assert_eq!(bench.answer(), "GOAWAY 2147483647 NO_ERROR, PING, draining");
    bench.peer.request(3);
    assert_eq!(bench.answer(), "b call", "the client may not know yet");
    bench.peer.frame(6, 1, 0, b"sailplan");
    assert_eq!(bench.answer(), "GOAWAY 3 NO_ERROR");
    bench.peer.request(5).request(7);
    assert_eq!(bench.answer(), "");
    bench.peer.data(0, b"", false);
    assert_eq!(bench.answer(), "GOAWAY 3 PROTOCOL_ERROR");
}
