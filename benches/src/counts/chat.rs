//! A bidirectional stream at a typed async handler: the core's client in memory, the driver's connection without a
//! reactor or another thread. The handler runs as under smol: in turns, polled when something came.

use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use bytes::{BufMut, Bytes};
use prost::Message as _;
use sailplane::call::{Batch, RequestHead};
use sailplane::connection::Received;
use sailplane::{CallId, Config, Connection, Instant, Path, Services, Start, Transmit};
use sailplane_benches::proto::{BenchServer, Payload};
use sailplane_benches::service::Echo;
use sailplane_driver::{AsyncJob, Gather, Io, Job, Link};

const NOW: Instant = Instant::from_nanos(1);

/// What the server wrote.
#[derive(Default)]
struct Pipe(Mutex<Vec<u8>>);

impl Io for Pipe {
    fn write(&self, transmit: &mut Transmit) -> io::Result<()> {
        self.0.lock().expect("nobody panics").put(transmit);
        Ok(())
    }

    fn finished(&self) {}
}

struct Client {
    connection: Connection,
    call: CallId,
    transmit: Transmit,
    request: Batch,
    body: Bytes,
    received: u64,
}

impl Client {
    fn new(size: usize) -> Self {
        let mut connection = Connection::client(NOW, &Config::default());
        let head =
            RequestHead::new(Path::from_static("/bench.Bench/Chat"), Bytes::from_static(b"localhost:50051"));
        let start = Start { head, message: None, finished: false };
        let call = connection.start_call(NOW, start).expect("there is room");
        let body = Bytes::from(Payload { body: Bytes::from(vec![0; size]) }.encode_to_vec());
        Self { connection, call, transmit: Transmit::new(), request: Batch::new(), body, received: 0 }
    }

    /// Sends what there is room for, and moves the output to `wire`.
    fn send(&mut self, wire: &mut Vec<u8>) {
        loop {
            if self.request.is_empty() {
                (0..16).for_each(|_| self.request.push(self.body.clone()));
            }
            if self.connection.send_batch(self.call, &mut self.request).is_err() {
                break;
            }
        }
        while self.connection.poll_transmit(NOW, &mut self.transmit) {
            wire.put(&mut self.transmit);
        }
    }

    fn receive(&mut self, wire: &mut [u8]) {
        self.connection.handle_received(NOW, wire);
        while self.connection.poll_event().is_some() {}
        while let Ok(Received::Message(messages)) = self.connection.receive_messages(self.call, usize::MAX) {
            for message in messages {
                assert_eq!(message.len(), self.body.len());
                self.received += 1;
            }
        }
    }
}

/// `messages` of `size` octets, there and back.
pub(crate) fn echo(messages: u64, size: usize) {
    let services = Services::new().service(BenchServer::new(Echo));
    let link = Link::server(Pipe::default(), &Config::default());
    link.flush();
    let mut client = Client::new(size);
    let (mut up, mut calls, mut job) = (Vec::new(), Vec::new(), None::<AsyncJob>);
    while client.received < messages {
        let before = client.received;
        // The first turns exchange settings, and a large message waits for credit on its way.
        for _ in 0..4 {
            client.send(&mut up);
            let turn = link.turn(Gather::All);
            link.received_calls(&mut up, &mut calls);
            up.clear();
            if let Some(call) = calls.pop() {
                let Some(Job::Async(handler)) = call.route(&services) else { panic!("an async handler") };
                job = Some(handler);
            }
            if let Some(job) = &mut job {
                let poll = Pin::new(job).poll(&mut Context::from_waker(Waker::noop()));
                assert_eq!(poll, Poll::Pending);
            }
            turn.flush();
            drop(turn);
            let mut down = std::mem::take(&mut *link.io().0.lock().expect("nobody panics"));
            client.receive(&mut down);
        }
        assert!(client.received > before, "the stream stands still");
    }
}
