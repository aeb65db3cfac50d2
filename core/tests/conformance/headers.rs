//! Header blocks: HEADERS, CONTINUATION and what stands between them (RFC 9113 §4.3, §6.2, §6.10), and
//! blocks that HPACK does not allow (RFC 7541), on a connection.

use crate::support::wire::{END_HEADERS, END_STREAM, OK, Peer, REQUEST, RESPONSE};
use crate::table::{Bench, Row, on_both, on_client, on_server};

const PROTOCOL: &str = "GOAWAY 0 PROTOCOL_ERROR";
const PROTOCOL_1: &str = "GOAWAY 1 PROTOCOL_ERROR";
const COMPRESSION: &str = "GOAWAY 0 COMPRESSION_ERROR";

fn in_fragments(peer: &mut Peer, sizes: usize) -> &mut Peer {
    let block = peer.block(&REQUEST);
    let mut pieces = block.chunks(sizes).peekable();
    let first = pieces.next().unwrap_or_default();
    peer.frame(1, if pieces.peek().is_none() { END_HEADERS } else { 0 }, 1, first);
    while let Some(piece) = pieces.next() {
        peer.frame(9, if pieces.peek().is_none() { END_HEADERS } else { 0 }, 1, piece);
    }
    peer
}

/// RFC 9113 §6.10: a block may be cut anywhere, also into nothing.
#[test]
fn blocks_in_fragments() {
    let length = Peer::silent().block(&REQUEST).len();
    for size in length / 8 + 1..=length {
        let mut bench = Bench::server();
        in_fragments(&mut bench.peer, size);
        assert_eq!(bench.answer(), "a call", "in fragments of {size} of {length}");
        assert!(bench.is_alive());
    }
    for at in 0..=length {
        let mut bench = Bench::server();
        let block = bench.peer.block(&REQUEST);
        let (first, second) = block.split_at(at);
        bench.peer.frame(1, END_STREAM, 1, first).frame(9, 0, 1, b"").frame(9, END_HEADERS, 1, second);
        assert_eq!(bench.answer(), "a call, a end", "cut at {at}");
    }
    on_server(&[
        Row(
            "END_STREAM of the HEADERS counts",
            "§6.2",
            |p| {
                let block = p.block(&REQUEST);
                p.frame(1, END_STREAM, 1, &block).frame(9, END_HEADERS, 1, b"")
            },
            "a call, a end",
        ),
        Row(
            "END_STREAM of a CONTINUATION does not",
            "§6.10",
            |p| {
                let block = p.block(&REQUEST);
                p.frame(1, 0, 1, &block).frame(9, END_HEADERS | END_STREAM, 1, b"")
            },
            "a call",
        ),
        Row(
            "nine CONTINUATIONs",
            "§10.5.1",
            |p| {
                p.frame(1, 0, 1, b"");
                for _ in 0..9 {
                    p.frame(9, 0, 1, b"");
                }
                p
            },
            "GOAWAY 0 ENHANCE_YOUR_CALM",
        ),
        Row(
            "trailers in two frames",
            "§8.1",
            |p| {
                let block = p.request(1).block(&[("x", "y")]);
                p.frame(1, END_STREAM, 1, &block[..1]).frame(9, END_HEADERS, 1, &block[1..])
            },
            "a call, a end",
        ),
    ]);
    on_client(&[Row(
        "a response in three frames",
        "§6.10",
        |p| {
            let block = p.block(&RESPONSE);
            p.frame(1, 0, 1, &block[..1]).frame(9, 0, 1, &block[1..2]).frame(9, END_HEADERS, 1, &block[2..])
        },
        "a head",
    )]);
}

/// RFC 9113 §4.3, §6.2, §6.10: nothing comes between the frames of a block.
#[test]
fn blocks_that_are_interrupted() {
    on_both(&[
        Row("by DATA", "§6.10", |p| p.frame(1, 0, 1, b"").data(1, b"", false), PROTOCOL),
        Row(
            "by HEADERS of the same stream",
            "§6.2",
            |p| p.frame(1, 0, 1, b"").frame(1, END_HEADERS, 1, b""),
            PROTOCOL,
        ),
        Row(
            "by HEADERS of another stream",
            "§6.2",
            |p| p.frame(1, 0, 1, b"").frame(1, END_HEADERS, 3, b""),
            PROTOCOL,
        ),
        Row("by PRIORITY", "§6.2", |p| p.frame(1, 0, 1, b"").frame(2, 0, 1, &[0; 5]), PROTOCOL),
        Row(
            "by PRIORITY of a wrong size",
            "§6.2",
            |p| p.frame(1, 0, 1, b"").frame(2, 0, 1, &[0; 4]),
            PROTOCOL,
        ),
        Row("by RST_STREAM", "§6.2", |p| p.frame(1, 0, 1, b"").frame(3, 0, 1, &[0; 4]), PROTOCOL),
        Row("by SETTINGS", "§6.2", |p| p.frame(1, 0, 1, b"").frame(4, 0, 0, b""), PROTOCOL),
        Row("by an acknowledgement", "§6.2", |p| p.frame(1, 0, 1, b"").frame(4, 1, 0, b""), PROTOCOL),
        Row("by PUSH_PROMISE", "§6.2", |p| p.frame(1, 0, 1, b"").frame(5, 4, 1, &[0, 0, 0, 2]), PROTOCOL),
        Row("by PING", "§6.2", |p| p.frame(1, 0, 1, b"").ping(1), PROTOCOL),
        Row("by GOAWAY", "§6.2", |p| p.frame(1, 0, 1, b"").frame(7, 0, 0, &[0; 8]), PROTOCOL),
        Row("by WINDOW_UPDATE", "§6.2", |p| p.frame(1, 0, 1, b"").window_update(0, 1), PROTOCOL),
        Row(
            "by CONTINUATION of another stream",
            "§6.10",
            |p| p.frame(1, 0, 1, b"").frame(9, 4, 3, b""),
            PROTOCOL,
        ),
        Row("by CONTINUATION of stream 0", "§6.10", |p| p.frame(1, 0, 1, b"").frame(9, 4, 0, b""), PROTOCOL),
        Row("by an unknown frame", "§5.5", |p| p.frame(1, 0, 1, b"").frame(0xfe, 0, 0, b""), PROTOCOL),
        Row("CONTINUATION first", "§6.10", |p| p.frame(9, 4, 1, b""), PROTOCOL),
        Row("HEADERS on stream 0", "§6.2", |p| p.frame(1, 4, 0, b""), PROTOCOL),
    ]);
    on_server(&[
        Row("CONTINUATION after END_HEADERS", "§6.10", |p| p.request(1).frame(9, 4, 1, b""), PROTOCOL_1),
        Row("CONTINUATION after the last", "§6.10", |p| in_fragments(p, 40).frame(9, 4, 1, b""), PROTOCOL_1),
        Row(
            "trailers interrupted",
            "§6.10",
            |p| p.request(1).frame(1, 1, 1, b"").data(1, b"", false),
            PROTOCOL_1,
        ),
    ]);
}

/// RFC 7541, as far as a connection shows it; RFC 9113 §4.3: COMPRESSION_ERROR ends it.
#[test]
fn blocks_that_hpack_does_not_allow() {
    const fn block(octets: &'static [u8]) -> &'static [u8] {
        octets
    }
    let table: [(&str, &str, &[u8]); 24] = [
        ("index 0", "RFC 7541 §6.1", block(&[0x80])),
        ("index beyond the tables", "RFC 7541 §2.3.3", &[0xbe]),
        ("a name's index beyond the tables", "RFC 7541 §2.3.3", &[0x7e, 0]),
        ("without indexing, a name's index beyond", "RFC 7541 §6.2.2", &[0x0f, 0x2f, 0]),
        ("never indexed, a name's index beyond", "RFC 7541 §6.2.3", &[0x1f, 0x2f, 0]),
        ("an integer that ends early", "RFC 7541 §5.1", &[0xff]),
        ("an integer that goes on for ever", "RFC 7541 §5.1", &[0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]),
        ("an integer above 2^28", "RFC 7541 §5.1", &[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        ("an integer above 2^64", "RFC 7541 §5.1", &[0xff; 12]),
        ("a string that ends early", "RFC 7541 §5.2", &[0x40, 5, b'a']),
        ("a value that is missing", "RFC 7541 §6.2.1", &[0x40, 1, b'a']),
        ("a name that is missing", "RFC 7541 §6.2.2", &[0x00]),
        ("a length of 2^28 and no text", "RFC 7541 §5.2", &[0x40, 0x7f, 0x81, 0xff, 0xff, 0x7f]),
        ("Huffman padding of 8 bits", "RFC 7541 §5.2", &[0x40, 1, b'a', 0x82, 0x1f, 0xff]),
        ("Huffman padding of zeros", "RFC 7541 §5.2", &[0x40, 1, b'a', 0x81, 0x18]),
        ("Huffman EOS", "RFC 7541 §5.2", &[0x40, 1, b'a', 0x84, 0xff, 0xff, 0xff, 0xff]),
        ("Huffman EOS after text", "RFC 7541 §5.2", &[0x40, 1, b'a', 0x85, 0x1f, 0xff, 0xff, 0xff, 0xff]),
        ("Huffman padding only", "RFC 7541 §5.2", &[0x40, 1, b'a', 0x81, 0xff]),
        ("an update above the setting", "RFC 7541 §6.3", &[0x3f, 0xe2, 0x1f]),
        ("an update far above the setting", "RFC 7541 §6.3", &[0x3f, 0xe1, 0xff, 0xff, 0x7f]),
        ("an update at the end", "RFC 7541 §4.2", &[0x82, 0x20]),
        ("an update in the middle", "RFC 7541 §4.2", &[0x82, 0x20, 0x84]),
        ("three updates", "RFC 7541 §4.2", &[0x20, 0x20, 0x20]),
        ("an update that ends early", "RFC 7541 §6.3", &[0x3f]),
    ];
    for (name, section, octets) in table {
        for role in [Bench::server as fn() -> Bench, || Bench::client(1)] {
            let mut bench = role();
            bench.peer.frame(1, END_HEADERS, 1, octets);
            let answer = bench.answer();
            assert!(answer.starts_with(COMPRESSION), "{name} ({section}): {answer}");
        }
    }
}

/// RFC 9113 §4.3, RFC 7541 §2.2: whatever becomes of a block, its effect on the table stays.
#[test]
fn blocks_that_are_refused_keep_the_tables_in_step() {
    type Refused = (&'static str, fn(&mut Peer, &[u8]));
    // A field that goes into the table, in a block for a stream that nobody wants.
    let insert: &[u8] = &[0x40, 1, b'k', 1, b'v'];
    let scripts: [Refused; 5] = [
        ("a request without pseudo-header fields", |p, block| {
            p.frame(1, END_HEADERS, 1, block);
        }),
        ("trailers after the end", |p, block| {
            p.headers(1, &REQUEST, true).frame(1, END_HEADERS | END_STREAM, 1, block);
        }),
        ("HEADERS of a stream that was reset", |p, block| {
            p.headers(1, &[("x", "y")], false).frame(1, END_HEADERS | END_STREAM, 1, block);
        }),
        ("trailers with a pseudo-header field", |p, block| {
            let block = [&[0x82], block].concat();
            p.request(1).frame(1, END_HEADERS | END_STREAM, 1, &block);
        }),
        ("a list that is too large", |p, block| {
            let mut large = p.block(&REQUEST);
            large.extend_from_slice(block);
            large.extend(std::iter::repeat_n(0xbe, 600));
            p.frame(1, END_HEADERS, 1, &large);
        }),
    ];
    for (name, script) in scripts {
        let mut bench = Bench::server();
        script(&mut bench.peer, insert);
        bench.answer();
        // The field is at the first place of the table.
        let mut block = bench.peer.block(&REQUEST);
        block.push(0xbe);
        bench.peer.frame(1, END_HEADERS, 3, &block);
        bench.answer();
        let call = *bench.calls().last().unwrap();
        let head = bench.end().connection.take_request(call).unwrap();
        assert_eq!(head.metadata.get("k"), Some("v"), "{name}");
    }
    let mut bench = Bench::client(2);
    bench.peer.headers(1, &RESPONSE, false).headers(1, &OK, true).frame(1, END_HEADERS, 1, insert);
    let mut block = bench.peer.block(&RESPONSE);
    block.push(0xbe);
    bench.peer.frame(1, END_HEADERS, 3, &block);
    assert_eq!(bench.answer(), "RST 1 NO_ERROR, a head, a OK, b head");
    let call = bench.calls()[1];
    let head = bench.end().connection.take_response(call).unwrap();
    assert_eq!(head.metadata.get("k"), Some("v"));
}

/// RFC 9113 §4.3.1: a block after the acknowledgement of a lower HEADER_TABLE_SIZE begins with a size update, or
/// the connection ends; before the acknowledgement the initial 4,096 hold.
#[test]
fn a_lower_table_is_followed() {
    use crate::support::Pair;
    use sailplane::Limits;
    let request = |update: &[u8], acknowledged: bool| {
        let mut pair = Pair::with(Limits::default(), Limits::default().header_table_bytes(100));
        let mut peer = Peer::silent();
        pair.server.drain(pair.now);
        peer.bytes.extend_from_slice(sailplane::wire::CLIENT_PREFACE);
        peer.settings(&[]);
        if acknowledged {
            peer.settings_ack();
        }
        let block = [update, &peer.block(&REQUEST)[..]].concat();
        peer.frame(1, END_HEADERS, 1, &block);
        pair.server.receive(pair.now, &peer.take());
        pair.server.drain(pair.now);
        let wrote = crate::support::wire::parse(false, &pair.server.written);
        wrote.iter().find_map(|frame| match frame {
            crate::support::wire::Sent::GoAway { code, .. } => Some(code.to_string()),
            _ => None,
        })
    };
    let compression = Some("COMPRESSION_ERROR".to_owned());
    assert_eq!(request(&[], false), None);
    assert_eq!(request(&[], true), compression);
    assert_eq!(request(&[0x3f, 69], true), None, "to 100");
    assert_eq!(request(&[0x20], true), None, "to 0");
    assert_eq!(request(&[0x3f, 70], true), compression, "to 101");
    assert_eq!(request(&[0x3f, 70], false), None, "to 101, of 4,096");
}
