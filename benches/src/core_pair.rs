//! Unary calls of the core: a client and a server joined in memory, and a server alone.

use bytes::{Buf, Bytes};
use sailplane::call::RequestHead;
use sailplane::connection::Received;
use sailplane::{CallId, Config, Connection, Event, Instant, Limits, Metadata, Path, Start, Transmit};

const MESSAGE: Bytes = Bytes::from_static(b"sixteen bytes ok");

fn config() -> Config {
    let limits = Limits::default().concurrent_calls_max(1000).glitches_burst(u32::MAX);
    Config::new(limits, 1)
}

struct End {
    connection: Connection,
    transmit: Transmit,
    ended: Vec<CallId>,
}

impl End {
    fn new(connection: Connection) -> Self {
        Self { connection, transmit: Transmit::new(), ended: Vec::new() }
    }

    /// Serves what there is to serve, and moves the output to `wire`.
    fn drain(&mut self, now: Instant, wire: &mut Vec<u8>) {
        loop {
            while let Some(event) = self.connection.poll_event() {
                match event {
                    Event::Call(call) => self.serve(call),
                    Event::Ended(call) => self.ended.push(call),
                    _ => {}
                }
            }
            while self.connection.poll_transmit(now, &mut self.transmit) {
                let chunk = self.transmit.chunk();
                wire.extend_from_slice(chunk);
                let len = chunk.len();
                self.transmit.advance(len);
            }
            if !self.connection.has_event() {
                return;
            }
        }
    }

    fn serve(&mut self, call: CallId) {
        let request = self.connection.take_request(call).expect("a call has a head");
        assert_eq!(request.path.as_bytes().len(), 28);
        if let Ok(Received::Message(message)) = self.connection.receive_message(call) {
            self.connection.respond(call, Some(message), Metadata::new(), Ok(())).expect("the call is open");
        }
        self.connection.release(call);
    }
}

fn start(metadata: bool) -> Start {
    const PATH: Path = Path::from_static("/helloworld.Greeter/SayHello");
    let mut head = RequestHead::new(PATH, Bytes::from_static(b"localhost:50051"));
    if metadata {
        for (name, value) in [("x-request-id", "0123456789abcdef"), ("x-tenant", "acme")] {
            head.metadata.append(name, value).expect("metadata of ours are legal");
        }
    }
    Start { head, message: Some(MESSAGE), finished: true }
}

/// `calls` unary calls, `in_flight` at a time, both ends.
pub(crate) fn pair(calls: u64, in_flight: u64, metadata: bool) {
    let now = Instant::from_nanos(1);
    let mut client = End::new(Connection::client(now, &config()));
    let mut server = End::new(Connection::server(now, &config()));
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        turn(now, &mut client, &mut server, &mut up, &mut down);
    }
    for _ in 0..calls / in_flight {
        for _ in 0..in_flight {
            client.connection.start_call(now, start(metadata)).expect("there is room");
        }
        turn(now, &mut client, &mut server, &mut up, &mut down);
        turn(now, &mut client, &mut server, &mut up, &mut down);
        for call in client.ended.drain(..) {
            let received = client.connection.receive_message(call);
            assert_eq!(received, Ok(Received::Message(MESSAGE)));
            let outcome = client.connection.take_outcome(call).expect("it ended");
            assert!(outcome.status.is_ok());
            client.connection.release(call);
        }
    }
    assert_eq!(client.connection.live_calls(), 0);
}

fn turn(now: Instant, client: &mut End, server: &mut End, up: &mut Vec<u8>, down: &mut Vec<u8>) {
    client.drain(now, up);
    server.connection.handle_received(now, up);
    up.clear();
    server.drain(now, down);
    client.connection.handle_received(now, down);
    down.clear();
}

/// `calls` unary calls at a server, with requests recorded from a client. `indexed`: the client indexes
/// `:path`, as ours does; most others (nghttp2, h2) send it as a literal each time.
pub(crate) fn server(calls: u64, in_flight: u64, indexed: bool) {
    let now = Instant::from_nanos(1);
    let mut server = End::new(Connection::server(now, &config()));
    let mut client = RawClient::new(indexed);
    let (mut up, mut down) = (client.opening(), Vec::new());
    server.connection.handle_received(now, &mut up);
    server.drain(now, &mut down);
    for _ in 0..calls / in_flight {
        up.clear();
        down.clear();
        for _ in 0..in_flight {
            client.request(&mut up);
        }
        client.credit(in_flight, &mut up);
        server.connection.handle_received(now, &mut up);
        server.drain(now, &mut down);
    }
    assert_eq!(server.connection.live_calls(), 0);
}

/// Writes requests and reads nothing.
struct RawClient {
    encoder: sailplane::hpack::Encoder,
    next: u32,
    indexed: bool,
    block: Vec<u8>,
}

impl RawClient {
    fn new(indexed: bool) -> Self {
        Self { encoder: sailplane::hpack::Encoder::new(), next: 1, indexed, block: Vec::new() }
    }

    fn opening(&self) -> Vec<u8> {
        let mut out = sailplane::wire::CLIENT_PREFACE.to_vec();
        sailplane::wire::send::settings(&mut out, &[(4, 0x7fff_ffff)]);
        sailplane::wire::send::settings_ack(&mut out);
        out
    }

    fn request(&mut self, out: &mut Vec<u8>) {
        use sailplane::hpack::{Indexing, Token};
        let mut block = std::mem::take(&mut self.block);
        block.clear();
        let path = if self.indexed { Indexing::Indexed } else { Indexing::NotIndexed };
        self.encoder.begin(&mut block);
        self.encoder.field(&mut block, Token::Method, b"POST", Indexing::Indexed);
        self.encoder.field(&mut block, Token::Scheme, b"http", Indexing::Indexed);
        self.encoder.field(&mut block, Token::Path, b"/helloworld.Greeter/SayHello", path);
        self.encoder.field(&mut block, Token::Authority, b"localhost:50051", Indexing::Indexed);
        self.encoder.field(&mut block, Token::Te, b"trailers", Indexing::Indexed);
        self.encoder.field(&mut block, Token::ContentType, b"application/grpc", Indexing::Indexed);
        self.encoder.field(&mut block, Token::UserAgent, b"grpc-bench/1.0", Indexing::Indexed);
        let stream = sailplane::wire::StreamId::new(self.next);
        self.next += 2;
        sailplane::wire::send::headers(out, stream, &block, false, 16_384);
        self.block = block;
        sailplane::wire::send::data_header(out, stream, 21, true);
        out.extend_from_slice(&[0, 0, 0, 0, 16]);
        out.extend_from_slice(&MESSAGE);
    }

    /// Gives the connection back what the answers use of its window.
    fn credit(&self, calls: u64, out: &mut Vec<u8>) {
        let increment = u32::try_from(calls * 21).expect("few calls");
        sailplane::wire::send::window_update(out, sailplane::wire::StreamId::ZERO, increment);
    }
}
