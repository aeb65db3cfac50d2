//! A server that runs out of descriptors. In a process of its own, which has few.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::net::TcpStream;
use std::process::Command;

use support::{Running, hello};

#[test]
fn a_server_without_descriptors_goes_on_accepting_when_it_has_some() {
    let this = std::env::current_exe().unwrap();
    let script = "ulimit -n 64; exec \"$0\" --exact without_descriptors --ignored --nocapture";
    let child = Command::new("sh").args(["-c", script]).arg(this).output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "needs a process with few descriptors: the other test starts one"]
fn without_descriptors() {
    let server = Running::start();
    let client = server.client();
    assert!(client.say_hello(&hello("you")).is_ok());
    // Both ends are in this process.
    let mut streams = Vec::new();
    while let Ok(stream) = TcpStream::connect(&server.target) {
        streams.push(stream);
    }
    assert!(client.say_hello(&hello("you")).is_ok());
    drop(streams);
    // Accepted once the connections before it have been, some of them after a pause.
    assert!(server.client().say_hello(&hello("you")).is_ok());
}
