//! What gRPC adds (PROTOCOL-HTTP2.md, http-grpc-status-mapping.md, compression.md of the gRPC project).

use crate::support::wire::{OK, Peer, REQUEST, RESPONSE, Sent};
use crate::table::{Bench, Row, message, on_client, on_server};
use core::time::Duration;
use sailplane::Code;
use sailplane::call::{base64, timeout};
use sailplane::error::ErrorCode;

/// The usual request with other values of some fields.
fn but<'a>(peer: &'a mut Peer, changed: &[(&'static str, &str)]) -> &'a mut Peer {
    let is_changed = |name: &str| changed.iter().any(|(other, _)| *other == name);
    let kept: Vec<_> = REQUEST.iter().copied().filter(|(name, _)| !is_changed(name)).collect();
    let (pseudo, regular): (Vec<_>, Vec<_>) =
        kept.iter().chain(changed).copied().partition(|(name, _)| name.starts_with(':'));
    peer.headers(1, &[pseudo, regular].concat(), false)
}

/// A server's answer to the usual request with another value of one field.
fn server(name: &'static str, value: &str) -> String {
    let mut bench = Bench::server();
    but(&mut bench.peer, &[(name, value)]);
    bench.answer()
}

/// A client's answer to a response with these fields, which may end it.
fn client(fields: &[(&str, &str)], end: bool) -> String {
    let mut bench = Bench::client(1);
    bench.peer.headers(1, fields, end);
    bench.answer()
}

const INTERNAL: &str = "HEADERS 1 200 13 END, RST 1 NO_ERROR";
const UNIMPLEMENTED: &str = "HEADERS 1 200 12 END, RST 1 NO_ERROR";

/// PROTOCOL-HTTP2.md, "Requests" and "Responses": Content-Type.
#[test]
fn content_types() {
    let table = [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc+json", true),
        ("application/grpc+", true),
        ("application/grpc;charset=utf-8", true),
        ("application/grpc+proto; a=b", true),
        ("APPLICATION/GRPC", true),
        ("application/grpc-web", false),
        ("application/grpc-web+proto", false),
        ("application/grpcx", false),
        ("application/grp", false),
        ("application/json", false),
        ("application/x-protobuf", false),
        ("text/html", false),
        ("", false),
    ];
    for (value, is_grpc) in table {
        let expected = if is_grpc { "a call" } else { "HEADERS 1 415 13 END, RST 1 NO_ERROR" };
        assert_eq!(server("content-type", value), expected, "{value}");
        let found = client(&[RESPONSE[0], ("content-type", value)], false);
        assert_eq!(found, if is_grpc { "a head" } else { "" }, "{value}: a body may explain it");
    }
    on_server(&[
        Row(
            "none",
            "PROTOCOL-HTTP2.md",
            |p| p.headers(1, &REQUEST[..5], false),
            "HEADERS 1 415 13 END, RST 1 NO_ERROR",
        ),
        Row(
            "none, complete",
            "PROTOCOL-HTTP2.md",
            |p| p.headers(1, &REQUEST[..5], true),
            "HEADERS 1 415 13 END",
        ),
    ]);
}

/// PROTOCOL-HTTP2.md, "Requests": Method.
#[test]
fn methods() {
    for method in ["GET", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "post", "POSTS", "PRI", "x"] {
        assert_eq!(server(":method", method), "HEADERS 1 405 13 END, RST 1 NO_ERROR", "{method}");
    }
}

/// PROTOCOL-HTTP2.md, "Requests": `/service/method`, octet for octet; anything else is known to nobody.
#[test]
fn paths() {
    for path in [
        "/a/b",
        "/a.b.C/D",
        "/a-b_c.~!$&'()*+,;=:@/x",
        "/a/%2f",
        "/A/b",
        "/a/b?c",
        "/a/b#c",
        "/a/..",
        "/./.",
        "/%00/b",
        "/a;x/b",
    ] {
        let mut bench = Bench::server();
        but(&mut bench.peer, &[(":path", path)]);
        assert_eq!(bench.answer(), "a call", "{path}");
        let call = bench.calls()[0];
        let head = bench.end().connection.take_request(call).unwrap();
        assert_eq!(head.path.as_str(), path, "nothing is decoded or normalised");
        assert_eq!(format!("/{}/{}", head.path.service(), head.path.method()), path);
    }
    let long = format!("/a/{}", "~".repeat(9000));
    assert_eq!(server(":path", &long), "a call");
    for path in [
        "*",
        "/",
        "//",
        "///",
        "/a",
        "/a/",
        "//a",
        "//a/b",
        "/a//b",
        "/a/b/",
        "/a/b/c",
        "a/b",
        "a",
        "http://h/a/b",
        "/a b/c",
        "/a/b c",
        "/a/b\u{7f}",
        "/\u{e9}/b",
        "/a/\u{1}b",
        "/a\tb/c",
        "\\a\\b",
        "/a\\b",
    ] {
        assert_eq!(server(":path", path), UNIMPLEMENTED, "{path:?}");
    }
    for path in ["", " /a/b", "/a/b ", "/a/b\t", "/a\0/b", "/a/b\n"] {
        assert_eq!(server(":path", path), "RST 1 PROTOCOL_ERROR", "{path:?}");
    }
}

/// What `grpc-timeout` must be, written down once more.
fn is_timeout(text: &[u8]) -> bool {
    match text {
        [digits @ .., b'H' | b'M' | b'S' | b'm' | b'u' | b'n'] => {
            (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

/// PROTOCOL-HTTP2.md, "Requests": TimeoutValue and TimeoutUnit, all texts of up to three printable characters,
/// all octets in texts of two, and digits up to ten.
#[test]
fn timeouts() {
    let check = |text: &[u8]| assert_eq!(timeout::parse(text).is_some(), is_timeout(text), "{text:?}");
    check(b"");
    for first in 0..=255_u8 {
        check(&[first]);
        for second in 0..=255 {
            check(&[first, second]);
        }
    }
    for first in 0x20..0x7f_u8 {
        for second in 0x20..0x7f {
            for third in 0x20..0x7f {
                check(&[first, second, third]);
            }
        }
    }
    for unit in *b"HMSmunsh" {
        for digits in 1..=10 {
            for digit in *b"0189" {
                let mut text = vec![digit; digits];
                text.push(unit);
                check(&text);
            }
        }
    }
    for (text, expected) in [
        ("1H", Duration::from_secs(3600)),
        ("1M", Duration::from_secs(60)),
        ("1S", Duration::from_secs(1)),
        ("1m", Duration::from_millis(1)),
        ("1u", Duration::from_micros(1)),
        ("1n", Duration::from_nanos(1)),
        ("99999999H", Duration::from_secs(99_999_999 * 3600)),
        ("00000000n", Duration::ZERO),
    ] {
        assert_eq!(timeout::parse(text.as_bytes()), Some(expected), "{text}");
    }
    for bad in ["", "1", "S", "123456789S", "1234567890n", "1x", "-1S", "+1S", "1.5S", "1 S", "1s"] {
        assert_eq!(server("grpc-timeout", bad), "HEADERS 1 400 13 END, RST 1 NO_ERROR", "{bad:?}");
    }
    assert_eq!(server("grpc-timeout", "99999999H"), "a call");
    assert_eq!(server("grpc-timeout", "0n"), "HEADERS 1 200 4 END, RST 1 NO_ERROR");
}

/// RFC 4648 §4, written down once more: whole, or padded, or unpadded, of any length but one over four.
fn is_base64(text: &[u8]) -> bool {
    let digits = match text {
        [digits @ .., b'=', b'='] | [digits @ .., b'='] if text.len() % 4 == 0 => digits,
        _ => text,
    };
    let legal = |octet: &u8| octet.is_ascii_alphanumeric() || b"+/".contains(octet);
    digits.len() % 4 != 1 && digits.iter().all(legal)
}

/// PROTOCOL-HTTP2.md, "Custom-Metadata": `-bin` values, all texts of one and two octets, and of three and four
/// out of every kind of octet; accepted padded and unpadded, and as lists.
#[test]
fn binary_metadata() {
    let check = |text: &[u8]| {
        let mut octets = Vec::new();
        let decoded = base64::decode(text, &mut octets);
        assert_eq!(decoded.is_some(), is_base64(text), "{text:?}");
        if decoded.is_some() {
            let padding = text.iter().rev().take_while(|octet| **octet == b'=').count();
            assert_eq!(octets.len(), (text.len() - padding) * 3 / 4, "{text:?}");
        }
    };
    for first in 0..=255_u8 {
        check(&[first]);
        for second in 0..=255 {
            check(&[first, second]);
        }
    }
    let kinds = *b"AZaz09+/=-_, \t\0\x7f\xff";
    for first in kinds {
        for second in kinds {
            for third in kinds {
                check(&[first, second, third]);
                for fourth in kinds {
                    check(&[first, second, third, fourth]);
                }
            }
        }
    }
    for (text, expected) in [
        ("", &[&b""[..]][..]),
        ("AA", &[b"\0"]),
        ("AA==", &[b"\0"]),
        ("AAA", &[b"\0\0"]),
        ("AAA=", &[b"\0\0"]),
        ("AAAA", &[b"\0\0\0"]),
        ("AA,AAA", &[b"\0", b"\0\0"]),
        ("AA==,AAA=", &[b"\0", b"\0\0"]),
        ("AA, AAA", &[b"\0", b"\0\0"]),
        (" AA ", &[b"\0"]),
        ("/+8", &[b"\xff\xef"]),
    ] {
        let mut bench = Bench::server();
        but(&mut bench.peer, &[("x-bin", text)]);
        assert_eq!(bench.answer(), "a call", "{text:?}");
        let call = bench.calls()[0];
        let head = bench.end().connection.take_request(call).unwrap();
        let values: Vec<_> = head.metadata.get_all("x-bin").map(|field| field.as_bytes()).collect();
        assert_eq!(values, expected, "{text:?}");
    }
    for bad in ["A", "A===", "!!!!", "AA=A", "AA,!", "_-", "AAAAA"] {
        assert_eq!(server("x-bin", bad), INTERNAL, "{bad}: the call fails, nothing else");
        let fields = [RESPONSE[0], RESPONSE[1], ("x-bin", bad)];
        assert_eq!(client(&fields, false), "RST 1 CANCEL, a Internal", "{bad}");
    }
}

/// compression.md: what is not supported is UNIMPLEMENTED with what is, and INTERNAL at the client; all values
/// of the compressed flag (PROTOCOL-HTTP2.md, "Length-Prefixed-Message").
#[test]
fn compression() {
    for encoding in ["gzip", "deflate", "snappy", "zzz", "", "identity,gzip", "Identity"] {
        let mut bench = Bench::server();
        but(&mut bench.peer, &[("grpc-encoding", encoding)]);
        assert_eq!(bench.answer(), UNIMPLEMENTED, "{encoding}");
        let wrote = bench.wrote();
        let accepted = wrote.iter().find_map(|frame| match frame {
            Sent::Headers { fields, .. } => fields.iter().find(|(name, _)| name == "grpc-accept-encoding"),
            _ => None,
        });
        assert_eq!(accepted.map(|(_, value)| value.as_str()), Some("identity"), "{encoding}");
        let fields = [RESPONSE[0], RESPONSE[1], ("grpc-encoding", encoding)];
        assert_eq!(client(&fields, false), "RST 1 CANCEL, a Internal", "{encoding}");
    }
    assert_eq!(server("grpc-accept-encoding", "gzip"), "a call");
    for flag in 0..=255_u8 {
        for encoding in [None, Some("identity")] {
            let extra: Vec<_> = encoding.map(|value| ("grpc-encoding", value)).into_iter().collect();
            let mut bench = Bench::server();
            but(&mut bench.peer, &extra).data(1, &[flag, 0, 0, 0, 0], false);
            let expected = if flag == 0 { "a call, a message 0" } else { INTERNAL };
            assert_eq!(bench.answer(), expected, "{flag} {encoding:?}");
            let mut bench = Bench::client(1);
            bench.peer.headers(1, &[&RESPONSE[..], &extra].concat(), false).data(
                1,
                &[flag, 0, 0, 0, 0],
                false,
            );
            let expected = if flag == 0 { "a head, a message 0" } else { "RST 1 CANCEL, a head, a Internal" };
            assert_eq!(bench.answer(), expected, "{flag} {encoding:?}");
        }
    }
}

/// PROTOCOL-HTTP2.md, "Responses": `grpc-status`, in trailers and in Trailers-Only: never OK by default.
#[test]
fn grpc_status() {
    let mut table: Vec<(String, Option<Code>)> =
        (1..=16_u8).map(|number| (number.to_string(), Code::from_number(u32::from(number)))).collect();
    for bad in [
        "17",
        "99",
        "-1",
        "+0",
        "00",
        "01",
        "",
        "OK",
        "0x0",
        "0 0",
        "0.0",
        "4294967296",
        "18446744073709551616",
        "99999999999999999999",
        "\u{660}",
    ] {
        table.push((bad.into(), Some(Code::Unknown)));
    }
    table.push(("0".into(), None));
    assert!(table.len() >= 20);
    for (text, expected) in table {
        let status = ("grpc-status", text.as_str());
        let ended = expected.map_or_else(|| "a OK".to_owned(), |code| format!("a {code:?}"));
        let mut bench = Bench::client(1);
        bench.peer.headers(1, &RESPONSE, false).headers(1, &[status], true);
        assert_eq!(bench.answer(), format!("RST 1 NO_ERROR, a head, {ended}"), "{text:?} in trailers");
        let found = client(&[RESPONSE[0], RESPONSE[1], status], true);
        assert_eq!(found, format!("RST 1 NO_ERROR, {ended}"), "{text:?} in Trailers-Only");
    }
    on_client(&[
        Row(
            "missing in trailers",
            "PROTOCOL-HTTP2.md",
            |p| p.headers(1, &RESPONSE, false).headers(1, &[("x", "y")], true),
            "RST 1 NO_ERROR, a head, a Unknown",
        ),
        Row(
            "missing in Trailers-Only",
            "PROTOCOL-HTTP2.md",
            |p| p.headers(1, &RESPONSE, true),
            "RST 1 NO_ERROR, a Unknown",
        ),
        Row(
            "twice, the same",
            "PROTOCOL-HTTP2.md",
            |p| p.headers(1, &RESPONSE, false).headers(1, &[OK[0], OK[0]], true),
            "RST 1 NO_ERROR, a head, a OK",
        ),
        Row(
            "twice, the first counts",
            "PROTOCOL-HTTP2.md",
            |p| p.headers(1, &RESPONSE, false).headers(1, &[("grpc-status", "5"), OK[0]], true),
            "RST 1 NO_ERROR, a head, a NotFound",
        ),
        Row(
            "in the head only",
            "PROTOCOL-HTTP2.md",
            |p| p.headers(1, &[RESPONSE[0], RESPONSE[1], OK[0]], false).headers(1, &[("x", "y")], true),
            "RST 1 NO_ERROR, a head, a Unknown",
        ),
        Row(
            "END_STREAM by DATA",
            "PROTOCOL-HTTP2.md",
            |p| p.headers(1, &RESPONSE, false).data(1, &message(1), true),
            "RST 1 NO_ERROR, a head, a message 1, a end, a Unknown",
        ),
        Row(
            "Trailers-Only of another status",
            "PROTOCOL-HTTP2.md",
            |p| p.headers(1, &[(":status", "503"), RESPONSE[1], ("grpc-status", "8")], true),
            "RST 1 NO_ERROR, a ResourceExhausted",
        ),
        Row(
            "Trailers-Only without content-type",
            "PROTOCOL-HTTP2.md",
            |p| p.headers(1, &[RESPONSE[0], ("grpc-status", "8")], true),
            "RST 1 NO_ERROR, a ResourceExhausted",
        ),
        Row(
            "an error, and a message before it",
            "PROTOCOL-HTTP2.md",
            |p| {
                p.headers(1, &RESPONSE, false).data(1, &message(3), false).headers(
                    1,
                    &[("grpc-status", "9")],
                    true,
                )
            },
            "RST 1 NO_ERROR, a head, a message 3, a end, a FailedPrecondition",
        ),
    ]);
}

/// http-grpc-status-mapping.md, for every HTTP status, without and with a body.
#[test]
fn http_statuses() {
    for status in 200..=599_u16 {
        let expected = match status {
            400 | 431 => "Internal",
            401 => "Unauthenticated",
            403 => "PermissionDenied",
            404 => "Unimplemented",
            429 | 502..=504 => "Unavailable",
            _ => "Unknown",
        };
        let text = status.to_string();
        let html = [(":status", text.as_str()), ("content-type", "text/html")];
        assert_eq!(client(&html, true), format!("RST 1 NO_ERROR, a {expected}"), "{status}");
        let mut bench = Bench::client(1);
        bench.peer.headers(1, &html, false).data(1, b"<html>404 ", true);
        assert_eq!(bench.answer(), format!("RST 1 NO_ERROR, a {expected}"), "{status} with a body");
        if status != 200 {
            let found = client(&[html[0], RESPONSE[1]], true);
            assert_eq!(found, format!("RST 1 NO_ERROR, a {expected}"), "{status} of application/grpc");
        }
    }
}

/// PROTOCOL-HTTP2.md, "Errors": what each RST_STREAM means, at any moment of a response.
#[test]
fn reset_codes() {
    for code in 0..=0x11_u32 {
        let expected = match code {
            0..=4 | 6 | 9 | 10 => "Internal",
            7 => "Unavailable",
            8 => "Cancelled",
            11 => "ResourceExhausted",
            12 => "PermissionDenied",
            _ => "Unknown",
        };
        let mut bench = Bench::client(1);
        bench.peer.rst(1, ErrorCode(code));
        assert_eq!(bench.answer(), format!("a {expected}"), "{code}");
        let mut bench = Bench::client(1);
        bench.peer.headers(1, &RESPONSE, false).data(1, &message(1), false).rst(1, ErrorCode(code));
        assert_eq!(
            bench.answer(),
            format!("a head, a message 1, a end, a {expected}"),
            "{code} after a message"
        );
        let mut bench = Bench::client(1);
        bench.peer.headers(1, &RESPONSE, false).headers(1, &OK, true).rst(1, ErrorCode(code));
        assert_eq!(bench.answer(), "a head, a OK", "{code} after the status");
        let mut bench = Bench::server();
        bench.peer.request(1);
        bench.answer();
        bench.peer.rst(1, ErrorCode(code));
        assert_eq!(bench.answer(), "a Cancelled", "{code} at a server");
    }
}

/// PROTOCOL-HTTP2.md, "Length-Prefixed-Message": frames mean nothing, and a cut is never taken for an end.
#[test]
fn messages_cut_anywhere() {
    let whole = [message(0), message(5), message(1)].concat();
    let ends = [0, 5, 15, 21];
    for cut in 0..=whole.len() {
        let (first, second) = whole.split_at(cut);
        let mut bench = Bench::server();
        bench.peer.request(1).data(1, first, false).data(1, second, true);
        assert_eq!(
            bench.answer(),
            "a call, a message 0, a message 5, a message 1, a end",
            "in frames at {cut}"
        );
        let mut bench = Bench::server();
        bench.peer.request(1).data(1, first, true);
        let sound = ends.contains(&cut);
        let answer = bench.answer();
        assert_eq!(answer.contains("HEADERS 1 200 13 END"), !sound, "{cut}: {answer}");
        let mut bench = Bench::client(1);
        bench.peer.headers(1, &RESPONSE, false).data(1, first, false).headers(1, &OK, true);
        let answer = bench.answer();
        assert_eq!(answer.contains("a OK"), sound, "{cut}: {answer}");
        assert_eq!(answer.contains("a Internal"), !sound, "{cut}: {answer}");
    }
}

/// RFC 9113 §5.1: END_STREAM counts, whatever the DATA that carries it is worth: no stream that is closed is reset.
#[test]
fn a_bad_message_with_the_end() {
    let compressed: &[u8] = &[1, 0, 0, 0, 0];
    let mut bench = Bench::server();
    bench.peer.request(1).data(1, compressed, true);
    assert_eq!(bench.answer(), "HEADERS 1 200 13 END");
    for finished in [false, true] {
        let mut bench = Bench::client(1);
        if finished {
            let call = bench.calls()[0];
            bench.end().connection.finish_sending(call).unwrap();
            bench.answer();
        }
        bench.peer.headers(1, &RESPONSE, false).data(1, compressed, true);
        let expected = if finished { "a head, a Internal" } else { "RST 1 CANCEL, a head, a Internal" };
        assert_eq!(bench.answer(), expected);
        let mut bench = Bench::client(1);
        if finished {
            let call = bench.calls()[0];
            bench.end().connection.finish_sending(call).unwrap();
            bench.answer();
        }
        bench.peer.headers(1, &[(":status", "404")], false).data(1, &[b'x'; 200], true);
        let expected = if finished { "a Unimplemented" } else { "RST 1 CANCEL, a Unimplemented" };
        assert_eq!(bench.answer(), expected);
    }
}
