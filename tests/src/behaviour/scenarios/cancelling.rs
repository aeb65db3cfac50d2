//! Calls that somebody gives up.

use sailplane::{CancelToken, Code, Origin};

use crate::behaviour::scenarios::{ask, assert_status, fail, is_serial, payload, say};
use crate::behaviour::{Fact, World};
use crate::pb::{Act, Request};

/// Dropping both halves of a conversation cancels it on the server.
pub fn dropped_stream_is_cancelled(world: &World) {
    let client = world.client();
    for (key, half) in [("sender", 0), ("receiver", 1), ("both", 2)] {
        let (mut requests, mut replies) = client.key(key).both();
        requests.send(&say("x")).unwrap();
        assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
        let mut kept = (Some(requests), Some(replies));
        match half {
            0 => kept.0 = None,
            1 => kept.1 = None,
            _ => kept = (None, None),
        }
        world.stage.wait_left(key, true);
        drop(kept);
    }
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
}

/// Dropping the receiver stops a server that sends as fast as it can.
pub fn dropped_flood_is_cancelled(world: &World) {
    let client = world.client();
    let mut replies = client.key("flood").down(&Request { reply_size: 1000, ..ask(&[Act::Flood]) });
    for number in 0..10 {
        assert_eq!(replies.message().unwrap().expect("a reply").number, number);
    }
    drop(replies);
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
    world.stage.wait_left("flood", true);
}

/// An explicit cancel ends the call at once on this side, and is seen on the other.
pub fn cancelled_stream(world: &World) {
    let client = world.client();
    let (mut requests, mut replies) = client.key("talk").both();
    requests.send(&say("x")).unwrap();
    assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
    replies.cancel();
    let status = assert_status(replies.message(), Code::Cancelled, "");
    assert_eq!(status.origin(), Origin::Local);
    assert_eq!(replies.message().unwrap(), None);
    assert_status(requests.send(&say("y")).map_err(Into::into), Code::Cancelled, "");
    world.stage.wait_left("talk", true);

    let (mut requests, mut replies) = client.key("again").both();
    requests.send(&say("x")).unwrap();
    assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
    requests.cancel();
    assert_status(replies.message(), Code::Cancelled, "");
    world.stage.wait_left("again", true);
}

/// A unary call that is cancelled while its handler runs.
pub fn unary_cancel_reaches_the_server(world: &World) {
    let client = world.client();
    let call = client.key("slow").start_unary(&ask(&[Act::WaitForCancel]));
    world.stage.wait_began("slow");
    call.cancel();
    assert_status(call.wait(), Code::Cancelled, "");
    world.stage.wait_left("slow", true);
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
}

/// A unary call that is dropped while its handler runs.
pub fn dropped_unary_is_cancelled(world: &World) {
    let client = world.client();
    let call = client.key("slow").start_unary(&ask(&[Act::WaitForCancel]));
    world.stage.wait_began("slow");
    call.abandon();
    world.stage.wait_left("slow", true);
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
}

/// An upload that is dropped never looks complete.
pub fn dropped_upload_is_cancelled(world: &World) {
    let client = world.client();
    let mut call = client.key("up").up();
    call.send(&say("x")).unwrap();
    if !is_serial(world.pairing) {
        // Where nothing moves while nobody waits, this moves the upload.
        client.unary(&say("x")).unwrap();
    }
    world.stage.wait_for(&Fact::Received("up".into(), 1));
    drop(call);
    world.stage.wait_left("up", true);
    assert!(!world.stage.log().contains(&Fact::HalfClosed("up".into())));
    let call = client.key("never").up();
    drop(call);
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
    assert!(!world.stage.log().contains(&Fact::HalfClosed("never".into())));
}

/// One token for several calls, and for those that are not started yet.
pub fn token_cancels_many(world: &World) {
    let token = CancelToken::new();
    let client = world.client().with_cancel(&token);
    let count = if is_serial(world.pairing) { 1 } else { 5 };
    let mut calls: Vec<_> = (0..count)
        .map(|number| {
            let (mut requests, mut replies) = client.key(&number.to_string()).both();
            requests.send(&say("x")).unwrap();
            assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
            (requests, replies)
        })
        .collect();
    token.cancel();
    for (number, (_, replies)) in calls.iter_mut().enumerate() {
        assert_status(replies.message(), Code::Cancelled, "");
        world.stage.wait_left(&number.to_string(), true);
    }
    let status = assert_status(client.key("late").unary(&say("x")), Code::Cancelled, "");
    assert!(!status.may_have_run());
    assert_eq!(world.client().unary(&say("next")).unwrap().payload, b"next");
    assert!(!world.stage.log().contains(&Fact::Began("late".into())));
}

/// The server has had enough: what it sent arrives, then its reason.
pub fn server_ends_a_stream_with_an_error(world: &World) {
    let client = world.client();
    let (mut requests, mut replies) = client.key("talk").both();
    requests.send(&Request { count: 3, ..say("x") }).unwrap();
    requests.send(&fail(Code::PermissionDenied, "not for you")).unwrap();
    let (all, end) = replies.drain();
    assert_eq!(all.len(), 3);
    assert_status(end, Code::PermissionDenied, "not for you");
    assert_status(requests.send(&say("x")).map_err(Into::into), Code::PermissionDenied, "not for you");
    world.stage.wait_left("talk", false);
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
}

/// The server has had enough of an upload: sending ends, and the reason is there.
pub fn server_ends_an_upload_with_an_error(world: &World) {
    let client = world.client();
    let mut call = client.up();
    call.send(&fail(Code::InvalidArgument, "nonsense")).unwrap();
    let error = loop {
        if let Err(error) = call.send(&say([0; 1000])) {
            break error;
        }
    };
    assert_eq!(error.status().code(), Code::InvalidArgument);
    assert_status(call.finish(), Code::InvalidArgument, "nonsense");
    let first = std::iter::once(fail(Code::InvalidArgument, "nonsense"));
    let endless = first.chain(std::iter::repeat_with(|| say([0; 1000])));
    assert_status(client.up().finish_with(endless), Code::InvalidArgument, "nonsense");
}
