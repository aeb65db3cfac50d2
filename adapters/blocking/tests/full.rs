//! A socket that is full: whoever waits for room in it reads meanwhile, if nobody else does.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sailplane::wire::{CLIENT_PREFACE, DEFAULT_MAX_FRAME_SIZE, StreamId, send};
use sailplane_blocking::Channel;
use sailplane_examples_protos::greet::{GreeterClient, HelloRequest};

const PATIENCE: Duration = Duration::from_secs(20);
/// More than the socket has room for.
const LARGE: usize = 2 * 1024 * 1024;

/// A server that reads and writes when it is told to.
struct Peer(UnixStream);

impl Peer {
    fn accept(listener: &UnixListener) -> Self {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut peer = Self(stream);
        // Windows that hold nobody up: of streams, and of the connection.
        let mut out = Vec::new();
        send::settings(&mut out, &[(send::INITIAL_WINDOW_SIZE, 0x7fff_ffff)]);
        send::window_update(&mut out, StreamId::ZERO, 0x7fff_0000);
        peer.0.write_all(&out).unwrap();
        peer.0.read_exact(&mut [0; CLIENT_PREFACE.len()]).unwrap();
        peer
    }

    /// Status 0, with an empty message.
    fn answer(&mut self, stream: u8) {
        let (stream, mut out) = (StreamId::new(stream.into()), Vec::new());
        let (head, trailers) = (b"\x88\x0f\x10\x10application/grpc", b"\x00\x0bgrpc-status\x010");
        send::headers(&mut out, stream, head, false, DEFAULT_MAX_FRAME_SIZE);
        send::data_header(&mut out, stream, 5, false);
        out.extend_from_slice(&[0; 5]);
        send::headers(&mut out, stream, trailers, true, DEFAULT_MAX_FRAME_SIZE);
        self.0.write_all(&out).unwrap();
    }

    /// Octets that nobody has a use for: a frame of an unknown type.
    fn babble(&mut self) {
        self.0.write_all(&[0, 0x40, 0, 0xee, 0, 0, 0, 0, 0]).unwrap();
        self.0.write_all(&[0; 0x4000]).unwrap();
    }

    /// Reads frames until the one that ends `stream`.
    fn read_to_end_of(&mut self, stream: u8) {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).unwrap();
            let mut payload =
                vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
            self.0.read_exact(&mut payload).unwrap();
            // HEADERS and DATA with END_STREAM.
            if head[3] <= 1 && head[4] & 1 != 0 && head[8] == stream {
                return;
            }
        }
    }

    /// Waits until so much lies unread that whoever writes a large message has to wait.
    fn wait_until_full(&self) {
        while rustix::io::ioctl_fionread(&self.0).unwrap() < 128 * 1024 {
            thread::yield_now();
        }
    }
}

#[test]
fn a_thread_that_writes_reads_when_the_one_that_did_has_left() {
    let path = format!("{}/full-{}.sock", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let channel = Channel::plaintext(format!("unix:{path}")).unwrap();
    let client = GreeterClient::new(channel);
    let call = |name: String| {
        let client = client.clone();
        let (tell, result) = mpsc::channel();
        thread::spawn(move || tell.send(client.say_hello(&HelloRequest { name })));
        result
    };
    let small = call("x".into());
    let mut peer = Peer::accept(&listener);
    peer.read_to_end_of(1);
    // Reads now, for both; the other finds the socket full.
    let large = call("y".repeat(LARGE));
    peer.wait_until_full();
    peer.answer(1);
    small.recv_timeout(PATIENCE).unwrap().unwrap();
    // Not a word is read before all this is written.
    for _ in 0..40 {
        peer.babble();
    }
    peer.read_to_end_of(3);
    peer.answer(3);
    large.recv_timeout(PATIENCE).unwrap().unwrap();
}
