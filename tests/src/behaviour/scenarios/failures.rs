//! Handlers that are not there, or do not return.

use sailplane::{Code, Method};

use crate::behaviour::World;
use crate::behaviour::scenarios::{ask, assert_status, payload, say};
use crate::pb::Act;

/// A service that exists, a method that does not.
pub fn unimplemented_method(world: &World) {
    let client = world.client();
    let method = Method::unary("/behaviour.Behaviour/Missing");
    assert_status(client.unary_at(&method, &say("x")), Code::Unimplemented, "Missing");
    let method = Method::server_streaming("/behaviour.Behaviour/Missing");
    assert_status(client.down_at(&method, &say("x")).message(), Code::Unimplemented, "Missing");
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
}

/// A service that does not exist.
pub fn unimplemented_service(world: &World) {
    let client = world.client();
    let method = Method::unary("/missing.Service/Method");
    assert_status(client.unary_at(&method, &say("x")), Code::Unimplemented, "missing.Service");
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
}

/// UNKNOWN, without a word of what happened; the server lives.
pub fn panic_in_a_unary_handler(world: &World) {
    let client = world.client();
    for _ in 0..3 {
        let status = assert_status(client.unary(&ask(&[Act::Panic])), Code::Unknown, "panicked");
        assert!(!status.message().contains("was asked to"), "{status}");
        assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
    }
}

/// A stream that a panic ends is never complete.
pub fn panic_in_a_stream(world: &World) {
    let client = world.client();
    let (mut requests, mut replies) = client.key("talk").both();
    requests.send(&say("x")).unwrap();
    assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
    requests.send(&ask(&[Act::Panic])).unwrap();
    assert_status(replies.message(), Code::Unknown, "panicked");
    assert_status(client.down(&ask(&[Act::Panic])).message(), Code::Unknown, "panicked");
    let mut call = client.up();
    call.send(&ask(&[Act::Panic])).unwrap();
    assert_status(call.finish(), Code::Unknown, "panicked");
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
}
