//! Frame headers: every type with every flag, lengths around every bound, four streams.

use bytes::{Buf, Bytes};
use sailplane::call::RequestHead;
use sailplane::wire::{CLIENT_PREFACE, Frame, FrameReader, send};
use sailplane::{Config, Connection, Instant, Limits, Path, Start, Transmit};

use crate::model::{Header, Outcome, PADDING, filling};
use crate::{Counts, assert_golden, count, on_two_threads};

const LENGTHS: [u32; 21] =
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 17, 18, 255, 16_383, 16_384, 16_385, 0x00ff_ffff];
const STREAMS: [u32; 4] = [0, 1, 2, 3];
const ALL: u32 = 256 * 256 * 21 * 4;

fn header(number: u32) -> Header {
    let [kind, flags] = ((number / 84) as u16).to_be_bytes();
    let rest = (number % 84) as usize;
    Header { kind, flags, length: LENGTHS[rest / 4], stream: STREAMS[rest % 4] }
}

/// All frames, for a reader and in both roles; how many.
pub(crate) fn all() -> u64 {
    let counts = on_two_threads(ALL, |numbers| judge_all(numbers, 1));
    assert_golden("outcomes of frames", &counts, &GOLDEN);
    assert_eq!(counts.values().sum::<u64>(), 2 * u64::from(ALL));
    u64::from(ALL)
}

#[test]
fn a_part_of_the_frame_headers() {
    // Types 0 to 12 with every eleventh of the rest, then a few of each other type.
    on_two_threads(13 * 256 * 84, |numbers| judge_all(numbers, 11));
    on_two_threads(ALL, |numbers| judge_all(numbers, 4001));
}

fn judge_all(numbers: std::ops::Range<u32>, stride: usize) -> Counts {
    let mut tally = std::collections::HashMap::<_, u64>::new();
    let mut benches = [Bench::new(true), Bench::new(false)];
    for number in numbers.step_by(stride) {
        let header = header(number);
        for bench in &mut benches {
            let found = bench.feed(header);
            let role = if bench.is_server { "server" } else { "client" };
            assert_eq!(found, header.outcome(bench.is_server), "{header:?} to a {role}");
            *tally.entry((role, found)).or_default() += 1;
        }
    }
    let mut counts = Counts::new();
    for (key, seen) in tally {
        count(&mut counts, key);
        *counts.get_mut(&format!("{key:?}").replace('"', "")).expect("just counted") += seen - 1;
    }
    counts
}

/// A connection to which one frame after the other is fed, until it is not what it was.
struct Bench {
    is_server: bool,
    connection: Connection,
    fresh: bool,
    payload: Vec<u8>,
    transmit: Transmit,
    /// What is written to a server at first.
    opening: Vec<u8>,
    config: Config,
}

const NOW: Instant = Instant::from_nanos(1);

impl Bench {
    fn new(is_server: bool) -> Self {
        let mut opening = if is_server { CLIENT_PREFACE.to_vec() } else { Vec::new() };
        send::settings(&mut opening, &[]);
        send::settings_ack(&mut opening);
        let block: &[u8] = if is_server {
            // POST, http, then literals that are never indexed.
            b"\x83\x86\x14\x04/a/b\x10\x02te\x08trailers\x1f\x10\x10application/grpc"
        } else {
            b"\x88\x1f\x10\x10application/grpc"
        };
        send::headers(&mut opening, sailplane::wire::StreamId::new(1), block, false, 16_384);
        // Limits are not the matter here, but one frame at a time.
        let limits = Limits::default().glitches_burst(u32::MAX).header_fields_max(usize::MAX);
        let limits = limits.header_list_bytes_max(1 << 20).header_decode_bytes_max(1 << 20);
        let config = Config::new(limits, 1);
        let connection = Connection::server(NOW, &config);
        let transmit = Transmit::new();
        Self { is_server, connection, fresh: false, payload: Vec::new(), transmit, opening, config }
    }

    fn restart(&mut self) {
        self.connection = if self.is_server {
            Connection::server(NOW, &self.config)
        } else {
            let mut client = Connection::client(NOW, &self.config);
            for _ in 0..2 {
                let head = RequestHead::new(Path::from_static("/a/b"), Bytes::from_static(b"x"));
                client
                    .start_call(NOW, Start { head, message: None, finished: false })
                    .expect("there is room");
            }
            self.transmit = Transmit::new();
            assert!(client.poll_transmit(NOW, &mut self.transmit));
            client
        };
        self.transmit = Transmit::new();
        self.connection.handle_received(NOW, &mut self.opening.clone());
        self.quiet();
        assert_eq!(self.connection.live_calls(), if self.is_server { 1 } else { 2 });
        self.fresh = true;
    }

    /// Drains everything; whether there was nothing.
    fn quiet(&mut self) -> bool {
        let mut nothing = true;
        while self.connection.poll_event().is_some() {
            nothing = false;
        }
        while self.connection.poll_transmit(NOW, &mut self.transmit) {
            nothing = false;
            self.transmit.advance(self.transmit.remaining());
        }
        nothing
    }

    fn feed(&mut self, header: Header) -> Outcome {
        if !self.fresh {
            self.restart();
        }
        let Header { kind, flags, length, stream } = header;
        // What is too long is known by its header.
        let size = if length > 16_384 { 0 } else { length as usize };
        let [_, a, b, c] = length.to_be_bytes();
        self.payload.clear();
        self.payload.extend([a, b, c, kind, flags]);
        self.payload.extend(stream.to_be_bytes());
        self.payload.resize(9 + size, filling(kind));
        if matches!(kind, 0 | 1) && flags & 8 != 0 && size > 0 {
            self.payload[9] = PADDING;
        }
        self.connection.handle_received(NOW, &mut self.payload);
        self.outcome(header)
    }

    fn outcome(&mut self, header: Header) -> Outcome {
        let mut nothing = true;
        while self.connection.poll_event().is_some() {
            nothing = false;
        }
        let (mut stream, mut connection) = (None, None);
        let mut reader = FrameReader::new(false);
        while self.connection.poll_transmit(NOW, &mut self.transmit) {
            nothing = false;
            let bytes = self.transmit.copy_to_bytes(self.transmit.remaining());
            let mut rest = &bytes[..];
            while let Some(frame) = reader.read(&mut rest).expect("our own frames are sound") {
                match frame {
                    // NO_ERROR and CANCEL say that this side needs no more of a call: gRPC's business.
                    Frame::RstStream { code, stream_id } if !matches!(code.0, 0 | 8) => {
                        assert_eq!(stream_id.as_u32(), header.stream);
                        stream = Some(code.0);
                    }
                    Frame::GoAway { code, .. } if code.0 != 0 => connection = Some(code.0),
                    _ => {}
                }
            }
        }
        let known = header.kind < 10 && header.kind != 2;
        self.fresh = nothing && !known;
        match (connection, stream) {
            (Some(code), _) => Outcome::Connection(code),
            (None, Some(code)) => Outcome::Stream(code),
            (None, None) if nothing && !known => Outcome::Ignored,
            (None, None) => Outcome::Accepted,
        }
    }
}

/// Who was fed, and what came of it. Ignored: 246 types that nobody knows, of 19 lengths, on four streams, with 256 flags;
/// and PRIORITY of five octets on three streams.
const GOLDEN: [&str; 12] = [
    "15296 (client, Accepted)",
    "110592 (client, Connection(1))",
    "574720 (client, Connection(6))",
    "4786944 (client, Ignored)",
    "8256 (client, Stream(1))",
    "9216 (client, Stream(6))",
    "14784 (server, Accepted)",
    "115584 (server, Connection(1))",
    "579328 (server, Connection(6))",
    "4786944 (server, Ignored)",
    "3776 (server, Stream(1))",
    "4608 (server, Stream(6))",
];
