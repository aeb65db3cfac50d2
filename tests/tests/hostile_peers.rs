//! Peers that mean no good, over loopback, at a server on each adapter: they end, and nobody else notices.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead, BufReader, ErrorKind, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use sailplane::{Code, Limits};
use sailplane_tests::behaviour::{
    Adapter, AnyClient, Cable, PATIENCE, Pairing, Raw, Running, Settings, Stage, Transport, World, services,
    until,
};
use sailplane_tests::pb::{Act, Request};

/// ENHANCE_YOUR_CALM (RFC 9113 §7).
const ENHANCE_YOUR_CALM: u32 = 11;
const SHORT: Duration = Duration::from_millis(300);

/// A server on this adapter, and clients of the threads adapter.
fn world(server: Adapter, limits: impl FnOnce(Limits) -> Limits) -> World {
    let world = World::new(Pairing { client: Adapter::Threads, server, transport: Transport::Tcp });
    world.limit_server(limits);
    world
}

fn say(payload: &str) -> Request {
    Request { payload: payload.into(), ..Request::default() }
}

/// Other connections work as ever.
#[track_caller]
fn assert_served(world: &World) {
    let client = world.client();
    for _ in 0..20 {
        assert_eq!(client.unary(&say("good")).unwrap().payload, b"good");
    }
}

/// CVE-2023-44487.
fn rapid_reset(server: Adapter) {
    let world = world(server, |limits| limits);
    let mut raw = Raw::open(&world.target()).unwrap();
    let mut pairs = 0;
    while pairs < 100_000 {
        for _ in 0..100 {
            let stream = raw.start("Both");
            raw.reset(stream);
            pairs += 1;
        }
        // The server may have had enough.
        if raw.flush().is_err() {
            break;
        }
    }
    assert!(world.stage.most_present() <= 100, "{} handlers ran at once", world.stage.most_present());
    assert_served(&world);
    // Its word may be lost to the reset that follows it.
    let codes = raw.end();
    assert!(codes.iter().all(|code| *code == ENHANCE_YOUR_CALM), "{codes:?}");
}

/// CVE-2026-56853: openings that never come, one octet at most.
fn slow_handshakes(server: Adapter) {
    let world = world(server, |limits| limits.handshake_timeout(SHORT * 3));
    let target = world.target();
    let mut slow: Vec<_> = (0..100)
        .map(|_| {
            let mut socket = TcpStream::connect(&target).unwrap();
            socket.write_all(b"P").unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        })
        .collect();
    assert_served(&world);
    for socket in &mut slow {
        let mut said = Vec::new();
        if let Err(error) = socket.read_to_end(&mut said) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        }
    }
    assert_served(&world);
}

/// A frame that never becomes whole.
fn slow_frame(server: Adapter) {
    let world = world(server, |limits| limits.partial_frame_timeout(SHORT));
    let mut raw = Raw::open(&world.target()).unwrap();
    raw.write(&[0, 0, 8, 6]);
    raw.flush().unwrap();
    assert_served(&world);
    raw.end();
}

/// A header block that never becomes whole: CONTINUATION upon CONTINUATION without an end (CVE-2023-45288).
fn endless_header_block(server: Adapter) {
    let world = world(server, |limits| limits);
    let mut raw = Raw::open(&world.target()).unwrap();
    raw.write(&[0, 0, 0, 1, 0, 0, 0, 0, 1]);
    for _ in 0..100_000 {
        raw.write(&[0, 0, 0, 9, 0, 0, 0, 0, 1]);
    }
    // It may be cut off before all is written.
    _ = raw.flush();
    let codes = raw.end();
    assert!(codes.iter().all(|code| *code == ENHANCE_YOUR_CALM), "{codes:?}");
    assert_served(&world);
}

/// CVE-2019-9517: windows are open, and nobody reads.
fn reader_that_does_not_read(server: Adapter) {
    let world = world(server, |limits| limits.write_stall_timeout(SHORT));
    let mut raw = Raw::open(&world.target()).unwrap();
    let stream = raw.start("Down");
    let acts = vec![Act::Flood.into()];
    raw.ask(stream, &Request { reply_size: 256 * 1024, acts, ..Request::default() });
    raw.flush().unwrap();
    world.stage.wait_left("raw", true);
    assert_served(&world);
}

/// What is no HTTP/2.
fn other_protocols(server: Adapter) {
    let world = world(server, |limits| limits);
    let openings: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        &[0; 64],
        &[0xff; 64],
    ];
    for opening in openings {
        let mut raw = Raw::connect(&world.target()).unwrap();
        raw.write(opening);
        raw.flush().unwrap();
        raw.end();
    }
    assert_served(&world);
}

/// A client that is gone without a word, in the middle of a call: half-open TCP.
fn silent_client(server: Adapter) {
    let world = world(server, |limits| limits.server_keepalive(Some(SHORT)).keepalive_timeout(SHORT));
    let mut raw = Raw::open(&world.target()).unwrap();
    raw.start("Both");
    raw.flush().unwrap();
    world.stage.wait_began("raw");
    world.stage.wait_left("raw", true);
    raw.end();
}

/// A test of each attack at each of these adapters.
macro_rules! attacks {
    ($adapters:tt: $($attack:ident)+) => {
        $(
            mod $attack {
                use super::Adapter;

                attacks! { @at $attack $adapters }
            }
        )+
    };
    (@at $attack:ident [$($name:ident $adapter:ident),+]) => {
        $(
            #[test]
            fn $name() {
                super::$attack(Adapter::$adapter);
            }
        )+
    };
}

attacks! {
    [at_blocking Blocking, at_threads Threads, at_smol Smol]:
    rapid_reset
    slow_handshakes
    slow_frame
    endless_header_block
    reader_that_does_not_read
    other_protocols
    silent_client
}

/// A connection that says nothing, and whether the server has accepted it: its SETTINGS are there then.
struct Queued(Raw);

impl Queued {
    fn at(world: &World) -> Self {
        Self(Raw::connect(&world.target()).unwrap())
    }

    fn await_accepted(&mut self) {
        self.0.socket().set_nonblocking(false).unwrap();
        self.0.read_frame().unwrap();
    }

    /// Not even after many calls on another connection.
    fn assert_waits(&mut self, other: &AnyClient) {
        for _ in 0..50 {
            assert_eq!(other.unary(&say("good")).unwrap().payload, b"good");
        }
        self.0.socket().set_nonblocking(true).unwrap();
        assert_eq!(self.0.read_frame().unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}

fn connections_max(server: Adapter) {
    let world = world(server, |limits| limits.connections_max(2));
    let client = world.client();
    assert!(client.unary(&say("good")).is_ok());
    let second = Raw::open(&world.target()).unwrap();
    let mut third = Queued::at(&world);
    third.assert_waits(&client);
    drop(second);
    third.await_accepted();
}

fn handshakes_max(server: Adapter) {
    let world = world(server, |limits| limits.handshakes_max(1));
    let client = world.client();
    assert!(client.unary(&say("good")).is_ok());
    let mut silent = Queued::at(&world);
    silent.await_accepted();
    let mut next = Queued::at(&world);
    next.assert_waits(&client);
    silent.0.greet().unwrap();
    next.await_accepted();
    // One that leaves without a word makes room as well.
    let mut last = Queued::at(&world);
    last.assert_waits(&client);
    drop(next);
    last.await_accepted();
}

// The blocking adapter accepts nothing: it is given its one connection.
attacks! {
    [at_threads Threads, at_smol Smol]:
    connections_max
    handshakes_max
}

/// A server that is gone without a word: a call without a deadline ends, by keepalive (gRFC A8).
fn silent_server(client: Adapter) {
    let world = World::new(Pairing { client, server: Adapter::Threads, transport: Transport::Tcp });
    // The least that a client may ask for is 10 s.
    world.limit_client(|limits| limits.client_keepalive(Some(Duration::ZERO)).keepalive_timeout(SHORT));
    let cable = Cable::new(&world, &[]);
    let client = world.client_of(cable.target());
    let (mut requests, mut replies) = client.key("silent").both();
    requests.send(&say("x")).unwrap();
    assert!(replies.message().unwrap().is_some());
    cable.fall_silent();
    let status = replies.message().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    // The next call finds another way.
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
}

#[test]
fn silent_server_and_a_blocking_client() {
    silent_server(Adapter::Blocking);
}

#[test]
fn silent_server_and_a_client_on_threads() {
    silent_server(Adapter::Threads);
}

#[test]
fn silent_server_and_a_client_on_smol() {
    silent_server(Adapter::Smol);
}

/// A server in a process of its own, for descriptors are limited. Killed when it is dropped.
struct Elsewhere {
    child: Child,
    target: String,
    /// Kept, for a process that nobody hears may end.
    _said: Lines<BufReader<ChildStdout>>,
}

impl Elsewhere {
    /// On this adapter, with so many descriptors.
    fn start(server: &str, descriptors: u32) -> Self {
        let this = std::env::current_exe().unwrap();
        let script =
            format!("ulimit -n {descriptors}; exec \"$0\" --exact server_elsewhere --ignored --nocapture");
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .arg(this)
            .env("SERVER", server)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = said.by_ref().map_while(Result::ok);
        let target = lines.find_map(|line| Some(line.split_once("listens at ")?.1.to_owned()));
        let target = target.expect("the server says where it listens");
        Self { child, target, _said: said }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
#[ignore = "other tests start it, as a process of its own"]
fn server_elsewhere() {
    let server = match std::env::var("SERVER").as_deref() {
        Ok("threads") => Adapter::Threads,
        _ => Adapter::Smol,
    };
    let settings = Settings {
        limits: Limits::default().handshake_timeout(Duration::from_secs(600)),
        ..Settings::default()
    };
    let services = services(server, &Stage::default());
    let running = Running::start(server, "127.0.0.1:0", services, &settings).unwrap();
    println!("listens at {}", running.target());
    // Until whoever started it is gone.
    _ = std::io::stdin().read(&mut [0]);
}

fn is_served(target: &str) -> bool {
    let channel = sailplane_blocking::Channel::plaintext(target).unwrap();
    let client = AnyClient::blocking(channel);
    client.with_timeout(PATIENCE).unary(&say("good")).is_ok()
}

/// CVE-2023-4785, RUSTSEC-2024-0376: no accept loop ends on an error.
fn server_without_descriptors(server: &str) {
    let server = Elsewhere::start(server, 64);
    assert!(is_served(&server.target));
    let crowd: Vec<_> = (0..200).map(|_| TcpStream::connect(&server.target).unwrap()).collect();
    drop(crowd);
    // Accepted once those before it have been, some of them after a pause.
    assert!(is_served(&server.target));
}

#[test]
fn threads_without_descriptors_goes_on_accepting_when_it_has_some() {
    server_without_descriptors("threads");
}

#[test]
fn smol_without_descriptors_goes_on_accepting_when_it_has_some() {
    server_without_descriptors("smol");
}

/// One connection more than a server takes waits until another ends.
fn ten_thousand_and_one_connections(server: &str) {
    const MOST: usize = 10_000;
    let server = Elsewhere::start(server, 12_000);
    let mut crowd: Vec<_> = (0..MOST).map(|_| Raw::open(&server.target).unwrap()).collect();
    let mut last = Raw::connect(&server.target).unwrap();
    last.greet().unwrap();
    last.socket().set_nonblocking(true).unwrap();
    let error = last.read_frame().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    drop(crowd.pop());
    until("the last one is served", || last.read_frame().map_err(|error| error.to_string()));
}

#[test]
fn threads_takes_ten_thousand_connections_and_then_one_at_a_time() {
    ten_thousand_and_one_connections("threads");
}

#[test]
fn smol_takes_ten_thousand_connections_and_then_one_at_a_time() {
    ten_thousand_and_one_connections("smol");
}
