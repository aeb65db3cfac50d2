//! Messages that lie about their length, their encoding, their end.

use crate::meter::apart;
use sailplane::connection::Received;
use sailplane::error::ErrorCode;
use sailplane::{Code, Limits, Metadata};

use crate::meter::{FIXED, Victim, run, run_with};
use crate::support::unary;
use crate::support::wire::{OK, REQUEST, RESPONSE, framed};

/// CVE-2024-37168, CVE-2026-48854: a prefix claims 4 GiB, or as much as is allowed, and nothing follows.
#[test]
fn a_length_of_four_gibibytes() {
    for (length, status) in [([0xff; 4], Some("8")), ([0, 0x40, 0, 0], None)] {
        let mut growth = 0;
        let report = run("length_prefix", Victim::Server, 16 * 1024, |attack| {
            attack.peer(|peer| {
                peer.request(1);
            });
            attack.deliver();
            attack.peer(|peer| {
                let mut payload = vec![0];
                payload.extend(length);
                peer.data(1, &payload, false);
            });
            let counted = allocation_counter::measure(|| {
                attack.feed();
            });
            growth = counted.bytes_max;
            attack.drain();
        });
        assert!(growth < 1024, "{growth} octets for a prefix");
        assert_eq!(report.statuses(), status.into_iter().collect::<Vec<_>>());
    }
}

/// grpc-js: an error page ("404 " would be a prefix of 808,722,544 octets) is text, of which little is kept.
#[test]
fn a_page_that_is_not_grpc() {
    let mut ended = Vec::new();
    run("error_page", Victim::Client, FIXED, |attack| {
        let start = unary("x");
        attack.connection.start_call(attack.now, start).unwrap();
        attack.drain();
        attack.peer(|peer| {
            peer.headers(1, &[(":status", "404"), ("content-type", "text/plain")], false);
            for _ in 0..3 {
                peer.data(1, "404 page not found ".repeat(800).as_bytes(), false);
            }
            peer.data(1, b"", true);
        });
        attack.deliver();
        apart(|| ended.clone_from(&attack.ended));
        assert!(!attack.is_over);
    });
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].1, Err(Code::Unimplemented));
}

/// Flags 0 to 255, with every encoding that a call may name: 1 means compressed, which no call is; the others
/// mean nothing.
#[test]
fn compressed_flags() {
    let limits = Limits::default().glitches_burst(u32::MAX).resets_burst(u32::MAX);
    for encoding in [None, Some("identity"), Some("gzip"), Some("zzz")] {
        let report = run_with("compressed_flags", Victim::Server, limits.clone(), 2 * FIXED, |attack| {
            for flag in 0..=255_u8 {
                let stream = 2 * u32::from(flag) + 1;
                attack.peer(|peer| {
                    let mut fields = REQUEST.to_vec();
                    fields.extend(encoding.map(|encoding| ("grpc-encoding", encoding)));
                    peer.headers(stream, &fields, false).data(stream, &[flag, 0, 0, 0, 0], true);
                });
                attack.deliver();
                if let Some(call) = attack.calls.last().copied() {
                    let _ = attack.connection.respond(call, None, Metadata::new(), Ok(()));
                    attack.connection.release(call);
                    attack.drain();
                }
            }
        });
        let mut expected = vec!["13"; 256];
        expected[0] = "0";
        if matches!(encoding, Some("gzip" | "zzz")) {
            expected = vec!["12"; 256];
        }
        assert_eq!(report.statuses(), expected, "{encoding:?}");
    }
}

/// 13,107 messages of no length in one window: they cost no more than their octets, taken or not.
#[test]
fn messages_of_no_length() {
    run("empty_messages", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            let empty = framed(b"").repeat(13_107);
            peer.request(1);
            for piece in empty.chunks(16_384) {
                peer.data(1, piece, false);
            }
        });
        attack.deliver();
        let call = attack.calls[0];
        let mut count = 0;
        while let Ok(Received::Message(message)) = attack.connection.receive_message(call) {
            assert!(message.is_empty());
            count += 1;
        }
        assert_eq!((count, attack.connection.unread_bytes()), (13_107, 0));
    });
}

/// connect-es#1751: an end inside a prefix or a message is an error, never a shorter message.
#[test]
fn ends_inside_a_message() {
    let message = framed(b"hello");
    for cut in 0..=message.len() {
        let whole = cut == 0 || cut == message.len();
        let report = run("cut_request", Victim::Server, FIXED, |attack| {
            attack.peer(|peer| {
                peer.request(1).data(1, &message[..cut], true);
            });
            attack.deliver();
        });
        let expected = if whole { vec![] } else { vec!["13"] };
        assert_eq!(report.statuses(), expected, "a request cut at {cut}");
        for with_status in [true, false] {
            run("cut_response", Victim::Client, FIXED, |attack| {
                let start = unary("x");
                attack.connection.start_call(attack.now, start).unwrap();
                attack.drain();
                attack.peer(|peer| {
                    peer.headers(1, &RESPONSE, false).data(1, &message[..cut], !with_status);
                    if with_status {
                        peer.headers(1, &OK, true);
                    }
                });
                attack.deliver();
                let expected = match (with_status, whole) {
                    (true, true) => Ok(()),
                    (true, false) => Err(Code::Internal),
                    (false, _) => Err(Code::Unknown),
                };
                assert_eq!(attack.ended[0].1, expected, "a response cut at {cut}");
            });
        }
    }
}

/// All texts of up to two letters as `grpc-timeout`, and some of nine and ten.
#[test]
fn timeouts_of_all_kinds() {
    let limits = Limits::default().glitches_burst(u32::MAX).resets_burst(u32::MAX);
    let letters: Vec<char> = (0x21..0x7f_u8).map(char::from).collect();
    let mut texts: Vec<String> = letters.iter().map(char::to_string).collect();
    for first in &letters {
        texts.extend(letters.iter().map(|second| format!("{first}{second}")));
    }
    texts.extend(
        ["99999999n", "999999999n", "99999999H", "-1S", "+1S", "1.5S", "1 S", "00000000H"].map(String::from),
    );
    for chunk in texts.chunks(2_000) {
        let mut told = Vec::new();
        run_with("timeouts", Victim::Server, limits.clone(), 2 * FIXED, |attack| {
            for (turn, text) in chunk.iter().enumerate() {
                let before = attack.calls.len();
                attack.peer(|peer| {
                    let mut fields = REQUEST.to_vec();
                    fields.push(("grpc-timeout", text));
                    peer.headers(2 * u32::try_from(turn).unwrap() + 1, &fields, true);
                });
                attack.deliver();
                let call = (attack.calls.len() > before).then(|| attack.calls[before]);
                if let Some(call) = call {
                    let _ = attack.connection.respond(call, None, Metadata::new(), Ok(()));
                    attack.connection.release(call);
                    attack.drain();
                }
                apart(|| told.push(call.is_some()));
            }
            assert!(!attack.is_over);
        });
        for (text, told) in chunk.iter().zip(told) {
            let (digits, unit) = text.split_at(text.len() - 1);
            let sound = (1..=8).contains(&digits.len())
                && digits.bytes().all(|digit| digit.is_ascii_digit())
                && "HMSmun".contains(unit);
            // A time that is over at once is no call.
            let over = digits.bytes().all(|digit| digit == b'0');
            assert_eq!(told, sound && !over, "{text:?}");
        }
    }
}

/// Names that are gRPC's are refused where an application gives them, and so is what a peer would refuse.
#[test]
fn metadata_that_applications_may_not_send() {
    let mut metadata = Metadata::new();
    for name in ["grpc-status", "grpc-timeout", "grpc-", ":path", "", "a b", "te\n"] {
        assert!(metadata.append(name, "v").is_err(), "{name:?}");
    }
    for value in ["a\r\nb", "\0", "\u{e9}"] {
        assert!(metadata.append("x", value).is_err(), "{value:?}");
    }
    assert!(metadata.is_empty());
}

/// A response without DATA, with two messages, with messages after its end: the call ends once.
#[test]
fn responses_of_no_and_two_messages() {
    for count in 0..3 {
        run("unary_messages", Victim::Client, FIXED, |attack| {
            let start = unary("x");
            let call = attack.connection.start_call(attack.now, start).unwrap();
            attack.releases = false;
            attack.drain();
            attack.peer(|peer| {
                peer.headers(1, &RESPONSE, false);
                for _ in 0..count {
                    peer.message(1, b"m", false);
                }
                peer.headers(1, &OK, true).message(1, b"late", false).headers(1, &OK, true);
            });
            attack.deliver();
            let mut taken = 0;
            while let Ok(Received::Message(_)) = attack.connection.receive_message(call) {
                taken += 1;
            }
            assert_eq!(taken, count);
            assert!(attack.connection.take_outcome(call).is_some_and(|outcome| outcome.status.is_ok()));
            assert!(attack.connection.take_outcome(call).is_none());
        });
    }
}

/// The rest of a message whose call has failed is dropped, and its credit returned.
#[test]
fn the_rest_of_a_message_that_is_too_large() {
    let limits = Limits::default().message_bytes_max(1000);
    let report = run_with("too_large", Victim::Server, limits, FIXED, |attack| {
        attack.peer(|peer| {
            let whole = framed(&vec![7; 60_000]);
            peer.request(1);
            for piece in whole.chunks(16_384) {
                peer.data(1, piece, false);
            }
        });
        attack.deliver();
        let (available, owed) = attack.connection.receive_credit();
        assert_eq!((available + i64::from(owed), attack.connection.unread_bytes()), (4 << 20, 0));
    });
    assert_eq!((report.statuses(), report.resets(ErrorCode::FLOW_CONTROL_ERROR)), (vec!["8".to_owned()], 0));
}
