//! Scripts: frames as a sound peer would send them, then some of them changed.

use sailplane::hpack::{Encoder, Indexing};

use super::wire::{ACK, END_HEADERS, END_STREAM, PADDED, PREFACE, PRIORITY, RawFrame, kinds};
use super::{Role, Script, Step};
use crate::rng::Rng;

/// The script of a seed.
#[must_use]
pub fn script(seed: u64) -> Script {
    let rng = &mut Rng::new(seed);
    let role = if rng.once_in(3) { Role::Client } else { Role::Server };
    let mut writer =
        Writer { role, encoder: Encoder::new(), streams: Vec::new(), next: 1, steps: Vec::new() };
    if role == Role::Client {
        writer.streams = [1, 3, 5].map(|stream| Stream { id: stream, headers: 0, ended: false }).into();
        writer.next = 7;
    }
    writer.settings(rng);
    writer.frame(kinds::SETTINGS, ACK, 0, []);
    for _ in 0..3 + rng.below(12) {
        writer.act(rng);
    }
    let mut steps = writer.steps;
    if !rng.once_in(4) {
        for _ in 0..1 + rng.below(3) {
            mutate(rng, &mut steps);
        }
    }
    let mut steps: Vec<_> = steps.into_iter().map(Planned::step).collect();
    if role == Role::Server {
        steps.insert(0, Step::Receive(PREFACE.to_vec()));
    }
    Script { role, steps }
}

struct Stream {
    id: u32,
    /// Header blocks that were sent on it.
    headers: usize,
    ended: bool,
}

/// A step whose frame can still be changed.
#[derive(Clone)]
enum Planned {
    Frame(RawFrame),
    /// A header that lies about the length.
    Lie(RawFrame, u32),
    Respond(u32),
    Reset(u32),
}

impl Planned {
    fn step(self) -> Step {
        match self {
            Self::Frame(frame) => Step::Receive(frame.octets()),
            Self::Lie(frame, length) => {
                let mut octets = frame.octets();
                octets[..3].copy_from_slice(&length.to_be_bytes()[1..]);
                Step::Receive(octets)
            }
            Self::Respond(stream) => Step::Respond(stream),
            Self::Reset(stream) => Step::Reset(stream),
        }
    }
}

struct Writer {
    role: Role,
    encoder: Encoder,
    streams: Vec<Stream>,
    next: u32,
    steps: Vec<Planned>,
}

impl Writer {
    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) {
        self.steps.push(Planned::Frame(RawFrame::new(kind, flags, stream, payload)));
    }

    fn act(&mut self, rng: &mut Rng) {
        let open: Vec<_> = (0..self.streams.len()).filter(|at| !self.streams[*at].ended).collect();
        let some = if open.is_empty() { None } else { Some(*rng.one_of(&open)) };
        let any = if self.streams.is_empty() { 1 } else { rng.one_of(&self.streams).id };
        match (rng.below(20), some) {
            (0..5, _) if self.role == Role::Server => self.request(rng),
            (0..5, Some(at)) if self.streams[at].headers == 0 => self.response(rng, at),
            (0..11, Some(at)) if self.streams[at].headers > 0 || rng.once_in(20) => self.body(rng, at),
            (0..11, Some(at)) => self.response(rng, at),
            (11, Some(at)) => {
                let code = *rng.one_of(&[0_u32, 2, 5, 7, 8, 11, 0xff]);
                self.streams[at].ended = true;
                self.frame(kinds::RST_STREAM, 0, self.streams[at].id, code.to_be_bytes());
            }
            (12, _) => {
                let stream = if rng.once_in(3) { 0 } else { any };
                let increment = *rng.one_of(&[1_u32, 100, 65_535, 0x7fff_0000, 0x7fff_ffff, 0]);
                self.frame(kinds::WINDOW_UPDATE, 0, stream, increment.to_be_bytes());
            }
            (13, _) => {
                let flags = if rng.once_in(4) { ACK } else { 0 };
                self.frame(kinds::PING, flags, 0, rng.number().to_be_bytes());
            }
            (14, _) => self.settings(rng),
            (15, _) => {
                let depends = if rng.once_in(4) { any } else { 0 };
                self.frame(kinds::PRIORITY, 0, any, [&depends.to_be_bytes()[..], &[16]].concat());
            }
            (16, _) => {
                let kind = 10 + rng.octet() % 20;
                let octets: Vec<_> = (0..rng.below(20)).map(|_| rng.octet()).collect();
                self.frame(kind, rng.octet(), if rng.once_in(2) { 0 } else { any }, octets);
            }
            (17, _) if rng.once_in(3) => {
                // Of the streams that the other side opens.
                let lasts = if self.role == Role::Client { [0_u32, 1, 3, 0x7fff_ffff] } else { [0, 0, 2, 1] };
                let last = *rng.one_of(&lasts);
                let code = *rng.one_of(&[0_u32, 1, 2, 11]);
                self.frame(kinds::GOAWAY, 0, 0, [last.to_be_bytes(), code.to_be_bytes()].concat());
            }
            (18, Some(at)) if self.role == Role::Server => {
                self.steps.push(Planned::Respond(self.streams[at].id));
            }
            (19, Some(at)) if rng.once_in(2) => {
                self.streams[at].ended = true;
                self.steps.push(Planned::Reset(self.streams[at].id));
            }
            _ => {}
        }
    }

    fn settings(&mut self, rng: &mut Rng) {
        let mut payload = Vec::new();
        for _ in 0..rng.below(4) {
            let (id, value) = *rng.one_of(&[
                (1_u16, 0_u32),
                (1, 4096),
                (1, 100_000),
                (2, 0),
                (2, 1),
                (2, 2),
                (3, 0),
                (3, 100),
                (4, 0),
                (4, 65_535),
                (4, 0x7fff_ffff),
                (4, 0x8000_0000),
                (5, 16_384),
                (5, 16_383),
                (5, 0xff_ffff),
                (5, 0x100_0000),
                (6, 0),
                (6, 16_384),
                (0x99, 7),
            ]);
            let sound = !matches!((id, value), (2, 2) | (4, 0x8000_0000) | (5, 16_383 | 0x100_0000));
            // RFC 9113 §6.5.2: a server must not enable push.
            let sound = sound && (self.role == Role::Server || (id, value) != (2, 1));
            if sound || rng.once_in(8) {
                payload.extend(id.to_be_bytes());
                payload.extend(value.to_be_bytes());
            }
        }
        self.frame(kinds::SETTINGS, 0, 0, payload);
    }

    fn request(&mut self, rng: &mut Rng) {
        let stream = self.next;
        self.next += 2 * (1 + rng.below(8) / 7) as u32;
        let mut fields = vec![
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/greet.Greeter/SayHello"),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ];
        custom(rng, &mut fields);
        if rng.once_in(5) {
            spoil(rng, &mut fields, &REQUEST_FAULTS);
        }
        let end = rng.once_in(5);
        self.headers(rng, stream, &fields, end);
        self.streams.push(Stream { id: stream, headers: 1, ended: end });
    }

    fn response(&mut self, rng: &mut Rng, at: usize) {
        let mut fields = vec![(":status", "200"), ("content-type", "application/grpc")];
        if rng.once_in(10) {
            fields = vec![(":status", "103")];
        }
        custom(rng, &mut fields);
        if rng.once_in(5) {
            spoil(rng, &mut fields, &RESPONSE_FAULTS);
        }
        if !fields.contains(&(":status", "103")) {
            self.streams[at].headers += 1;
        }
        self.headers(rng, self.streams[at].id, &fields, false);
    }

    fn body(&mut self, rng: &mut Rng, at: usize) {
        let stream = self.streams[at].id;
        if rng.once_in(3) {
            let mut fields = vec![("grpc-status", "0")];
            if self.role == Role::Client && self.streams[at].headers == 0 {
                fields = vec![(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "5")];
            }
            custom(rng, &mut fields);
            if rng.once_in(8) {
                spoil(rng, &mut fields, &TRAILER_FAULTS);
            }
            self.headers(rng, stream, &fields, true);
            self.streams[at].ended = true;
            return;
        }
        let mut octets = Vec::new();
        for _ in 0..rng.below(3) {
            let length = if rng.once_in(30) { 2100 } else { rng.below(40) };
            octets.push(0);
            octets.extend((length as u32).to_be_bytes());
            octets.extend((0..length).map(|_| rng.octet()));
        }
        let end = rng.once_in(4);
        self.streams[at].ended = end;
        let mut flags = if end { END_STREAM } else { 0 };
        if rng.once_in(5) {
            flags |= PADDED;
            octets = padded(rng, octets);
        }
        self.frame(kinds::DATA, flags, stream, octets);
    }

    fn headers(&mut self, rng: &mut Rng, stream: u32, fields: &[(&str, &str)], end: bool) {
        let mut block = Vec::new();
        self.encoder.begin(&mut block);
        for (name, value) in fields {
            let indexing = if rng.once_in(3) { Indexing::Indexed } else { Indexing::NotIndexed };
            self.encoder.literal(&mut block, name.as_bytes(), value.as_bytes(), indexing);
        }
        let cut = if rng.once_in(5) { rng.below(block.len() + 1) } else { block.len() };
        let mut rest = block.split_off(cut);
        let mut flags = if end { END_STREAM } else { 0 };
        if rest.is_empty() {
            flags |= END_HEADERS;
        }
        if rng.once_in(12) {
            flags |= PRIORITY;
            let depends = if rng.once_in(6) { stream } else { 0 };
            block.splice(0..0, [&depends.to_be_bytes()[..], &[7]].concat());
        }
        if rng.once_in(8) {
            flags |= PADDED;
            block = padded(rng, block);
        }
        self.frame(kinds::HEADERS, flags, stream, block);
        while !rest.is_empty() {
            let tail = if rng.once_in(3) { rest.split_off(rng.below(rest.len())) } else { Vec::new() };
            let flags = if tail.is_empty() { END_HEADERS } else { 0 };
            self.frame(kinds::CONTINUATION, flags, stream, rest);
            rest = tail;
        }
    }
}

fn padded(rng: &mut Rng, octets: Vec<u8>) -> Vec<u8> {
    let padding = rng.below(20);
    let mut out = vec![padding as u8];
    out.extend(octets);
    out.extend(vec![0; padding]);
    out
}

type Names = Vec<(&'static str, &'static str)>;

fn custom(rng: &mut Rng, fields: &mut Names) {
    for _ in 0..rng.below(3) {
        fields.push(*rng.one_of(&[("x-a", "1"), ("x-b", "two words"), ("x-c", ""), ("x-a", "again")]));
    }
}

/// What makes a request malformed (RFC 9113 §8.2, §8.3), or nearly.
const REQUEST_FAULTS: [(&str, &str); 27] = [
    (":method", "POST"),
    (":path", "/a/b"),
    (":scheme", "http"),
    (":authority", "other"),
    (":status", "200"),
    (":unknown", "a"),
    (":path", ""),
    ("connection", "close"),
    ("keep-alive", "1"),
    ("proxy-connection", "a"),
    ("transfer-encoding", "chunked"),
    ("upgrade", "h2c"),
    ("te", "gzip"),
    ("X-Upper", "a"),
    ("", "a"),
    ("x y", "a"),
    ("x:y", "a"),
    ("x-v", "a\0b"),
    ("x-v", "a\nb"),
    ("x-v", "a\rb"),
    ("x-v", " a"),
    ("x-v", "a\t"),
    ("content-length", "5"),
    ("content-length", "-1"),
    ("content-length", "1, 1"),
    ("host", "other"),
    ("x-v", "\u{e9}"),
];
const RESPONSE_FAULTS: [(&str, &str); 16] = [
    (":status", "200"),
    (":path", "/a/b"),
    (":method", "GET"),
    (":unknown", "a"),
    ("connection", "close"),
    ("transfer-encoding", "chunked"),
    ("upgrade", "h2c"),
    ("X-Upper", "a"),
    ("", "a"),
    ("x y", "a"),
    ("x-v", "a\0b"),
    ("x-v", "a\nb"),
    ("x-v", " a"),
    ("content-length", "5"),
    ("content-length", "x"),
    ("content-length", "0"),
];
const TRAILER_FAULTS: [(&str, &str); 7] = [
    (":status", "200"),
    (":path", "/"),
    ("X-Upper", "a"),
    ("connection", "close"),
    ("x-v", "a\0b"),
    ("x y", "a"),
    ("", "a"),
];

/// One field too many, too few, or in the wrong place.
fn spoil(rng: &mut Rng, fields: &mut Names, faults: &[(&'static str, &'static str)]) {
    if rng.once_in(5) {
        fields.remove(rng.below(fields.len()));
    } else {
        let fault = *rng.one_of(faults);
        let at = if rng.once_in(2) { fields.len() } else { rng.below(fields.len() + 1) };
        fields.insert(at, fault);
    }
}

fn mutate(rng: &mut Rng, steps: &mut Vec<Planned>) {
    if steps.is_empty() {
        return;
    }
    let at = rng.below(steps.len());
    match rng.below(9) {
        0 => _ = steps.remove(at),
        1 => {
            let again = steps[at].clone();
            let place = at + rng.below(steps.len() - at) + 1;
            steps.insert(place, again);
        }
        2 => {
            let other = rng.below(steps.len());
            steps.swap(at, other);
        }
        kind => {
            let lie = match &mut steps[at] {
                Planned::Frame(frame) => change(rng, kind, frame),
                _ => None,
            };
            if let (Some(length), Planned::Frame(frame)) = (lie, steps[at].clone()) {
                steps[at] = Planned::Lie(frame, length);
            }
        }
    }
}

/// Changes a frame; the length that it claims, where that is to be a lie.
fn change(rng: &mut Rng, kind: usize, frame: &mut RawFrame) -> Option<u32> {
    match kind {
        3 | 4 => frame.stream = *rng.one_of(&[0, 1, 2, 3, 4, 5, 7, 9, 11, 101, 0x8000_0001, 0x7fff_ffff]),
        5 => frame.flags ^= 1 << rng.below(8),
        6 => {
            if rng.once_in(2) {
                let length = rng.below(frame.payload.len() + 1);
                frame.payload.truncate(length);
            } else {
                frame.payload.extend((0..1 + rng.below(9)).map(|_| rng.octet()));
            }
        }
        7 => frame.kind = rng.octet() % 11,
        _ if rng.once_in(4) => return Some(rng.below(20_000) as u32),
        _ => {
            if let Some(at) = frame.payload.len().checked_sub(1).map(|last| rng.below(last + 1)) {
                frame.payload[at] = rng.octet();
            }
        }
    }
    None
}
