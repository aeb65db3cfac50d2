//! Frame by frame: sizes, stream 0 and others, flags, padding, and what each type alone demands.

use crate::support::wire::{END_HEADERS, END_STREAM, PADDED, REQUEST, RESPONSE, Sent};
use crate::table::{Bench, Row, message, on_both, on_client, on_server};
use sailplane::Limits;

/// RFC 9113 §4.2 and the sizes of each type (§6.1 to §6.10), and on which streams it may come: every type
/// with every length up to 20, on stream 0 and on an open one, in both roles.
#[test]
fn every_type_with_every_length() {
    for bench in [open_server as fn() -> Bench, open_client] {
        for kind in 0..=10_u8 {
            for length in 0..=20_usize {
                for stream in [0, 1] {
                    let mut bench = bench();
                    let mut payload = vec![0; length];
                    if let Some(last) = payload.last_mut() {
                        // Where it is an increment it is one; where it is a header block it is a field.
                        *last = 1;
                    }
                    let payload = if matches!(kind, 1 | 9) { vec![0x88; length] } else { payload };
                    bench.peer.frame(kind, 0, stream, &payload);
                    let found = code(&bench.answer());
                    let expected = size_rule(kind, length, stream);
                    assert_eq!(found, expected, "type {kind} of {length} octets on stream {stream}");
                }
            }
        }
    }
}

/// The rule of each section, written down once more. What a HEADERS without END_HEADERS means is not known.
fn size_rule(kind: u8, length: usize, stream: u32) -> Option<&'static str> {
    let (zero, size, protocol) = (stream == 0, Some("!FRAME_SIZE_ERROR"), Some("!PROTOCOL_ERROR"));
    match kind {
        0 | 1 if zero => protocol,
        0 | 1 => None,
        2 if zero => protocol,
        2 if length != 5 => Some("FRAME_SIZE_ERROR"),
        2 => None,
        3 if zero => protocol,
        3 => {
            if length == 4 {
                None
            } else {
                size
            }
        }
        4 | 6 | 7 if !zero => protocol,
        4 => {
            if length % 6 == 0 {
                None
            } else {
                size
            }
        }
        5 | 9 => protocol,
        6 => {
            if length == 8 {
                None
            } else {
                size
            }
        }
        7 => {
            if length >= 8 {
                None
            } else {
                size
            }
        }
        8 => {
            if length == 4 {
                None
            } else {
                size
            }
        }
        _ => None,
    }
}

/// The code of the GOAWAY or of the RST in an answer.
fn code(answer: &str) -> Option<&'static str> {
    for code in ["FRAME_SIZE_ERROR", "PROTOCOL_ERROR"] {
        if answer.contains(code) {
            return Some(match (answer.contains("GOAWAY"), code) {
                (true, "FRAME_SIZE_ERROR") => "!FRAME_SIZE_ERROR",
                (true, _) => "!PROTOCOL_ERROR",
                (false, code) => code,
            });
        }
    }
    None
}

fn open_server() -> Bench {
    let mut bench = Bench::server();
    bench.peer.request(1);
    bench.answer();
    bench
}

fn open_client() -> Bench {
    let mut bench = Bench::client(1);
    bench.peer.headers(1, &RESPONSE, false);
    bench.answer();
    bench
}

/// RFC 9113 §4.1, §4.2, §5.5: what every frame has in common.
#[test]
fn frames_in_general() {
    on_both(&[
        Row("a frame of 16,384 octets", "§4.2", |p| p.frame(0xfe, 0, 0, &[0; 16_384]), ""),
        Row("a frame of 16,385 octets", "§4.2", |p| p.frame(0xfe, 0, 0, &[0; 16_385]), GOAWAY_SIZE),
        Row("a PING of 16,385 octets", "§4.2", |p| p.frame(6, 0, 0, &[0; 16_385]), GOAWAY_SIZE),
        Row("unknown type", "§5.5", |p| p.frame(0x0a, 0, 0, b"x"), ""),
        Row("unknown type on an idle stream", "§5.5", |p| p.frame(0xff, 0xff, 99, b"x"), ""),
        Row(
            "unknown type within a header block",
            "§5.5",
            |p| p.frame(1, 0, 1, b"").frame(0xfe, 0, 1, b""),
            GOAWAY_PROTOCOL,
        ),
        Row("flags without meaning", "§4.1", |p| p.frame(6, 0xfe, 0, &[0; 8]), "PING ACK"),
        Row("the reserved bit of the stream", "§4.1", |p| p.frame(6, 0, 0x8000_0000, &[0; 8]), "PING ACK"),
        Row("flags of an unknown setting", "§4.1", |p| p.frame(4, 0xfe, 0, &[]), "SETTINGS ACK"),
    ]);
}

const GOAWAY_SIZE: &str = "GOAWAY 0 FRAME_SIZE_ERROR";
const GOAWAY_PROTOCOL: &str = "GOAWAY 0 PROTOCOL_ERROR";

/// RFC 9113 §6.3: PRIORITY is deprecated; it is read and has no effect.
#[test]
fn priority() {
    on_both(&[
        Row("on an idle stream", "§6.3", |p| p.frame(2, 0, 99, &[0, 0, 0, 1, 7]), ""),
        Row("on itself", "§5.3.1", |p| p.frame(2, 0, 99, &[0, 0, 0, 99, 7]), ""),
        Row("on stream 0", "§6.3", |p| p.frame(2, 0, 0, &[0; 5]), GOAWAY_PROTOCOL),
        Row("of 4 octets on an idle stream", "§6.3", |p| p.frame(2, 0, 99, &[0; 4]), GOAWAY_SIZE),
        Row(
            "within a header block",
            "§6.10",
            |p| p.frame(1, 0, 1, b"").frame(2, 0, 1, &[0; 5]),
            GOAWAY_PROTOCOL,
        ),
    ]);
    on_server(&[Row(
        "HEADERS that depend on themselves",
        "§5.3.2",
        |p| {
            let mut payload = vec![0, 0, 0, 1, 7];
            payload.extend(p.block(&REQUEST));
            p.frame(1, END_HEADERS | 0x20, 1, &payload)
        },
        "a call",
    )]);
}

/// RFC 9113 §6.7.
#[test]
fn ping() {
    on_both(&[
        Row("is answered", "§6.7", |p| p.ping(1), "PING ACK"),
        Row("an acknowledgement is not", "§6.7", |p| p.frame(6, 1, 0, &[7; 8]), ""),
        Row("of 7 octets", "§6.7", |p| p.frame(6, 0, 0, &[0; 7]), GOAWAY_SIZE),
        Row("of 9 octets", "§6.7", |p| p.frame(6, 0, 0, &[0; 9]), GOAWAY_SIZE),
        Row("an acknowledgement of 0 octets", "§6.7", |p| p.frame(6, 1, 0, &[]), GOAWAY_SIZE),
        Row("on a stream", "§6.7", |p| p.frame(6, 0, 1, &[0; 8]), GOAWAY_PROTOCOL),
        Row("within a header block", "§6.10", |p| p.frame(1, 0, 1, b"").ping(1), GOAWAY_PROTOCOL),
    ]);
    let mut bench = Bench::server();
    bench.peer.frame(6, 0, 0, b"\x00\xffpayload"[..8].try_into().unwrap());
    bench.deliver();
    let Some(Sent::Ping { ack: true, payload }) = bench.wrote().pop() else { panic!() };
    assert_eq!(&payload, b"\x00\xffpayloa", "RFC 9113 §6.7: an identical frame data payload");
}

/// RFC 9113 §6.6, §8.4: nobody may push to us, and nobody to a server.
#[test]
fn push_promise() {
    on_both(&[
        Row("on a stream", "§8.4", |p| p.frame(5, END_HEADERS, 1, &[0, 0, 0, 2]), GOAWAY_PROTOCOL),
        Row("on stream 0", "§6.6", |p| p.frame(5, END_HEADERS, 0, &[0, 0, 0, 2]), GOAWAY_PROTOCOL),
        Row("on an idle stream", "§6.6", |p| p.frame(5, END_HEADERS, 99, &[0, 0, 0, 2]), GOAWAY_PROTOCOL),
        Row("of an odd stream", "§6.6", |p| p.frame(5, END_HEADERS, 1, &[0, 0, 0, 3]), GOAWAY_PROTOCOL),
        Row("of no octets", "§6.6", |p| p.frame(5, END_HEADERS, 1, &[]), GOAWAY_PROTOCOL),
    ]);
    let mut pair = crate::support::Pair::new();
    pair.client.drain(pair.now);
    let wrote = crate::support::wire::parse(true, &pair.client.written);
    let Some(Sent::Settings(list)) = wrote.first() else { panic!("{wrote:?}") };
    assert!(list.contains(&(2, 0)), "RFC 9113 §6.5.2: push is disabled: {list:?}");
}

/// RFC 9113 §6.4.
#[test]
fn rst_stream() {
    on_both(&[
        Row("on stream 0", "§6.4", |p| p.frame(3, 0, 0, &[0; 4]), GOAWAY_PROTOCOL),
        Row("of 3 octets", "§6.4", |p| p.frame(3, 0, 1, &[0; 3]), GOAWAY_SIZE),
        Row("of 5 octets on an idle stream", "§6.4", |p| p.frame(3, 0, 99, &[0; 5]), GOAWAY_SIZE),
        Row("on an idle stream", "§6.4", |p| p.frame(3, 0, 99, &[0; 4]), GOAWAY_PROTOCOL),
    ]);
    on_client(&[
        Row("of an unknown code", "§7", |p| p.frame(3, 0, 1, &[0, 0, 1, 0]), "a Unknown"),
        Row("of the largest code", "§7", |p| p.frame(3, 0, 3, &[0xff; 4]), "b Unknown"),
        Row(
            "twice",
            "§5.1",
            |p| p.frame(3, 0, 1, &[0, 0, 0, 8]).frame(3, 0, 1, &[0, 0, 0, 8]),
            "a Cancelled",
        ),
    ]);
}

/// RFC 9113 §6.1, §6.2: every padding of every small payload, of DATA in both roles; and that the credit of
/// padding comes back (§6.9.1).
#[test]
fn padding_of_data() {
    for bench in [open_server as fn() -> Bench, open_client] {
        let mut alive = bench();
        for padding in 0..=255_u8 {
            for payload in 0..=3_usize {
                let room = usize::from(padding) + payload;
                // As long as it says, one octet too short, and with nothing behind its length.
                for octets in [room, room.saturating_sub(payload + 1), 0] {
                    let mut bytes = vec![padding];
                    bytes.resize(1 + octets, 0);
                    if octets >= usize::from(padding) {
                        alive.peer.frame(0, PADDED, 1, &bytes);
                        continue;
                    }
                    let mut bench = bench();
                    bench.peer.frame(0, PADDED, 1, &bytes);
                    let answer = bench.answer();
                    assert!(
                        answer.contains("PROTOCOL_ERROR") && answer.contains("GOAWAY"),
                        "{padding}: {answer}"
                    );
                }
            }
            alive.answer();
        }
        assert!(alive.is_alive());
        let (available, owed) = alive.end().connection.receive_credit();
        let window = i64::from(Limits::default().connection_window_bytes);
        assert_eq!(available + i64::from(owed), window, "all credit of the connection comes back");
    }
}

/// RFC 9113 §6.2: padding and priority of HEADERS.
#[test]
fn padding_of_headers() {
    for padding in 0..=255_u8 {
        for missing in [0_usize, 1] {
            let mut bench = Bench::server();
            let block = bench.peer.block(&REQUEST);
            let mut payload = vec![padding];
            payload.extend_from_slice(&block);
            payload.resize(payload.len() + usize::from(padding).saturating_sub(missing), 0);
            if missing == 1 {
                // More padding than what is left beside nothing at all.
                payload.truncate(usize::from(padding).max(1));
            }
            bench.peer.frame(1, END_HEADERS | PADDED, 1, &payload);
            let expected = match (missing, padding) {
                (0, _) => "a call",
                // No block at all: a request without fields.
                (_, 0) => "RST 1 PROTOCOL_ERROR",
                _ => GOAWAY_PROTOCOL,
            };
            assert_eq!(bench.answer(), expected, "{padding} less {missing}");
        }
    }
    on_server(&[
        Row("padding without its length", "§6.2", |p| p.frame(1, END_HEADERS | PADDED, 1, b""), GOAWAY_SIZE),
        Row("priority of 4 octets", "§6.2", |p| p.frame(1, END_HEADERS | 0x20, 1, &[0; 4]), GOAWAY_SIZE),
        Row(
            "padding and priority of 5 octets",
            "§6.2",
            |p| p.frame(1, END_HEADERS | 0x28, 1, &[0; 5]),
            GOAWAY_SIZE,
        ),
        Row(
            "padding into the priority",
            "§6.2",
            |p| p.frame(1, END_HEADERS | 0x28, 1, &[1, 0, 0, 0, 1, 7]),
            GOAWAY_PROTOCOL,
        ),
    ]);
}

/// RFC 9113 §6.1: DATA.
#[test]
fn data() {
    on_both(&[
        Row("on stream 0", "§6.1", |p| p.data(0, b"x", false), GOAWAY_PROTOCOL),
        Row("on an idle stream", "§5.1", |p| p.data(99, b"x", false), GOAWAY_PROTOCOL),
        Row("on an idle stream of the other side", "§5.1", |p| p.data(2, b"x", false), GOAWAY_PROTOCOL),
        Row("padded without the length", "§6.1", |p| p.frame(0, PADDED, 1, b""), GOAWAY_SIZE),
    ]);
    on_server(&[
        Row(
            "empty, many",
            "§6.1",
            |p| {
                p.request(1);
                for _ in 0..100 {
                    p.data(1, b"", false);
                }
                p.data(1, b"", true)
            },
            "a call, a end",
        ),
        Row(
            "a message in many",
            "§6.1",
            |p| {
                p.request(1);
                for octet in message(40) {
                    p.data(1, &[octet], false);
                }
                p.frame(0, END_STREAM, 1, b"")
            },
            "a call, a message 40, a end",
        ),
        Row(
            "two messages in one",
            "§6.1",
            |p| {
                let two = [message(1), message(2)].concat();
                p.request(1).data(1, &two, true)
            },
            "a call, a message 1, a message 2, a end",
        ),
    ]);
}
