//! Cancellation, deadlines, panics, servers that end.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use sailplane::{CancelToken, Code, Stub};
use sailplane_examples_protos::greet::GreeterClient;
use sailplane_threads::{Channel, Server};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{Guest, Running, hello, socket_path};

fn await_cancelled(guest: &Guest, count: usize) {
    await_count(&guest.0.cancelled, count);
}

/// A call that is cancelled, or loses its server, before it was sent has no handler.
fn await_doomed(guest: &Guest) {
    await_count(&guest.0.doomed, 1);
}

fn await_count(counter: &AtomicUsize, count: usize) {
    while counter.load(Ordering::SeqCst) < count {
        std::thread::yield_now();
    }
}

#[test]
fn a_handler_sees_that_its_call_was_cancelled() {
    let server = Running::start();
    let token = CancelToken::new();
    let client = server.client().with_cancel(&token);
    std::thread::scope(|scope| {
        let call = scope.spawn(|| client.say_hello(&hello("cancel")));
        let (mut greetings, mut replies) = server.client().bidi_hello();
        greetings.send(&hello("you")).unwrap();
        assert!(replies.message().unwrap().is_some());
        drop(greetings);
        await_cancelled(&server.guest, 1);
        await_doomed(&server.guest);
        token.cancel();
        assert_eq!(call.join().unwrap().unwrap_err().code(), Code::Cancelled);
    });
    await_cancelled(&server.guest, 2);
}

#[test]
fn both_sides_keep_a_deadline() {
    let server = Running::start();
    let client = server.client().with_timeout(Duration::from_millis(50));
    let status = client.say_hello(&hello("cancel")).unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    await_cancelled(&server.guest, 1);
}

#[test]
fn a_deadline_holds_while_another_thread_waits_without_one() {
    let server = Running::start();
    let client = server.client();
    std::thread::scope(|scope| {
        let patient = scope.spawn(|| client.say_hello(&hello("gate")));
        server.guest.0.gate.await_waiting(1);
        let hasty = client.with_timeout(Duration::from_millis(20)).say_hello(&hello("gate"));
        assert_eq!(hasty.unwrap_err().code(), Code::DeadlineExceeded);
        server.guest.0.gate.open();
        assert!(patient.join().unwrap().is_ok());
    });
}

#[test]
fn a_panic_ends_its_call_and_nothing_else() {
    let server = Running::with(Server::new().workers(2));
    let client = server.client();
    for _ in 0..5 {
        let status = client.say_hello(&hello("panic")).unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unknown, "the handler panicked"));
    }
    assert!(client.say_hello(&hello("you")).is_ok());
}

#[test]
fn a_shutdown_lets_calls_finish() {
    let mut server = Running::start();
    let client = server.client();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| client.say_hello(&hello("gate")));
        server.guest.0.gate.await_waiting(1);
        server.handle.shutdown(Duration::from_secs(60));
        // The listener is closed: a new connection is refused.
        let other = server.client().say_hello(&hello("you")).unwrap_err();
        assert_eq!(other.code(), Code::Unavailable, "{other}");
        server.guest.0.gate.open();
        assert_eq!(call.join().unwrap().unwrap().message, "Hello, gate!");
    });
    server.stop(Duration::from_secs(60)).unwrap();
}

#[test]
fn a_shutdown_cancels_what_does_not_finish_in_time() {
    let mut server = Running::start();
    let client = server.client();
    std::thread::scope(|scope| {
        let unary = scope.spawn(|| client.say_hello(&hello("cancel")));
        let (mut greetings, mut replies) = client.bidi_hello();
        greetings.send(&hello("you")).unwrap();
        assert!(replies.message().unwrap().is_some());
        await_doomed(&server.guest);
        let begun = Instant::now();
        server.stop(Duration::from_millis(50)).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(4));
        assert_eq!(replies.message().unwrap_err().code(), Code::Unavailable);
        assert_eq!(unary.join().unwrap().unwrap_err().code(), Code::Unavailable);
    });
    assert_eq!(server.guest.0.cancelled.load(Ordering::SeqCst), 2);
}

#[test]
fn calls_fail_while_the_server_is_away_and_succeed_when_it_is_back() {
    let address = socket_path();
    let mut server = Running::at(&address, Server::new());
    let client = server.client();
    assert!(client.say_hello(&hello("you")).is_ok());
    std::thread::scope(|scope| {
        let call = scope.spawn(|| client.say_hello(&hello("cancel")));
        let (mut greetings, mut replies) = client.bidi_hello();
        greetings.send(&hello("you")).unwrap();
        assert!(replies.message().unwrap().is_some());
        await_doomed(&server.guest);
        server.stop(Duration::ZERO).unwrap();
        assert_eq!(call.join().unwrap().unwrap_err().code(), Code::Unavailable);
    });
    let status = client.say_hello(&hello("you")).unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let _back = Running::at(&address, Server::new());
    let again = client.wait_for_ready().with_timeout(Duration::from_secs(20)).say_hello(&hello("you"));
    assert_eq!(again.unwrap().message, "Hello, you!");
}

#[test]
fn a_closed_channel_starts_no_calls_and_ends_those_that_run() {
    let server = Running::start();
    let channel = server.channel();
    let client = GreeterClient::new(channel.clone());
    std::thread::scope(|scope| {
        let call = scope.spawn(|| client.say_hello(&hello("cancel")));
        let (mut greetings, mut replies) = client.bidi_hello();
        greetings.send(&hello("you")).unwrap();
        assert!(replies.message().unwrap().is_some());
        channel.close();
        assert!(call.join().unwrap().is_err());
        assert!(replies.message().is_err());
    });
    assert!(client.say_hello(&hello("you")).is_err());
}

#[test]
fn a_channel_that_shuts_down_lets_calls_finish() {
    let server = Running::start();
    let channel = server.channel();
    let client = GreeterClient::new(channel.clone());
    std::thread::scope(|scope| {
        let call = scope.spawn(|| client.say_hello(&hello("gate")));
        server.guest.0.gate.await_waiting(1);
        channel.shutdown(Duration::from_secs(60));
        assert!(client.say_hello(&hello("you")).is_err());
        server.guest.0.gate.open();
        assert_eq!(call.join().unwrap().unwrap().message, "Hello, gate!");
    });
}

#[test]
fn nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    drop(listener);
    let client = GreeterClient::new(Channel::plaintext(&target).unwrap());
    let status = client.say_hello(&hello("you")).unwrap_err();
    assert_eq!(
        status.to_string(),
        format!("UNAVAILABLE: cannot connect to {target}: {target} refused the connection")
    );
}

#[test]
fn serve_until_ends_when_it_is_told_to() {
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        // It is told by the other end's disappearance.
        let stop = move || told.iter().for_each(|()| ());
        Server::new().serve_until("127.0.0.1:0", stop, Duration::from_secs(1))
    });
    drop(tell);
    server.join().unwrap().unwrap();
}
