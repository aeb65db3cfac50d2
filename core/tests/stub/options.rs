//! What a stub asks of its calls.

use crate::channel::{Fake, block_on};
use crate::echo::request;
use crate::greet::GreeterClient;
use bytes::Bytes;
use sailplane::{Async, CancelToken, Code, Instant, Stub};
use std::time::Duration;

const fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

#[test]
fn the_earliest_deadline_holds() {
    let channel = Fake::<Async>::new(None);
    let client = GreeterClient::new(&channel);
    let deadline = |client: GreeterClient<&Fake<Async>>| {
        drop(client.say_hello(&request("x")));
        channel.last().0.deadline
    };
    let nanos = Duration::from_nanos;
    assert_eq!(deadline(client.clone()), None);
    assert_eq!(deadline(client.with_timeout(nanos(500))), Some(at(1500)), "counted from the start");
    assert_eq!(deadline(client.with_deadline(at(1200)).with_timeout(nanos(500))), Some(at(1200)));
    assert_eq!(deadline(client.with_deadline(at(1200)).with_deadline(at(1300))), Some(at(1200)));
    assert_eq!(deadline(client.with_timeout(nanos(9)).with_timeout(nanos(500))), Some(at(1009)));
    assert_eq!(deadline(client), None, "copies leave the original alone");
}

#[test]
fn metadata_are_sent_or_fail_the_call() {
    let channel = Fake::<Async>::new(None);
    let client = GreeterClient::new(&channel).with_metadata("x-tenant", "acme").wait_for_ready();
    drop(client.with_metadata("trace-bin", b"\0\x01").say_hello(&request("x")));
    let head = channel.last().0;
    assert_eq!(head.metadata.get("x-tenant"), Some("acme"));
    assert_eq!(head.metadata.get_bin("trace-bin"), Some(&b"\0\x01"[..]));

    let broken = client.with_metadata("Foo Bar", "x").with_metadata("x-fine", "y");
    let failed = block_on(broken.say_hello(&request("x"))).unwrap_err();
    assert_eq!(failed.code(), Code::Internal);
    assert!(failed.message().starts_with("invalid metadata `Foo Bar`"), "{failed}");
    assert_eq!(channel.calls.lock().unwrap().len(), 1, "nothing was started");
}

#[test]
fn a_token_cancels_what_runs_and_what_comes_later() {
    let channel = Fake::<Async>::new(None);
    let token = CancelToken::new();
    let guard = token.drop_guard();
    let client = GreeterClient::new(&channel).with_cancel(&token);
    let call = client.say_hello(&request("x"));
    let (mut sender, mut replies) = client.bidi_hello();

    let ended = client.say_hello(&request("x"));
    let wire = channel.last().1;
    wire.respond(Some(Bytes::new()), Ok(()));
    block_on(ended).unwrap();

    drop(guard);
    assert!(token.is_cancelled());
    assert_eq!(block_on(call).unwrap_err().code(), Code::Cancelled);
    assert_eq!(block_on(replies.message()).unwrap_err().code(), Code::Cancelled);
    block_on(sender.send(&request("x"))).unwrap_err();
    let late = block_on(client.say_hello(&request("x"))).unwrap_err();
    assert_eq!((late.code(), late.may_have_run()), (Code::Cancelled, false));
    assert_eq!(channel.calls.lock().unwrap().len(), 3, "the late one was not started");
    drop((sender, replies));
    for (_, wire) in channel.calls.lock().unwrap().iter() {
        assert_eq!(wire.state().client_releases, 1);
    }
}
