//! How calls end other than by a reply.
mod support;

use std::time::Duration;

use sailplane::{Code, Stub as _};
use support::{Greeting, TestServer, block_on, named};

#[test]
fn an_error_arrives_with_its_message() {
    let server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    let status = block_on(server.client().say_hello(&named("refuse"))).unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "这里不欢迎您"));
}

#[test]
fn a_handler_that_panics_ends_its_call_and_nothing_else() {
    let server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    let client = server.client();
    block_on(async {
        let status = client.say_hello(&named("panic")).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unknown, "the handler panicked"));
        let other = client.say_hello(&named("张三")).await.unwrap();
        assert_eq!(other.message, "Hello, 张三!");
    });
}

#[test]
fn a_call_that_the_client_drops_drops_its_handler() {
    let (greeting, watcher) = Greeting::watched();
    let server = TestServer::start("127.0.0.1:0", greeting.services());
    let client = server.client();
    block_on(async {
        let call = client.say_hello(&named("wait"));
        watcher.started.recv().await.unwrap();
        drop(call);
        watcher.dropped.recv().await.unwrap();
    });
}

#[test]
fn a_stream_that_the_client_cancels_ends_its_handler() {
    let (greeting, watcher) = Greeting::watched();
    let server = TestServer::start("127.0.0.1:0", greeting.services());
    let client = server.client();
    block_on(async {
        let mut replies = client.lots_of_replies(&named("endless"));
        for _ in 0..1000 {
            assert!(replies.message().await.unwrap().is_some());
        }
        replies.cancel();
        watcher.dropped.recv().await.unwrap();
        let status = loop {
            match replies.message().await {
                Ok(reply) => assert!(reply.is_some()),
                Err(status) => break status,
            }
        };
        assert_eq!(status.code(), Code::Cancelled);
    });
}

#[test]
fn a_missed_deadline_ends_the_call_on_both_sides() {
    let (greeting, watcher) = Greeting::watched();
    let server = TestServer::start("127.0.0.1:0", greeting.services());
    let client = server.client().with_timeout(Duration::from_millis(50));
    block_on(async {
        let status = client.say_hello(&named("wait")).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        watcher.dropped.recv().await.unwrap();
    });
}

#[test]
fn an_unknown_method_is_unimplemented() {
    use sailplane::{Method, StubCore};
    use sailplane_examples_protos::greet::{HelloReply, HelloRequest};

    const METHOD: Method<HelloRequest, HelloReply> = Method::unary("/greet.Greeter/SayGoodbye");
    let server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    let status = block_on(StubCore::new(server.channel()).unary(&METHOD, &named("张三"))).unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "unknown method SayGoodbye of service greet.Greeter");
}
