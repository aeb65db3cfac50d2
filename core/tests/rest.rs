//! A connection that rests between its calls is the same connection.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use core::time::Duration;
use quickcheck::quickcheck;
use sailplane::call::RequestHead;
use sailplane::connection::Resting;
use sailplane::error::ErrorCode;
use sailplane::{Code, Event, Limits, Metadata, Path, Start, Status};
use support::wire::{Peer, Sent, parse};
use support::{Pair, streaming, unary};

/// A call with some metadata of a few, answered with some; what either side has of it.
fn call(pair: &mut Pair, number: u8, answer: u8) -> (RequestHead, Option<Code>, Metadata) {
    let metadata = |number: u8| {
        let mut metadata = Metadata::new();
        for field in 0..number % 4 {
            let name = ["x-a", "x-b-bin", "authorization"][usize::from(field) % 3];
            metadata
                .append(name, ["1", "two", "three"][usize::from(number) % 3].repeat(usize::from(number % 40)))
                .ok();
        }
        metadata
    };
    let path = ["/a/b", "/a/c", "/greet.Greeter/SayHello"][usize::from(number) % 3];
    let mut head = RequestHead::new(Path::from_static(path), "localhost".into());
    head.metadata = metadata(number);
    head.deadline =
        (number % 5 == 0).then(|| pair.now.saturating_add(Duration::from_millis(1000 + u64::from(number))));
    let message = (number % 7 != 0).then(|| vec![number; usize::from(answer) * 300].into());
    let call = pair.start(Start { head, message, finished: true });
    let incoming = pair.accepted();
    let request = pair.server.connection.take_request(incoming).unwrap();
    pair.server.messages(incoming);
    if answer % 11 == 0 {
        pair.client.connection.cancel(call, Status::cancelled("on a whim")).unwrap();
    } else {
        let status = if answer % 3 == 0 { Err(Status::aborted("on a whim")) } else { Ok(()) };
        let message = Some(vec![answer; usize::from(number) * 300].into());
        pair.server.connection.respond(incoming, message, metadata(answer), status).unwrap();
    }
    pair.server.connection.release(incoming);
    pair.settle();
    pair.client.take_events();
    pair.client.messages(call);
    let outcome = pair.client.connection.take_outcome(call).unwrap();
    pair.client.connection.release(call);
    pair.settle();
    (request, outcome.status.err().map(|status| status.code()), outcome.trailers)
}

quickcheck! {
    /// The same octets, the same timeouts, the same credit: nobody else can tell whether it rests.
    fn resting_changes_nothing(calls: Vec<(u8, u8, u16)>, table: u16) -> bool {
        let limits = || Limits::default().header_table_bytes(usize::from(table) % 5000);
        let mut pairs = [Pair::with(limits(), limits()), Pair::with(limits(), limits())];
        for (pair, rests) in pairs.iter_mut().zip([false, true]) {
            (pair.client.rests, pair.server.rests) = (rests, rests);
        }
        let seen = |pair: &Pair| {
            [&pair.client, &pair.server].map(|end| {
                let connection = &end.connection;
                let credit = (connection.receive_credit(), connection.send_credit());
                (end.written.clone(), connection.poll_timeout(), credit, connection.room())
            })
        };
        let mut pairs = pairs.map(Pair::ready);
        for (number, answer, pause) in &calls {
            let told = pairs.each_mut().map(|pair| {
                let told = call(pair, *number, *answer);
                pair.pass(Duration::from_millis(u64::from(*pause) * 20));
                told
            });
            assert_eq!(told[0], told[1]);
            let [awake, rests] = &pairs;
            assert_eq!(seen(awake), seen(rests));
        }
        let [awake, rests] = &pairs;
        assert_eq!((awake.client.rested, awake.server.rested), (0, 0));
        rests.client.rested > 0 && rests.server.rested > calls.len()
    }
}

#[test]
fn it_rests_only_while_nothing_is_going_on() {
    let mut pair = Pair::new();
    assert!(!pair.client.rest() && !pair.server.rest());
    let mut pair = pair.ready();
    assert!(pair.client.rest() && pair.server.rest());
    let call = pair.start(streaming());
    assert!(!pair.client.rest() && pair.server.rest());
    let incoming = pair.accepted();
    assert!(!pair.client.rest() && !pair.server.rest());
    pair.respond(incoming, "hello", Ok(()));
    assert!(pair.outcome(call).status.is_ok());
    pair.settle();
    assert!(!pair.client.rest() && !pair.server.rest());
    pair.server.connection.release(incoming);
    pair.client.connection.release(call);
    pair.settle();
    pair.client.take_events();
    assert!(pair.client.rest() && pair.server.rest());
    // In part.
    pair.server.receive(pair.now, &[0, 0]);
    assert!(!pair.server.rest());
    pair.client.connection.shutdown(pair.now, Duration::ZERO);
    assert!(!pair.client.rest());
}

#[test]
fn what_was_over_before_stays_over() {
    let mut pair = Pair::new().ready();
    let call = pair.start(unary("hello"));
    let incoming = pair.accepted();
    pair.respond(incoming, "hello", Ok(()));
    pair.settle();
    pair.server.connection.release(incoming);
    pair.client.connection.release(call);
    pair.settle();
    assert!(pair.client.rest() && pair.server.rest());
    let next = pair.start(unary("hello"));
    let accepted = pair.accepted();
    assert!(next != call && accepted != incoming);
    assert!(pair.server.connection.take_request(incoming).is_none());
    assert!(pair.client.connection.take_outcome(call).is_none());
    pair.server.connection.release(incoming);
    assert!(pair.server.connection.take_request(accepted).is_some());
}

#[test]
fn a_stream_of_before_a_rest_cannot_come_again() {
    let (Pair { now, mut server, .. }, mut peer) = (Pair::new(), Peer::client());
    peer.settings_ack();
    server.drain(now);
    server.rests = true;
    for stream in [1, 3, 1] {
        peer.request(stream).message(stream, b"hello", true);
        server.receive(now, &peer.take());
        server.drain(now);
        for event in server.take_events() {
            if let Event::Call(call) = event {
                server.connection.respond(call, None, Metadata::new(), Ok(())).unwrap();
                server.connection.release(call);
            }
        }
        server.drain(now);
    }
    assert!(server.rested >= 2, "{}", server.rested);
    // RFC 9113 §5.1.1: identifiers rise.
    let wrote = parse(false, &server.written);
    assert!(
        matches!(wrote.last(), Some(Sent::GoAway { code, .. }) if *code != ErrorCode::NO_ERROR),
        "{wrote:?}"
    );
}

#[test]
fn it_is_small() {
    let (resting, awake) = (size_of::<Resting>(), size_of::<sailplane::Connection>());
    assert!(resting <= 448 && resting * 3 < awake, "{resting} of {awake}");
}
