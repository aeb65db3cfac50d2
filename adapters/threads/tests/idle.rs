//! What costs nothing: idle connections, and what is over. Alone in its process, whose threads it counts.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use sailplane_threads::Server;
use std::fs;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::{Running, hello};

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

/// How often all threads of this process gave up a processor of their own accord: how often they slept.
fn sleeps() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let status = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok());
    let count = |status: String| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    };
    status.map(count).sum()
}

fn await_threads(count: usize) {
    let begun = Instant::now();
    while threads() > count {
        assert!(begun.elapsed() < Duration::from_secs(10), "{} threads are left", threads());
        std::thread::yield_now();
    }
}

/// One test, so that nothing else runs beside it.
#[test]
fn idle_connections_cost_no_wake_ups_and_threads_end_with_their_server() {
    let baseline = threads();
    let mut server = Running::with(Server::new().pollers(2));
    let clients: Vec<_> = (0..4).map(|_| server.client()).collect();
    for client in &clients {
        assert!(client.say_hello(&hello("you")).is_ok());
    }
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00";
    let idle: Vec<_> = (0..500)
        .map(|_| {
            let mut stream = TcpStream::connect(&server.target).unwrap();
            std::io::Write::write_all(&mut stream, preface).unwrap();
            // Its SETTINGS and the acknowledgement of ours.
            let mut byte = [0];
            assert_eq!(std::io::Read::read(&mut stream, &mut byte).unwrap(), 1);
            stream
        })
        .collect();
    // The threads in the background of the channels take over, and then nobody wakes any more.
    let mut before = sleeps();
    let (begun, mut quiet) = (Instant::now(), Instant::now());
    while quiet.elapsed() < Duration::from_millis(400) {
        assert!(begun.elapsed() < Duration::from_secs(10), "threads wake for no reason");
        std::thread::yield_now();
        let after = sleeps();
        if after != before {
            (before, quiet) = (after, Instant::now());
        }
    }
    drop(clients);
    drop(idle);
    server.stop(Duration::from_secs(5)).unwrap();
    await_threads(baseline);
}
