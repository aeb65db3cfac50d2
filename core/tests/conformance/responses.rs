//! What a server may not send: how the call ends, and whether the connection lives on.

use crate::orders::orders;
use crate::support::wire::{OK, Peer, RESPONSE, Sent, parse};
use crate::support::{Pair, streaming};
use sailplane::error::ErrorCode;
use sailplane::{Code, Event, Status};

/// How the call on stream 1 ended, with the messages that came; `None` while it runs.
struct Answer {
    status: Option<Result<(), Status>>,
    messages: usize,
    reset: Option<ErrorCode>,
    connection: Option<ErrorCode>,
}

impl Answer {
    fn code(&self) -> Option<Result<(), Code>> {
        self.status.as_ref().map(|status| status.as_ref().copied().map_err(Status::code))
    }

    fn text(&self) -> String {
        self.status
            .as_ref()
            .and_then(|status| status.as_ref().err())
            .map(|status| status.message().to_owned())
            .unwrap_or_default()
    }
}

fn answer(write: impl FnOnce(&mut Peer)) -> Answer {
    let mut pair = Pair::new();
    let call = pair.start(streaming());
    pair.client.drain(pair.now);
    let mut peer = Peer::server();
    write(&mut peer);
    pair.client.receive(pair.now, &peer.take());
    pair.client.drain(pair.now);
    let ended = pair.client.take_events().into_iter().filter(|event| *event == Event::Ended(call)).count();
    let status = pair.client.connection.take_outcome(call).map(|outcome| outcome.status);
    assert_eq!(ended, usize::from(status.is_some()));
    let messages = pair.client.messages(call).0.len();
    let wrote = parse(true, &pair.client.written);
    let reset = wrote.iter().find_map(|frame| match frame {
        Sent::Rst { stream: 1, code } => Some(*code),
        _ => None,
    });
    let connection = wrote.iter().find_map(|frame| match frame {
        Sent::GoAway { code, .. } => Some(*code),
        _ => None,
    });
    Answer { status, messages, reset, connection }
}

fn trailers(fields: &[(&str, &str)]) -> Answer {
    answer(|peer| {
        peer.headers(1, &RESPONSE, false).message(1, b"x", false).headers(1, fields, true);
    })
}

#[test]
fn messages_and_details_that_are_damaged_do_not_hide_the_status() {
    let answer =
        trailers(&[("grpc-status", "5"), ("grpc-message", "a%zz%4"), ("grpc-status-details-bin", "!!!")]);
    assert_eq!((answer.code(), answer.text().as_str()), (Some(Err(Code::NotFound)), "a%zz%4"));
    assert_eq!(trailers(&[("grpc-status", "0"), ("x-bin", "!!!")]).code(), Some(Err(Code::Internal)));
}

/// PROTOCOL-HTTP2.md, "Responses": one status. Where a peer sends two, OK is not the one to believe.
#[test]
fn of_two_statuses_ok_does_not_win() {
    let code = |statuses: [&'static str; 2]| trailers(&statuses.map(|status| ("grpc-status", status))).code();
    assert_eq!(code(["0", "0"]), Some(Ok(())));
    assert_eq!(code(["0", "5"]), Some(Err(Code::NotFound)));
    assert_eq!(code(["5", "0"]), Some(Err(Code::NotFound)));
    assert_eq!(code(["0", "x"]), Some(Err(Code::Unknown)));
}

/// RFC 9113 §8.1: every order of head, data and trailers up to length five, with END_STREAM anywhere.
#[test]
fn every_order_of_frames_of_a_response() {
    for frames in (0..=5).flat_map(orders) {
        check_response(&frames);
    }
}

fn check_response(frames: &[(usize, bool)]) {
    let answer = answer(|peer| {
        for (kind, end) in frames {
            match kind {
                0 => peer.headers(1, &RESPONSE, *end),
                1 => peer.message(1, b"x", *end),
                _ => peer.headers(1, &OK, *end),
            };
        }
    });
    assert_eq!(answer.connection, None, "{frames:?}");
    // The first frame that decides: what the call must be afterwards.
    let mut head = false;
    let mut expected = None;
    for (kind, end) in frames {
        expected = match (kind, head, end) {
            (0, false, false) => {
                head = true;
                None
            }
            (0, false, true) => Some(Err(Code::Unknown)),
            (1, true, false) => None,
            (1, true, true) => Some(Err(Code::Unknown)),
            (2, true, true) => Some(Ok(())),
            _ => Some(Err(Code::Internal)),
        };
        if expected.is_some() {
            break;
        }
    }
    assert_eq!(answer.code(), expected, "{frames:?}");
}

#[test]
fn heads_that_http2_forbids() {
    let bad: [&[(&str, &str)]; 9] = [
        &[("content-type", "application/grpc")],
        &[(":status", "20"), ("content-type", "application/grpc")],
        &[(":status", "abc"), ("content-type", "application/grpc")],
        &[(":status", "200"), (":status", "200")],
        &[("content-type", "application/grpc"), (":status", "200")],
        &[(":status", "200"), (":path", "/a/b")],
        &[(":status", "200"), ("connection", "close")],
        &[(":status", "200"), ("X", "y")],
        &[(":status", "200"), ("x", "a\nb")],
    ];
    for fields in bad {
        let answer = answer(|peer| {
            peer.headers(1, fields, false);
        });
        let found = (answer.code(), answer.reset, answer.connection);
        assert_eq!(found, (Some(Err(Code::Internal)), Some(ErrorCode::PROTOCOL_ERROR), None), "{fields:?}");
    }
    let answer = trailers(&[(":status", "200"), ("grpc-status", "0")]);
    assert_eq!(answer.code(), Some(Err(Code::Internal)));
}

/// doc/http-grpc-status-mapping.md; the text says what the peer said.
#[test]
fn answers_that_are_no_grpc_are_explained() {
    let page = |status: &'static str, kind: &'static str, body: &'static str| {
        answer(|peer| {
            peer.headers(1, &[(":status", status), ("content-type", kind)], false).data(
                1,
                body.as_bytes(),
                true,
            );
        })
    };
    let answer = page("404", "text/html", "<h1>404 not found</h1>");
    assert_eq!(answer.code(), Some(Err(Code::Unimplemented)));
    assert!(
        answer.text().contains("404")
            && answer.text().contains("not found")
            && answer.text().contains("text/html"),
        "{}",
        answer.text()
    );
    let answer = page("502", "text/plain", "upstream is away");
    assert_eq!(answer.code(), Some(Err(Code::Unavailable)));
    assert!(answer.text().contains("upstream is away"), "{}", answer.text());
    assert_eq!(page("200", "text/html", "hello").code(), Some(Err(Code::Unknown)));
    assert_eq!(page("403", "application/json", "{}").code(), Some(Err(Code::PermissionDenied)));
    assert_eq!(page("404", "text/plain", "404 ").messages, 0);
}

#[test]
fn interim_responses_are_skipped_up_to_a_bound() {
    for (count, expected) in [(8, Some(Ok(()))), (9, Some(Err(Code::Internal)))] {
        let answer = answer(|peer| {
            for _ in 0..count {
                peer.headers(1, &[(":status", "103")], false);
            }
            peer.headers(1, &RESPONSE, false).headers(1, &OK, true);
        });
        assert_eq!(answer.code(), expected, "{count}");
    }
    let ends = answer(|peer| {
        peer.headers(1, &[(":status", "100")], true);
    });
    assert_eq!(ends.code(), Some(Err(Code::Internal)));
}

#[test]
fn messages_that_are_compressed_or_too_large() {
    for (encoding, flag, expected) in [
        ("identity", 0, None),
        ("identity", 1, Some(Code::Internal)),
        ("gzip", 0, Some(Code::Internal)),
        ("zzz", 1, Some(Code::Internal)),
        ("identity", 2, Some(Code::Internal)),
    ] {
        let answer = answer(|peer| {
            let mut fields = RESPONSE.to_vec();
            fields.push(("grpc-encoding", encoding));
            peer.headers(1, &fields, false).data(1, &[flag, 0, 0, 0, 0], false).data(1, b"", true);
        });
        let expected = expected.unwrap_or(Code::Unknown);
        assert_eq!(answer.code(), Some(Err(expected)), "{encoding} {flag}");
    }
    let huge = answer(|peer| {
        peer.headers(1, &RESPONSE, false).data(1, &[0, 0xff, 0xff, 0xff, 0xff], false);
    });
    assert_eq!((huge.code(), huge.reset), (Some(Err(Code::ResourceExhausted)), Some(ErrorCode::CANCEL)));
}

#[test]
fn header_lists_that_are_too_large() {
    let long = "v".repeat(15_000);
    let large = [(":status", "200"), ("content-type", "application/grpc"), ("x", &long), ("y", &long)];
    let answer_of = |end: bool| {
        answer(|peer| {
            let block = peer.block(&large);
            peer.frame(1, u8::from(end), 1, &block[..16_000]).frame(9, 4, 1, &block[16_000..]);
        })
    };
    assert_eq!(answer_of(true).code(), Some(Err(Code::ResourceExhausted)));
    let head = answer_of(false);
    assert_eq!(head.code(), Some(Err(Code::ResourceExhausted)), "at once, whatever follows");
}

#[test]
fn faults_of_the_connection() {
    let faults = [
        ("DATA on an idle stream", ErrorCode::PROTOCOL_ERROR),
        ("DATA on stream 0", ErrorCode::PROTOCOL_ERROR),
        ("HEADERS on an idle stream", ErrorCode::PROTOCOL_ERROR),
        ("HEADERS on an even stream", ErrorCode::PROTOCOL_ERROR),
        ("PUSH_PROMISE", ErrorCode::PROTOCOL_ERROR),
        ("RST_STREAM on an idle stream", ErrorCode::PROTOCOL_ERROR),
        ("WINDOW_UPDATE on an idle stream", ErrorCode::PROTOCOL_ERROR),
        ("WINDOW_UPDATE of 0", ErrorCode::PROTOCOL_ERROR),
        ("WINDOW_UPDATE too large", ErrorCode::FLOW_CONTROL_ERROR),
        ("CONTINUATION alone", ErrorCode::PROTOCOL_ERROR),
        ("PING within a header block", ErrorCode::PROTOCOL_ERROR),
        ("CONTINUATION of another stream", ErrorCode::PROTOCOL_ERROR),
        ("DATA beyond the connection's window", ErrorCode::FLOW_CONTROL_ERROR),
        ("SETTINGS of a wrong length", ErrorCode::FRAME_SIZE_ERROR),
    ];
    for (name, code) in faults {
        let answer = answer(|peer| fault(peer, name));
        assert_eq!(answer.connection, Some(code), "{name}");
        // The stream's window is exceeded first.
        let status =
            if name == "DATA beyond the connection's window" { Code::Internal } else { Code::Unavailable };
        assert_eq!(answer.code(), Some(Err(status)), "{name}");
    }
}

fn fault(peer: &mut Peer, name: &str) {
    match name {
        "DATA on an idle stream" => peer.data(3, b"", false),
        "DATA on stream 0" => peer.data(0, b"", false),
        "HEADERS on an idle stream" => peer.headers(3, &RESPONSE, false),
        "HEADERS on an even stream" => peer.headers(2, &RESPONSE, false),
        "PUSH_PROMISE" => peer.frame(5, 4, 1, &[0, 0, 0, 2]),
        "RST_STREAM on an idle stream" => peer.rst(3, ErrorCode::CANCEL),
        "WINDOW_UPDATE on an idle stream" => peer.window_update(3, 1),
        "WINDOW_UPDATE of 0" => peer.window_update(0, 0),
        "WINDOW_UPDATE too large" => peer.window_update(0, 0x7fff_ffff),
        "CONTINUATION alone" => peer.frame(9, 4, 1, b""),
        "PING within a header block" => peer.frame(1, 0, 1, b"").ping(1),
        "CONTINUATION of another stream" => peer.frame(1, 0, 1, b"").frame(9, 4, 3, b""),
        "DATA beyond the connection's window" => {
            peer.headers(1, &RESPONSE, false);
            for _ in 0..300 {
                peer.data(1, &[0; 16_384], false);
            }
            peer
        }
        _ => peer.frame(4, 0, 0, &[0; 7]),
    };
}

#[test]
fn data_beyond_the_window_of_a_stream_ends_the_stream() {
    let answer = answer(|peer| {
        peer.headers(1, &RESPONSE, false).data(1, &[0, 0, 0x10, 0, 0], false);
        for _ in 0..5 {
            peer.data(1, &[0; 16_384], false);
        }
    });
    let found = (answer.code(), answer.reset, answer.connection);
    assert_eq!(found, (Some(Err(Code::Internal)), Some(ErrorCode::FLOW_CONTROL_ERROR), None));
}
