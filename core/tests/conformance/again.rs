//! A block that comes again means the same again: header blocks are recognised by their octets, and what they
//! mean is kept (RFC 7541 §2.2, §3.1). Every list here is judged on a fresh connection, then four times on one.

use crate::support::wire::{END_HEADERS, Peer, REQUEST, RESPONSE};
use crate::table::Bench;

type List = Vec<(&'static str, &'static str)>;

/// The list with this field changed, added at its end, or left out.
fn but(list: &[(&'static str, &'static str)], name: &'static str, value: Option<&'static str>) -> List {
    let mut fields = list.to_vec();
    match (fields.iter().position(|(other, _)| *other == name), value) {
        (Some(at), Some(value)) => fields[at].1 = value,
        (Some(at), None) => _ = fields.remove(at),
        (None, Some(value)) => fields.push((name, value)),
        (None, None) => {}
    }
    fields
}

fn requests() -> Vec<List> {
    let changes = [
        (":method", Some("GET")),
        (":method", Some("CONNECT")),
        (":method", None),
        (":scheme", Some("https")),
        (":scheme", Some("")),
        (":path", Some("/a/b")),
        (":path", Some("/a")),
        (":path", Some("")),
        (":authority", None),
        (":authority", Some("a@b")),
        (":status", Some("200")),
        ("te", None),
        ("te", Some("gzip")),
        ("content-type", Some("text/html")),
        ("content-length", Some("0")),
        ("content-length", Some("5")),
        ("content-length", Some("x")),
        ("grpc-timeout", Some("1S")),
        ("grpc-timeout", Some("0n")),
        ("grpc-timeout", Some("x")),
        ("grpc-encoding", Some("identity")),
        ("grpc-encoding", Some("gzip")),
        ("x", Some("y")),
        ("x-bin", Some("AA")),
        ("x-bin", Some("!")),
        ("X", Some("y")),
        ("host", Some("localhost")),
        ("host", Some("elsewhere")),
        ("connection", Some("close")),
        ("user-agent", Some("somebody")),
    ];
    let mut lists: Vec<_> = changes.iter().map(|(name, value)| but(&REQUEST, name, *value)).collect();
    lists.extend([REQUEST.to_vec(), Vec::new(), vec![("x", "y")]]);
    lists
}

fn responses() -> Vec<List> {
    let changes = [
        (":status", Some("404")),
        (":status", Some("100")),
        (":status", Some("101")),
        (":status", Some("20")),
        (":status", None),
        (":path", Some("/a/b")),
        ("content-type", Some("text/html")),
        ("content-type", None),
        ("content-length", Some("0")),
        ("content-length", Some("5")),
        ("grpc-status", Some("0")),
        ("grpc-status", Some("5")),
        ("grpc-status", Some("00")),
        ("grpc-encoding", Some("gzip")),
        ("x", Some("y")),
        ("x-bin", Some("!")),
        ("connection", Some("close")),
    ];
    let mut lists: Vec<_> = changes.iter().map(|(name, value)| but(&RESPONSE, name, *value)).collect();
    lists.extend([RESPONSE.to_vec(), vec![("grpc-status", "0")], Vec::new()]);
    lists
}

/// An answer without the stream and the letter of the call, which differ.
fn bare(answer: &str, stream: u32, call: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(call).unwrap());
    let items = answer.split(", ").map(|item| {
        let item = item.replacen(&format!(" {stream} "), " ", 1);
        item.strip_prefix(&format!("{letter} ")).map_or_else(|| item.clone(), |rest| format!("call {rest}"))
    });
    items.collect::<Vec<_>>().join(", ")
}

/// What a list leads to on a server: on a fresh connection, and again and again.
#[test]
fn requests_that_come_again() {
    for list in requests() {
        let block = Peer::silent().block(&list);
        let alone = [false, true].map(|end| {
            let mut bench = Bench::server();
            bench.peer.frame(1, END_HEADERS | u8::from(end), 1, &block);
            bare(&bench.answer(), 1, 0)
        });
        let mut bench = Bench::server();
        for (stream, end) in [(1, false), (3, true), (5, true), (7, false), (9, true), (11, false)] {
            let call = bench.calls().len();
            bench.peer.frame(1, END_HEADERS | u8::from(end), stream, &block);
            assert_eq!(
                bare(&bench.answer(), stream, call),
                alone[usize::from(end)],
                "{list:?} on {stream}, {end}"
            );
        }
    }
}

/// The same for trailers of requests, and for blocks that were a head before.
#[test]
fn trailers_that_come_again() {
    for list in requests() {
        let block = Peer::silent().block(&list);
        let mut bench = Bench::server();
        bench.peer.request(1).frame(1, END_HEADERS | 1, 1, &block);
        let alone = bare(&bench.answer(), 1, 0);
        let mut bench = Bench::server();
        for stream in [1, 3, 5, 7] {
            let call = bench.calls().len();
            bench.peer.request(stream).frame(1, END_HEADERS | 1, stream, &block);
            assert_eq!(bare(&bench.answer(), stream, call), alone, "{list:?} on {stream}");
        }
    }
}

/// What a list leads to on a client, as the head of a response and as its trailers.
#[test]
fn responses_that_come_again() {
    for list in responses() {
        for behind_head in [false, true] {
            let block = Peer::silent().block(&list);
            let write = |peer: &mut Peer, stream: u32, end: bool| {
                if behind_head {
                    peer.headers(stream, &RESPONSE, false);
                }
                peer.frame(1, END_HEADERS | u8::from(end), stream, &block);
            };
            let alone = [false, true].map(|end| {
                let mut bench = Bench::client(1);
                write(&mut bench.peer, 1, end);
                bare(&bench.answer(), 1, 0)
            });
            let mut bench = Bench::client(6);
            for (call, end) in [false, true, true, false, true, false].into_iter().enumerate() {
                let stream = u32::try_from(2 * call + 1).unwrap();
                write(&mut bench.peer, stream, end);
                let found = bare(&bench.answer(), stream, call);
                assert_eq!(found, alone[usize::from(end)], "{list:?} on {stream}, {end}, {behind_head}");
            }
        }
    }
}
