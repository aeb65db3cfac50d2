//! Requests that no client should send, to a server.

use std::io::{Read, Write};
use std::net::TcpStream;

use sailplane::Code;
use sailplane::error::ErrorCode;

use super::{Pairs, Wire, block};
use crate::pair::framed;
use crate::script::wire::{ACK, END_HEADERS, END_STREAM, PADDED, PREFACE, RawFrame, kinds};

/// A situation: what the client writes after its SETTINGS.
#[derive(Clone, Debug)]
pub struct Situation {
    /// What is special about it.
    pub name: String,
    octets: Vec<u8>,
}

/// What a server does about it.
///
/// # Panics
/// If there is no server.
#[must_use]
pub fn answer(port: u16, situation: &Situation) -> String {
    let mut wire = Wire::new(TcpStream::connect(("127.0.0.1", port)).expect("a server"), false);
    let mut octets = PREFACE.to_vec();
    octets.extend(RawFrame::new(kinds::SETTINGS, 0, 0, []).octets());
    octets.extend(&situation.octets);
    // It may be closed meanwhile.
    _ = wire.stream.write_all(&octets);
    let mut said = Vec::new();
    let mut buffer = [0; 16_384];
    loop {
        let count = match wire.stream.read(&mut buffer) {
            Ok(0) => break said.push("closed".to_owned()),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                break said.push("closed".into());
            }
            Err(_) => break said.push("waits".into()),
        };
        for frame in wire.splitter.take(&buffer[..count]) {
            if note(&mut wire, &frame, &mut said) {
                return said.join(", ");
            }
        }
    }
    said.join(", ")
}

/// Takes a frame down; whether the call is over with it.
fn note(wire: &mut Wire, frame: &RawFrame, said: &mut Vec<String>) -> bool {
    match frame.kind {
        kinds::SETTINGS | kinds::PING if !frame.has(ACK) => {
            let payload = if frame.kind == kinds::PING { frame.payload.clone() } else { Vec::new() };
            _ = wire.stream.write_all(&RawFrame::new(frame.kind, ACK, 0, payload).octets());
        }
        kinds::HEADERS => {
            let fields = wire.fields(frame);
            let value =
                |name: &str| fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
            if let Some(status) = value(":status").filter(|status| status != "200") {
                said.push(format!("HTTP {status}"));
            }
            if let Some(status) = value("grpc-status") {
                let code = status.parse().ok().and_then(Code::from_number);
                said.push(code.map_or(status, |code| code.to_string()));
            }
            return frame.id() == 1 && frame.has(END_STREAM);
        }
        kinds::DATA => return frame.id() == 1 && frame.has(END_STREAM),
        kinds::RST_STREAM if frame.id() == 1 => {
            said.push(format!("RST {}", ErrorCode(frame.number(0))));
            return true;
        }
        kinds::GOAWAY if frame.number(4) != 0 => {
            said.push(format!("GOAWAY {}", ErrorCode(frame.number(4))));
            return true;
        }
        _ => {}
    }
    false
}

fn sound() -> Pairs {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/helloworld.Greeter/SayHello"),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ];
    fields.map(|(name, value)| (name, value.as_bytes().to_vec())).into()
}

fn headers(fields: &Pairs, flags: u8) -> Vec<u8> {
    let block = block(fields.iter().map(|(name, value)| (*name, value.as_slice())));
    if block.len() <= 16_000 {
        return RawFrame::new(kinds::HEADERS, flags | END_HEADERS, 1, block).octets();
    }
    let mut pieces = block.chunks(16_000).peekable();
    let mut out = RawFrame::new(kinds::HEADERS, flags, 1, pieces.next().expect("a piece")).octets();
    while let Some(piece) = pieces.next() {
        let flags = if pieces.peek().is_none() { END_HEADERS } else { 0 };
        out.extend(RawFrame::new(kinds::CONTINUATION, flags, 1, piece).octets());
    }
    out
}

fn data(payload: impl Into<Vec<u8>>, end: bool) -> Vec<u8> {
    RawFrame::new(kinds::DATA, u8::from(end), 1, payload).octets()
}

/// HelloRequest with a name.
fn message() -> Vec<u8> {
    framed(b"\x0a\x01x")
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Situation> {
    let mut all = Vec::new();
    let mut add = |name: String, octets: Vec<u8>| all.push(Situation { name, octets });
    for (name, fields) in lists() {
        add(name, [headers(&fields, 0), data(message(), true)].concat());
    }
    for (name, body) in bodies() {
        add(name.to_owned(), [headers(&sound(), 0), body].concat());
    }
    for (name, encoding, flag) in [
        ("grpc-encoding zzz, flag 0", "zzz", 0),
        ("grpc-encoding zzz, flag 1", "zzz", 1),
        ("grpc-encoding identity, flag 1", "identity", 1),
        ("grpc-encoding identity, flag 0", "identity", 0),
    ] {
        let mut fields = sound();
        fields.push(("grpc-encoding", encoding.as_bytes().to_vec()));
        let mut message = message();
        message[0] = flag;
        add(name.to_owned(), [headers(&fields, 0), data(message, true)].concat());
    }
    for (name, octets) in frames() {
        add(name.to_owned(), octets);
    }
    all
}

/// Header lists.
fn lists() -> Vec<(String, Pairs)> {
    let mut lists = vec![("a sound request".to_owned(), sound())];
    for at in 0..6 {
        let mut fields = sound();
        let (name, _) = fields.remove(at);
        lists.push((format!("without {name}"), fields));
    }
    for at in 0..4 {
        let mut fields = sound();
        fields.insert(at, fields[at].clone());
        lists.push((format!("{} twice", fields[at].0), fields.clone()));
        let mut fields = sound();
        let field = fields.remove(at);
        fields.push(field);
        lists.push((format!("{} after a regular field", fields[5].0), fields));
    }
    let replaced = [
        (":method", "GET"),
        (":method", "PUT"),
        (":scheme", "ftp"),
        (":path", ""),
        (":path", "helloworld.Greeter/SayHello"),
        (":path", "//helloworld.Greeter/SayHello"),
        (":path", "/helloworld.Greeter"),
        (":path", "/helloworld.Greeter/"),
        (":path", "/helloworld.Greeter/SayHello/"),
        (":path", "/helloworld.Greeter/Nothing"),
        (":path", "/no.Service/SayHello"),
        (":path", "/helloworld.Greeter%2fSayHello"),
        (":path", "*"),
        (":path", "/helloworld.Greeter/SayHello?a=b"),
        ("te", "gzip"),
        ("te", ""),
        ("content-type", "text/html"),
        ("content-type", "application/grpc+proto"),
        ("content-type", "application/grpc;charset=utf-8"),
        ("content-type", "application/grpcx"),
        ("content-type", "application/json"),
    ];
    for (name, value) in replaced {
        let mut fields = sound();
        fields.iter_mut().find(|(other, _)| *other == name).expect("a field").1 = value.as_bytes().to_vec();
        lists.push((format!("{name}: {value:?}"), fields));
    }
    let added: [(&str, &[u8]); 42] = [
        (":status", b"200"),
        (":unknown", b"a"),
        ("connection", b"close"),
        ("keep-alive", b"1"),
        ("proxy-connection", b"a"),
        ("transfer-encoding", b"chunked"),
        ("upgrade", b"h2c"),
        ("X-Upper", b"a"),
        ("", b"a"),
        ("x y", b"a"),
        ("x:y", b"a"),
        ("x", b"a\0b"),
        ("x", b"a\nb"),
        ("x", b"a\rb"),
        ("x", b" a"),
        ("x", b"a\t"),
        ("x", b"a\xe9"),
        ("x", b"a\x7f"),
        ("x", b"a\x01"),
        ("host", b"localhost"),
        ("host", b"other"),
        ("te", b"trailers"),
        ("content-type", b"application/grpc"),
        ("content-length", b"8"),
        ("content-length", b"7"),
        ("content-length", b"-8"),
        ("content-length", b"x"),
        ("x-bin", b"!!!"),
        ("x-bin", b"YWI="),
        ("x-bin", b"YWI"),
        ("x-bin", b"YWI,YWI="),
        ("x-bin", b""),
        ("grpc-timeout", b"10S"),
        ("grpc-timeout", b""),
        ("grpc-timeout", b"1"),
        ("grpc-timeout", b"S"),
        ("grpc-timeout", b"123456789S"),
        ("grpc-timeout", b"1x"),
        ("grpc-timeout", b"0S"),
        ("grpc-timeout", b"-1S"),
        ("grpc-foo", b"a"),
        ("grpc-status", b"0"),
    ];
    for (name, value) in added {
        let mut fields = sound();
        let at = if name.starts_with(':') { 0 } else { fields.len() };
        fields.insert(at, (name, value.to_vec()));
        lists.push((format!("with {name:?}: \"{}\"", value.escape_ascii()), fields));
    }
    for (what, count, size) in [
        ("90 cookies", 90, 20),
        ("200 fields", 200, 1),
        ("12 KiB of fields", 12, 1000),
        ("40 KiB of fields", 40, 1000),
    ] {
        let mut fields = sound();
        fields.extend((0..count).map(|_| (if count == 90 { "cookie" } else { "x-f" }, vec![b'a'; size])));
        lists.push((what.to_owned(), fields));
    }
    lists
}

/// What follows sound HEADERS.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let flagged = |flag: u8| {
        let mut message = message();
        message[0] = flag;
        data(message, true)
    };
    let trailers = |fields: &[(&'static str, &str)], flags| {
        let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect();
        headers(&fields, flags)
    };
    vec![
        ("no message", data([], true)),
        ("two messages", data([message(), message()].concat(), true)),
        ("an empty message", data([0; 5], true)),
        ("flag 1 without grpc-encoding", flagged(1)),
        ("flag 2", flagged(2)),
        ("flag 255", flagged(255)),
        ("a prefix of 4 GiB", data([0, 255, 255, 255, 255], false)),
        ("a prefix of 6 MiB", data([0, 0, 96, 0, 0], false)),
        ("the end within a prefix", data([0, 0, 0], true)),
        ("the end within a message", data([0, 0, 0, 0, 9, 1], true)),
        ("no protobuf", data(framed(&[0xff; 9]), true)),
        ("no UTF-8 in a string", data(framed(b"\x0a\x01\xff"), true)),
        ("trailers", [data(message(), false), trailers(&[("x", "y")], END_STREAM)].concat()),
        (
            "trailers that do not end the stream",
            [data(message(), false), trailers(&[("x", "y")], 0)].concat(),
        ),
        (
            "a pseudo-header field in trailers",
            [data(message(), false), trailers(&[(":path", "/")], END_STREAM)].concat(),
        ),
        (
            "one octet in each frame",
            message()
                .iter()
                .map(|octet| data([*octet], false))
                .chain([data([], true)])
                .collect::<Vec<_>>()
                .concat(),
        ),
        (
            "padded DATA",
            RawFrame::new(kinds::DATA, END_STREAM | PADDED, 1, [&[3][..], &message(), &[0; 3]].concat())
                .octets(),
        ),
        (
            "DATA that is all padding",
            [RawFrame::new(kinds::DATA, PADDED, 1, [3, 0, 0, 0]).octets(), data(message(), true)].concat(),
        ),
        ("too much padding", RawFrame::new(kinds::DATA, PADDED, 1, [9, 0, 0, 0]).octets()),
        (
            "a window update of 0",
            [RawFrame::new(kinds::WINDOW_UPDATE, 0, 1, [0; 4]).octets(), data(message(), true)].concat(),
        ),
        (
            "a window that overflows",
            [RawFrame::new(kinds::WINDOW_UPDATE, 0, 1, [127, 255, 255, 255]).octets(), data(message(), true)]
                .concat(),
        ),
        (
            "PRIORITY of 4 octets",
            [RawFrame::new(kinds::PRIORITY, 0, 1, [0; 4]).octets(), data(message(), true)].concat(),
        ),
        ("RST_STREAM of 5 octets", RawFrame::new(kinds::RST_STREAM, 0, 1, [0; 5]).octets()),
        (
            "a frame of an unknown type",
            [RawFrame::new(0x77, 255, 1, [1; 20]).octets(), data(message(), true)].concat(),
        ),
        ("GOAWAY", [RawFrame::new(kinds::GOAWAY, 0, 0, [0; 8]).octets(), data(message(), true)].concat()),
    ]
}

/// What needs frames of its own.
fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let frame = |kind, flags, stream, payload: &[u8]| RawFrame::new(kind, flags, stream, payload).octets();
    let sound = || [headers(&sound(), 0), data(message(), true)].concat();
    let after = |octets: Vec<u8>| [octets, sound()].concat();
    let whole = headers(&self::sound(), 0)[9..].to_vec();
    let pieces = |count: usize| {
        let mut out = frame(kinds::HEADERS, 0, 1, &whole[..1]);
        for at in 1..count {
            out.extend(frame(kinds::CONTINUATION, 0, 1, &whole[at..=at]));
        }
        out.extend(frame(kinds::CONTINUATION, END_HEADERS, 1, &whole[count..]));
        [out, data(message(), true)].concat()
    };
    vec![
        ("HEADERS that end the stream", headers(&self::sound(), END_STREAM)),
        ("an index beyond the tables", frame(kinds::HEADERS, END_HEADERS, 1, &[0xff, 0x7f])),
        ("an index of 0", frame(kinds::HEADERS, END_HEADERS, 1, &[0x80])),
        ("a table of 5,000 octets", frame(kinds::HEADERS, END_HEADERS, 1, &[0x3f, 0xe9, 0x26])),
        ("Huffman code that ends in zeros", frame(kinds::HEADERS, END_HEADERS, 1, &[0, 1, b'x', 0x81, 0])),
        ("3 CONTINUATIONs", pieces(3)),
        ("20 CONTINUATIONs", pieces(20)),
        (
            "PING within a header block",
            [frame(kinds::HEADERS, 0, 1, &whole), frame(kinds::PING, 0, 0, &[0; 8])].concat(),
        ),
        ("CONTINUATION after nothing", after(frame(kinds::CONTINUATION, END_HEADERS, 1, &[]))),
        ("stream 2", frame(kinds::HEADERS, END_HEADERS, 2, &whole)),
        ("DATA on stream 0", after(frame(kinds::DATA, 0, 0, b"x"))),
        ("DATA on an idle stream", frame(kinds::DATA, 0, 1, b"x")),
        ("RST_STREAM on an idle stream", frame(kinds::RST_STREAM, 0, 1, &[0; 4])),
        ("PUSH_PROMISE", frame(kinds::PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])),
        ("PING of 7 octets", after(frame(kinds::PING, 0, 0, &[0; 7]))),
        ("PING on stream 1", after(frame(kinds::PING, 0, 1, &[0; 8]))),
        ("SETTINGS of 5 octets", after(frame(kinds::SETTINGS, 0, 0, &[0; 5]))),
        ("SETTINGS on stream 1", after(frame(kinds::SETTINGS, 0, 1, &[]))),
        ("an initial window of 2^31", after(frame(kinds::SETTINGS, 0, 0, &[0, 4, 128, 0, 0, 0]))),
        ("a largest frame of 16,383", after(frame(kinds::SETTINGS, 0, 0, &[0, 5, 0, 0, 63, 255]))),
        ("ENABLE_PUSH of 2", after(frame(kinds::SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 2]))),
        ("an initial window of 0", after(frame(kinds::SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]))),
        ("a window update of 0 for the connection", after(frame(kinds::WINDOW_UPDATE, 0, 0, &[0; 4]))),
        (
            "a window of the connection that overflows",
            after(frame(kinds::WINDOW_UPDATE, 0, 0, &[127, 255, 255, 255])),
        ),
        ("a frame of 16,385 octets", after(frame(kinds::PING, 0, 0, &[0; 16_385]))),
    ]
}
