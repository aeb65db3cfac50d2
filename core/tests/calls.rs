//! Calls between two connections over an in-memory link.

mod support;

use bytes::Bytes;
use core::time::Duration;
use sailplane::{Code, Event, Limits, Metadata, Origin, Status};
use support::{Pair, head, streaming, unary};

#[test]
fn a_unary_call_goes_there_and_back() {
    let mut pair = Pair::new().ready();
    let call = pair.start(unary("hello"));
    let served = pair.accepted();
    let request = pair.server.connection.take_request(served).unwrap();
    assert_eq!(request.path.as_str(), "/greet.Greeter/SayHello");
    assert_eq!(pair.server.messages(served), (vec![Bytes::from_static(b"hello")], true));
    pair.respond(served, "welcome", Ok(()));
    pair.server.connection.release(served);
    pair.settle();
    assert_eq!(pair.client.take_events(), [Event::Headers(call), Event::Message(call), Event::Ended(call)]);
    assert_eq!(pair.client.messages(call), (vec![Bytes::from_static(b"welcome")], true));
    assert!(pair.outcome(call).status.is_ok());
    pair.client.connection.release(call);
    assert_eq!((pair.client.connection.live_calls(), pair.server.connection.live_calls()), (0, 0));
}

#[test]
fn a_stream_goes_both_ways_in_order() {
    let mut pair = Pair::new().ready();
    let call = pair.start(streaming());
    let served = pair.accepted();
    for round in 0..100_u8 {
        pair.client.connection.send_message(call, Bytes::copy_from_slice(&[round])).unwrap();
        pair.settle();
        let (messages, end) = pair.server.messages(served);
        assert_eq!((messages, end), (vec![Bytes::copy_from_slice(&[round])], false));
        pair.server.connection.send_message(served, Bytes::copy_from_slice(&[round, round])).unwrap();
        pair.settle();
        assert_eq!(pair.client.messages(call), (vec![Bytes::copy_from_slice(&[round, round])], false));
    }
    pair.client.connection.finish_sending(call).unwrap();
    pair.settle();
    assert_eq!(pair.server.messages(served), (vec![], true));
    pair.respond(served, "", Ok(()));
    assert!(pair.outcome(call).status.is_ok());
}

#[test]
fn an_error_arrives_with_message_details_and_metadata() {
    let mut pair = Pair::new().ready();
    let call = pair.start(unary("x"));
    let served = pair.accepted();
    let mut trailers = Metadata::new();
    trailers.append("x-cost-bin", &[0xab, 0xab, 0xab]).unwrap();
    let status = Status::not_found("没有 here\n").with_details(Bytes::from_static(b"\x08\x05"));
    pair.server.connection.respond(served, None, trailers, Err(status)).unwrap();
    let outcome = pair.outcome(call);
    let status = outcome.status.unwrap_err();
    assert_eq!(
        (status.code(), status.message(), status.origin()),
        (Code::NotFound, "没有 here\n", Origin::Peer)
    );
    assert_eq!(status.details().as_ref(), b"\x08\x05");
    assert_eq!(outcome.trailers.get_bin("x-cost-bin"), Some(&[0xab, 0xab, 0xab][..]));
    assert_eq!(pair.client.connection.take_response(call), None);
}

#[test]
fn metadata_go_both_ways() {
    let mut pair = Pair::new().ready();
    let mut start = unary("x");
    start.head.metadata.append("x-name", "one").unwrap();
    start.head.metadata.append("x-name", "two").unwrap();
    start.head.metadata.append("trace-bin", &[0, 1, 255]).unwrap();
    let call = pair.start(start);
    let served = pair.accepted();
    let request = pair.server.connection.take_request(served).unwrap();
    let names: Vec<_> = request.metadata.get_all("x-name").filter_map(|value| value.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(request.metadata.get_bin("trace-bin"), Some(&[0, 1, 255][..]));
    let mut initial = Metadata::new();
    initial.append("x-node", "n7").unwrap();
    pair.server.connection.send_headers(served, initial).unwrap();
    pair.settle();
    assert_eq!(pair.client.take_events(), [Event::Headers(call)]);
    assert_eq!(pair.client.connection.take_response(call).unwrap().metadata.get("x-node"), Some("n7"));
}

#[test]
fn a_deadline_ends_the_call_on_both_sides() {
    let mut pair = Pair::new().ready();
    let mut start = unary("x");
    start.head.deadline = Some(pair.now.saturating_add(Duration::from_millis(100)));
    let call = pair.start(start);
    let served = pair.accepted();
    pair.pass(Duration::from_millis(99));
    assert_eq!(pair.client.take_events(), []);
    pair.pass(Duration::from_millis(2));
    assert_eq!(pair.client.take_events(), [Event::Ended(call)]);
    let status = pair.outcome(call).status.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(status.message(), "after 0.100 s (no response headers were received)");
    let status = pair.server.connection.take_outcome(served).unwrap().status.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[test]
fn cancelling_reaches_the_server() {
    let mut pair = Pair::new().ready();
    let call = pair.start(streaming());
    let served = pair.accepted();
    pair.client.connection.cancel(call, Status::cancelled("enough")).unwrap();
    pair.settle();
    assert_eq!(pair.server.take_events(), [Event::Ended(served)]);
    let status = pair.server.connection.take_outcome(served).unwrap().status.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
    assert_eq!(pair.outcome(call).status.unwrap_err().message(), "enough");
}

#[test]
fn one_message_of_four_mebibytes_finishes_with_small_windows() {
    let mut pair = Pair::new().ready();
    let message = Bytes::from(vec![7; 4 << 20]);
    let mut start = unary("");
    start.message = Some(message.clone());
    let call = pair.start(start);
    let served = pair.accepted();
    assert_eq!(pair.server.messages(served), (vec![message.clone()], true));
    pair.server.connection.respond(served, Some(message.clone()), Metadata::new(), Ok(())).unwrap();
    pair.settle();
    assert_eq!(pair.client.messages(call), (vec![message], true));
    assert!(pair.outcome(call).status.is_ok());
}

#[test]
fn a_slow_reader_slows_its_peer_and_gets_everything() {
    let mut pair = Pair::new().ready();
    let call = pair.start(streaming());
    let served = pair.accepted();
    let mut sent = 0_u32;
    let mut received = 0_u32;
    for _ in 0..20 {
        while pair.client.connection.send_message(call, Bytes::from(vec![1; 4096])).is_ok() {
            sent += 1;
        }
        pair.settle();
        // A window's octets, in a buffer that has twice the room.
        assert!(
            pair.server.connection.unread_bytes() <= 2 * 65_536,
            "{}",
            pair.server.connection.unread_bytes()
        );
        for _ in 0..7 {
            if let Ok(sailplane::Received::Message(_)) = pair.server.connection.receive_message(served) {
                received += 1;
            }
        }
    }
    pair.client.connection.finish_sending(call).unwrap();
    loop {
        pair.settle();
        let (messages, end) = pair.server.messages(served);
        received += u32::try_from(messages.len()).unwrap();
        if end {
            break;
        }
    }
    assert_eq!(sent, received);
    assert_eq!(pair.server.connection.unread_bytes(), 0);
}

#[test]
fn more_calls_than_room_are_refused_until_there_is_room() {
    let mut pair = Pair::with(Limits::default(), Limits::default().concurrent_calls_max(2)).ready();
    let first = pair.start(unary("a"));
    pair.start(unary("b"));
    let refused = pair.client.connection.start_call(pair.now, unary("c")).unwrap_err();
    assert_eq!(refused.reason, sailplane::RefusedReason::NoRoom);
    pair.settle();
    let Some(Event::Call(served)) = pair.server.take_events().first().cloned() else { panic!("a call") };
    pair.respond(served, "ok", Ok(()));
    pair.server.connection.release(served);
    pair.settle();
    assert!(pair.client.take_events().contains(&Event::Room));
    pair.client.connection.release(first);
    pair.start(refused.start);
}

#[test]
fn a_graceful_shutdown_lets_calls_finish() {
    let mut pair = Pair::new().ready();
    let call = pair.start(streaming());
    let served = pair.accepted();
    pair.server.connection.shutdown(pair.now, Duration::from_secs(10));
    pair.settle();
    assert_eq!(pair.client.take_events(), [Event::Draining]);
    assert_eq!(
        pair.client.connection.start_call(pair.now, unary("x")).unwrap_err().reason,
        sailplane::RefusedReason::Draining
    );
    pair.client.connection.send_message(call, Bytes::from_static(b"still")).unwrap();
    pair.client.connection.finish_sending(call).unwrap();
    pair.settle();
    assert_eq!(pair.server.messages(served), (vec![Bytes::from_static(b"still")], true));
    pair.respond(served, "fine", Ok(()));
    assert!(pair.outcome(call).status.is_ok());
    assert!(pair.client.take_events().iter().any(|event| matches!(event, Event::Closed(_))));
    assert!(pair.server.take_events().iter().any(|event| matches!(event, Event::Closed(_))));
    assert!(pair.client.connection.is_finished() && pair.server.connection.is_finished());
}

#[test]
fn a_shutdown_has_a_bound() {
    let mut pair = Pair::new().ready();
    let call = pair.start(streaming());
    pair.accepted();
    pair.server.connection.shutdown(pair.now, Duration::from_secs(10));
    pair.pass(Duration::from_secs(11));
    let status = pair.outcome(call).status.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(pair.server.take_events().iter().any(|event| matches!(event, Event::Closed(_))));
    assert!(pair.server.connection.is_finished());
}

#[test]
fn a_lost_connection_is_unavailable_here_and_cancelled_there() {
    let mut pair = Pair::new().ready();
    let call = pair.start(streaming());
    let served = pair.accepted();
    pair.client.connection.handle_end(pair.now, sailplane::End::Closed);
    pair.server.connection.handle_end(pair.now, sailplane::End::Closed);
    let outcome = pair.client.connection.take_outcome(call).unwrap();
    assert_eq!(outcome.status.unwrap_err().code(), Code::Unavailable);
    assert!(outcome.replay.is_none(), "the server may have run it");
    let status = pair.server.connection.take_outcome(served).unwrap().status.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
}

#[test]
fn a_call_that_was_never_sent_can_be_placed_again() {
    let mut pair = Pair::new().ready();
    let call = pair.start(unary("x"));
    pair.client.connection.handle_end(pair.now, sailplane::End::Closed);
    let replay = pair.client.connection.take_outcome(call).unwrap().replay.unwrap();
    assert_eq!(
        (replay.head, replay.messages.len(), replay.finished, replay.never_sent),
        (head(), 1, true, true)
    );
}

#[test]
fn an_early_answer_stops_the_upload_and_keeps_its_status() {
    let mut pair = Pair::new().ready();
    let call = pair.start(streaming());
    let served = pair.accepted();
    pair.respond(served, "early", Err(Status::aborted("no more")));
    pair.server.connection.release(served);
    pair.settle();
    assert_eq!(pair.client.messages(call).0, [Bytes::from_static(b"early")]);
    let status = pair.outcome(call).status.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Aborted, "no more"));
    assert_eq!(
        pair.client.connection.send_message(call, Bytes::new()),
        Err(sailplane::connection::SendError::Ended)
    );
    pair.client.connection.release(call);
    assert_eq!((pair.client.connection.live_calls(), pair.server.connection.live_calls()), (0, 0));
}

#[test]
fn a_closing_connection_whose_peer_reads_nothing_gives_up() {
    let mut pair = Pair::new().ready();
    pair.server.connection.close(pair.now);
    let mut transmit = sailplane::Transmit::new();
    assert!(pair.server.connection.poll_transmit(pair.now, &mut transmit));
    let due = pair.server.connection.poll_timeout().expect("there is a bound");
    pair.server.connection.handle_timeout(due.at);
    let closed = |event: &Event| matches!(event, Event::Closed(_));
    assert!(closed(&pair.server.connection.poll_event().unwrap()) && pair.server.connection.is_finished());
    assert_eq!(pair.server.connection.poll_timeout(), None);
}

#[test]
fn the_rest_of_a_frame_does_not_go_to_the_call_that_has_the_slot_next() {
    let mut pair = Pair::new().ready();
    let dropped = pair.start(unary("x"));
    let served = pair.accepted();
    let large = Bytes::from(vec![0x5a; 10_000]);
    pair.server.connection.send_message(served, large).unwrap();
    let bytes = pair.server.drain(pair.now);
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    pair.client.receive(pair.now, half);
    pair.client.connection.cancel(dropped, Status::cancelled("enough")).unwrap();
    pair.client.connection.release(dropped);
    pair.client.drain(pair.now);

    let next = pair.client.connection.start_call(pair.now, unary("y")).unwrap();
    assert_eq!(next.index(), dropped.index(), "the slot is used again");
    pair.client.receive(pair.now, rest);
    assert_eq!(pair.client.messages(next), (vec![], false));
    assert_eq!(pair.client.connection.has_ended(next), Some(false));
}
