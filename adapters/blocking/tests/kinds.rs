//! The four kinds of calls, over TCP and Unix sockets, with blocking and async services.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use sailplane::{CallInfo, Code, Result, Services, Stub};
use sailplane_blocking::{Channel, serve_connection};
use sailplane_examples_protos::greet::GreeterClient;
use support::{Client, Server, async_services, blocking_services, hello, reply, serve_once};

fn all_kinds(client: &Client) {
    let info = CallInfo::new();
    assert_eq!(client.with_info(&info).say_hello(&hello("Ada")).unwrap(), reply("Ada"));
    assert_eq!(info.headers().get("x-node"), Some("n7"));
    assert_eq!(info.trailers().get("x-cost"), Some("3"));

    let replies: Vec<_> = client.lots_of_replies(&hello("Ada")).collect::<Result<_>>().unwrap();
    assert_eq!(replies, [reply("Ada"), reply("Ada"), reply("Ada")]);

    let summary = client.lots_of_greetings().finish_with([hello("Ada"), hello("Bob")]).unwrap();
    assert_eq!(summary, reply("Ada and Bob"));

    let (mut requests, mut replies) = client.bidi_hello();
    for name in ["Ada", "Bob"] {
        requests.send(&hello(name)).unwrap();
        assert_eq!(replies.message().unwrap(), Some(reply(name)));
    }
    requests.finish();
    assert_eq!(replies.message().unwrap(), None);

    let status = client.say_hello(&hello("fail")).unwrap_err();
    assert_eq!(status.to_string(), "NOT_FOUND: nobody of that name");
    let status = client.say_hello(&hello("panic")).unwrap_err();
    assert_eq!(status.to_string(), "UNKNOWN: the handler panicked");
    let status = client.lots_of_replies(&hello("panic")).message().unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    assert_eq!(client.say_hello(&hello("Bob")).unwrap(), reply("Bob"), "the connection lives");
}

#[test]
fn a_blocking_service_over_tcp() {
    all_kinds(&Server::start(blocking_services()).client());
}

#[test]
fn an_async_service_over_tcp() {
    all_kinds(&Server::start(async_services()).client());
}

#[test]
fn a_unix_socket() {
    let path = std::env::temp_dir().join(format!("sailplane-{}.sock", std::process::id()));
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        serve_connection(stream, &blocking_services())
    });
    let client = GreeterClient::new(Channel::plaintext(format!("unix:{}", path.display())).unwrap());
    all_kinds(&client);
    drop(client);
    served.join().unwrap().unwrap();
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_dropped_channel_ends_the_connection_in_order() {
    let (address, served) = serve_once(blocking_services());
    let client = GreeterClient::new(Channel::plaintext(address.to_string()).unwrap());
    client.say_hello(&hello("Ada")).unwrap();
    drop(client);
    served.join().unwrap().unwrap();
}

#[test]
fn an_unknown_method_is_unimplemented() {
    let client = Server::start(Services::new()).client();
    let status = client.say_hello(&hello("Ada")).unwrap_err();
    assert_eq!(status.to_string(), "UNIMPLEMENTED: unknown service greet.Greeter");
}

#[test]
fn large_streams_go_both_ways() {
    large(&Server::start(blocking_services()).client());
}

fn large(client: &Client) {
    let large = hello(&"x".repeat(100_000));
    let summary = client.lots_of_greetings().finish_with(std::iter::repeat_n(&large, 50)).unwrap();
    assert_eq!(summary, reply("5000000"));
    let (mut requests, replies) = client.bidi_hello();
    let received = std::thread::scope(|scope| {
        scope.spawn(|| {
            requests.send_all(std::iter::repeat_n(&large, 50)).unwrap();
            requests.finish();
        });
        replies.map(|reply| reply.unwrap().message.len()).sum::<usize>()
    });
    assert_eq!(received, 50 * ("Hello, !".len() + 100_000));
}

#[test]
fn a_blocking_service_in_process() {
    all_kinds(&GreeterClient::new(Channel::in_process(blocking_services())));
}

#[test]
fn an_async_service_in_process() {
    all_kinds(&GreeterClient::new(Channel::in_process(async_services())));
}

#[test]
fn large_streams_in_process() {
    large(&GreeterClient::new(Channel::in_process(blocking_services())));
}
