//! Readers that do not read.

use std::thread;

use crate::behaviour::scenarios::{ask, payload, say};
use crate::behaviour::{AnyClient, Fact, Replies, World};
use crate::pb::{Act, Request};

/// Octets of a reply.
const SIZE: usize = 1024;
/// What may be on its way on a stream that nobody reads: the window of its receiver, the mark of its
/// sender, and a message at each of their edges.
const ON_THE_WAY_MAX: usize = (64 + 64) * 1024 + 4 * (SIZE + 64);

fn flood(client: &AnyClient, key: &str) -> Replies {
    client.key(key).down(&Request { reply_size: SIZE as u64, ..ask(&[Act::Flood]) })
}

fn sent(world: &World, key: &str) -> usize {
    world.stage.count(|fact| matches!(fact, Fact::Sent(other, _) if other == key))
}

/// Beside a stream that nobody reads, calls go on; and it does not grow.
pub fn stalled_stream_holds_nobody_up(world: &World) {
    let client = world.client();
    let mut replies = flood(&client, "flood");
    assert_eq!(replies.message().unwrap().expect("a reply").number, 0);
    for _ in 0..100 {
        assert_eq!(client.unary(&Request { reply_size: 1000, ..say("x") }).unwrap().payload.len(), 1000);
    }
    let count = sent(world, "flood");
    assert!(count * SIZE <= ON_THE_WAY_MAX, "{count} replies are on their way");
    for number in 1..1000 {
        assert_eq!(replies.message().unwrap().expect("a reply").number, number);
    }
    drop(replies);
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
    world.stage.wait_left("flood", true);
}

/// Nor do many.
pub fn many_stalled_streams_hold_nobody_up(world: &World) {
    let client = world.client();
    let keys: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    let mut floods: Vec<_> = keys.iter().map(|key| flood(&client, key)).collect();
    for replies in &mut floods {
        assert_eq!(replies.message().unwrap().expect("a reply").number, 0);
    }
    for _ in 0..20 {
        assert_eq!(
            client.unary(&Request { reply_size: 100_000, ..say("x") }).unwrap().payload.len(),
            100_000
        );
    }
    for key in &keys {
        let count = sent(world, key);
        assert!(count * SIZE <= ON_THE_WAY_MAX, "{count} replies are on their way");
    }
    drop(floods);
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
    for key in &keys {
        world.stage.wait_left(key, true);
    }
}

/// A handler that does not read its requests blocks who sends them, and nobody else.
pub fn handler_that_does_not_read_slows_only_its_client(world: &World) {
    let client = world.client();
    let mut call = client.key("gate").up();
    call.send(&ask(&[Act::WaitForGate])).unwrap();
    thread::scope(|scope| {
        let sending = scope.spawn(move || {
            for _ in 0..1000 {
                call.send(&say([0; SIZE])).unwrap();
            }
            call.finish().unwrap()
        });
        for _ in 0..100 {
            assert_eq!(client.unary(&say("x")).unwrap().payload, b"x");
        }
        world.stage.wait_began("gate");
        assert!(!sending.is_finished());
        world.stage.open("gate");
        assert_eq!(sending.join().unwrap().requests, 1001);
    });
    let (mut requests, mut replies) = client.both();
    requests.send(&say("next")).unwrap();
    assert_eq!(payload(replies.message()), Some(b"next".to_vec()));
    requests.finish();
    assert_eq!(payload(replies.message()), None);
}
