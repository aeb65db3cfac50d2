//! All four kinds of calls, over all transports, from many threads.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use sailplane::{Call, Code, Result, Sender, Services, Streaming, Stub};
use sailplane_examples_protos::greet::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
use sailplane_threads::{Channel, Server};

use support::{Running, hello, in_process, socket_path};

fn messages(replies: impl Iterator<Item = Result<HelloReply>>) -> Vec<String> {
    replies.map(|reply| reply.unwrap().message).collect()
}

fn all_four_kinds(client: &GreeterClient<Channel>) {
    assert_eq!(client.say_hello(&hello("you")).unwrap().message, "Hello, you!");
    let replies = messages(client.lots_of_replies(&hello("you")));
    assert_eq!(replies, ["Hello, you 0!", "Hello, you 1!", "Hello, you 2!"]);
    let summary = client.lots_of_greetings().finish_with([hello("a"), hello("b")]).unwrap();
    assert_eq!(summary.message, "Hello, a and b!");
    let (mut greetings, mut replies) = client.bidi_hello();
    for name in ["one", "two", "three"] {
        greetings.send(&hello(name)).unwrap();
        assert_eq!(replies.message().unwrap().unwrap().message, format!("Hello, {name}!"));
    }
    greetings.finish();
    assert_eq!(replies.message().unwrap(), None);
}

fn from_64_threads(client: &GreeterClient<Channel>) {
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| (0..20).for_each(|_| all_four_kinds(client)));
        }
    });
}

#[test]
fn one_call() {
    let server = Running::start();
    assert_eq!(server.client().say_hello(&hello("you")).unwrap().message, "Hello, you!");
}

#[test]
fn over_tcp() {
    let server = Running::start();
    all_four_kinds(&server.client());
}

#[test]
fn over_a_unix_socket() {
    let server = Running::at(&socket_path(), Server::new());
    all_four_kinds(&server.client());
}

#[test]
fn in_the_process() {
    let (_, client) = in_process();
    all_four_kinds(&client);
}

#[test]
fn over_tcp_from_64_threads() {
    let server = Running::start();
    from_64_threads(&server.client());
}

#[test]
fn over_a_unix_socket_from_64_threads_with_two_pollers() {
    let server = Running::at(&socket_path(), Server::new().pollers(2));
    let clients: Vec<_> = (0..4).map(|_| server.client()).collect();
    std::thread::scope(|scope| {
        for client in clients.iter().cycle().take(64) {
            scope.spawn(|| (0..20).for_each(|_| all_four_kinds(client)));
        }
    });
}

#[test]
fn in_the_process_from_64_threads() {
    let (_, client) = in_process();
    from_64_threads(&client);
}

#[test]
fn metadata_go_both_ways() {
    let server = Running::start();
    let info = sailplane::CallInfo::new();
    let client = server.client().with_metadata("x-tenant", "acme").with_info(&info);
    assert_eq!(client.say_hello(&hello("metadata")).unwrap().message, "Hello, acme!");
    assert_eq!(info.headers().get("x-node"), Some("n7"));
    assert_eq!(info.trailers().get("x-cost"), Some("3"));
}

#[test]
fn a_status_arrives() {
    let server = Running::start();
    let status = server.client().say_hello(&hello("fail")).unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "no such guest"));
}

#[test]
fn unknown_services_are_unimplemented() {
    let bound = Server::new().bind("127.0.0.1:0").unwrap();
    let (target, handle) = (bound.local_addr().to_string(), bound.handle());
    let thread = std::thread::spawn(move || bound.run());
    let client = GreeterClient::new(Channel::plaintext(target).unwrap());
    assert_eq!(client.say_hello(&hello("you")).unwrap_err().code(), Code::Unimplemented);
    handle.shutdown(std::time::Duration::ZERO);
    thread.join().unwrap().unwrap();
}

struct Guest;

impl Greeter for Guest {
    async fn say_hello(&self, request: HelloRequest, _: &Call) -> Result<HelloReply> {
        Ok(HelloReply { message: format!("Hello, {}!", request.name) })
    }

    async fn lots_of_replies(
        &self,
        request: HelloRequest,
        mut replies: Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        let reply = |n| HelloReply { message: format!("Hello, {} {n}!", request.name) };
        Ok(replies.send_all((0..3).map(reply)).await?)
    }

    async fn lots_of_greetings(&self, mut requests: Streaming<HelloRequest>, _: &Call) -> Result<HelloReply> {
        let mut names = Vec::new();
        while let Some(request) = requests.message().await? {
            names.push(request.name);
        }
        Ok(HelloReply { message: format!("Hello, {}!", names.join(" and ")) })
    }

    async fn bidi_hello(
        &self,
        mut requests: Streaming<HelloRequest>,
        mut replies: Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        while let Some(request) = requests.message().await? {
            replies.send(&HelloReply { message: format!("Hello, {}!", request.name) }).await?;
        }
        Ok(())
    }
}

#[test]
fn async_services_are_served_as_well() {
    let services = Services::new().service(GreeterServer::new(Guest));
    from_64_threads(&GreeterClient::new(Channel::in_process(services)));
}
