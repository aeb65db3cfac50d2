//! A blocking client of this server.
#![allow(clippy::unwrap_used, reason = "these are tests")]
mod support;

use std::time::Duration;

use sailplane::{Code, Stub as _};
use sailplane_blocking::Channel;
use sailplane_examples_protos::greet::GreeterClient;
use support::{Greeting, TestServer, named};

fn client(server: &TestServer) -> GreeterClient<Channel> {
    GreeterClient::new(Channel::plaintext(&server.address).unwrap())
}

fn greet_in_every_way(client: &GreeterClient<Channel>) {
    assert_eq!(client.say_hello(&named("张三")).unwrap().message, "Hello, 张三!");

    let mut replies = client.lots_of_replies(&named("李四"));
    for number in 0..10 {
        let reply = replies.message().unwrap().unwrap();
        assert_eq!(reply.message, format!("Hello, 李四! ({number})"));
    }
    assert_eq!(replies.message().unwrap(), None);

    let reply = client.lots_of_greetings().finish_with([named("张三"), named("李四")]).unwrap();
    assert_eq!(reply.message, "Hello, 张三, 李四!");

    let (mut names, mut replies) = client.bidi_hello();
    for name in ["张三", "李四"] {
        names.send(&named(name)).unwrap();
        assert_eq!(replies.message().unwrap().unwrap().message, format!("Hello, {name}!"));
    }
    names.finish();
    assert_eq!(replies.message().unwrap(), None);
}

#[test]
fn greets_over_tcp() {
    let server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    greet_in_every_way(&client(&server));
}

#[test]
fn greets_over_a_unix_socket() {
    let server = TestServer::start(&support::socket_path("blocking"), Greeting::new().services());
    greet_in_every_way(&client(&server));
}

#[test]
fn misses_a_deadline() {
    let (greeting, watcher) = Greeting::watched();
    let server = TestServer::start("127.0.0.1:0", greeting.services());
    let client = client(&server).with_timeout(Duration::from_millis(50));
    assert_eq!(client.say_hello(&named("wait")).unwrap_err().code(), Code::DeadlineExceeded);
    watcher.dropped.recv_blocking().unwrap();
}
