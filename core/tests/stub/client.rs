//! What a client's handles promise: dropping, cardinality, decoding.

use crate::channel::{Fake, block_on};
use crate::echo::{hello, request};
use crate::fake::{CALL, ClientEnd, Wire};
use crate::greet::{GreeterClient, GreeterMethods, HelloReply, HelloRequest};
use bytes::Bytes;
use prost::Message as _;
use sailplane::stub::Start;
use sailplane::{
    Async, Blocking, Channel, ClientStreamingCall, Code, Method, RawCall, Sender, Status, Streaming,
    UnaryCall, blocking,
};
use std::cell::Cell;
use std::sync::Arc;

fn reply(name: &str) -> Option<Bytes> {
    Some(hello(name).encode_to_vec().into())
}

/// A call of each kind that nobody serves, and its wire.
fn start<H>(call: impl FnOnce(GreeterClient<&Fake<Async>>) -> H) -> (H, Arc<Wire>) {
    let channel = Fake::new(None);
    let handle = call(GreeterClient::new(&channel));
    (handle, channel.last().1)
}

fn cancelled(wire: &Wire) -> Option<String> {
    let state = wire.state();
    assert_eq!(state.client_releases, 1, "released exactly once");
    state.cancelled.as_ref().map(|status| status.message().to_owned())
}

#[test]
fn dropping_cancels_and_releases_once() {
    let (call, wire) = start(|client| client.say_hello(&request("x")));
    drop(call);
    assert_eq!(cancelled(&wire).unwrap(), "the call was dropped before its end");

    let (call, wire) = start(|client| client.lots_of_greetings());
    drop(call);
    assert_eq!(cancelled(&wire).unwrap(), "the call was dropped before its end");

    let (call, wire) = start(|client| client.lots_of_greetings());
    drop(call.finish());
    assert_eq!(cancelled(&wire).unwrap(), "the call was dropped before its end");

    let (replies, wire) = start(|client| client.lots_of_replies(&request("x")));
    drop(replies);
    assert_eq!(cancelled(&wire).unwrap(), "Streaming dropped before its end");
}

#[test]
fn either_half_cancels_unless_it_is_finished() {
    let ((sender, replies), wire) = start(|client| client.bidi_hello());
    drop(sender);
    assert_eq!(wire.state().client_releases, 0);
    drop(replies);
    assert_eq!(cancelled(&wire).unwrap(), "Sender dropped without finish()");

    let ((sender, replies), wire) = start(|client| client.bidi_hello());
    drop(replies);
    drop(sender);
    assert_eq!(cancelled(&wire).unwrap(), "Streaming dropped before its end");

    let ((sender, mut replies), wire) = start(|client| client.bidi_hello());
    sender.finish();
    assert!(wire.state().finished);
    wire.respond(reply("x"), Ok(()));
    assert_eq!(block_on(replies.message()).unwrap(), Some(hello("x")));
    assert_eq!(block_on(replies.message()).unwrap(), None);
    drop(replies);
    assert_eq!(cancelled(&wire), None);
}

#[test]
fn a_channel_that_drops_a_raw_call_releases_it() {
    let wire = Arc::new(Wire::default());
    drop(RawCall::new(Arc::new(ClientEnd(Arc::clone(&wire))), CALL));
    assert_eq!(cancelled(&wire).unwrap(), "released");
}

#[test]
fn exactly_one_reply_makes_a_unary_call_succeed() {
    let (call, wire) = start(|client| client.say_hello(&request("x")));
    wire.respond(None, Ok(()));
    assert_eq!(block_on(call).unwrap_err().code(), Code::Unimplemented);

    let (call, wire) = start(|client| client.lots_of_greetings());
    wire.change(|state| state.replies.extend(reply("one")));
    wire.respond(reply("two"), Ok(()));
    assert_eq!(block_on(call.finish()).unwrap_err().code(), Code::Unimplemented);
    assert_eq!(cancelled(&wire), None, "it had ended");

    let (call, wire) = start(|client| client.say_hello(&request("x")));
    wire.change(|state| state.replies.extend([reply("one").unwrap(), reply("two").unwrap()]));
    assert_eq!(block_on(call).unwrap_err().code(), Code::Unimplemented);
    assert!(cancelled(&wire).is_some(), "a server that goes on is stopped");

    let (call, wire) = start(|client| client.say_hello(&request("x")));
    wire.respond(reply("one"), Err(Status::data_loss("after all")));
    assert_eq!(block_on(call).unwrap_err().code(), Code::DataLoss, "the outcome wins");
}

#[test]
fn what_cannot_be_decoded_is_internal() {
    let (call, wire) = start(|client| client.say_hello(&request("x")));
    wire.respond(Some(Bytes::from_static(b"\xff")), Ok(()));
    let failed = block_on(call).unwrap_err();
    assert_eq!((failed.code(), std::error::Error::source(&failed).is_some()), (Code::Internal, true));

    let (mut replies, wire) = start(|client| client.lots_of_replies(&request("x")));
    wire.change(|state| state.replies.push_back(Bytes::from_static(b"\xff")));
    assert_eq!(block_on(replies.message()).unwrap_err().code(), Code::Internal);
    assert_eq!(block_on(replies.message()).unwrap(), None);
    assert_eq!(cancelled(&wire).unwrap(), "a message could not be decoded");
}

#[test]
fn messages_come_before_the_outcome_and_a_server_may_answer_early() {
    let (mut replies, wire) = start(|client| client.lots_of_replies(&request("x")));
    wire.respond(reply("last words"), Err(Status::aborted("")));
    assert_eq!(block_on(replies.message()).unwrap(), Some(hello("last words")));
    assert_eq!(block_on(replies.message()).unwrap_err().code(), Code::Aborted);
    assert_eq!(block_on(replies.message()).unwrap(), None);

    let (mut call, wire) = start(|client| client.lots_of_greetings());
    wire.respond(reply("enough"), Ok(()));
    let refused = block_on(call.send(&request("x"))).unwrap_err();
    assert_eq!(Status::from(refused).code(), Code::Cancelled);
    assert_eq!(block_on(call.finish_with([request("x")])).unwrap(), hello("enough"));
}

#[test]
fn a_dropped_send_sent_nothing_and_a_cancelled_call_says_so() {
    let ((mut sender, mut replies), wire) = start(|client| client.bidi_hello());
    for name in ["a", "b"] {
        block_on(sender.send(&request(name))).unwrap();
    }
    let mut blocked = Box::pin(sender.send(&request("c")));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(blocked.as_mut().poll(&mut cx).is_pending());
    drop(blocked);
    assert_eq!(wire.state().requests.len(), 2);
    replies.cancel();
    assert_eq!(block_on(sender.send(&request("d"))).unwrap_err().status().code(), Code::Cancelled);
    assert_eq!(block_on(replies.message()).unwrap_err().code(), Code::Cancelled);
}

/// Fails every call before it starts.
struct Broken;

impl Channel for Broken {
    type Mode = Blocking;

    fn start(&self, _: Start<'_>) -> RawCall {
        RawCall::failed(Status::unavailable("broken"))
    }
}

#[test]
fn a_call_that_never_started_fails_everywhere() {
    let client = GreeterClient::new(Box::new(Broken));
    let is_broken = |status: Status| assert_eq!(status.message(), "broken");
    is_broken(client.say_hello(&request("x")).unwrap_err());
    let (mut sender, mut replies) = client.bidi_hello();
    is_broken(sender.send(&request("x")).unwrap_err().into());
    is_broken(replies.headers().unwrap_err());
    is_broken(replies.next().unwrap().unwrap_err());
    assert!(replies.next().is_none());
    is_broken(client.lots_of_greetings().finish().unwrap_err());
}

#[test]
fn messages_are_encoded_with_one_allocation_of_their_length() {
    let encoded = GreeterMethods::SAY_HELLO.encode(&request("you"));
    assert_eq!(encoded.len(), request("you").encoded_len());
    let back: HelloRequest = GreeterMethods::SAY_HELLO.decode_request(encoded).unwrap();
    assert_eq!(back, request("you"));
    let exact = Vec::from(GreeterMethods::SAY_HELLO.encode(&request("you")));
    assert_eq!(exact.capacity(), exact.len());
}

#[test]
fn handles_are_send_and_sync_whatever_they_carry() {
    const fn check<T: Send + Sync>() {}
    type Local = Cell<*const u8>;
    check::<UnaryCall<Local>>();
    check::<Streaming<Local>>();
    check::<Sender<Local>>();
    check::<ClientStreamingCall<Local, Local>>();
    check::<blocking::Streaming<Local>>();
    check::<blocking::Sender<Local>>();
    check::<blocking::ClientStreamingCall<Local, Local>>();
    check::<Method<Local, Local>>();
    check::<RawCall>();
    check::<sailplane::Call>();
    check::<sailplane::ServerCall>();
    check::<sailplane::CancelToken>();
    check::<sailplane::CallInfo>();
    check::<sailplane::Services>();
    check::<GreeterClient<Arc<dyn Channel<Mode = Async> + Send + Sync>>>();

    fn futures_are_send(mut sender: Sender<HelloReply>, mut replies: Streaming<HelloReply>) -> impl Send {
        async move {
            _ = (sender.send_all(vec![hello("x")]).await, replies.message().await, replies.headers().await);
        }
    }
    let (replies, _wire) = start(|client| client.lots_of_replies(&request("x")));
    let (call, _wire) = start(|client| client.lots_of_greetings());
    const fn is_send<T: Send>(_: &T) {}
    is_send(&call.finish_with([request("x")]));
    let _: fn(_, _) -> _ = |sender, replies| is_send(&futures_are_send(sender, replies));
    drop(replies);
}
