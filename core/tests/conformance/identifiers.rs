//! Stream identifiers (RFC 9113 §5.1.1) and how many streams may be open (§5.1.2).

use crate::support::unary;
use crate::support::wire::{OK, REQUEST, RESPONSE, Sent};
use crate::table::{Bench, Row, on_client, on_server, run};
use sailplane::error::ErrorCode;
use sailplane::{Limits, RefusedReason};

/// RFC 9113 §5.1.1: clients use odd ones, and each is higher than all before.
#[test]
fn identifiers_of_requests() {
    on_server(&[
        Row("1", "§5.1.1", |p| p.request(1), "a call"),
        Row("any odd one first", "§5.1.1", |p| p.request(77), "a call"),
        Row("the highest", "§5.1.1", |p| p.request(0x7fff_ffff), "a call"),
        Row("the highest, with the reserved bit", "§4.1", |p| p.request(0xffff_ffff), "a call"),
        Row(
            "rising",
            "§5.1.1",
            |p| p.request(1).request(3).request(9).request(11),
            "a call, b call, c call, d call",
        ),
        Row("even", "§5.1.1", |p| p.request(2), "GOAWAY 0 PROTOCOL_ERROR"),
        Row("even after odd", "§5.1.1", |p| p.request(1).request(4), "GOAWAY 1 PROTOCOL_ERROR"),
        Row("0", "§6.2", |p| p.request(0), "GOAWAY 0 PROTOCOL_ERROR"),
        Row("falling, never used", "§5.1.1", |p| p.request(5).request(3), "GOAWAY 5 PROTOCOL_ERROR"),
        Row("falling by one step", "§5.1.1", |p| p.request(3).request(1), "GOAWAY 3 PROTOCOL_ERROR"),
        Row("of an open stream", "§8.1", |p| p.request(1).request(1), "RST 1 PROTOCOL_ERROR"),
        Row(
            "of a stream that is half-closed",
            "§5.1",
            |p| p.headers(1, &REQUEST, true).request(1),
            "RST 1 STREAM_CLOSED",
        ),
        Row(
            "of a stream that the client reset",
            "§5.1",
            |p| p.request(1).rst(1, ErrorCode::CANCEL).request(1),
            "",
        ),
    ]);
}

/// RFC 9113 §5.1, §5.1.1: an identifier is used once.
#[test]
fn identifiers_are_not_used_again() {
    let mut bench = Bench::server();
    bench.peer.headers(1, &REQUEST, true);
    bench.answer();
    let call = bench.calls()[0];
    bench.end().connection.respond(call, None, sailplane::Metadata::new(), Ok(())).unwrap();
    assert_eq!(bench.answer(), "HEADERS 1 200 0 END, a OK");
    bench.peer.request(1);
    assert_eq!(bench.answer(), "GOAWAY 1 STREAM_CLOSED");
    let mut bench = Bench::server();
    bench.peer.request(0x7fff_ffff).headers(0x7fff_ffff, &[("x", "y")], true).request(1);
    assert_eq!(
        bench.answer(),
        "a call, a end, GOAWAY 2147483647 PROTOCOL_ERROR".replacen("a call, a end, ", "", 1)
    );
}

/// RFC 9113 §5.1.1: what a server may name.
#[test]
fn identifiers_of_responses() {
    on_client(&[
        Row("of a call", "§5.1", |p| p.headers(3, &RESPONSE, false), "b head"),
        Row(
            "in any order",
            "§5.1",
            |p| p.headers(3, &RESPONSE, false).headers(1, &RESPONSE, false),
            "b head, a head",
        ),
        Row("even", "§5.1.1", |p| p.headers(2, &RESPONSE, false), "GOAWAY 0 PROTOCOL_ERROR"),
        Row("of no call yet", "§5.1", |p| p.headers(5, &RESPONSE, false), "GOAWAY 0 PROTOCOL_ERROR"),
        Row("the highest", "§5.1", |p| p.headers(0x7fff_ffff, &RESPONSE, false), "GOAWAY 0 PROTOCOL_ERROR"),
        Row("the highest even", "§5.1.1", |p| p.data(0x7fff_fffe, b"", false), "GOAWAY 0 PROTOCOL_ERROR"),
    ]);
}

/// RFC 9113 §5.1.1: ours are odd, rise, and leave none out.
#[test]
fn our_identifiers() {
    let mut bench = Bench::client(0);
    let now = bench.pair.now;
    for round in 0..50 {
        bench.end().connection.start_call(now, unary("x")).unwrap();
        if round % 3 == 0 {
            bench.deliver();
        }
    }
    bench.deliver();
    let ids: Vec<_> = bench
        .wrote()
        .iter()
        .filter(|frame| matches!(frame, Sent::Headers { .. }))
        .map(Sent::stream)
        .collect();
    assert_eq!(ids, (0..50).map(|at| 2 * at + 1).collect::<Vec<_>>());
}

/// RFC 9113 §5.1.2: above the advertised number a stream is refused, and the connection lives on.
#[test]
fn more_streams_than_advertised() {
    let bench = || Bench::server_with(Limits::default().concurrent_calls_max(2));
    run(
        "server",
        &[
            Row("as many", "§5.1.2", |p| p.request(1).request(3), "a call, b call"),
            Row(
                "one more",
                "§5.1.2",
                |p| p.request(1).request(3).request(5),
                "RST 5 REFUSED_STREAM, a call, b call",
            ),
            Row(
                "one more that is malformed",
                "§5.1.2",
                |p| p.request(1).request(3).headers(5, &[], false),
                "RST 5 REFUSED_STREAM, a call, b call",
            ),
            Row(
                "half-closed ones count",
                "§5.1.2",
                |p| p.headers(1, &REQUEST, true).request(3).request(5),
                "RST 5 REFUSED_STREAM, a call, a end, b call",
            ),
            Row(
                "the frames of a refused one are taken",
                "§5.1",
                |p| p.request(1).request(3).request(5).data(5, b"x", false).headers(5, &[("x", "y")], true),
                "RST 5 REFUSED_STREAM, a call, b call",
            ),
            Row(
                "a refused one that the client resets needs no reset",
                "§5.1",
                |p| p.request(1).request(3).request(5).rst(5, ErrorCode::CANCEL),
                "a call, b call",
            ),
        ],
        bench,
    );
    let mut bench = Bench::client(1);
    bench.peer.settings(&[(3, 1)]).headers(1, &RESPONSE, false);
    bench.answer();
    let now = bench.pair.now;
    let refused = bench.end().connection.start_call(now, unary("x")).unwrap_err();
    assert_eq!(refused.reason, RefusedReason::NoRoom);
    bench.peer.headers(1, &OK, true);
    assert_eq!(bench.answer(), "RST 1 NO_ERROR, a OK, room");
}
