//! What goes beside the messages.

use sailplane::{CallInfo, Code};

use crate::behaviour::scenarios::{ask, assert_status, fail, payload, say};
use crate::behaviour::{AnyClient, Transport, World, fields};
use crate::pb::{Act, Request};

/// Text and binary, repeated, in an order.
fn decorated(client: &AnyClient) -> AnyClient {
    client
        .with_metadata("x-echo-initial", "one, two")
        .with_metadata("x-echo-initial", "three")
        .with_metadata("x-echo-initial-bin", &[0, 255, b','])
        .with_metadata("x-echo-initial-bin", &[])
        .with_metadata("x-echo-trailing", "cost=3")
        .with_metadata("x-echo-trailing", "!~")
        .with_metadata("x-echo-trailing-bin", &[1, 2, 3, 4])
}

const INITIAL: [&str; 4] =
    ["x-echo-initial=one, two", "x-echo-initial=three", "x-echo-initial-bin=00ff2c", "x-echo-initial-bin="];
const TRAILING: [&str; 3] = ["x-echo-trailing=cost=3", "x-echo-trailing=!~", "x-echo-trailing-bin=01020304"];

/// Both kinds, both ways, in order.
pub fn metadata_of_a_unary_call(world: &World) {
    let info = CallInfo::new();
    let client = world.client();
    decorated(&client).with_info(&info).unary(&say("x")).unwrap();
    assert_eq!(fields(&info.headers(), "x-"), INITIAL);
    assert_eq!(fields(&info.trailers(), "x-"), TRAILING);
    client.with_info(&info).unary(&say("x")).unwrap();
    assert!(fields(&info.headers(), "x-").is_empty(), "metadata of another call: {info:?}");
}

/// Both kinds, both ways, at a stream's begin and end.
pub fn metadata_of_streams(world: &World) {
    let client = decorated(&world.client());
    let mut replies = client.down(&Request { count: 2, ..say("x") });
    assert_eq!(fields(&replies.headers().unwrap(), "x-"), INITIAL);
    assert_eq!(replies.drain().0.len(), 2);
    assert_eq!(fields(&replies.headers().unwrap(), "x-"), INITIAL);
    assert_eq!(fields(&replies.trailers().expect("trailers after the end"), "x-"), TRAILING);

    let (mut requests, mut replies) = client.both();
    requests.send(&say("x")).unwrap();
    assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
    assert_eq!(fields(&replies.headers().unwrap(), "x-"), INITIAL);
    requests.finish();
    assert_eq!(replies.message().unwrap(), None);
    assert_eq!(fields(&replies.trailers().expect("trailers after the end"), "x-"), TRAILING);
}

/// They can be read while the handler has not made a message yet.
pub fn initial_metadata_come_first(world: &World) {
    let client = decorated(&world.client()).key("gate");
    let mut replies = client.down(&Request { count: 1, ..ask(&[Act::SendHeaders, Act::WaitForGate]) });
    assert_eq!(fields(&replies.headers().unwrap(), "x-"), INITIAL);
    world.stage.open("gate");
    assert_eq!(payload(replies.message()), Some(Vec::new()));
    assert_eq!(replies.message().unwrap(), None);
}

/// A failure has trailing metadata like a success.
pub fn trailers_with_an_error(world: &World) {
    let info = CallInfo::new();
    let client = decorated(&world.client()).with_info(&info);
    let request = Request { acts: vec![Act::SendHeaders.into()], ..fail(Code::Aborted, "no") };
    assert_status(client.unary(&request), Code::Aborted, "no");
    assert_eq!(fields(&info.headers(), "x-"), INITIAL);
    assert_eq!(fields(&info.trailers(), "x-"), TRAILING);

    let (mut requests, mut replies) = client.both();
    requests.send(&say("x")).unwrap();
    requests.send(&fail(Code::DataLoss, "half of it")).unwrap();
    assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
    assert_status(replies.message(), Code::DataLoss, "half of it");
    assert_eq!(fields(&replies.trailers().expect("trailers after the end"), "x-"), TRAILING);
    assert_eq!(replies.message().unwrap(), None);
}

/// A call that fails before anything was sent: nothing but trailers.
pub fn trailers_only_response(world: &World) {
    let client = world.client().with_metadata("x-echo-trailing", "t");
    let mut replies = client.down(&fail(Code::NotFound, "nothing here"));
    assert_status(replies.headers(), Code::NotFound, "nothing here");
    assert_status(replies.message(), Code::NotFound, "nothing here");
    assert_eq!(replies.message().unwrap(), None);
    assert_eq!(fields(&replies.trailers().expect("trailers after the end"), "x-"), ["x-echo-trailing=t"]);
}

/// Sixteen ways to fail, and a text of everything that is awkward on the wire.
pub fn every_code_and_any_text(world: &World) {
    let client = world.client();
    let text = "100 % größer\r\n\tals ✈ \u{10348}%41 \"\\";
    for number in 1..=16 {
        let code = Code::from_number(number).expect("a code");
        let status = client.unary(&fail(code, text)).expect_err("a failure");
        assert_eq!((status.code(), status.message()), (code, text));
        assert_eq!(status.origin(), sailplane::Origin::Peer);
    }
}

/// The call fails before anything is sent.
pub fn metadata_that_cannot_be_sent(world: &World) {
    let client = world.client();
    for name in ["Upper Case", "grpc-timeout", ""] {
        let status = assert_status(client.with_metadata(name, "x").unary(&say("x")), Code::Internal, name);
        assert!(!status.may_have_run());
    }
    assert_status(client.with_metadata("x-text", "ä").unary(&say("x")), Code::Internal, "x-text");
    assert_status(client.with_metadata("x-text-bin", "text").unary(&say("x")), Code::Internal, "x-text");
    assert_eq!(world.stage.log(), []);
}

/// 20 KiB of metadata where 16 are allowed end their call. The connection lives.
pub fn too_large_metadata(world: &World) {
    let client = world.client();
    assert_eq!(client.unary(&say("x")).unwrap().payload, b"x");
    let large = "x".repeat(20 * 1024);
    assert_status(client.with_metadata("x-large", large).unary(&say("x")), Code::ResourceExhausted, "");
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
    let large = "x".repeat(9 * 1024);
    let client =
        client.with_metadata("x-echo-initial", large.clone()).with_metadata("x-echo-initial-b", large);
    assert_status(client.unary(&say("x")), Code::ResourceExhausted, "");
    assert_eq!(world.client().unary(&say("next")).unwrap().payload, b"next");
}

/// The client's information names the server.
pub fn peers_know_each_other(world: &World) {
    let info = CallInfo::new();
    world.client().with_info(&info).unary(&say("x")).unwrap();
    let target = world.target();
    let address = match world.pairing.transport {
        Transport::Unix => target.trim_start_matches("unix:"),
        _ => &target,
    };
    let peer = info.peer().expect("an address");
    assert!(peer.ends_with(address), "{peer} is not {address}");
}
