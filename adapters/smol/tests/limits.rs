//! Bounds on what a server accepts.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use sailplane::Limits;
use support::{Greeting, TestServer, block_on, named};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A connection by hand. Once it is accepted the server's SETTINGS arrive.
fn connect(target: &str) -> TcpStream {
    TcpStream::connect(target).unwrap()
}

fn await_accepted(stream: &mut TcpStream) {
    stream.set_nonblocking(false).unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

/// Not even after many calls on another connection.
fn assert_waits(stream: &mut TcpStream, mut call: impl FnMut()) {
    (0..50).for_each(|_| call());
    stream.set_nonblocking(true).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn connections_max() {
    let server = server(Limits::default().connections_max(2));
    let client = server.client();
    let call = || drop(block_on(client.say_hello(&named("x"))).unwrap());
    call();
    let mut second = connect(&server.address);
    second.write_all(PREFACE).unwrap();
    await_accepted(&mut second);
    let mut third = connect(&server.address);
    assert_waits(&mut third, call);
    drop(second);
    await_accepted(&mut third);
}

#[test]
fn handshakes_max() {
    let server = server(Limits::default().handshakes_max(1));
    let client = server.client();
    let call = || drop(block_on(client.say_hello(&named("x"))).unwrap());
    call();
    let mut silent = connect(&server.address);
    await_accepted(&mut silent);
    let mut next = connect(&server.address);
    assert_waits(&mut next, call);
    silent.write_all(PREFACE).unwrap();
    await_accepted(&mut next);
    // One that leaves without a word makes room as well.
    let mut last = connect(&server.address);
    assert_waits(&mut last, call);
    drop(next);
    await_accepted(&mut last);
}

fn server(limits: Limits) -> TestServer {
    TestServer::start_with("127.0.0.1:0", Greeting::new().services(), limits)
}
