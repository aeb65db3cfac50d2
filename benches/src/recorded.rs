//! Requests as other clients write them: header blocks that were recorded, and frames in their order.
//!
//! Recorded at a server that says nothing but its SETTINGS, for `/bench.Bench/Unary` and 16 octets. nghttp2 and h2
//! send `:path` as a literal in every request, ours the timeout, and all send the other fields as indexes from
//! the second request on.

use sailplane::hpack::{Encoder, Indexing, Token};
use sailplane::wire::{StreamId, send};

/// A client whose requests were recorded.
#[derive(Clone, Copy, Debug)]
pub enum Recorded {
    /// The client of `sailplane-smol` with a timeout: HEADERS and DATA.
    Ours,
    /// h2load of nghttp2 1.52: HEADERS and DATA.
    H2load,
    /// tonic 0.14.9 with h2 0.4.20 and a timeout: HEADERS, DATA, and an empty DATA frame with END_STREAM.
    Tonic,
}

const OURS_FIRST: &str = "8386448e6232d449d7ba5a893b1c2a1d9ebf418b089d5c0b8170dc65a75d6700899acac8b24d494f6a7f876df7df7dd03b6f4002\
     7465864d833505b11f5f8b1d75d0620d263d4c4d65647a929acac8b596a12b2066a2ba07515802e15c1f";
const OURS_NEXT: &str = "8386c2c100899acac8b24d494f6a7f876df7df7dc7dab7c0bfbe";
const H2LOAD_FIRST: &str = "048e6232d449d7ba5a893b1c2a1d9ebf86418b089d5c0b8170dc70027d9f837a8f9c541c722954d3a5358980aed897074002\
     7465864d833505b11f5f8b1d75d0620d263d4c4d65640f0d023233";
const H2LOAD_NEXT: &str = "048e6232d449d7ba5a893b1c2a1d9ebf86c183c0bfbe0f0d023233";
const TONIC_FIRST: &str = "8386418b089d5c0b8170dc70010bbf048e6232d449d7ba5a893b1c2a1d9ebf40899acac8b24d494f6a7f8670000000005b4082\
     497f864d833505b11f5f8b1d75d0620d263d4c4d65647a8949ea311802e16977ff";
const TONIC_NEXT: &str = "8386c2048e6232d449d7ba5a893b1c2a1d9ebfc1c0bfbe";

/// A `bench.Payload` of 16 octets, with the prefix of a message.
pub const MESSAGE: &[u8; 23] = b"\0\0\0\0\x12\x0a\x10sixteen bytes ok";

/// Writes the requests of one connection.
#[derive(Debug)]
pub struct Requests {
    client: Recorded,
    next: u32,
    block: Vec<u8>,
}

impl Requests {
    /// Requests of this client.
    #[must_use]
    pub fn new(client: Recorded) -> Self {
        Self { client, next: 1, block: Vec::new() }
    }

    /// Preface, SETTINGS, and a connection window that lasts.
    #[must_use]
    pub fn opening() -> Vec<u8> {
        let mut out = send::CLIENT_PREFACE.to_vec();
        send::settings(&mut out, &[(send::INITIAL_WINDOW_SIZE, 0x7fff_ffff)]);
        send::window_update(&mut out, StreamId::ZERO, 0x3fff_0000);
        out
    }

    /// The acknowledgement of the server's SETTINGS, which have come.
    #[must_use]
    pub fn acknowledgement() -> Vec<u8> {
        let mut out = Vec::new();
        send::settings_ack(&mut out);
        out
    }

    /// So many requests at once, in the order in which these clients write: first all HEADERS.
    pub fn put(&mut self, count: u32, out: &mut Vec<u8>) {
        let first = self.next;
        let streams = (0..count).map(|index| StreamId::new(first + 2 * index));
        self.next += 2 * count;
        streams.clone().for_each(|stream| self.head(stream, out));
        let ends = !matches!(self.client, Recorded::Tonic);
        for stream in streams.clone() {
            send::data_header(out, stream, 23, ends);
            out.extend_from_slice(MESSAGE);
        }
        for stream in streams.filter(|_| !ends) {
            send::data_header(out, stream, 0, true);
        }
    }

    /// Opens so many bidirectional streams, and sends nothing on them; then a PING.
    pub fn open(&mut self, count: u32, out: &mut Vec<u8>) {
        // Without indexes it is the same whatever was sent before.
        let mut block = Vec::new();
        let mut encoder = Encoder::new();
        for (token, value) in [
            (Token::Method, "POST"),
            (Token::Scheme, "http"),
            (Token::Path, "/bench.Bench/Chat"),
            (Token::Authority, "127.0.0.1"),
            (Token::Te, "trailers"),
            (Token::ContentType, "application/grpc"),
        ] {
            encoder.field(&mut block, token, value.as_bytes(), Indexing::NotIndexed);
        }
        for _ in 0..count {
            send::headers(out, StreamId::new(self.next), &block, false, 16_384);
            self.next += 2;
        }
        send::ping(out, false, [0; 8]);
    }

    fn head(&mut self, stream: StreamId, out: &mut Vec<u8>) {
        let (first, next) = match self.client {
            Recorded::Ours => (OURS_FIRST, OURS_NEXT),
            Recorded::H2load => (H2LOAD_FIRST, H2LOAD_NEXT),
            Recorded::Tonic => (TONIC_FIRST, TONIC_NEXT),
        };
        if self.block.is_empty() {
            send::headers(out, stream, &octets(first), false, 16_384);
            self.block = octets(next);
        } else {
            send::headers(out, stream, &self.block, false, 16_384);
        }
    }
}

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    let octet =
        |pair: &[u32]| pair.iter().fold(0, |octet, digit| octet << 4 | u8::try_from(*digit).unwrap_or(0));
    digits.chunks(2).map(octet).collect()
}

/// Counts the replies in what a server writes: the trailers, which end a stream.
#[derive(Debug, Default)]
pub struct Replies {
    /// Octets of the frame that is being read, without its payload.
    header: Vec<u8>,
    /// Octets of payload to come.
    payload: usize,
    /// Streams that ended.
    pub count: u64,
    /// SETTINGS, other than acknowledgements.
    pub settings: u64,
    /// Answers to PING.
    pub pongs: u64,
}

impl Replies {
    /// Takes what the server wrote next.
    pub fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.payload.min(bytes.len());
            self.payload -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let taken = (9 - self.header.len()).min(bytes.len());
            self.header.extend_from_slice(bytes.get(..taken).unwrap_or_default());
            bytes = bytes.get(taken..).unwrap_or_default();
            if let [a, b, c, kind, flags, ..] = *self.header.as_slice() {
                if self.header.len() == 9 {
                    self.payload = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                    self.count += u64::from(kind == 1 && flags & 1 == 1);
                    self.settings += u64::from(kind == 4 && flags & 1 == 0);
                    self.pongs += u64::from(kind == 6 && flags & 1 == 1);
                    self.header.clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_in_any_pieces() {
        let mut wire = Vec::new();
        send::settings(&mut wire, &[(send::MAX_CONCURRENT_STREAMS, 100)]);
        send::settings_ack(&mut wire);
        for index in 0..3 {
            let stream = StreamId::new(2 * index + 1);
            send::headers(&mut wire, stream, &[0x88], false, 16_384);
            send::data_header(&mut wire, stream, 23, false);
            wire.extend_from_slice(MESSAGE);
            send::headers(&mut wire, stream, &[0x88], true, 16_384);
        }
        for size in [1, 2, 7, 1000] {
            let mut replies = Replies::default();
            wire.chunks(size).for_each(|piece| replies.read(piece));
            assert_eq!((replies.count, replies.settings), (3, 1), "in pieces of {size}");
        }
    }

    #[test]
    fn recorded_blocks_are_of_these_clients() {
        for (first, next) in [(OURS_FIRST, OURS_NEXT), (H2LOAD_FIRST, H2LOAD_NEXT), (TONIC_FIRST, TONIC_NEXT)]
        {
            assert!(octets(first).len() > 70 && octets(next).len() < 30);
        }
    }
}
