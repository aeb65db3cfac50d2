//! Calls of the core: a client and a server joined in memory, and a server alone.

use bytes::{Buf, Bytes};
use sailplane::call::RequestHead;
use sailplane::connection::{Received, SendError};
use sailplane::{CallId, Config, Connection, Event, Instant, Limits, Metadata, Path, Start, Transmit};

use sailplane_benches::recorded::{MESSAGE, Recorded, Requests};

const BODY: Bytes = Bytes::from_static(b"sixteen bytes ok");
const NOW: Instant = Instant::from_nanos(1);

/// Defaults, but for what the scenarios need: many calls at once, many of them.
fn config() -> Config {
    let limits = Limits::default().concurrent_calls_max(20_000).glitches_burst(u32::MAX);
    Config::new(limits, 1)
}

/// What an end does with calls of its peer.
#[derive(Clone, Copy)]
enum Serve {
    /// Answers with the message that came.
    Echo,
    /// Answers when the client has finished, which it does not.
    Wait,
    /// Sends messages of this size without end.
    Stream(usize),
}

struct End {
    connection: Connection,
    transmit: Transmit,
    serve: Serve,
    ended: Vec<CallId>,
    received: u64,
    body: Bytes,
}

impl End {
    fn new(connection: Connection) -> Self {
        let (transmit, body) = (Transmit::new(), Bytes::new());
        Self { connection, transmit, serve: Serve::Echo, ended: Vec::new(), received: 0, body }
    }

    /// Serves what there is to serve, and moves the output to `wire`.
    fn drain(&mut self, wire: &mut Vec<u8>) {
        loop {
            while let Some(event) = self.connection.poll_event() {
                match event {
                    Event::Call(call) => self.serve(call),
                    Event::Writable(call) => self.stream(call),
                    Event::Message(call) => self.receive(call),
                    Event::Ended(call) => self.ended.push(call),
                    _ => {}
                }
            }
            while self.connection.poll_transmit(NOW, &mut self.transmit) {
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
        assert!(request.path.as_bytes().len() > 10);
        match self.serve {
            Serve::Echo => {
                if let Ok(Received::Message(message)) = self.connection.receive_message(call) {
                    let answer = (Some(message), Metadata::new(), Ok(()));
                    self.connection.respond(call, answer.0, answer.1, answer.2).expect("the call is open");
                }
                self.connection.release(call);
            }
            Serve::Wait => {}
            Serve::Stream(size) => {
                self.body = Bytes::from(vec![0; size]);
                self.stream(call);
            }
        }
    }

    /// Sends until there is no more room.
    fn stream(&mut self, call: CallId) {
        while let Serve::Stream(_) = self.serve {
            match self.connection.send_message(call, self.body.clone()) {
                Ok(()) => {}
                Err(SendError::Blocked(_)) => return,
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    /// Takes the messages of a stream. The messages of other calls are taken when they have ended.
    fn receive(&mut self, call: CallId) {
        if self.body.is_empty() || matches!(self.serve, Serve::Stream(_)) {
            return;
        }
        while let Ok(Received::Message(message)) = self.connection.receive_message(call) {
            assert_eq!(message.len(), self.body.len());
            self.received += 1;
        }
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
    Start { head, message: Some(BODY), finished: true }
}

/// Both ends, and what is between them.
struct Pair {
    client: End,
    server: End,
    up: Vec<u8>,
    down: Vec<u8>,
}

impl Pair {
    /// Connected.
    fn new() -> Self {
        let client = End::new(Connection::client(NOW, &config()));
        let server = End::new(Connection::server(NOW, &config()));
        let mut pair = Self { client, server, up: Vec::new(), down: Vec::new() };
        for _ in 0..3 {
            pair.turn();
        }
        pair
    }

    fn turn(&mut self) {
        self.client.drain(&mut self.up);
        self.server.connection.handle_received(NOW, &mut self.up);
        self.up.clear();
        self.server.drain(&mut self.down);
        self.client.connection.handle_received(NOW, &mut self.down);
        self.down.clear();
    }

    /// `count` unary calls at once, to their end.
    fn call(&mut self, count: u64, metadata: bool) {
        for _ in 0..count {
            self.client.connection.start_call(NOW, start(metadata)).expect("there is room");
        }
        self.turn();
        self.turn();
        for call in self.client.ended.drain(..) {
            let received = self.client.connection.receive_message(call);
            assert_eq!(received, Ok(Received::Message(BODY)));
            let outcome = self.client.connection.take_outcome(call).expect("it ended");
            assert!(outcome.status.is_ok());
            self.client.connection.release(call);
        }
    }
}

/// `calls` unary calls, `in_flight` at a time, both ends.
pub(crate) fn pair(calls: u64, in_flight: u64, metadata: bool) {
    let mut pair = Pair::new();
    for _ in 0..calls / in_flight {
        pair.call(in_flight, metadata);
    }
    assert_eq!(pair.client.connection.live_calls(), 0);
}

/// `calls` unary calls, one at a time, beside `open` bidirectional streams on which nothing happens.
pub(crate) fn beside_open_streams(calls: u64, open: usize) {
    let mut pair = Pair::new();
    pair.server.serve = Serve::Wait;
    for _ in 0..open {
        let start = Start { message: None, finished: false, ..start(false) };
        pair.client.connection.start_call(NOW, start).expect("there is room");
    }
    pair.turn();
    pair.server.serve = Serve::Echo;
    for _ in 0..calls {
        pair.call(1, false);
    }
    assert_eq!(pair.client.connection.live_calls(), open);
}

/// `messages` of `size` octets from the server, both ends.
pub(crate) fn stream(messages: u64, size: usize) {
    let mut pair = Pair::new();
    pair.server.serve = Serve::Stream(size);
    pair.client.body = Bytes::from(vec![0; size]);
    pair.client.connection.start_call(NOW, start(false)).expect("there is room");
    while pair.client.received < messages {
        let before = pair.client.received;
        // A large message waits for credit on its way.
        (0..4).for_each(|_| pair.turn());
        assert!(pair.client.received > before, "the stream stands still");
    }
}

/// `calls` unary calls at a server, with requests that were recorded from a client, `in_flight` at a time.
pub(crate) fn server(calls: u64, in_flight: u32, client: Recorded) {
    let mut server = End::new(Connection::server(NOW, &config()));
    let mut requests = Requests::new(client);
    let (mut up, mut down) = (Requests::opening(), Vec::new());
    server.connection.handle_received(NOW, &mut up);
    server.drain(&mut down);
    server.connection.handle_received(NOW, &mut Requests::acknowledgement());
    let mut answered = 0;
    for _ in 0..calls / u64::from(in_flight) {
        up.clear();
        down.clear();
        requests.put(in_flight, &mut up);
        server.connection.handle_received(NOW, &mut up);
        server.drain(&mut down);
        answered += u64::from(down.windows(MESSAGE.len()).next().is_some());
    }
    assert_eq!((server.connection.live_calls(), answered), (0, calls / u64::from(in_flight)));
}
