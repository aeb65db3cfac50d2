//! A peer made of a script: sound frames, frames that no peer should write, and damage to both.

use sailplane::hpack::{Encoder, Indexing};
use sailplane::wire::CLIENT_PREFACE;

use crate::Input;

type Fields = &'static [(&'static str, &'static str)];

const REQUEST: Fields = &[
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/greet.Greeter/SayHello"),
    (":authority", "localhost"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
];
const TIMED: Fields = &[
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/a/b"),
    ("te", "trailers"),
    ("content-type", "application/grpc+proto"),
    ("grpc-timeout", "50m"),
    ("x-trace-bin", "AAECAw"),
    ("content-length", "7"),
];
const RESPONSE: Fields = &[(":status", "200"), ("content-type", "application/grpc")];
const LISTS: [Fields; 12] = [
    REQUEST,
    TIMED,
    RESPONSE,
    &[("grpc-status", "0")],
    &[("grpc-status", "13"), ("grpc-message", "a%20b%zz"), ("x-cost-bin", "AQID")],
    &[(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "5")],
    &[(":status", "100")],
    &[(":status", "503"), ("content-type", "text/html")],
    &[("grpc-status", "99"), ("grpc-status", "0")],
    &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "x")],
    &[(":status", "200"), ("content-type", "application/grpc"), ("content-length", "12")],
    &[("connection", "close"), ("X", "y"), ("te", "gzip")],
];
const SETTING_VALUES: [u32; 12] =
    [0, 1, 2, 100, 4096, 16_383, 16_384, 65_535, 1 << 20, 0x00ff_ffff, 0x7fff_ffff, u32::MAX];

/// Writes frames.
pub(crate) struct Peer {
    encoder: Encoder,
    is_client: bool,
    next: u32,
}

impl Peer {
    pub(crate) const fn new(is_client: bool) -> Self {
        Self { encoder: Encoder::new(), is_client, next: 1 }
    }

    /// The preface, SETTINGS and the acknowledgement of the other side's, as the script says.
    pub(crate) fn opening(&mut self, input: &mut Input<'_>) -> Vec<u8> {
        let how = input.byte();
        let mut out = if self.is_client { CLIENT_PREFACE.to_vec() } else { Vec::new() };
        if how & 1 == 0 {
            frame(&mut out, 4, 0, 0, &[]);
        } else {
            self.settings(input, &mut out);
        }
        if how & 2 == 0 {
            frame(&mut out, 4, 1, 0, &[]);
        }
        out
    }

    /// A few frames, perhaps damaged.
    pub(crate) fn frames(&mut self, input: &mut Input<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..=input.below(4) {
            let start = out.len();
            self.frame(input, &mut out);
            match input.below(24) {
                0 => damage(input, &mut out, start),
                1 => out.truncate(start),
                2 => out.extend_from_within(start..),
                3 => out.extend_from_slice(input.chunk()),
                _ => {}
            }
        }
        out
    }

    fn stream(&mut self, input: &mut Input<'_>) -> u32 {
        match input.below(16) {
            0 => 0,
            1 => 2,
            2 => self.next,
            3 => input.word(),
            other => 2 * u32::try_from(other % 4).unwrap_or(0) + 1,
        }
    }

    fn frame(&mut self, input: &mut Input<'_>, out: &mut Vec<u8>) {
        let end = u8::from(input.one_in(3));
        match input.below(18) {
            0..=2 if self.is_client => {
                // A new call, most of the time.
                let stream = self.next;
                self.next = self.next.wrapping_add(2);
                let fields = input.pick(&[REQUEST, REQUEST, TIMED]);
                let block = self.block(fields, Indexing::Indexed);
                frame(out, 1, 4 | end, stream, &block);
            }
            0..=2 => {
                let fields = input.pick(&[RESPONSE, LISTS[3], LISTS[4], LISTS[5]]);
                let (stream, block) = (self.stream(input), self.block(fields, Indexing::Indexed));
                frame(out, 1, 4 | end, stream, &block);
            }
            3 => self.headers(input, end, out),
            4..=6 => {
                let (stream, message) = (self.stream(input), input.chunk());
                let mut payload = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap_or(0)];
                payload.extend_from_slice(message);
                frame(out, 0, end, stream, &payload);
            }
            7 => {
                let (stream, size) = (self.stream(input), input.pick(&[0, 1, 5, 1000, 16_384, 16_385]));
                frame(out, 0, end, stream, &[0, 0, 0, 255, 255].repeat(size / 5 + 1)[..size]);
            }
            8 => {
                let (stream, padding) = (self.stream(input), input.byte());
                let mut payload = vec![padding];
                payload.extend_from_slice(input.chunk());
                payload.resize(payload.len() + usize::from(padding), 0);
                frame(out, 0, 8 | end, stream, &payload);
            }
            9 => frame(out, 3, 0, self.stream(input), &u32::from(input.byte()).to_be_bytes()),
            10 => self.settings(input, out),
            11 => frame(out, 4, 1, 0, &[]),
            12 => frame(out, 6, input.byte() & 1, 0, &[input.byte(); 8]),
            13 => {
                let mut payload = self.stream(input).to_be_bytes().to_vec();
                payload.extend(u32::from(input.byte()).to_be_bytes());
                payload.extend_from_slice(input.chunk());
                frame(out, 7, 0, 0, &payload);
            }
            14 | 15 => {
                let increment = input.pick(&[0, 1, 100, 65_535, 1 << 20, 0x7fff_ffff]);
                frame(out, 8, 0, self.stream(input), &u32::to_be_bytes(increment));
            }
            16 => frame(out, 2, 0, self.stream(input), &[0, 0, 0, input.byte(), 1]),
            _ => {
                let (kind, flags) = (input.byte() % 16, input.byte());
                let stream = self.stream(input);
                frame(out, kind, flags, stream, input.chunk());
            }
        }
    }

    fn block(&mut self, fields: Fields, indexing: Indexing) -> Vec<u8> {
        let mut block = Vec::new();
        self.encoder.begin(&mut block);
        for (name, value) in fields {
            self.encoder.literal(&mut block, name.as_bytes(), value.as_bytes(), indexing);
        }
        block
    }

    /// Any field list with any additions, perhaps padded, with a priority, or in CONTINUATION frames.
    fn headers(&mut self, input: &mut Input<'_>, end: u8, out: &mut Vec<u8>) {
        let stream = self.stream(input);
        let fields = input.pick(&LISTS);
        let mut block = self.block(fields, input.pick(&[Indexing::NotIndexed, Indexing::Never]));
        for _ in 0..input.below(3) {
            let (name, value) = (input.chunk(), input.chunk());
            self.encoder.literal(&mut block, name, value, Indexing::NotIndexed);
        }
        match input.below(5) {
            0 => block = input.chunk().to_vec(),
            1 => {
                for _ in 0..input.below(12) {
                    let (first, rest) = block.split_at(block.len().min(input.below(40)));
                    let (first, rest) = (first.to_vec(), rest.to_vec());
                    frame(out, if out.is_empty() { 1 } else { 9 }, end, stream, &first);
                    block = rest;
                }
                frame(out, 9, 4, stream, &block);
                return;
            }
            2 => {
                let padding = input.below(20);
                block.insert(0, u8::try_from(padding).unwrap_or(0));
                block.resize(block.len() + padding, 0);
                frame(out, 1, 4 | 8 | end, stream, &block);
                return;
            }
            3 => {
                block.splice(0..0, [0, 0, 0, input.byte(), 9]);
                frame(out, 1, 4 | 32 | end, stream, &block);
                return;
            }
            _ => {}
        }
        frame(out, 1, 4 | end, stream, &block);
    }

    fn settings(&mut self, input: &mut Input<'_>, out: &mut Vec<u8>) {
        let mut payload = Vec::new();
        for _ in 0..input.pick(&[1, 2, 3, 33]) {
            payload.extend(u16::from(input.byte() % 10).to_be_bytes());
            payload.extend(input.pick(&SETTING_VALUES).to_be_bytes());
        }
        frame(out, 4, 0, 0, &payload);
    }
}

/// Appends a frame as it is asked for.
pub(crate) fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    out.extend([a, b, c, kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// Changes what was written since `start`.
fn damage(input: &mut Input<'_>, out: &mut Vec<u8>, start: usize) {
    for _ in 0..=input.below(3) {
        let at = start + input.below((out.len() - start).min(256));
        match input.below(3) {
            0 if at < out.len() => out[at] ^= 1 << input.below(8),
            1 if at < out.len() => drop(out.remove(at)),
            _ => out.insert(at, input.byte()),
        }
    }
}
