//! The 147 cases of h2spec (generic, http2, hpack), re-expressed: for a server as they are, for a client
//! mirrored. Their numbers are those of h2spec, whose sections are RFC 7540's; the sections here are those of
//! RFC 9113, which differs where the row says so.

use crate::support::wire::{END_HEADERS, END_STREAM, OK, PADDED, Peer, REQUEST, RESPONSE};
use crate::table::{Bench, Row, message, on_client, on_server, run};
use bytes::Bytes;
use sailplane::error::ErrorCode;
use sailplane::hpack::{Encoder, Indexing};
use sailplane::{Limits, Metadata};

const SERVED: &str = "HEADERS 1 200, DATA 1 6, HEADERS 1 0 END, a OK";
const EARLY: &str = "HEADERS 1 200, DATA 1 6, HEADERS 1 0 END, RST 1 NO_ERROR, a OK";
const PROTOCOL: &str = "GOAWAY 0 PROTOCOL_ERROR";
const PROTOCOL_1: &str = "GOAWAY 1 PROTOCOL_ERROR";
const SIZE: &str = "GOAWAY 0 FRAME_SIZE_ERROR";
const FLOW: &str = "GOAWAY 0 FLOW_CONTROL_ERROR";
const COMPRESSION: &str = "GOAWAY 0 COMPRESSION_ERROR";
const MALFORMED: &str = "RST 1 PROTOCOL_ERROR";

/// Runs the rows on a server that then answers its first call; the row shows both together.
fn served(rows: &[Row]) {
    let mut failed = Vec::new();
    for Row(name, section, script, expected) in rows {
        let mut bench = Bench::server();
        script(&mut bench.peer);
        // A message that is taken may be followed by the end.
        bench.answer();
        bench.answer();
        if let Some(call) = bench.calls().first().copied() {
            let message = Some(Bytes::from_static(b"x"));
            let _ = bench.end().connection.respond(call, message, Metadata::new(), Ok(()));
        }
        let found = bench.answer();
        if found != *expected || !bench.is_alive() {
            failed.push(format!("{name} ({section}): {found}"));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

fn whole(peer: &mut Peer) -> &mut Peer {
    peer.headers(1, &REQUEST, true)
}

/// A block of the usual fields and one more, written by hand.
fn literal<'a>(peer: &'a mut Peer, octets: &[u8]) -> &'a mut Peer {
    let block = [&peer.block(&REQUEST)[..], octets].concat();
    peer.frame(1, END_HEADERS | END_STREAM, 1, &block)
}

fn priority(peer: &mut Peer, stream: u32, payload: [u8; 5]) -> &mut Peer {
    peer.frame(2, 0, stream, &payload)
}

fn but<'a>(peer: &'a mut Peer, left_out: &str, more: &[(&'static str, &'static str)]) -> &'a mut Peer {
    let fields: Vec<_> = more.iter().copied().chain(REQUEST).filter(|(name, _)| *name != left_out).collect();
    peer.headers(1, &fields, true)
}

fn and<'a>(peer: &'a mut Peer, name: &'static str, value: &'static str) -> &'a mut Peer {
    peer.headers(1, &[&REQUEST[..], &[(name, value)]].concat(), true)
}

/// RFC 9113 §5.1, §6: generic 1 to 4, a server that serves whatever is legal.
#[test]
fn generic() {
    served(&[
        Row("generic/1/1", "§3.4", whole, SERVED),
        Row(
            "generic/2/1 PRIORITY on an idle stream",
            "§5.1",
            |p| whole(priority(p, 5, [0, 0, 0, 0, 9])),
            SERVED,
        ),
        Row("generic/2/2 WINDOW_UPDATE, half-closed", "§5.1", |p| whole(p).window_update(1, 10), SERVED),
        Row("generic/2/3 PRIORITY, half-closed", "§5.1", |p| priority(whole(p), 1, [0, 0, 0, 0, 9]), SERVED),
        Row("generic/2/4 RST_STREAM, half-closed", "§5.1", |p| whole(p).rst(1, ErrorCode::CANCEL), ""),
        Row(
            "generic/2/5 PRIORITY, closed",
            "§5.1",
            |p| priority(whole(p).rst(1, ErrorCode::CANCEL), 1, [0; 5]),
            "",
        ),
        Row("generic/3.1/1 DATA", "§6.1", |p| p.request(1).data(1, &message(4), true), SERVED),
        Row(
            "generic/3.1/2 DATA in frames",
            "§6.1",
            |p| p.request(1).data(1, &message(4)[..6], false).data(1, &[0; 3], true),
            SERVED,
        ),
        Row(
            "generic/3.1/3 DATA with padding",
            "§6.1",
            |p| p.request(1).frame(0, PADDED | END_STREAM, 1, &[3, 0, 0, 0, 0, 0, 1, 1, 1]),
            SERVED,
        ),
        Row("generic/3.2/1 HEADERS", "§6.2", whole, SERVED),
        Row(
            "generic/3.2/2 HEADERS with padding",
            "§6.2",
            |p| {
                let block = [&[4][..], &p.block(&REQUEST), &[0; 4]].concat();
                p.frame(1, END_HEADERS | END_STREAM | PADDED, 1, &block)
            },
            SERVED,
        ),
        Row(
            "generic/3.2/3 HEADERS with priority",
            "§6.2",
            |p| {
                let block = [&[0, 0, 0, 0, 9][..], &p.block(&REQUEST)].concat();
                p.frame(1, END_HEADERS | END_STREAM | 0x20, 1, &block)
            },
            SERVED,
        ),
        Row("generic/3.3/1 priority 1", "§6.3", |p| whole(priority(p, 1, [0, 0, 0, 0, 0])), SERVED),
        Row("generic/3.3/2 priority 256", "§6.3", |p| whole(priority(p, 1, [0, 0, 0, 0, 255])), SERVED),
        Row("generic/3.3/3 dependency", "§6.3", |p| whole(priority(p, 1, [0, 0, 0, 3, 9])), SERVED),
        Row(
            "generic/3.3/4 exclusive dependency",
            "§6.3",
            |p| whole(priority(p, 1, [0x80, 0, 0, 3, 9])),
            SERVED,
        ),
        Row(
            "generic/3.3/5 for an idle stream, then a lower one",
            "§5.1.1",
            |p| whole(priority(p, 123, [0; 5])),
            SERVED,
        ),
        Row("generic/3.4/1 RST_STREAM", "§6.4", |p| whole(p).rst(1, ErrorCode::CANCEL), ""),
        Row("generic/3.5/1 SETTINGS", "§6.5", |p| whole(p).settings(&[(3, 100)]), SERVED),
        Row("generic/3.7/1 PING", "§6.7", |p| whole(p).ping(1), SERVED),
        Row("generic/3.9/1 WINDOW_UPDATE of stream 0", "§6.9", |p| whole(p).window_update(0, 1), SERVED),
        Row("generic/3.9/2 WINDOW_UPDATE of stream 1", "§6.9", |p| whole(p).window_update(1, 1), SERVED),
        Row(
            "generic/3.10/1 CONTINUATION",
            "§6.10",
            |p| {
                let block = p.block(&REQUEST);
                p.frame(1, END_STREAM, 1, &block[..9]).frame(9, END_HEADERS, 1, &block[9..])
            },
            SERVED,
        ),
        Row(
            "generic/3.10/2 CONTINUATIONs",
            "§6.10",
            |p| {
                let block = p.block(&REQUEST);
                p.frame(1, END_STREAM, 1, &block[..9]).frame(9, 0, 1, &block[9..20]).frame(
                    9,
                    END_HEADERS,
                    1,
                    &block[20..],
                )
            },
            SERVED,
        ),
        // gRPC has the method POST: GET and HEAD are answered 405.
        Row("generic/4/1 GET", "§8.1", |p| but(p, ":method", &[(":method", "GET")]), ""),
        Row("generic/4/3 POST", "§8.1", |p| p.request(1).data(1, &message(0), true), SERVED),
        Row(
            "generic/4/4 POST with trailers",
            "§8.1",
            |p| p.request(1).data(1, &message(0), false).headers(1, &[("x", "y")], true),
            SERVED,
        ),
        Row("an answer before the request is complete", "§8.1", |p| p.request(1), EARLY),
    ]);
    on_server(&[
        Row(
            "generic/3.8/1 GOAWAY",
            "§6.8",
            |p| p.request(1).goaway(0, ErrorCode::NO_ERROR),
            "a call, draining",
        ),
        Row(
            "generic/4/1 GET",
            "§8.1",
            |p| p.headers(1, &[&[(":method", "GET")], &REQUEST[1..]].concat(), true),
            "HEADERS 1 405 13 END",
        ),
        Row(
            "generic/4/2 HEAD",
            "§8.1",
            |p| p.headers(1, &[&[(":method", "HEAD")], &REQUEST[1..]].concat(), true),
            "HEADERS 1 405 13 END",
        ),
    ]);
}

/// RFC 7541 §6: generic 5, every representation of a field; `user-agent` is index 58.
#[test]
fn representations() {
    served(&[
        Row("generic/5/1 indexed", "RFC 7541 §6.1", |p| literal(p, &[0x90]), SERVED),
        Row("generic/5/2 indexing, indexed name", "RFC 7541 §6.2.1", |p| literal(p, b"\x7a\x01a"), SERVED),
        Row(
            "generic/5/3 the same in Huffman coding",
            "RFC 7541 §6.2.1",
            |p| literal(p, b"\x7a\x81\x1f"),
            SERVED,
        ),
        Row("generic/5/4 indexing, new name", "RFC 7541 §6.2.1", |p| literal(p, b"\x40\x01a\x01a"), SERVED),
        Row(
            "generic/5/5 the same in Huffman coding",
            "RFC 7541 §6.2.1",
            |p| literal(p, b"\x40\x81\x1f\x81\x1f"),
            SERVED,
        ),
        Row(
            "generic/5/6 without indexing, indexed name",
            "RFC 7541 §6.2.2",
            |p| literal(p, b"\x0f\x2b\x01a"),
            SERVED,
        ),
        Row(
            "generic/5/7 the same in Huffman coding",
            "RFC 7541 §6.2.2",
            |p| literal(p, b"\x0f\x2b\x81\x1f"),
            SERVED,
        ),
        Row(
            "generic/5/8 without indexing, new name",
            "RFC 7541 §6.2.2",
            |p| literal(p, b"\x00\x01a\x01a"),
            SERVED,
        ),
        Row(
            "generic/5/9 the same in Huffman coding",
            "RFC 7541 §6.2.2",
            |p| literal(p, b"\x00\x81\x1f\x81\x1f"),
            SERVED,
        ),
        Row(
            "generic/5/10 never indexed, indexed name",
            "RFC 7541 §6.2.3",
            |p| literal(p, b"\x1f\x2b\x01a"),
            SERVED,
        ),
        Row(
            "generic/5/11 the same in Huffman coding",
            "RFC 7541 §6.2.3",
            |p| literal(p, b"\x1f\x2b\x81\x1f"),
            SERVED,
        ),
        Row(
            "generic/5/12 never indexed, new name",
            "RFC 7541 §6.2.3",
            |p| literal(p, b"\x10\x01a\x01a"),
            SERVED,
        ),
        Row(
            "generic/5/13 the same in Huffman coding",
            "RFC 7541 §6.2.3",
            |p| literal(p, b"\x10\x81\x1f\x81\x1f"),
            SERVED,
        ),
        Row(
            "generic/5/14 a size update",
            "RFC 7541 §6.3",
            |p| {
                let block = [&[0x3f, 0x45][..], &p.block(&REQUEST)].concat();
                p.frame(1, END_HEADERS | END_STREAM, 1, &block)
            },
            SERVED,
        ),
        Row(
            "generic/5/15 two size updates",
            "RFC 7541 §6.3",
            |p| {
                let block = [&[0x20, 0x3f, 0xe1, 0x1f][..], &p.block(&REQUEST)].concat();
                p.frame(1, END_HEADERS | END_STREAM, 1, &block)
            },
            SERVED,
        ),
    ]);
}

/// RFC 9113 §3 to §5: http2/3.5 to 5.5. The preface (3.5) is in `settings.rs`.
#[test]
fn http2_frames_and_states() {
    on_server(&[
        Row("http2/4.1/1 unknown type", "§4.1", |p| p.frame(0xff, 0, 0, &[0; 8]), ""),
        Row("http2/4.1/2 undefined flags", "§4.1", |p| p.frame(6, 0xfe, 0, &[0; 8]), "PING ACK"),
        Row("http2/4.1/3 reserved bit", "§4.1", |p| p.frame(6, 0, 0x8000_0000, &[0; 8]), "PING ACK"),
        Row(
            "http2/4.2/1 DATA of 2^14",
            "§4.2",
            |p| p.request(1).data(1, &message(16_379), true),
            "a call, a message 16379, a end",
        ),
        Row(
            "http2/4.2/2 larger DATA",
            "§4.2",
            |p| p.request(1).data(1, &message(16_380), true),
            "GOAWAY 1 FRAME_SIZE_ERROR",
        ),
        Row("http2/4.2/3 larger HEADERS", "§4.2", |p| p.frame(1, 5, 1, &[0; 16_385]), SIZE),
        Row("http2/4.3/1 invalid block", "§4.3", |p| p.frame(1, 5, 1, &[0x40, 0xff, 0xff]), COMPRESSION),
        Row(
            "http2/4.3/2 PRIORITY within a block",
            "§4.3",
            |p| priority(p.frame(1, 0, 1, &[]), 1, [0; 5]),
            PROTOCOL,
        ),
        Row("http2/4.3/3 HEADERS within a block", "§4.3", |p| p.frame(1, 0, 1, &[]).request(3), PROTOCOL),
        Row("http2/5.1/1 idle: DATA", "§5.1", |p| p.data(1, b"x", true), PROTOCOL),
        Row("http2/5.1/2 idle: RST_STREAM", "§5.1", |p| p.rst(1, ErrorCode::CANCEL), PROTOCOL),
        Row("http2/5.1/3 idle: WINDOW_UPDATE", "§5.1", |p| p.window_update(1, 1), PROTOCOL),
        Row("http2/5.1/4 idle: CONTINUATION", "§5.1", |p| p.frame(9, 4, 1, b""), PROTOCOL),
        Row("http2/5.1/5 half-closed: DATA", "§5.1", |p| whole(p).data(1, b"x", true), "RST 1 STREAM_CLOSED"),
        Row("http2/5.1/6 half-closed: HEADERS", "§5.1", |p| whole(p).request(1), "RST 1 STREAM_CLOSED"),
        Row("http2/5.1/7 half-closed: CONTINUATION", "§5.1", |p| whole(p).frame(9, 4, 1, b""), PROTOCOL_1),
        // RFC 9113 §5.1: minimal processing of what comes for a closed stream, where RFC 7540 had STREAM_CLOSED.
        Row(
            "http2/5.1/8 reset: DATA",
            "§5.1",
            |p| p.request(1).rst(1, ErrorCode::CANCEL).data(1, b"x", true),
            "",
        ),
        Row(
            "http2/5.1/9 reset: HEADERS",
            "§5.1",
            |p| p.request(1).rst(1, ErrorCode::CANCEL).headers(1, &[("x", "y")], true),
            "",
        ),
        Row(
            "http2/5.1/9 reset: HEADERS twice",
            "§5.1",
            |p| {
                p.request(1).rst(1, ErrorCode::CANCEL).headers(1, &[("x", "y")], true).headers(
                    1,
                    &[("x", "y")],
                    true,
                )
            },
            "GOAWAY 1 STREAM_CLOSED",
        ),
        Row(
            "http2/5.1/10 reset: CONTINUATION",
            "§5.1",
            |p| p.request(1).rst(1, ErrorCode::CANCEL).frame(9, 4, 1, b""),
            PROTOCOL_1,
        ),
        Row(
            "http2/5.1/11 closed: DATA",
            "§5.1",
            |p| whole(p).rst(1, ErrorCode::CANCEL).data(1, b"x", true),
            "",
        ),
        Row(
            "http2/5.1/12 closed: HEADERS",
            "§5.1",
            |p| whole(p).rst(1, ErrorCode::CANCEL).request(1),
            "GOAWAY 1 STREAM_CLOSED",
        ),
        Row(
            "http2/5.1/13 closed: CONTINUATION",
            "§5.1",
            |p| whole(p).rst(1, ErrorCode::CANCEL).frame(9, 4, 1, b""),
            PROTOCOL_1,
        ),
        Row("http2/5.1.1/1 even", "§5.1.1", |p| p.request(2), PROTOCOL),
        Row(
            "http2/5.1.1/2 smaller than before",
            "§5.1.1",
            |p| p.request(5).request(3),
            "GOAWAY 5 PROTOCOL_ERROR",
        ),
        // RFC 9113 §5.3.1 deprecates priorities: a stream that depends on itself is no fault any more.
        Row(
            "http2/5.3.1/1 HEADERS on itself",
            "§5.3.1",
            |p| {
                let block = [&[0, 0, 0, 1, 9][..], &p.block(&REQUEST)].concat();
                p.frame(1, END_HEADERS | END_STREAM | 0x20, 1, &block)
            },
            "a call, a end",
        ),
        Row("http2/5.3.1/2 PRIORITY on itself", "§5.3.1", |p| priority(p, 1, [0, 0, 0, 1, 9]), ""),
        Row("http2/5.4.1/1 invalid PING closes", "§5.4.1", |p| p.frame(6, 0, 3, &[0; 8]), PROTOCOL),
        Row(
            "http2/5.4.1/2 and says so",
            "§5.4.1",
            |p| p.frame(6, 0, 3, &[0; 8]).ping(1).request(1),
            PROTOCOL,
        ),
        Row("http2/5.5/1 unknown extension", "§5.5", |p| p.frame(0x16, 0, 0, &[0; 8]), ""),
        Row(
            "http2/5.5/2 within a block",
            "§5.5",
            |p| p.frame(1, 0, 1, &[]).frame(0x16, 0, 0, &[0; 8]),
            PROTOCOL,
        ),
    ]);
    run(
        "server",
        &[Row(
            "http2/5.1.2/1 more streams than advertised",
            "§5.1.2",
            |p| p.request(1).request(3),
            "RST 3 REFUSED_STREAM, a call",
        )],
        || Bench::server_with(Limits::default().concurrent_calls_max(1)),
    );
}

/// RFC 9113 §6, §7: http2/6.1 to 7. The windows of 6.9.1 and 6.9.2 are in `windows.rs`.
#[test]
fn http2_frame_definitions() {
    on_server(&[
        Row("http2/6.1/1 DATA on stream 0", "§6.1", |p| p.data(0, b"x", true), PROTOCOL),
        Row(
            "http2/6.1/2 DATA on a stream that is not open",
            "§6.1",
            |p| whole(p).data(1, b"x", true),
            "RST 1 STREAM_CLOSED",
        ),
        Row(
            "http2/6.1/3 invalid pad length",
            "§6.1",
            |p| p.request(1).frame(0, 9, 1, &[6, 1, 2, 3, 4]),
            PROTOCOL_1,
        ),
        Row(
            "http2/6.2/1 PRIORITY within a block",
            "§6.2",
            |p| priority(p.frame(1, 1, 1, &[]), 1, [0; 5]),
            PROTOCOL,
        ),
        Row("http2/6.2/2 HEADERS within a block", "§6.2", |p| p.frame(1, 1, 1, &[]).request(3), PROTOCOL),
        Row("http2/6.2/3 HEADERS on stream 0", "§6.2", |p| p.request(0), PROTOCOL),
        Row("http2/6.2/4 invalid pad length", "§6.2", |p| p.frame(1, 13, 1, &[6, 1, 2, 3, 4]), PROTOCOL),
        Row("http2/6.3/1 PRIORITY on stream 0", "§6.3", |p| priority(p, 0, [0; 5]), PROTOCOL),
        Row(
            "http2/6.3/2 PRIORITY of 4",
            "§6.3",
            |p| p.request(1).frame(2, 0, 1, &[0; 4]),
            "RST 1 FRAME_SIZE_ERROR",
        ),
        Row("http2/6.4/1 RST_STREAM on stream 0", "§6.4", |p| p.rst(0, ErrorCode::CANCEL), PROTOCOL),
        Row("http2/6.4/2 RST_STREAM on an idle stream", "§6.4", |p| p.rst(1, ErrorCode::CANCEL), PROTOCOL),
        Row(
            "http2/6.4/3 RST_STREAM of 3",
            "§6.4",
            |p| p.request(1).frame(3, 0, 1, &[0; 3]),
            "GOAWAY 1 FRAME_SIZE_ERROR",
        ),
        Row("http2/6.5/1 acknowledgement with payload", "§6.5", |p| p.frame(4, 1, 0, &[0; 6]), SIZE),
        Row("http2/6.5/2 SETTINGS on a stream", "§6.5", |p| p.frame(4, 0, 1, &[]), PROTOCOL),
        Row("http2/6.5/3 SETTINGS of 3", "§6.5", |p| p.frame(4, 0, 0, &[0; 3]), SIZE),
        Row("http2/6.5.2/1 ENABLE_PUSH 2", "§6.5.2", |p| p.settings(&[(2, 2)]), PROTOCOL),
        Row("http2/6.5.2/2 INITIAL_WINDOW_SIZE 2^31", "§6.5.2", |p| p.settings(&[(4, 0x8000_0000)]), FLOW),
        Row("http2/6.5.2/3 MAX_FRAME_SIZE 2^14-1", "§6.5.2", |p| p.settings(&[(5, 16_383)]), PROTOCOL),
        Row("http2/6.5.2/4 MAX_FRAME_SIZE 2^24", "§6.5.2", |p| p.settings(&[(5, 0x0100_0000)]), PROTOCOL),
        Row(
            "http2/6.5.2/5 unknown setting",
            "§6.5.2",
            |p| p.settings(&[(0xff, 1)]).ping(1),
            "SETTINGS ACK, PING ACK",
        ),
        Row("http2/6.5.3/2 is acknowledged", "§6.5.3", |p| p.settings(&[]), "SETTINGS ACK"),
        Row("http2/6.7/1 PING", "§6.7", |p| p.ping(1), "PING ACK"),
        Row("http2/6.7/2 PING with ACK", "§6.7", |p| p.frame(6, 1, 0, b"invalid!").ping(1), "PING ACK"),
        Row("http2/6.7/3 PING on a stream", "§6.7", |p| p.frame(6, 0, 1, &[0; 8]), PROTOCOL),
        Row("http2/6.7/4 PING of 6", "§6.7", |p| p.frame(6, 0, 0, &[0; 6]), SIZE),
        Row("http2/6.8/1 GOAWAY on a stream", "§6.8", |p| p.frame(7, 0, 1, &[0; 8]), PROTOCOL),
        Row("http2/6.9/1 WINDOW_UPDATE 0", "§6.9", |p| p.window_update(0, 0), PROTOCOL),
        Row(
            "http2/6.9/2 WINDOW_UPDATE 0 of a stream",
            "§6.9",
            |p| p.request(1).window_update(1, 0),
            MALFORMED,
        ),
        Row("http2/6.9/3 WINDOW_UPDATE of 3", "§6.9", |p| p.frame(8, 0, 0, &[0, 0, 1]), SIZE),
        Row(
            "http2/6.9.1/2 the connection above 2^31-1",
            "§6.9.1",
            |p| p.window_update(0, 0x7fff_ffff).window_update(0, 0x7fff_ffff),
            FLOW,
        ),
        Row(
            "http2/6.9.1/3 a stream above 2^31-1",
            "§6.9.1",
            |p| p.request(1).window_update(1, 0x7fff_ffff),
            "RST 1 FLOW_CONTROL_ERROR",
        ),
        Row("http2/6.9.2/3 INITIAL_WINDOW_SIZE above", "§6.9.2", |p| p.settings(&[(4, u32::MAX)]), FLOW),
        Row(
            "http2/6.10/2 CONTINUATION, then DATA",
            "§6.10",
            |p| p.frame(1, 1, 1, &[]).frame(9, 0, 1, &[]).data(1, b"", true),
            PROTOCOL,
        ),
        Row(
            "http2/6.10/3 CONTINUATION on stream 0",
            "§6.10",
            |p| p.frame(1, 1, 1, &[]).frame(9, 4, 0, &[]),
            PROTOCOL,
        ),
        Row("http2/6.10/4 after END_HEADERS", "§6.10", |p| whole(p).frame(9, 4, 1, &[]), PROTOCOL_1),
        Row(
            "http2/6.10/5 after the last CONTINUATION",
            "§6.10",
            |p| {
                let block = p.block(&REQUEST);
                p.frame(1, 1, 1, &block).frame(9, 4, 1, &[]).frame(9, 4, 1, &[])
            },
            PROTOCOL_1,
        ),
        Row(
            "http2/6.10/6 after DATA",
            "§6.10",
            |p| p.request(1).data(1, b"", true).frame(9, 4, 1, &[]),
            PROTOCOL_1,
        ),
        Row(
            "http2/7/1 GOAWAY of an unknown code",
            "§7",
            |p| p.request(1).goaway(0, ErrorCode(0xff)).ping(1),
            "PING ACK, a call, draining",
        ),
        Row(
            "http2/7/2 RST_STREAM of an unknown code",
            "§7",
            |p| p.request(1).rst(1, ErrorCode(0xff)).ping(1),
            "PING ACK",
        ),
    ]);
}

/// RFC 9113 §8 and RFC 7541: http2/8 and hpack.
#[test]
fn http2_messages_and_hpack() {
    on_server(&[
        Row(
            "http2/8.1/1 HEADERS again without END_STREAM",
            "§8.1",
            |p| p.request(1).headers(1, &[("x", "y")], false),
            MALFORMED,
        ),
        Row("http2/8.1.2/1 upper case", "§8.2", |p| and(p, "X-TEST", "ok"), MALFORMED),
        Row(
            "http2/8.1.2.1/1 unknown pseudo-header field",
            "§8.3",
            |p| but(p, "", &[(":test", "ok")]),
            MALFORMED,
        ),
        Row("http2/8.1.2.1/2 one of responses", "§8.3", |p| but(p, "", &[(":status", "200")]), MALFORMED),
        Row(
            "http2/8.1.2.1/3 one in trailers",
            "§8.1",
            |p| p.request(1).headers(1, &[(":method", "200")], true),
            MALFORMED,
        ),
        Row("http2/8.1.2.1/4 one late", "§8.3", |p| but(p, ":path", &[("x-test", "ok")]), MALFORMED),
        Row(
            "http2/8.1.2.2/1 connection-specific",
            "§8.2.2",
            |p| and(p, "connection", "keep-alive"),
            MALFORMED,
        ),
        Row("http2/8.1.2.2/2 te", "§8.2.2", |p| and(p, "te", "trailers, deflate"), MALFORMED),
        Row("http2/8.1.2.3/1 empty :path", "§8.3.1", |p| but(p, ":path", &[(":path", "")]), MALFORMED),
        Row("http2/8.1.2.3/2 no :method", "§8.3.1", |p| but(p, ":method", &[]), MALFORMED),
        Row("http2/8.1.2.3/3 no :scheme", "§8.3.1", |p| but(p, ":scheme", &[]), MALFORMED),
        Row("http2/8.1.2.3/4 no :path", "§8.3.1", |p| but(p, ":path", &[]), MALFORMED),
        Row("http2/8.1.2.3/5 :method twice", "§8.3", |p| but(p, "", &[(":method", "POST")]), MALFORMED),
        Row("http2/8.1.2.3/6 :scheme twice", "§8.3", |p| but(p, "", &[(":scheme", "http")]), MALFORMED),
        Row("http2/8.1.2.3/7 :path twice", "§8.3", |p| but(p, "", &[(":path", "/a/b")]), MALFORMED),
        Row(
            "http2/8.1.2.6/1 content-length of one DATA",
            "§8.1.1",
            |p| {
                p.headers(1, &[&REQUEST[..], &[("content-length", "1")]].concat(), false).data(
                    1,
                    &message(0),
                    true,
                )
            },
            MALFORMED,
        ),
        Row(
            "http2/8.1.2.6/2 content-length of two DATA",
            "§8.1.1",
            |p| {
                p.headers(1, &[&REQUEST[..], &[("content-length", "5")]].concat(), false)
                    .data(1, &message(0), false)
                    .data(1, &message(0), true)
            },
            MALFORMED,
        ),
        Row("http2/8.2/1 PUSH_PROMISE", "§8.4", |p| p.request(1).frame(5, 4, 1, &[0, 0, 0, 2]), PROTOCOL_1),
        Row("hpack/2.3.3/1 index beyond the tables", "RFC 7541 §2.3.3", |p| literal(p, &[0xf1]), COMPRESSION),
        Row(
            "hpack/2.3.3/2 a name's index beyond",
            "RFC 7541 §2.3.3",
            |p| literal(p, &[0x7f, 0x11, 0]),
            COMPRESSION,
        ),
        Row(
            "hpack/4.2/1 size update at the end",
            "RFC 7541 §4.2",
            |p| literal(p, &[0x3f, 0x01]),
            COMPRESSION,
        ),
        Row(
            "hpack/5.2/1 padding above 7 bits",
            "RFC 7541 §5.2",
            |p| literal(p, b"\x00\x01x\x82\x1f\xff"),
            COMPRESSION,
        ),
        Row(
            "hpack/5.2/2 padding of zeros",
            "RFC 7541 §5.2",
            |p| literal(p, b"\x00\x01x\x81\x18"),
            COMPRESSION,
        ),
        Row(
            "hpack/5.2/3 EOS",
            "RFC 7541 §5.2",
            |p| literal(p, b"\x00\x01x\x84\xff\xff\xff\xff"),
            COMPRESSION,
        ),
        Row("hpack/6.1/1 index 0", "RFC 7541 §6.1", |p| literal(p, &[0x80]), COMPRESSION),
        Row(
            "hpack/6.3/1 size update above the setting",
            "RFC 7541 §6.3",
            |p| p.frame(1, 5, 1, &[0x3f, 0xe2, 0x1f]),
            COMPRESSION,
        ),
    ]);
}

/// The same for a client, with calls on the streams 1 and 3 whose requests are open (RFC 9113 §5.1 to §8).
#[test]
fn mirrored() {
    on_client(&[
        Row("2 PRIORITY on an idle stream", "§5.1", |p| priority(p, 5, [0; 5]), ""),
        Row("2 WINDOW_UPDATE", "§6.9", |p| p.window_update(1, 1).window_update(0, 1), ""),
        Row(
            "3.1 DATA with padding",
            "§6.1",
            |p| p.headers(1, &RESPONSE, false).frame(0, PADDED, 1, &[3, 0, 0, 0, 0, 0, 1, 1, 1]),
            "a head, a message 0",
        ),
        Row(
            "3.2 HEADERS with padding and priority",
            "§6.2",
            |p| {
                let block = [&[4, 0, 0, 0, 0, 9][..], &p.block(&RESPONSE), &[0; 4]].concat();
                p.frame(1, END_HEADERS | PADDED | 0x20, 1, &block)
            },
            "a head",
        ),
        Row(
            "3.10 CONTINUATIONs",
            "§6.10",
            |p| {
                let block = p.block(&RESPONSE);
                p.frame(1, 0, 1, &block[..1]).frame(9, 0, 1, &block[1..4]).frame(
                    9,
                    END_HEADERS,
                    1,
                    &block[4..],
                )
            },
            "a head",
        ),
        Row(
            "4 trailers",
            "§8.1",
            |p| p.headers(1, &RESPONSE, false).message(1, b"x", false).headers(1, &OK, true),
            "RST 1 NO_ERROR, a head, a message 1, a end, a OK",
        ),
        Row(
            "4.2/1 DATA of 2^14",
            "§4.2",
            |p| p.headers(1, &RESPONSE, false).data(1, &message(16_379), false),
            "a head, a message 16379",
        ),
        Row(
            "4.2/2 larger DATA",
            "§4.2",
            |p| p.headers(1, &RESPONSE, false).data(1, &message(16_380), false),
            "GOAWAY 0 FRAME_SIZE_ERROR, a head",
        ),
        Row("4.2/3 larger HEADERS", "§4.2", |p| p.frame(1, 4, 1, &[0; 16_385]), SIZE),
        Row("4.3/1 invalid block", "§4.3", |p| p.frame(1, 4, 1, &[0x40, 0xff, 0xff]), COMPRESSION),
        Row(
            "4.3/3 HEADERS within a block",
            "§4.3",
            |p| p.frame(1, 0, 1, &[]).headers(3, &RESPONSE, false),
            PROTOCOL,
        ),
        Row("5.1/1 idle: DATA", "§5.1", |p| p.data(5, b"x", true), PROTOCOL),
        Row("5.1/2 idle: RST_STREAM", "§5.1", |p| p.rst(5, ErrorCode::CANCEL), PROTOCOL),
        Row("5.1/3 idle: WINDOW_UPDATE", "§5.1", |p| p.window_update(5, 1), PROTOCOL),
        Row("5.1/4 idle: CONTINUATION", "§5.1", |p| p.frame(9, 4, 5, b""), PROTOCOL),
        Row("5.1/1 idle, even: DATA", "§5.1", |p| p.data(2, b"x", true), PROTOCOL),
        Row("5.1/8 reset: DATA", "§5.1", |p| p.rst(1, ErrorCode::CANCEL).data(1, b"x", true), "a Cancelled"),
        Row(
            "5.1/9 reset: HEADERS",
            "§5.1",
            |p| p.rst(1, ErrorCode::CANCEL).headers(1, &OK, true),
            "a Cancelled",
        ),
        Row("5.4.1 invalid PING", "§5.4.1", |p| p.frame(6, 0, 3, &[0; 8]).ping(1), PROTOCOL),
        Row(
            "6.1/3 invalid pad length",
            "§6.1",
            |p| p.headers(1, &RESPONSE, false).frame(0, 8, 1, &[6, 1, 2, 3, 4]),
            "GOAWAY 0 PROTOCOL_ERROR, a head",
        ),
        Row("6.4/3 RST_STREAM of 3", "§6.4", |p| p.frame(3, 0, 1, &[0; 3]), SIZE),
        Row("6.8/1 GOAWAY on a stream", "§6.8", |p| p.frame(7, 0, 1, &[0; 8]), PROTOCOL),
        Row(
            "6.9/2 WINDOW_UPDATE 0 of a stream",
            "§6.9",
            |p| p.window_update(1, 0),
            "RST 1 PROTOCOL_ERROR, a Internal",
        ),
        Row("6.9.1/2 the connection above 2^31-1", "§6.9.1", |p| p.window_update(0, 0x7fff_ffff), FLOW),
        Row(
            "6.9.1/3 a stream above 2^31-1",
            "§6.9.1",
            |p| p.window_update(1, 0x7fff_ffff),
            "RST 1 FLOW_CONTROL_ERROR, a Internal",
        ),
        Row(
            "7/1 GOAWAY of an unknown code",
            "§7",
            |p| p.goaway(3, ErrorCode(0xff)).ping(1),
            "PING ACK, draining",
        ),
        Row(
            "7/2 RST_STREAM of an unknown code",
            "§7",
            |p| p.rst(1, ErrorCode(0xff)).ping(1),
            "PING ACK, a Unknown",
        ),
        Row(
            "8.1.2/1 upper case",
            "§8.2",
            |p| p.headers(1, &[RESPONSE[0], ("X-TEST", "ok")], false),
            "RST 1 PROTOCOL_ERROR, a Internal",
        ),
        Row("8.2/1 PUSH_PROMISE", "§8.4", |p| p.frame(5, 4, 1, &[0, 0, 0, 2]), PROTOCOL),
    ]);
    // The HPACK cases do not know who decodes; `headers.rs` runs them on both.
    let mut block = Vec::new();
    let mut encoder = Encoder::new();
    encoder.begin(&mut block);
    encoder.literal(&mut block, b":status", b"200", Indexing::Never);
    encoder.literal(&mut block, b"content-type", b"application/grpc", Indexing::Indexed);
    let mut bench = Bench::client(1);
    bench.peer.frame(1, END_HEADERS, 1, &block);
    assert_eq!(bench.answer(), "a head");
}
