//! Greets in all four kinds.
mod support;

use std::sync::Arc;

use sailplane::{Call, CallInfo, Result, Services, Stub as _, blocking};
use sailplane_examples_protos::greet::{
    GreeterBlocking, GreeterBlockingServer, GreeterClient, HelloReply, HelloRequest,
};
use sailplane_smol::Channel;
use smol::Executor;
use support::{Greeting, TestServer, block_on, greet_in_every_way, named};

#[test]
fn over_tcp() {
    let server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    block_on(greet_in_every_way(&server.client()));
}

#[test]
fn over_a_unix_socket() {
    let path = support::socket_path("greeter");
    let server = TestServer::start(&path, Greeting::new().services());
    block_on(greet_in_every_way(&server.client()));
    drop(server);
    assert!(!std::path::Path::new(path.trim_start_matches("unix:")).exists(), "the file is left behind");
}

#[test]
fn inside_a_process() {
    let channel = Channel::in_process(Greeting::new().services());
    block_on(greet_in_every_way(&GreeterClient::new(channel)));
}

#[test]
fn by_a_name_that_is_resolved() {
    let server = TestServer::start("localhost:0", Greeting::new().services());
    let port = server.address.rsplit_once(':').unwrap().1;
    let channel = Channel::plaintext(format!("localhost:{port}")).unwrap();
    block_on(greet_in_every_way(&GreeterClient::new(channel)));
}

#[test]
fn on_the_executor_of_the_caller() {
    let server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    let executor = Arc::new(Executor::new());
    let client = GreeterClient::new(server.channel().on(&executor));
    block_on(executor.run(greet_in_every_way(&client)));
}

#[test]
fn by_a_blocking_service() {
    let services = Services::new().service(GreeterBlockingServer::new(Blocking));
    let server = TestServer::start("127.0.0.1:0", services);
    block_on(greet_in_every_way(&server.client()));
}

#[test]
fn with_metadata_both_ways() {
    let server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    let info = CallInfo::new();
    let client = server.client().with_metadata("x-tenant", "acme").with_info(&info);
    let reply = block_on(client.say_hello(&named("metadata"))).unwrap();
    assert_eq!(reply.message, "Hello, acme!");
    assert_eq!(info.headers().get("x-node"), Some("n7"));
    assert_eq!(info.trailers().get("x-cost"), Some("3"));
    assert_eq!(info.peer().as_deref(), Some(&*server.address));
}

/// A greeter whose handlers block.
struct Blocking;

fn hello(names: &str) -> HelloReply {
    HelloReply { message: format!("Hello, {names}!") }
}

impl GreeterBlocking for Blocking {
    fn say_hello(&self, request: HelloRequest, _: &Call) -> Result<HelloReply> {
        Ok(hello(&request.name))
    }

    fn lots_of_replies(
        &self,
        request: HelloRequest,
        mut replies: blocking::Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        for time in 0..10 {
            replies.send(&HelloReply { message: format!("Hello, {}! ({time})", request.name) })?;
        }
        Ok(())
    }

    fn lots_of_greetings(
        &self,
        mut requests: blocking::Streaming<HelloRequest>,
        _: &Call,
    ) -> Result<HelloReply> {
        let mut names = Vec::new();
        while let Some(request) = requests.message()? {
            names.push(request.name);
        }
        Ok(hello(&names.join(", ")))
    }

    fn bidi_hello(
        &self,
        mut requests: blocking::Streaming<HelloRequest>,
        mut replies: blocking::Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        while let Some(request) = requests.message()? {
            replies.send(&hello(&request.name))?;
        }
        Ok(())
    }
}
