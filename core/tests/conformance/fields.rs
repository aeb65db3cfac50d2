//! Fields: which octets they may have, in names and values, received and sent; pseudo-header fields,
//! connection-specific ones, `host`, CONNECT, interim responses, content-length (RFC 9113 §8).

use crate::support::wire::{END_HEADERS, OK, Peer, REQUEST, RESPONSE, parse};
use crate::support::{Pair, head, unary};
use crate::table::{Bench, Row, message, on_client, on_server};
use bytes::Bytes;
use sailplane::connection::RefusedReason;
use sailplane::hpack::{Encoder, Indexing};
use sailplane::{Metadata, Start};

const MALFORMED: &str = "RST 1 PROTOCOL_ERROR";

/// A peer's header list with this field behind the usual ones.
fn with(list: &[(&str, &str)], name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    let mut encoder = Encoder::new();
    encoder.begin(&mut block);
    for (name, value) in list {
        encoder.literal(&mut block, name.as_bytes(), value.as_bytes(), Indexing::NotIndexed);
    }
    encoder.literal(&mut block, name, value, Indexing::NotIndexed);
    block
}

/// What a server and a client see of a field: the value of the metadata, or `None` for a malformed message.
fn received(name: &[u8], value: &[u8]) -> [Option<Vec<u8>>; 3] {
    let key = String::from_utf8_lossy(name).into_owned();
    let find = |metadata: &Metadata| metadata.get_all(&key).next().map(|field| field.as_bytes().to_vec());

    let mut server = Bench::server();
    server.peer.frame(1, END_HEADERS, 1, &with(&REQUEST, name, value));
    let answer = server.answer();
    let call = server.calls().first().copied();
    let request = call.map(|call| server.end().connection.take_request(call).unwrap());
    assert_eq!(answer, if request.is_some() { "a call" } else { MALFORMED }, "{name:?} {value:?}");

    let mut client = Bench::client(1);
    client.peer.frame(1, END_HEADERS, 1, &with(&RESPONSE, name, value));
    let answer = client.answer();
    let call = client.calls()[0];
    let response = client.end().connection.take_response(call);
    let expected = if response.is_some() { "a head" } else { "RST 1 PROTOCOL_ERROR, a Internal" };
    assert_eq!(answer, expected, "{name:?} {value:?}");

    let mut trailers = Bench::client(1);
    trailers.peer.headers(1, &RESPONSE, false).frame(1, END_HEADERS | 1, 1, &with(&OK, name, value));
    trailers.deliver();
    let call = trailers.calls()[0];
    let outcome = trailers.end().connection.take_outcome(call).unwrap();
    let sound = outcome.status.is_ok().then_some(outcome.trailers);
    [
        request.and_then(|head| find(&head.metadata)),
        response.and_then(|head| find(&head.metadata)),
        sound.and_then(|metadata| find(&metadata)),
    ]
}

/// RFC 9113 §8.2.1: every octet in the first, a middle and the last place of a name.
#[test]
fn every_octet_of_a_name_received() {
    for octet in 0..=255_u8 {
        for place in 0..3 {
            let mut name = *b"xyz";
            name[place] = octet;
            let legal = matches!(octet, 0x21..=0x7e) && !octet.is_ascii_uppercase() && octet != b':';
            let expected = legal.then(|| b"v".to_vec());
            assert!(
                received(&name, b"v") == [expected.clone(), expected.clone(), expected],
                "{octet:#x} at {place}"
            );
        }
    }
}

/// RFC 9113 §8.2.1: every octet in the first, a middle and the last place of a value. Spaces and tabs at the
/// edges of custom metadata are stripped, as PROTOCOL-HTTP2.md ("Custom-Metadata") has it.
#[test]
fn every_octet_of_a_value_received() {
    for octet in 0..=255_u8 {
        for place in 0..3 {
            let mut value = *b"abc";
            value[place] = octet;
            let edge = place != 1 && matches!(octet, b' ' | b'\t');
            let legal = !matches!(octet, 0 | b'\r' | b'\n');
            let stripped = if place == 0 { &value[1..] } else { &value[..2] };
            let expected = legal.then(|| if edge { stripped.to_vec() } else { value.to_vec() });
            assert!(
                received(b"x", &value) == [expected.clone(), expected.clone(), expected],
                "{octet:#x} at {place}"
            );
        }
    }
    for (value, expected) in [("", ""), (" ", ""), ("\t \t", ""), ("  a \t b\t", "a \t b")] {
        let expected = Some(expected.as_bytes().to_vec());
        assert!(
            received(b"x", value.as_bytes()) == [expected.clone(), expected.clone(), expected],
            "{value:?}"
        );
    }
}

/// RFC 9113 §8.2.1, PROTOCOL-HTTP2.md: every octet in a name and a value, sent: refused, or sound on the wire.
#[test]
fn every_octet_sent() {
    for octet in 0..=255_u8 {
        for place in 0..3 {
            let mut text = *b"xyz";
            text[place] = octet;
            let Ok(text) = core::str::from_utf8(&text) else { continue };
            let mut metadata = Metadata::new();
            let named = metadata.append(text, "v");
            let lower = octet.to_ascii_lowercase();
            let legal = lower.is_ascii_lowercase() || lower.is_ascii_digit() || b"_-.".contains(&lower);
            assert_eq!(named.is_ok(), legal, "{octet:#x} at {place} of a name");
            let valued = metadata.append("x", text);
            let edge = place != 1 && octet == b' ';
            assert_eq!(
                valued.is_ok(),
                matches!(octet, 0x20..=0x7e) && !edge,
                "{octet:#x} at {place} of a value"
            );

            let mut pair = Pair::new();
            let mut start = unary("m");
            start.head.metadata = metadata;
            pair.start(start);
            pair.client.drain(pair.now);
            for frame in parse(true, &pair.client.written) {
                let crate::support::wire::Sent::Headers { fields, .. } = frame else { continue };
                for (name, value) in fields {
                    assert!(
                        !name
                            .bytes()
                            .any(|octet| octet.is_ascii_uppercase() || octet <= 0x20 || octet >= 0x7f)
                    );
                    assert!(value.trim() == value && value.bytes().all(|octet| matches!(octet, 0x20..=0x7e)));
                }
            }
        }
    }
}

/// RFC 9113 §8.2.1, §8.3.1, RFC 3986 §3.2: what the application gives beside the metadata is judged too.
#[test]
fn heads_that_may_not_be_sent_are_refused() {
    let refused = |change: fn(&mut sailplane::call::RequestHead, Bytes), octets: &[u8]| {
        let mut pair = Pair::new();
        let mut start = Start { head: head(), message: None, finished: true };
        change(&mut start.head, Bytes::copy_from_slice(octets));
        pair.client.connection.start_call(pair.now, start).err().map(|refused| refused.reason)
    };
    let invalid = Some(RefusedReason::InvalidHead);
    for octet in 0..=255_u8 {
        for place in 0..3 {
            let mut text = *b"abc";
            text[place] = octet;
            let forbidden = !matches!(octet, 0x21..=0x7e) || b"@/?#\\\"<>^`{|}".contains(&octet);
            let found = refused(|head, text| head.authority = text, &text);
            assert_eq!(found, if forbidden { invalid } else { None }, "{octet:#x} at {place} of :authority");
            let edge = place != 1 && octet == b' ';
            let expected = if !matches!(octet, 0x20..=0x7e) || edge { invalid } else { None };
            assert_eq!(
                refused(|head, text| head.user_agent = text, &text),
                expected,
                "{octet:#x} at {place}"
            );
            let expected = if matches!(octet, 0x21..=0x7e) { None } else { invalid };
            assert_eq!(refused(|head, text| head.encoding = text, &text), expected, "{octet:#x} at {place}");
        }
    }
}

/// RFC 9113 §8.3, §8.3.1: requests, beside the orders and numbers in `requests.rs`.
#[test]
fn pseudo_header_fields_of_requests() {
    on_server(&[
        Row("none at all", "§8.3.1", |p| p.headers(1, &[], true), MALFORMED),
        Row(":status", "§8.3", |p| but(p, ":status", "200"), MALFORMED),
        Row(":protocol without the setting", "RFC 8441 §4", |p| but(p, ":protocol", "websocket"), MALFORMED),
        Row("unknown", "§8.3", |p| but(p, ":x", "y"), MALFORMED),
        Row("empty name", "§8.3", |p| but(p, ":", "y"), MALFORMED),
        Row("upper case", "§8.2.1", |p| but(p, ":Path", "/a/b"), MALFORMED),
        Row("empty :path", "§8.3.1", |p| but(p, ":path", ""), MALFORMED),
        Row("empty :method", "§8.3.1", |p| but(p, ":method", ""), MALFORMED),
        Row("empty :scheme", "§8.3.1", |p| but(p, ":scheme", ""), MALFORMED),
        Row("space at the edge of :path", "§8.2.1", |p| but(p, ":path", "/a/b "), MALFORMED),
        Row("space at the edge of :method", "§8.2.1", |p| but(p, ":method", " POST"), MALFORMED),
        Row("space at the edge of :authority", "§8.2.1", |p| but(p, ":authority", "a "), MALFORMED),
        Row("NUL in :authority", "§8.2.1", |p| but(p, ":authority", "a\0b"), MALFORMED),
        Row("userinfo in :authority", "§8.3.1", |p| but(p, ":authority", "user@localhost"), MALFORMED),
        Row("https", "§8.3.1", |p| but(p, ":scheme", "https"), "a call"),
        Row("in trailers", "§8.1", |p| p.request(1).headers(1, &[(":path", "/a/b")], true), MALFORMED),
        Row(
            "trailers with an unknown one",
            "§8.1",
            |p| p.request(1).headers(1, &[(":x", "y")], true),
            MALFORMED,
        ),
        Row(
            "trailers without END_STREAM",
            "§8.1",
            |p| p.request(1).headers(1, &[("x", "y")], false),
            MALFORMED,
        ),
        Row(
            "trailers with END_STREAM",
            "§8.1",
            |p| p.request(1).headers(1, &[("x", "y")], true),
            "a call, a end",
        ),
    ]);
}

/// The usual request with this field, in the place of one of its name.
fn but<'a>(peer: &'a mut Peer, name: &'static str, value: &'static str) -> &'a mut Peer {
    let mut fields: Vec<_> = REQUEST.iter().copied().filter(|(other, _)| *other != name).collect();
    let at = if name.starts_with(':') { 0 } else { fields.len() };
    fields.insert(at, (name, value));
    peer.headers(1, &fields, false)
}

/// The usual request with these fields at its end, whatever it has of that name.
fn and<'a>(peer: &'a mut Peer, more: &[(&'static str, &'static str)]) -> &'a mut Peer {
    peer.headers(1, &[&REQUEST[..], more].concat(), false)
}

const BAD_RESPONSE: &str = "RST 1 PROTOCOL_ERROR, a Internal";

/// RFC 9113 §8.3, §8.3.2: responses. RFC 9110 §15: a status has three digits.
#[test]
fn pseudo_header_fields_of_responses() {
    const CT: (&str, &str) = RESPONSE[1];
    on_client(&[
        Row("none at all", "§8.3.2", |p| p.headers(1, &[], false), BAD_RESPONSE),
        Row("no :status", "§8.3.2", |p| p.headers(1, &[CT], false), BAD_RESPONSE),
        Row(
            ":status twice",
            "§8.3",
            |p| p.headers(1, &[(":status", "200"), (":status", "200"), CT], false),
            BAD_RESPONSE,
        ),
        Row(":status late", "§8.3", |p| p.headers(1, &[CT, (":status", "200")], false), BAD_RESPONSE),
        Row(":status of a request", "§8.3", |p| p.headers(1, &REQUEST, false), BAD_RESPONSE),
        Row(
            "with :path",
            "§8.3",
            |p| p.headers(1, &[(":status", "200"), (":path", "/"), CT], false),
            BAD_RESPONSE,
        ),
        Row("unknown", "§8.3", |p| p.headers(1, &[(":status", "200"), (":x", ""), CT], false), BAD_RESPONSE),
        Row(":status of 2 digits", "§8.3.2", |p| p.headers(1, &[(":status", "20"), CT], false), BAD_RESPONSE),
        Row(
            ":status of 4 digits",
            "§8.3.2",
            |p| p.headers(1, &[(":status", "2000"), CT], false),
            BAD_RESPONSE,
        ),
        Row(":status of letters", "§8.3.2", |p| p.headers(1, &[(":status", "abc"), CT], false), BAD_RESPONSE),
        Row(
            ":status with a sign",
            "§8.3.2",
            |p| p.headers(1, &[(":status", "+20"), CT], false),
            BAD_RESPONSE,
        ),
        Row(":status below 100", "§8.3.2", |p| p.headers(1, &[(":status", "099"), CT], false), BAD_RESPONSE),
        Row("empty :status", "§8.3.2", |p| p.headers(1, &[(":status", ""), CT], false), BAD_RESPONSE),
        Row(
            "in trailers",
            "§8.1",
            |p| p.headers(1, &RESPONSE, false).headers(1, &[(":status", "200"), OK[0]], true),
            "RST 1 PROTOCOL_ERROR, a head, a Internal",
        ),
    ]);
}

/// RFC 9113 §8.2, §8.2.2 and `te`.
#[test]
fn connection_specific_fields() {
    for (name, value) in [
        ("connection", "keep-alive"),
        ("connection", ""),
        ("proxy-connection", "close"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
        ("te", "Trailers "),
        ("te", ""),
    ] {
        let malformed = received(name.as_bytes(), value.as_bytes()) == [None, None, None];
        assert!(malformed, "{name}: {value}");
        let mut bench = Bench::server();
        bench.peer.request(1).headers(1, &[(name, value)], true);
        assert!(bench.answer().contains(MALFORMED), "{name}: {value} in trailers of a request");
    }
    on_server(&[
        Row("te: trailers twice", "§8.2.2", |p| and(p, &[("te", "trailers")]), "a call"),
        Row("no te", "§8.2.2", |p| p.headers(1, &[&REQUEST[..4], &REQUEST[5..]].concat(), false), "a call"),
        Row("http2-settings", "§8.2.2", |p| and(p, &[("http2-settings", "AAMAAABkAAQAAP__")]), "a call"),
    ]);
}

/// RFC 9113 §8.3.1 and RFC 3986 §6.2.3: `host` names the same as `:authority`; gRFC A41: there is one at most.
#[test]
fn host_and_authority() {
    on_server(&[
        Row("the same", "§8.3.1", |p| and(p, &[("host", "localhost")]), "a call"),
        Row("another", "§8.3.1", |p| and(p, &[("host", "elsewhere")]), MALFORMED),
        Row("in another case", "§8.3.1", |p| and(p, &[("host", "LocalHost")]), "a call"),
        Row("with the port of the scheme", "§8.3.1", |p| and(p, &[("host", "localhost:80")]), "a call"),
        Row("with another port", "§8.3.1", |p| and(p, &[("host", "localhost:81")]), MALFORMED),
        Row("empty", "§8.3.1", |p| and(p, &[("host", "")]), MALFORMED),
        Row("twice", "gRFC A41", |p| and(p, &[("host", "localhost"), ("host", "localhost")]), MALFORMED),
        Row("alone", "§8.3.1", |p| but_host(p, &[("host", "one")]), "a call"),
        Row("alone, twice", "gRFC A41", |p| but_host(p, &[("host", "one"), ("host", "one")]), MALFORMED),
        Row("neither", "§8.3.1", |p| but_host(p, &[]), "a call"),
    ]);
}

fn but_host<'a>(peer: &'a mut Peer, more: &[(&'static str, &'static str)]) -> &'a mut Peer {
    let fields: Vec<_> = REQUEST.iter().copied().filter(|(name, _)| *name != ":authority").collect();
    peer.headers(1, &[&fields[..], more].concat(), false)
}

/// RFC 9113 §8.5: CONNECT is answered where it is well formed, and is malformed with `:scheme` or `:path`.
#[test]
fn connect() {
    const AUTHORITY: (&str, &str) = REQUEST[3];
    on_server(&[
        Row(
            "as it should be",
            "§8.5",
            |p| p.headers(1, &[(":method", "CONNECT"), AUTHORITY], false),
            "HEADERS 1 405 13 END, RST 1 NO_ERROR",
        ),
        Row("without :authority", "§8.5", |p| p.headers(1, &[(":method", "CONNECT")], false), MALFORMED),
        Row(
            "with :scheme",
            "§8.5",
            |p| p.headers(1, &[(":method", "CONNECT"), (":scheme", "http"), AUTHORITY], false),
            MALFORMED,
        ),
        Row(
            "with :path",
            "§8.5",
            |p| p.headers(1, &[(":method", "CONNECT"), (":path", "/"), AUTHORITY], false),
            MALFORMED,
        ),
        Row("with both", "§8.5", |p| but(p, ":method", "CONNECT"), MALFORMED),
        Row(
            "extended",
            "RFC 8441 §4",
            |p| p.headers(1, &[(":method", "CONNECT"), (":protocol", "x"), AUTHORITY], false),
            MALFORMED,
        ),
    ]);
}

/// RFC 9113 §8.1, §8.1.1, §8.6, RFC 9110 §15.2: interim responses.
#[test]
fn interim_responses() {
    on_client(&[
        Row(
            "100",
            "§8.1",
            |p| p.headers(1, &[(":status", "100")], false).headers(1, &RESPONSE, false),
            "a head",
        ),
        Row(
            "103 with fields",
            "§8.1",
            |p| p.headers(1, &[(":status", "103"), ("link", "x")], false).headers(1, &RESPONSE, false),
            "a head",
        ),
        Row(
            "199",
            "§8.1",
            |p| p.headers(1, &[(":status", "199")], false).headers(1, &RESPONSE, false),
            "a head",
        ),
        Row(
            "100 that ends the stream",
            "§8.1.1",
            |p| p.headers(1, &[(":status", "100")], true),
            BAD_RESPONSE,
        ),
        Row("101", "§8.6", |p| p.headers(1, &[(":status", "101")], false), BAD_RESPONSE),
        Row(
            "DATA after it",
            "§8.1",
            |p| p.headers(1, &[(":status", "100")], false).data(1, b"", false),
            BAD_RESPONSE,
        ),
        Row(
            "malformed",
            "§8.1.1",
            |p| p.headers(1, &[(":status", "100"), ("connection", "x")], false),
            BAD_RESPONSE,
        ),
        Row(
            "after the head",
            "§8.1",
            |p| p.headers(1, &RESPONSE, false).headers(1, &[(":status", "100")], false),
            "RST 1 PROTOCOL_ERROR, a head, a Internal",
        ),
        Row("nothing after it", "§8.1", |p| p.headers(1, &[(":status", "100")], false), ""),
    ]);
}

/// RFC 9113 §8.1.1 and RFC 9110 §8.6: content-length is the sum of the DATA.
#[test]
fn content_length() {
    let table: [(&[&str], bool); 19] = [
        (&["9"], true),
        (&["9", "9"], true),
        (&["0009"], true),
        (&["8"], false),
        (&["10"], false),
        (&["0"], false),
        (&["9", "8"], false),
        (&["8", "9"], false),
        (&["-9"], false),
        (&["+9"], false),
        (&["9 "], false),
        (&[" 9"], false),
        (&[""], false),
        (&["9,9"], false),
        (&["9, 9"], false),
        (&["0x9"], false),
        (&["9.0"], false),
        (&["18446744073709551615"], false),
        (&["18446744073709551625"], false),
    ];
    for (values, sound) in table {
        let lengths: Vec<_> = values.iter().map(|value| ("content-length", *value)).collect();
        let data = message(4);
        let mut server = Bench::server();
        server.peer.headers(1, &[&REQUEST[..], &lengths].concat(), false).data(1, &data, true);
        let answer = server.answer();
        assert_eq!(answer == "a call, a message 4, a end", sound, "{values:?}: {answer}");
        assert_eq!(answer.contains(MALFORMED), !sound, "{values:?}: {answer}");

        let mut client = Bench::client(1);
        client
            .peer
            .headers(1, &[&RESPONSE[..], &lengths].concat(), false)
            .data(1, &data, false)
            .headers(1, &OK, true);
        let answer = client.answer();
        assert_eq!(answer.contains("a OK"), sound, "{values:?}: {answer}");
        assert_eq!(
            answer.contains(MALFORMED) && answer.contains("a Internal"),
            !sound,
            "{values:?}: {answer}"
        );
    }
    on_server(&[
        Row(
            "0 and no body",
            "§8.1.1",
            |p| p.headers(1, &[&REQUEST[..], &[("content-length", "0")]].concat(), true),
            "a call, a end",
        ),
        Row(
            "1 and no body",
            "§8.1.1",
            |p| p.headers(1, &[&REQUEST[..], &[("content-length", "1")]].concat(), true),
            MALFORMED,
        ),
        Row(
            "0 and empty DATA",
            "§8.1.1",
            |p| and(p, &[("content-length", "0")]).data(1, b"", true),
            "a call, a end",
        ),
        Row(
            "padding does not count",
            "§8.1.1",
            |p| and(p, &[("content-length", "0")]).frame(0, 9, 1, &[3, 0, 0, 0]),
            "a call, a end",
        ),
        Row(
            "ended by trailers",
            "§8.1.1",
            |p| and(p, &[("content-length", "1")]).headers(1, &[("x", "y")], true),
            MALFORMED,
        ),
    ]);
    on_client(&[
        Row(
            "0 and trailers only",
            "§8.1.1",
            |p| p.headers(1, &[RESPONSE[0], RESPONSE[1], OK[0], ("content-length", "0")], true),
            "RST 1 NO_ERROR, a OK",
        ),
        Row(
            "1 and trailers only",
            "§8.1.1",
            |p| p.headers(1, &[RESPONSE[0], RESPONSE[1], OK[0], ("content-length", "1")], true),
            BAD_RESPONSE,
        ),
        Row(
            "in trailers",
            "§8.1.1",
            |p| p.headers(1, &RESPONSE, false).headers(1, &[OK[0], ("content-length", "x")], true),
            "RST 1 PROTOCOL_ERROR, a head, a Internal",
        ),
    ]);
}

/// RFC 9113 §6.5.2, §10.5, §10.5.1: lists above the advertised size are answered, whatever of them was too large.
#[test]
fn lists_above_the_advertised_size() {
    let long: &'static str = Box::leak("~".repeat(17_000).into_boxed_str());
    for name in [":path", ":authority", "x", "user-agent", "content-type", "grpc-timeout"] {
        let mut fields: Vec<_> = REQUEST.iter().copied().filter(|(other, _)| *other != name).collect();
        fields.insert(if name.starts_with(':') { 0 } else { fields.len() }, (name, long));
        let mut bench = Bench::server();
        let block = bench.peer.block(&fields);
        bench.peer.frame(1, 0, 1, &block[..16_000]).frame(9, END_HEADERS, 1, &block[16_000..]);
        assert_eq!(bench.answer(), "HEADERS 1 431 8 END, RST 1 NO_ERROR", "{name}");
    }
}

/// RFC 9113 §8.3.1: without authority to convey there is no `:authority`.
#[test]
fn an_empty_authority_is_left_out() {
    let mut pair = Pair::new();
    let mut start = unary("m");
    start.head.authority = Bytes::new();
    pair.start(start);
    pair.client.drain(pair.now);
    for frame in parse(true, &pair.client.written) {
        if let crate::support::wire::Sent::Headers { fields, .. } = frame {
            assert!(fields.iter().all(|(name, _)| name != ":authority"), "{fields:?}");
        }
    }
}
