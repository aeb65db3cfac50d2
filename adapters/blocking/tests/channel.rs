//! What a blocking channel does with deadlines, lost connections, many threads, and time that passes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sailplane::{CancelToken, Code, Limits, Stub};
use sailplane_blocking::Channel;
use sailplane_examples_protos::greet::{GreeterClient, HelloRequest};
use support::{Server, blocking_services, hello, reply, serve_once};

/// A port where nobody listens.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_refused_connection_names_target_and_address() {
    let address = nobody();
    let client = GreeterClient::new(Channel::plaintext(&address).unwrap());
    let status = client.say_hello(&hello("x")).unwrap_err();
    assert_eq!(
        status.to_string(),
        format!("UNAVAILABLE: cannot connect to {address}: {address} refused the connection")
    );
    assert!(std::error::Error::source(&status).is_some());
    assert!(!status.may_have_run());
}

#[test]
fn an_invalid_target_says_what_is_wrong() {
    let error = Channel::plaintext("localhost").unwrap_err();
    assert_eq!(error.to_string(), "invalid target `localhost`: the port is missing: write `localhost:50051`");
}

#[test]
fn a_missing_socket_file_is_named() {
    let client = GreeterClient::new(Channel::plaintext("unix:/nowhere/x.sock").unwrap());
    let status = client.say_hello(&hello("x")).unwrap_err();
    assert_eq!(
        status.to_string(),
        "UNAVAILABLE: cannot connect to unix:/nowhere/x.sock: /nowhere/x.sock does not exist"
    );
}

#[test]
fn a_deadline_is_kept_while_nobody_answers() {
    // It accepts and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = GreeterClient::new(Channel::plaintext(listener.local_addr().unwrap().to_string()).unwrap());
    let start = Instant::now();
    let status = client.with_timeout(Duration::from_millis(50)).say_hello(&hello("x")).unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_call_that_waits_for_ready_ends_at_its_deadline() {
    let client = GreeterClient::new(Channel::plaintext(nobody()).unwrap());
    let status =
        client.with_timeout(Duration::from_millis(50)).wait_for_ready().say_hello(&hello("x")).unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(format!("{status:#}").contains("refused the connection"), "{status:#}");
}

#[test]
fn a_server_that_dies_makes_calls_unavailable_and_the_next_call_connects() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        use std::io::Read;
        // Takes a request and dies.
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 1000];
        assert!(stream.read(&mut bytes).unwrap() > 0);
        drop(stream);
        let (stream, _) = listener.accept().unwrap();
        sailplane_blocking::serve_connection(stream, &blocking_services())
    });
    let client = GreeterClient::new(Channel::plaintext(address.to_string()).unwrap());
    let status = client.say_hello(&hello("x")).unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert_eq!(client.say_hello(&hello("x")).unwrap(), reply("x"));
    drop(client);
    server.join().unwrap().unwrap();
}

#[test]
fn many_threads_share_one_connection() {
    let server = Server::start(blocking_services());
    let client = server.client();
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let client = &client;
            scope.spawn(move || {
                for call in 0..50 {
                    let name = format!("{thread}.{call}");
                    assert_eq!(client.say_hello(&hello(&name)).unwrap(), reply(&name));
                }
            });
        }
    });
    assert_eq!(server.accepted.load(Ordering::SeqCst), 1);
}

#[test]
fn a_token_ends_a_call_while_its_thread_reads() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = GreeterClient::new(Channel::plaintext(listener.local_addr().unwrap().to_string()).unwrap());
    let token = CancelToken::new();
    let status = std::thread::scope(|scope| {
        let call = scope.spawn(|| client.with_cancel(&token).say_hello(&hello("x")));
        // The call is on its way.
        let (mut stream, _) = listener.accept().unwrap();
        std::io::Read::read_exact(&mut stream, &mut [0; 24]).unwrap();
        token.cancel();
        call.join().unwrap().unwrap_err()
    });
    assert_eq!(status.code(), Code::Cancelled);
}

#[test]
fn dropping_the_sender_ends_the_wait_for_replies() {
    let server = Server::start(blocking_services());
    let client = server.client();
    let (mut requests, mut replies) = client.bidi_hello();
    requests.send(&hello("x")).unwrap();
    assert_eq!(replies.message().unwrap(), Some(reply("x")));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| replies.message().unwrap_err());
        drop(requests);
        assert_eq!(waiting.join().unwrap().code(), Code::Cancelled);
    });
    assert_eq!(client.say_hello(&hello("x")).unwrap(), reply("x"));
}

fn interrupted() -> Option<HelloRequest> {
    panic!("as asked")
}

#[test]
fn a_panic_in_the_reading_thread_hands_the_role_on() {
    let server = Server::start(blocking_services());
    let client = server.client();
    client.say_hello(&hello("x")).unwrap();
    std::thread::scope(|scope| {
        for turn in 0..8 {
            let client = &client;
            scope.spawn(move || {
                for _ in 0..20 {
                    assert_eq!(client.say_hello(&hello("x")).unwrap(), reply("x"));
                    if turn % 2 == 0 {
                        let panicking = catch_unwind(AssertUnwindSafe(|| {
                            client.lots_of_greetings().finish_with(std::iter::from_fn(interrupted))
                        }));
                        assert!(panicking.is_err());
                    }
                }
            });
        }
    });
}

#[test]
fn a_closed_channel_refuses_and_its_server_sees_the_end() {
    let (address, served) = serve_once(blocking_services());
    let channel = Channel::plaintext(address.to_string()).unwrap();
    let client = GreeterClient::new(channel.clone());
    client.say_hello(&hello("x")).unwrap();
    channel.close();
    served.join().unwrap().unwrap();
    let status = client.say_hello(&hello("x")).unwrap_err();
    assert_eq!(status.to_string(), "UNAVAILABLE: the channel was closed");
}

#[test]
fn driving_answers_what_the_server_asks() {
    let server = Server::start(blocking_services());
    let channel = server.channel();
    channel.drive(Duration::from_secs(60));
    let client = GreeterClient::new(channel.clone());
    client.say_hello(&hello("x")).unwrap();
    channel.drive(Duration::from_millis(5));
    client.say_hello(&hello("x")).unwrap();
}

#[test]
fn a_message_above_the_limit_fails_its_call_only() {
    let server = Server::with_limits(blocking_services(), Limits::default().message_bytes_max(1000));
    let client = server.client();
    let status = client.say_hello(&hello(&"x".repeat(2000))).unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(client.say_hello(&hello("x")).unwrap(), reply("x"));
}
