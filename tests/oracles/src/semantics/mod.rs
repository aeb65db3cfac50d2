//! What gRPC says to what is malformed: ours and grpcio's, over loopback, by raw frames.

pub mod requests;
pub mod responses;
pub mod table;

use std::net::TcpStream;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use sailplane::hpack::{DecodeLimits, Decoder, FieldList};

use crate::script::wire::{RawFrame, Splitter};

/// Fields in order, with any octets.
pub type Pairs = Vec<(&'static str, Vec<u8>)>;

/// How long a peer may say nothing before that is its answer.
const PATIENCE: Duration = Duration::from_millis(2500);

/// A header block of literals without Huffman code (RFC 7541 §6.2.2).
#[must_use]
pub fn block<'a>(fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    let string = |octets: &[u8], out: &mut Vec<u8>| {
        let mut rest = octets.len();
        if rest < 127 {
            out.push(rest as u8);
        } else {
            out.push(127);
            rest -= 127;
            while rest >= 128 {
                out.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            out.push(rest as u8);
        }
        out.extend(octets);
    };
    for (name, value) in fields {
        out.push(0);
        string(name.as_bytes(), &mut out);
        string(value, &mut out);
    }
    out
}

/// A connection as its raw frames.
struct Wire {
    stream: TcpStream,
    splitter: Splitter,
    decoder: Decoder,
}

impl Wire {
    fn new(stream: TcpStream, expect_preface: bool) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { stream, splitter: Splitter::new(expect_preface), decoder: Decoder::new(4096) }
    }

    /// The fields of a header block that is whole in one frame.
    fn fields(&mut self, frame: &RawFrame) -> Vec<(String, String)> {
        let limits =
            DecodeLimits { header_list_bytes_max: 1 << 20, fields_max: 1000, decode_bytes_max: 1 << 20 };
        let mut list = FieldList::new();
        self.decoder.decode(&frame.payload, &limits, &mut list).expect("a header block");
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        list.iter().map(|field| (text(field.name), text(field.value))).collect()
    }
}

/// Does something for each item on a few threads; the results in order.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let results: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::new());
    let next = Mutex::new(0..items.len());
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                loop {
                    let Some(at) = next.lock().expect("a lock").next() else { return };
                    let result = work(&items[at]);
                    results.lock().expect("a lock").push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("a lock");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
