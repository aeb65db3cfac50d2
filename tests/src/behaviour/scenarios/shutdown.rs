//! Servers that end in order.

use sailplane::Code;

use crate::behaviour::World;
use crate::behaviour::scenarios::{LONG, SHORT, payload, say};

/// What runs may finish, as long as that takes.
pub fn shutdown_lets_calls_finish(world: &World) {
    let client = world.client();
    let (mut requests, mut replies) = client.key("talk").both();
    requests.send(&say("x")).unwrap();
    assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
    world.shutdown(LONG);
    for _ in 0..10 {
        requests.send(&say("y")).unwrap();
        assert_eq!(payload(replies.message()), Some(b"y".to_vec()));
    }
    requests.finish();
    assert_eq!(payload(replies.message()), None);
    world.stage.wait_left("talk", false);
    world.join();
    let failed = client.unary(&say("x")).expect_err("nobody listens");
    assert_eq!(failed.code(), Code::Unavailable, "{failed}");
}

/// What does not finish in time is cancelled.
pub fn shutdown_is_bounded(world: &World) {
    let client = world.client();
    let (mut requests, mut replies) = client.key("talk").both();
    requests.send(&say("x")).unwrap();
    assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
    world.shutdown(SHORT);
    let status = replies.message().expect_err("the server is gone");
    assert!(matches!(status.code(), Code::Unavailable | Code::Cancelled), "{status}");
    world.stage.wait_left("talk", true);
    world.join();
}

/// While a server drains, new calls go to its successor.
pub fn calls_after_shutdown_go_elsewhere(world: &World) {
    let client = world.client();
    let target = world.target();
    let (mut requests, mut replies) = client.key("talk").both();
    requests.send(&say("x")).unwrap();
    assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
    world.shutdown(LONG);
    let old = world.start_at(&target);
    assert_eq!(client.wait_for_ready().unary(&say("new")).unwrap().payload, b"new");
    requests.send(&say("old")).unwrap();
    assert_eq!(payload(replies.message()), Some(b"old".to_vec()));
    requests.finish();
    assert_eq!(payload(replies.message()), None);
    assert_eq!(client.unary(&say("new")).unwrap().payload, b"new");
    if let Some(mut old) = old {
        old.join();
    }
}
