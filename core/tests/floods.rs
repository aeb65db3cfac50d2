//! Floods: work and memory that a peer causes stay bounded, and honest traffic is none.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use sailplane::error::ErrorCode;
use sailplane::{Event, Instant, Limits};
use support::wire::{OK, Peer, Sent, framed, parse};
use support::{End, Pair};

/// Writes what makes a server reset the stream.
type Fault = fn(&mut Peer, u32);

/// Writes what means nothing.
type Flood = fn(&mut Peer);

fn server() -> (End, Instant) {
    server_with(Limits::default())
}

/// A server without a policy on PINGs.
fn patient_server() -> (End, Instant) {
    server_with(Limits::default().ping_strikes_max(u32::MAX))
}

fn server_with(limits: Limits) -> (End, Instant) {
    let mut pair = Pair::with(Limits::default(), limits);
    pair.server.drain(pair.now);
    (pair.server, pair.now)
}

fn goaway(end: &End) -> Option<ErrorCode> {
    parse(false, &end.written).into_iter().find_map(|frame| match frame {
        Sent::GoAway { code, .. } => Some(code),
        _ => None,
    })
}

fn calls(end: &mut End) -> usize {
    end.take_events().iter().filter(|event| matches!(event, Event::Call(_))).count()
}

#[test]
fn pings_without_end_stop_the_reading_at_the_bound() {
    let (mut end, now) = patient_server();
    let mut peer = Peer::client();
    end.receive(now, &peer.take());
    let mut read = 0;
    for number in 0..1_000_000 {
        if !end.connection.wants_receive() {
            break;
        }
        peer.ping(number);
        end.receive(now, &peer.take());
        read += 1;
    }
    assert!(read <= 100, "{read} PINGs were read with nothing written");
    end.drain(now);
    let acks = parse(false, &end.written)
        .into_iter()
        .filter(|frame| matches!(frame, Sent::Ping { ack: true, .. }))
        .count();
    assert_eq!(acks, read);
    assert!(end.connection.wants_receive());
}

#[test]
fn a_million_pings_end_with_enhance_your_calm() {
    let (mut end, now) = patient_server();
    let mut peer = Peer::client();
    for number in 0..1_000_000 {
        peer.ping(number);
        end.receive(now, &peer.take());
        end.drain(now);
        if goaway_came(&end) {
            assert!(number < 11_000);
            assert_eq!(goaway(&end), Some(ErrorCode::ENHANCE_YOUR_CALM));
            return;
        }
    }
    panic!("it went on for ever");
}

fn goaway_came(end: &End) -> bool {
    end.connection.is_finished() || end.events.iter().any(|event| matches!(event, Event::Closed(_)))
}

/// CVE-2023-44487.
#[test]
fn rapid_reset_starts_no_handler_beyond_the_limit_and_ends() {
    let (mut end, now) = server();
    let mut peer = Peer::client();
    let mut handlers = 0;
    for turn in 0..100_000_u32 {
        peer.request(2 * turn + 1).rst(2 * turn + 1, ErrorCode::CANCEL);
        end.receive(now, &peer.take());
        end.drain(now);
        handlers += calls(&mut end);
        if !end.connection.wants_receive() {
            assert!(turn < 1_100, "{turn}");
            assert_eq!(goaway(&end), Some(ErrorCode::ENHANCE_YOUR_CALM));
            assert!(handlers <= 100, "{handlers}");
            return;
        }
    }
    panic!("it went on for ever");
}

/// The same where every call is handed out before its reset arrives, and no handler ever ends.
#[test]
fn rapid_reset_of_calls_that_run_is_bounded_by_handlers() {
    let (mut end, now) = server();
    let mut peer = Peer::client();
    let mut handlers = 0;
    for turn in 0..100_000_u32 {
        peer.request(2 * turn + 1);
        end.receive(now, &peer.take());
        end.drain(now);
        handlers += calls(&mut end);
        assert!(handlers <= 100, "{handlers}");
        peer.rst(2 * turn + 1, ErrorCode::CANCEL);
        end.receive(now, &peer.take());
        end.drain(now);
        if !end.connection.wants_receive() {
            assert!(turn < 1_100 && handlers == 100, "{turn} {handlers}");
            return;
        }
    }
    panic!("it went on for ever");
}

/// CVE-2025-8671: what makes the server reset a stream itself.
#[test]
fn made_you_reset_ends_like_rapid_reset() {
    let faults: [(&str, Fault); 5] = [
        ("WINDOW_UPDATE of 0", |peer, stream| {
            peer.window_update(stream, 0);
        }),
        ("WINDOW_UPDATE too large", |peer, stream| {
            peer.window_update(stream, 0x7fff_ffff);
        }),
        ("PRIORITY of a wrong length", |peer, stream| {
            peer.frame(2, 0, stream, &[0; 4]);
        }),
        ("DATA after the end", |peer, stream| {
            peer.data(stream, b"", true).data(stream, b"x", false);
        }),
        ("HEADERS after the end", |peer, stream| {
            peer.data(stream, b"", true).headers(stream, &OK, true);
        }),
    ];
    for (name, fault) in faults {
        let (mut end, now) = server();
        let mut peer = Peer::client();
        let mut handlers = 0;
        for turn in 0..2_000_u32 {
            let stream = 2 * turn + 1;
            peer.request(stream);
            fault(&mut peer, stream);
            end.receive(now, &peer.take());
            end.drain(now);
            handlers += calls(&mut end);
            if goaway_came(&end) {
                assert!(turn < 1_100, "{name}: {turn}");
                break;
            }
        }
        assert_eq!(goaway(&end), Some(ErrorCode::ENHANCE_YOUR_CALM), "{name}");
        assert!(handlers <= 100, "{name}: {handlers}");
    }
}

#[test]
fn malformed_requests_end_like_rapid_reset() {
    let (mut end, now) = server();
    let mut peer = Peer::client();
    for turn in 0..1_100_u32 {
        peer.headers(2 * turn + 1, &[("a", "b")], true);
        end.receive(now, &peer.take());
        end.drain(now);
    }
    assert_eq!((goaway(&end), calls(&mut end)), (Some(ErrorCode::ENHANCE_YOUR_CALM), 0));
}

/// RFC 9113 §5.1: what was on its way when this side reset a stream is no fault of the peer.
#[test]
fn trailers_of_a_request_that_was_refused_are_ignored() {
    let (mut end, now) = server();
    let mut peer = Peer::client();
    for turn in 0..101_u32 {
        peer.request(2 * turn + 1);
    }
    peer.headers(201, &[("a", "b")], true).headers(1, &[("a", "b")], true);
    end.receive(now, &peer.take());
    end.drain(now);
    assert_eq!((goaway(&end), calls(&mut end)), (None, 100));
}

/// CVE-2024-27316 and its family.
#[test]
fn continuations_are_bounded_in_number_and_size() {
    for (count, size, allowed) in
        [(8, 1, true), (9, 1, false), (8, 0, true), (9, 0, false), (5, 16_384, false), (100_000, 0, false)]
    {
        let (mut end, now) = server();
        let mut peer = Peer::client();
        peer.frame(1, 0, 1, b"");
        end.receive(now, &peer.take());
        for _ in 0..count {
            peer.frame(9, 0, 1, &vec![0x82; size]);
            end.receive(now, &peer.take());
        }
        end.drain(now);
        let expected = if allowed { None } else { Some(ErrorCode::ENHANCE_YOUR_CALM) };
        assert_eq!(goaway(&end), expected, "{count} of {size}");
    }
}

#[test]
fn empty_data_frames_are_bounded() {
    let (mut end, now) = server();
    let mut peer = Peer::client();
    peer.request(1);
    for turn in 0..20_000 {
        peer.data(1, b"", false);
        end.receive(now, &peer.take());
        if !end.connection.wants_receive() {
            assert!(turn > 9_000);
            return;
        }
    }
    panic!("it went on for ever");
}

#[test]
fn a_flood_of_empty_messages_costs_no_more_than_its_octets() {
    let (mut end, now) = server();
    let mut peer = Peer::client();
    let empty = framed(b"").repeat(13_107);
    peer.request(1);
    for piece in empty.chunks(16_384) {
        peer.data(1, piece, false);
    }
    end.receive(now, &peer.take());
    assert!(end.connection.unread_bytes() <= 65_535);
    end.drain(now);
    let Some(Event::Call(call)) = end.take_events().into_iter().find(|event| matches!(event, Event::Call(_)))
    else {
        panic!("a call")
    };
    assert_eq!(end.messages(call).0.len(), 13_107);
    assert_eq!(end.connection.unread_bytes(), 0);
}

#[test]
fn settings_priorities_goaways_and_unknown_frames_are_bounded() {
    let floods: [(&str, Flood); 5] = [
        ("SETTINGS", |peer| {
            peer.settings(&[]);
        }),
        ("PRIORITY", |peer| {
            peer.frame(2, 0, 1, &[0, 0, 0, 3, 7]);
        }),
        ("GOAWAY", |peer| {
            peer.goaway(0, ErrorCode::NO_ERROR);
        }),
        ("unknown", |peer| {
            peer.frame(0x42, 0, 0, b"x");
        }),
        ("SETTINGS acknowledgements", |peer| {
            peer.settings_ack();
        }),
    ];
    for (name, flood) in floods {
        let (mut end, now) = server();
        let mut peer = Peer::client();
        peer.request(1);
        for _ in 0..11_000 {
            flood(&mut peer);
            end.receive(now, &peer.take());
            end.drain(now);
        }
        assert_eq!(goaway(&end), Some(ErrorCode::ENHANCE_YOUR_CALM), "{name}");
    }
}

#[test]
fn too_many_settings_in_one_frame_are_refused() {
    for (count, refused) in [(32, false), (33, true), (2_400, true)] {
        let (mut end, now) = server();
        let mut peer = Peer::client();
        peer.settings(&vec![(0x99, 1); count]);
        end.receive(now, &peer.take());
        end.drain(now);
        assert_eq!(goaway(&end).is_some(), refused, "{count}");
    }
}

/// A block is still bounded in time when its frames keep coming.
#[test]
fn a_header_block_that_drips_in_is_not_waited_for() {
    let (mut end, mut now) = server();
    let mut peer = Peer::client();
    peer.frame(1, 0, 1, b"");
    end.receive(now, &peer.take());
    end.drain(now);
    for _ in 0..3 {
        now = now.saturating_add(core::time::Duration::from_secs(20));
        end.connection.handle_timeout(now);
        peer.frame(9, 0, 1, &[0x82]);
        end.receive(now, &peer.take());
        end.drain(now);
    }
    assert_eq!(goaway(&end), Some(ErrorCode::ENHANCE_YOUR_CALM));
}

/// The time for the rest of a frame runs whenever this side reads.
#[test]
fn a_frame_begun_while_reading_was_paused_is_not_waited_for() {
    let (mut end, now) = patient_server();
    let mut peer = Peer::client();
    for number in 0..100 {
        peer.ping(number);
    }
    peer.bytes.extend([0, 0, 8, 6]);
    end.receive(now, &peer.take());
    assert!(!end.connection.wants_receive());
    end.drain(now);
    assert!(end.connection.wants_receive());
    let due = end.connection.poll_timeout().map(|timeout| timeout.at.saturating_duration_since(now));
    assert_eq!(due, Some(core::time::Duration::from_secs(30)));
}

/// RFC 9113 §3.4: SETTINGS come first, also to a server that shuts down meanwhile.
#[test]
fn the_first_frame_is_settings_whatever_happens() {
    let (mut end, now) = server();
    end.connection.shutdown(now, core::time::Duration::from_secs(10));
    let mut peer = Peer::silent();
    peer.bytes.extend_from_slice(sailplane::wire::CLIENT_PREFACE);
    peer.ping(1);
    end.connection.start_call(now, support::unary("x")).unwrap_err();
    end.receive(now, &peer.take());
    end.drain(now);
    assert!(!end.connection.wants_receive());
}
