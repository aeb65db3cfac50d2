//! Responses that no server should send, to a client.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::{Pairs, Wire, block};
use crate::pair::framed;
use crate::script::wire::{ACK, END_HEADERS, END_STREAM, PADDED, RawFrame, kinds};

/// A situation: what the server writes once the request is complete.
#[derive(Clone, Debug)]
pub struct Situation {
    /// What is special about it.
    pub name: String,
    octets: Vec<u8>,
    /// Then it closes the connection.
    closes: bool,
}

/// Serves the situations on a port of its own, for as long as the process lives: the field `x-situation` of a
/// request says which.
///
/// # Panics
/// If it cannot listen.
#[must_use]
pub fn serve(situations: &[Situation]) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let situations: Arc<[Situation]> = situations.into();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let situations = Arc::clone(&situations);
            thread::spawn(move || connection(stream, &situations));
        }
    });
    port
}

fn connection(stream: TcpStream, situations: &[Situation]) {
    let mut wire = Wire::new(stream, true);
    _ = wire.stream.set_read_timeout(None);
    _ = wire.stream.write_all(&RawFrame::new(kinds::SETTINGS, 0, 0, []).octets());
    let mut wanted: BTreeMap<u32, usize> = BTreeMap::new();
    let mut buffer = [0; 16_384];
    while let Ok(count @ 1..) = wire.stream.read(&mut buffer) {
        for frame in wire.splitter.take(&buffer[..count]) {
            match frame.kind {
                kinds::SETTINGS | kinds::PING if !frame.has(ACK) => {
                    let payload = if frame.kind == kinds::PING { frame.payload.clone() } else { Vec::new() };
                    _ = wire.stream.write_all(&RawFrame::new(frame.kind, ACK, 0, payload).octets());
                }
                kinds::HEADERS => {
                    let mut payload = frame.payload.clone();
                    if frame.has(crate::script::wire::PRIORITY) {
                        payload.drain(..5);
                    }
                    let fields = wire.fields(&RawFrame { payload, ..frame.clone() });
                    let at = fields.iter().find(|(name, _)| name == "x-situation");
                    let at = at.and_then(|(_, value)| value.parse().ok()).expect("the situation");
                    wanted.insert(frame.id(), at);
                }
                _ => {}
            }
            if !matches!(frame.kind, kinds::DATA | kinds::HEADERS) || !frame.has(END_STREAM) {
                continue;
            }
            let Some(situation) = wanted.remove(&frame.id()).and_then(|at| situations.get(at)) else {
                return;
            };
            _ = wire.stream.write_all(&renumbered(&situation.octets, frame.id()));
            if situation.closes {
                return;
            }
        }
    }
}

/// The frames for stream 1, for another one.
fn renumbered(octets: &[u8], stream: u32) -> Vec<u8> {
    let frames = crate::script::wire::Splitter::new(false).take(octets);
    let on =
        |frame: RawFrame| RawFrame { stream: if frame.stream == 1 { stream } else { frame.stream }, ..frame };
    frames.into_iter().flat_map(|frame| on(frame).octets()).collect()
}

const HEAD: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/grpc")];

fn pairs(fields: &[(&'static str, &str)]) -> Pairs {
    fields.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect()
}

fn list(fields: &Pairs, end: bool) -> Vec<u8> {
    let block = block(fields.iter().map(|(name, value)| (*name, value.as_slice())));
    RawFrame::new(kinds::HEADERS, END_HEADERS | u8::from(end), 1, block).octets()
}

fn headers(fields: &[(&'static str, &str)], end: bool) -> Vec<u8> {
    list(&pairs(fields), end)
}

fn data(payload: impl Into<Vec<u8>>, end: bool) -> Vec<u8> {
    RawFrame::new(kinds::DATA, u8::from(end), 1, payload).octets()
}

/// HelloReply with a message.
fn message() -> Vec<u8> {
    framed(b"\x0a\x01x")
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Situation> {
    let mut all = Vec::new();
    let mut add = |name: &str, parts: &[Vec<u8>]| {
        all.push(Situation { name: name.to_owned(), octets: parts.concat(), closes: false });
    };
    let head = headers(&HEAD, false);
    let ok = headers(&[("grpc-status", "0")], true);
    add("a sound response", &[head.clone(), data(message(), false), ok.clone()]);
    for status in ["1", "5", "16", "17", "-1", "00", "05", "x", "", "99999999999"] {
        add(
            &format!("grpc-status {status:?}"),
            &[head.clone(), data(message(), false), headers(&[("grpc-status", status)], true)],
        );
        let fields = [HEAD[0], HEAD[1], ("grpc-status", status)];
        add(&format!("grpc-status {status:?} alone"), &[headers(&fields, true)]);
    }
    for (name, fields) in trailers() {
        add(&format!("trailers: {name}"), &[head.clone(), data(message(), false), list(&fields, true)]);
    }
    for (name, fields) in heads() {
        add(&format!("head: {name}"), &[list(&fields, false), data(message(), false), ok.clone()]);
    }
    for status in ["400", "401", "403", "404", "429", "431", "500", "502", "503", "504", "204", "302"] {
        let page = [(":status", status), ("content-type", "text/html")];
        add(&format!("HTTP {status} with a page"), &[headers(&page, false), data(*b"404 page", true)]);
        add(&format!("HTTP {status} alone"), &[headers(&[(":status", status)], true)]);
    }
    for (name, parts) in bodies(&head, &ok) {
        add(name, &parts);
    }
    for code in 0..15_u32 {
        let reset = RawFrame::new(kinds::RST_STREAM, 0, 1, code.to_be_bytes()).octets();
        // Of REFUSED_STREAM both make another attempt, which ends the same.
        add(&format!("RST_STREAM {code}"), std::slice::from_ref(&reset));
        add(&format!("RST_STREAM {code} after a message"), &[head.clone(), data(message(), false), reset]);
    }
    all.push(Situation { name: "the connection closes".into(), octets: head.clone(), closes: true });
    all.push(Situation {
        name: "the connection closes after a message".into(),
        octets: [head, data(message(), false)].concat(),
        closes: true,
    });
    all
}

fn trailers() -> Vec<(String, Pairs)> {
    let fields: [&[(&'static str, &str)]; 16] = [
        &[],
        &[("x", "y")],
        &[("grpc-status", "0"), ("grpc-status", "0")],
        &[("grpc-status", "0"), ("grpc-status", "5")],
        &[("grpc-status", "5"), ("grpc-message", "a%")],
        &[("grpc-status", "5"), ("grpc-message", "%zz%41")],
        &[("grpc-status", "5"), ("grpc-message", "%ff%fe")],
        &[("grpc-status", "0"), ("grpc-message", "a")],
        &[("grpc-status", "0"), (":status", "200")],
        &[("grpc-status", "0"), ("connection", "close")],
        &[("grpc-status", "0"), ("X-Upper", "a")],
        &[("grpc-status", "0"), ("", "a")],
        &[("grpc-status", "0"), ("x", "a\0b")],
        &[("grpc-status", "0"), ("x", " a ")],
        &[("grpc-status", "0"), ("x-bin", "!!!")],
        &[("grpc-status", "0"), ("x-bin", "YWI,YQ==")],
    ];
    fields.iter().map(|fields| (named(fields), pairs(fields))).collect()
}

fn heads() -> Vec<(String, Pairs)> {
    let fields: [&[(&'static str, &str)]; 20] = [
        &[("content-type", "application/grpc")],
        &[(":status", "200")],
        &[(":status", "200"), (":status", "200"), HEAD[1]],
        &[(":status", "20"), HEAD[1]],
        &[(":status", "abc"), HEAD[1]],
        &[(":status", ""), HEAD[1]],
        &[(":status", "600"), HEAD[1]],
        &[HEAD[1], (":status", "200")],
        &[(":status", "200"), ("content-type", "text/html")],
        &[(":status", "200"), ("content-type", "application/grpc+proto")],
        &[(":status", "200"), ("content-type", "application/grpcx")],
        &[HEAD[0], (":path", "/"), HEAD[1]],
        &[HEAD[0], HEAD[1], ("connection", "close")],
        &[HEAD[0], HEAD[1], ("X-Upper", "a")],
        &[HEAD[0], HEAD[1], ("x", "a\nb")],
        &[HEAD[0], HEAD[1], ("x-bin", "!!!")],
        &[HEAD[0], HEAD[1], ("content-length", "8")],
        &[HEAD[0], HEAD[1], ("content-length", "7")],
        &[HEAD[0], HEAD[1], ("grpc-encoding", "zzz")],
        &[HEAD[0], HEAD[1], ("grpc-status", "5")],
    ];
    fields.iter().map(|fields| (named(fields), pairs(fields))).collect()
}

fn named(fields: &[(&str, &str)]) -> String {
    let parts: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}: {}", value.escape_debug())).collect();
    if parts.is_empty() { "none".into() } else { parts.join(", ") }
}

fn bodies(head: &[u8], ok: &[u8]) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let (head, ok) = (head.to_vec(), ok.to_vec());
    let body = |octets: Vec<u8>| vec![head.clone(), data(octets, false), ok.clone()];
    let flagged = |flag: u8| {
        let mut message = message();
        message[0] = flag;
        message
    };
    let interim = headers(&[(":status", "103")], false);
    let frame = |kind, flags, stream, payload: &[u8]| RawFrame::new(kind, flags, stream, payload).octets();
    let sound = [head.clone(), data(message(), false), ok.clone()].concat();
    let after = |octets: Vec<u8>| vec![octets, sound.clone()];
    vec![
        ("no message", vec![head.clone(), ok.clone()]),
        ("no message, trailers only", vec![headers(&[HEAD[0], HEAD[1], ("grpc-status", "0")], true)]),
        ("two messages", body([message(), message()].concat())),
        ("an empty message", body(vec![0; 5])),
        ("flag 1 without grpc-encoding", body(flagged(1))),
        ("flag 2", body(flagged(2))),
        ("a prefix of 4 GiB", body(vec![0, 255, 255, 255, 255])),
        ("a prefix of 5 MiB", body(vec![0, 0, 80, 0, 0])),
        ("OK within a prefix", body(vec![0, 0, 0])),
        ("OK within a message", body(vec![0, 0, 0, 0, 9, 1])),
        (
            "NOT_FOUND within a message",
            vec![head.clone(), data([0, 0, 0, 0, 9, 1], false), headers(&[("grpc-status", "5")], true)],
        ),
        ("no protobuf", body(framed(&[0xff; 9]))),
        ("the end with DATA", vec![head.clone(), data(message(), true)]),
        ("the end with the head", vec![headers(&HEAD, true)]),
        (
            "trailers that do not end the stream",
            vec![head.clone(), data(message(), false), headers(&[("grpc-status", "0")], false)],
        ),
        ("DATA before the head", vec![data(message(), false), head.clone(), ok.clone()]),
        ("DATA after the trailers", vec![sound.clone(), data(message(), false)]),
        ("one interim response", after(interim.clone())),
        ("20 interim responses", after(interim.repeat(20))),
        ("an interim response that ends the stream", vec![headers(&[(":status", "103")], true)]),
        (
            "padded DATA",
            vec![
                head.clone(),
                frame(kinds::DATA, PADDED, 1, &[&[3][..], &message(), &[0; 3]].concat()),
                ok.clone(),
            ],
        ),
        ("an index beyond the tables", vec![frame(kinds::HEADERS, END_HEADERS, 1, &[0xff, 0x7f])]),
        ("PUSH_PROMISE", after(frame(kinds::PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]))),
        ("HEADERS on stream 2", after(frame(kinds::HEADERS, END_HEADERS, 2, &[0x88]))),
        ("a window update of 0", after(frame(kinds::WINDOW_UPDATE, 0, 1, &[0; 4]))),
        ("PING of 7 octets", after(frame(kinds::PING, 0, 0, &[0; 7]))),
        (
            "GOAWAY above the stream, then the response",
            after(frame(kinds::GOAWAY, 0, 0, &[127, 255, 255, 255, 0, 0, 0, 0])),
        ),
        ("a frame of an unknown type", after(frame(0x77, 255, 1, &[1; 20]))),
    ]
}
