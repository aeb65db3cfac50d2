//! Many calls on one connection.

use crate::behaviour::scenarios::{payload, say};
use crate::behaviour::{AnyClient, World};

/// Opens so many conversations, and then has them all, one after the other.
fn converse(client: &AnyClient, count: u32, check: impl Fn()) {
    let calls: Vec<_> = (0..count)
        .map(|number| {
            let (mut requests, replies) = client.key(&number.to_string()).both();
            requests.send(&say(number.to_be_bytes())).unwrap();
            (requests, replies)
        })
        .collect();
    for (number, (mut requests, mut replies)) in (0..count).zip(calls) {
        assert_eq!(payload(replies.message()), Some(number.to_be_bytes().to_vec()), "conversation {number}");
        check();
        requests.send(&say("bye")).unwrap();
        requests.finish();
        assert_eq!(payload(replies.message()), Some(b"bye".to_vec()), "conversation {number}");
        assert_eq!(payload(replies.message()), None, "conversation {number}");
    }
}

/// All at once, where the server allows it.
pub fn thousand_concurrent_calls(world: &World) {
    world.limit_server(|limits| limits.concurrent_calls_max(2000));
    converse(&world.client(), 1000, || {});
}

/// More than the server allows wait on the client, and all have their turn.
pub fn limit_of_concurrent_calls_queues(world: &World) {
    let stage = world.stage.clone();
    converse(&world.client(), 300, || assert!(stage.present() <= 100, "{}", stage.present()));
}

/// Nothing is left of a call that would matter to the thousandth after it.
pub fn many_calls_one_after_the_other(world: &World) {
    let client = world.client();
    for number in 0..1000_u32 {
        assert_eq!(client.unary(&say(number.to_be_bytes())).unwrap().payload, number.to_be_bytes());
    }
}
