//! What a client may not send: a stream error or a status on its call, and the connection lives on.

use crate::orders::orders;
use crate::support::wire::{END_HEADERS, Peer, REQUEST, Sent, parse};
use crate::support::{End, Pair};
use sailplane::error::ErrorCode;
use sailplane::{Event, Instant};

/// What became of the call on stream 1.
#[derive(Debug, PartialEq)]
enum Fate {
    /// A handler was told; what ended the call since, if anything.
    Handled,
    Reset(ErrorCode),
    /// Answered without a handler, or against it: HTTP status, gRPC status.
    Answered(String, String),
    ConnectionError(ErrorCode),
}

fn server() -> (End, Instant) {
    let mut pair = Pair::new();
    pair.server.drain(pair.now);
    (pair.server, pair.now)
}

fn value(fields: &[(String, String)], name: &str) -> Option<String> {
    fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
}

/// Feeds what `write` writes after a sound opening, then a sound call that must be served.
fn fate(write: impl FnOnce(&mut Peer)) -> Fate {
    let (mut end, now) = server();
    let mut peer = Peer::client();
    write(&mut peer);
    peer.request(101);
    end.receive(now, &peer.take());
    end.drain(now);
    let calls = end.take_events().iter().filter(|event| matches!(event, Event::Call(_))).count();
    let wrote = parse(false, &end.written);
    for frame in &wrote {
        if let Sent::GoAway { code, .. } = frame {
            return Fate::ConnectionError(*code);
        }
    }
    assert!(calls >= 1, "the connection does not live on: {wrote:?}");
    for frame in wrote {
        match frame {
            Sent::Headers { stream: 1, fields, .. } => {
                let text = |name| value(&fields, name).unwrap_or_default();
                return Fate::Answered(text(":status"), text("grpc-status"));
            }
            Sent::Rst { stream: 1, code } => return Fate::Reset(code),
            _ => {}
        }
    }
    Fate::Handled
}

fn with(fields: &[(&str, &str)]) -> Fate {
    fate(|peer| {
        peer.headers(1, fields, false);
    })
}

/// The usual request with one more field, or another value of one.
fn but(name: &'static str, value: &'static str) -> Fate {
    let mut fields: Vec<_> = REQUEST.iter().copied().filter(|(other, _)| *other != name).collect();
    let at = if name.starts_with(':') { 0 } else { fields.len() };
    fields.insert(at, (name, value));
    with(&fields)
}

const PROTOCOL: Fate = Fate::Reset(ErrorCode::PROTOCOL_ERROR);

fn answered(http: &str, grpc: &str) -> Fate {
    Fate::Answered(http.into(), grpc.into())
}

/// RFC 9113 §8.3: each pseudo-header field once, all before the others.
#[test]
fn pseudo_header_fields_in_every_order_and_number() {
    let pseudo = &REQUEST[..4];
    for order in 0..24 {
        let mut left: Vec<_> = pseudo.to_vec();
        let mut fields: Vec<_> = (0..4)
            .scan(order, |rest, at| {
                let field = left.remove(*rest % (4 - at));
                *rest /= 4 - at;
                Some(field)
            })
            .collect();
        fields.extend(&REQUEST[4..]);
        assert_eq!(with(&fields), Fate::Handled, "{fields:?}");
    }
    for (at, field) in pseudo.iter().enumerate() {
        let mut missing = REQUEST.to_vec();
        missing.remove(at);
        let expected = if field.0 == ":authority" { Fate::Handled } else { PROTOCOL };
        assert_eq!(with(&missing), expected, "without {field:?}");
        let mut twice = REQUEST.to_vec();
        twice.insert(0, *field);
        assert_eq!(with(&twice), PROTOCOL, "{field:?} twice");
        missing.push(*field);
        assert_eq!(with(&missing), PROTOCOL, "{field:?} late");
    }
    for name in [":status", ":unknown", ":"] {
        assert_eq!(but(name, "200"), PROTOCOL, "{name}");
    }
    assert_eq!(but(":path", ""), PROTOCOL);
    let trailers = fate(|peer| {
        peer.request(1).headers(1, &[(":path", "/a/b")], true);
    });
    assert_eq!(trailers, PROTOCOL);
}

/// RFC 9113 §8.2.1, §8.2.2.
#[test]
fn fields_that_http2_forbids() {
    let bad = [
        ("connection", "close"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("te", ""),
        ("X-Upper", "a"),
        ("", "a"),
        ("a b", "c"),
        ("a:b", "c"),
        ("x", "a\0b"),
        ("x", "a\nb"),
        ("x", "a\rb"),
        ("user-agent", " a"),
        ("user-agent", "a\t"),
    ];
    for (name, value) in bad {
        assert_eq!(but(name, value), PROTOCOL, "{name:?}: {value:?}");
    }
    assert_eq!(but("x", ""), Fate::Handled);
    assert_eq!(but("x", " a\t"), Fate::Handled, "PROTOCOL-HTTP2.md: it may be stripped");
    assert_eq!(but("x", "a \u{e9} b"), Fate::Handled);
}

#[test]
fn header_lists_that_are_too_large() {
    let list = |count: usize, size: usize| {
        let long = "v".repeat(size);
        fate(|peer| {
            let mut fields = REQUEST.to_vec();
            fields.extend((0..count).map(|_| ("x", long.as_str())));
            let block = peer.block(&fields);
            let mut pieces = block.chunks(16_000).peekable();
            let first = pieces.next().unwrap();
            peer.frame(1, if pieces.peek().is_none() { END_HEADERS } else { 0 }, 1, first);
            while let Some(piece) = pieces.next() {
                peer.frame(9, if pieces.peek().is_none() { END_HEADERS } else { 0 }, 1, piece);
            }
        })
    };
    assert_eq!(list(1, 15_000), Fate::Handled);
    assert_eq!(list(1, 17_000), answered("431", "8"));
    assert_eq!(list(122, 1), Fate::Handled);
    assert_eq!(list(123, 1), answered("431", "8"));
    assert_eq!(list(3, 20_000), answered("431", "8"));
    assert_eq!(list(5, 20_000), Fate::ConnectionError(ErrorCode::ENHANCE_YOUR_CALM));
}

/// RFC 7541: small blocks that mean much.
#[test]
fn a_header_block_that_unfolds_is_bounded() {
    let bomb = fate(|peer| {
        let mut block = peer.block(&REQUEST);
        block.extend([0x40, 1, b'a', 0x7f, 0x80 | 0x21, 0x1e]);
        block.extend(vec![b'v'; 4000]);
        block.extend(vec![0xbe; 8000]);
        peer.frame(1, END_HEADERS, 1, &block);
    });
    assert_eq!(bomb, Fate::ConnectionError(ErrorCode::ENHANCE_YOUR_CALM));
    for broken in [
        &[0x80][..],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x3f, 0xe2, 0x1f],
        &[0x40, 0x81, 0xff],
        &[0x00],
    ] {
        let fate = fate(|peer| {
            peer.frame(1, END_HEADERS, 1, broken);
        });
        assert_eq!(fate, Fate::ConnectionError(ErrorCode::COMPRESSION_ERROR), "{broken:?}");
    }
}

/// PROTOCOL-HTTP2.md, "Length-Prefixed-Message".
#[test]
fn lengths_of_messages() {
    let message = |prefix: [u8; 5]| {
        fate(move |peer| {
            peer.request(1).data(1, &prefix, false);
        })
    };
    assert_eq!(message([0, 0, 0, 0, 0]), Fate::Handled);
    assert_eq!(message([0, 0, 0x40, 0, 0]), Fate::Handled);
    assert_eq!(message([0, 0, 0x40, 0, 1]), answered("200", "8"));
    assert_eq!(message([0, 0xff, 0xff, 0xff, 0xff]), answered("200", "8"));
}

/// RFC 9113 §8.1: every order of head, data and trailers up to length five, with END_STREAM anywhere.
#[test]
fn every_order_of_frames_of_a_request() {
    for frames in (1..=5).flat_map(orders) {
        let found = fate(|peer| {
            for (kind, end) in &frames {
                match kind {
                    0 => peer.headers(1, &REQUEST, *end),
                    1 => peer.message(1, b"x", *end),
                    _ => peer.headers(1, &[("x", "y")], *end),
                };
            }
        });
        assert_eq!(found, expected(&frames), "{frames:?}");
    }
}

fn expected(frames: &[(usize, bool)]) -> Fate {
    let (kind, mut over) = frames[0];
    match kind {
        // No stream is open yet.
        1 => return Fate::ConnectionError(ErrorCode::PROTOCOL_ERROR),
        // A request without pseudo-header fields; nothing of it is looked at any more, but no second HEADERS
        // may come for it than the one that was on its way.
        2 => {
            let headers = frames[1..].iter().filter(|(kind, _)| *kind != 1).count();
            return if headers > 1 { Fate::ConnectionError(ErrorCode::STREAM_CLOSED) } else { PROTOCOL };
        }
        _ => {}
    }
    for (kind, end) in &frames[1..] {
        match (kind, over, end) {
            (_, true, _) => return Fate::Reset(ErrorCode::STREAM_CLOSED),
            (0, ..) | (2, _, false) => return PROTOCOL,
            (_, _, end) => over = *end,
        }
    }
    Fate::Handled
}
