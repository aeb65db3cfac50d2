//! How many calls a server takes, hands out, and forgets.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use bytes::Bytes;
use sailplane::error::ErrorCode;
use sailplane::{Event, Instant, Limits, Metadata};
use support::wire::{Peer, Sent, parse};
use support::{End, Pair, streaming, unary};

fn server(calls_max: u32) -> (End, Instant, Peer) {
    let mut pair = Pair::with(Limits::default(), Limits::default().concurrent_calls_max(calls_max));
    pair.server.drain(pair.now);
    let mut peer = Peer::client();
    pair.server.receive(pair.now, &peer.take());
    pair.server.drain(pair.now);
    pair.server.take_events();
    (pair.server, pair.now, peer)
}

fn deliver(end: &mut End, now: Instant, peer: &mut Peer) -> Vec<Event> {
    end.receive(now, &peer.take());
    end.drain(now);
    end.take_events()
}

fn refused(end: &End) -> Vec<u32> {
    let frames = parse(false, &end.written).into_iter();
    frames
        .filter_map(|frame| match frame {
            Sent::Rst { stream, code: ErrorCode::REFUSED_STREAM } => Some(stream),
            _ => None,
        })
        .collect()
}

fn only_call(events: &[Event]) -> sailplane::CallId {
    let [Event::Call(call), ..] = events else { panic!("{events:?}") };
    *call
}

#[test]
fn streams_above_the_limit_are_refused_and_the_next_is_taken() {
    let (mut end, now, mut peer) = server(2);
    peer.request(1).request(3).request(5);
    let events = deliver(&mut end, now, &mut peer);
    assert_eq!((events.len(), refused(&end)), (2, vec![5]));
    let call = only_call(&events);
    end.connection.respond(call, None, Metadata::new(), Ok(())).unwrap();
    end.connection.release(call);
    end.drain(now);
    peer.request(7);
    assert_eq!(deliver(&mut end, now, &mut peer).len(), 1);
    assert_eq!(refused(&end), [5]);
}

/// A blocking server runs one handler: the call counts until that ends, not only its stream.
#[test]
fn a_call_waits_for_the_handler_of_one_that_was_cancelled() {
    let (mut end, now, mut peer) = server(1);
    peer.request(1);
    let busy = only_call(&deliver(&mut end, now, &mut peer));
    peer.rst(1, ErrorCode::CANCEL).request(3);
    assert_eq!(deliver(&mut end, now, &mut peer), [Event::Ended(busy)]);
    assert_eq!(refused(&end), []);
    end.connection.release(busy);
    end.drain(now);
    let next = only_call(&end.take_events());
    assert!(end.connection.take_request(next).is_some());
}

#[test]
fn calls_that_were_cancelled_while_they_waited_leave_their_place_to_others() {
    let (mut end, now, mut peer) = server(1);
    peer.request(1);
    let busy = only_call(&deliver(&mut end, now, &mut peer));
    peer.rst(1, ErrorCode::CANCEL);
    deliver(&mut end, now, &mut peer);
    for stream in [3, 5, 7] {
        peer.request(stream).rst(stream, ErrorCode::CANCEL);
        assert_eq!(deliver(&mut end, now, &mut peer), [], "nobody heard of {stream}");
    }
    peer.request(9);
    deliver(&mut end, now, &mut peer);
    assert_eq!(refused(&end), []);
    end.connection.release(busy);
    end.drain(now);
    only_call(&end.take_events());
}

/// The slot of a call that was released with events pending is used again by one that waits.
#[test]
fn a_waiting_call_is_not_told_in_the_place_of_another() {
    let (mut end, now, mut peer) = server(2);
    peer.request(1).request(3);
    let events = deliver(&mut end, now, &mut peer);
    let [Event::Call(first), Event::Call(busy)] = events[..] else { panic!("{events:?}") };
    // The third waits for the handler of the second, whose stream is gone; the first is not told of its message.
    peer.rst(3, ErrorCode::CANCEL).request(5).message(1, b"x", false);
    end.receive(now, &peer.take());
    end.connection.respond(first, None, Metadata::new(), Ok(())).unwrap();
    end.connection.release(first);
    peer.rst(1, ErrorCode::CANCEL).request(7);
    let events = deliver(&mut end, now, &mut peer);
    let told = events.iter().filter(|event| matches!(event, Event::Call(_))).count();
    assert_eq!(told, 1, "two handlers are busy: {events:?}");
    end.connection.release(busy);
    end.drain(now);
    only_call(&end.take_events());
}

#[test]
fn a_waiting_call_whose_deadline_passes_is_never_told() {
    let (mut end, now, mut peer) = server(1);
    peer.request(1);
    let busy = only_call(&deliver(&mut end, now, &mut peer));
    peer.rst(1, ErrorCode::CANCEL);
    let mut fields = support::wire::REQUEST.to_vec();
    fields.push(("grpc-timeout", "10m"));
    peer.headers(3, &fields, true);
    deliver(&mut end, now, &mut peer);
    let later = now.saturating_add(core::time::Duration::from_millis(11));
    end.connection.handle_timeout(later);
    end.drain(later);
    end.connection.release(busy);
    end.drain(later);
    assert_eq!(end.take_events(), []);
    let status = parse(false, &end.written).into_iter().find_map(|frame| match frame {
        Sent::Headers { stream: 3, fields, .. } => fields.into_iter().find(|(name, _)| name == "grpc-status"),
        _ => None,
    });
    assert_eq!(status.map(|(_, value)| value).as_deref(), Some("4"));
    assert_eq!(end.connection.live_calls(), 0);
}

#[test]
fn a_call_that_ended_is_not_told_of_its_late_end_of_stream() {
    let (mut end, now, mut peer) = server(2);
    let mut fields = support::wire::REQUEST.to_vec();
    fields.push(("grpc-timeout", "10m"));
    peer.headers(1, &fields, false);
    let call = only_call(&deliver(&mut end, now, &mut peer));
    let later = now.saturating_add(core::time::Duration::from_millis(11));
    peer.data(1, b"", true);
    end.receive(later, &peer.take());
    end.drain(later);
    assert_eq!(end.take_events(), [Event::Ended(call)]);
}

#[test]
fn a_call_that_ended_by_itself_takes_no_headers() {
    let (mut end, now, mut peer) = server(1);
    peer.request(1);
    let call = only_call(&deliver(&mut end, now, &mut peer));
    peer.data(1, &[9, 0, 0, 0, 0], false);
    deliver(&mut end, now, &mut peer);
    let sent = end.connection.send_headers(call, Metadata::new());
    assert_eq!(sent, Err(sailplane::error::Misuse::Ended));
}

#[test]
fn metadata_of_requests_that_nobody_took_are_bounded() {
    let (mut end, now, mut peer) = server(100);
    let long = "v".repeat(15_000);
    let mut fields = support::wire::REQUEST.to_vec();
    fields.push(("x-long", &long));
    for turn in 0..100 {
        peer.headers(2 * turn + 1, &fields, false);
    }
    let told = deliver(&mut end, now, &mut peer).len();
    assert_eq!((told, told + refused(&end).len()), (69, 100));
}

/// Eight replies of 3 MB start together, above what a connection may hold; the application awaits one after
/// the other, in the order in which it started them.
#[test]
fn large_replies_that_are_awaited_in_order_all_arrive() {
    let mut pair = Pair::new().ready();
    let calls: Vec<_> = (0..8).map(|_| pair.start(unary("x"))).collect();
    pair.settle();
    let reply = Bytes::from(vec![7; 3 << 20]);
    let mut served: Vec<_> = pair
        .server
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Call(call) => Some(call),
            _ => None,
        })
        .collect();
    // The latest call is answered first.
    served.reverse();
    for call in served {
        pair.server.connection.respond(call, Some(reply.clone()), Metadata::new(), Ok(())).unwrap();
    }
    for call in calls {
        pair.settle();
        assert_eq!(pair.client.messages(call), (vec![reply.clone()], true));
        assert!(pair.outcome(call).status.is_ok());
        assert!(pair.client.connection.unread_bytes() <= 8 << 20);
    }
}

/// Calls that came before the client knew the limit wait for a handler; what they hold is more than the
/// connection may hold unread. The call that runs goes on, and each that follows it, and none of it takes time.
#[test]
fn calls_that_wait_for_a_handler_starve_none_that_has_one() {
    let limits = Limits::default().concurrent_calls_max(1).stream_window_bytes(8).unread_bytes_max(0);
    let mut pair = Pair::with(Limits::default(), limits);
    let calls = [(); 3].map(|()| pair.start(streaming()));
    let mut served = pair.accepted();
    let message = Bytes::from_static(b"longer than the window");
    for call in calls {
        for _ in 0..3 {
            pair.client.connection.send_message(call, message.clone()).unwrap();
            pair.client.connection.send_message(call, Bytes::new()).unwrap();
        }
        pair.client.connection.finish_sending(call).unwrap();
    }
    pair.settle();
    for call in calls {
        let (mut received, mut end) = (0, false);
        for _ in 0..20 {
            let (messages, is_end) = pair.server.messages(served);
            (received, end) = (received + messages.len(), is_end);
            pair.settle();
        }
        assert_eq!((received, end), (6, true));
        pair.respond(served, "", Ok(()));
        assert!(pair.outcome(call).status.is_ok());
        pair.server.connection.release(served);
        if call != calls[2] {
            pair.server.take_events();
            served = pair.accepted();
        }
    }
}
