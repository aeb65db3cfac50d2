//! Many threads.

use std::sync::Barrier;
use std::thread;

use sailplane::bytes::Bytes;
use sailplane::prost::Message as _;
use sailplane::stub::Codec;
use sailplane::{Method, Result};

use crate::behaviour::World;
use crate::behaviour::scenarios::{ask, payload, say};
use crate::pb::{Act, Reply, Request};

/// Sixteen threads share a channel, for unary calls and conversations.
pub fn many_threads_on_one_channel(world: &World) {
    let client = world.client();
    thread::scope(|scope| {
        for number in 0..16_u32 {
            let client = client.clone();
            scope.spawn(move || {
                for count in 0..20_u32 {
                    let text = [number.to_be_bytes(), count.to_be_bytes()].concat();
                    assert_eq!(client.unary(&say(&text)).unwrap().payload, text);
                    if count % 5 == 0 {
                        let (mut requests, mut replies) = client.both();
                        requests.send(&say(&text)).unwrap();
                        assert_eq!(payload(replies.message()), Some(text));
                        requests.finish();
                        assert_eq!(payload(replies.message()), None);
                    }
                }
            });
        }
    });
}

/// Room for two calls, and many threads that want it: nobody is forgotten.
pub fn few_slots_for_many_threads(world: &World) {
    world.limit_server(|limits| limits.concurrent_calls_max(2));
    let client = world.client();
    thread::scope(|scope| {
        for number in 0..8_u32 {
            let client = client.clone();
            scope.spawn(move || {
                for count in 0..50_u32 {
                    let text = [number.to_be_bytes(), count.to_be_bytes()].concat();
                    let (mut requests, mut replies) = client.both();
                    requests.send(&say(&text)).unwrap();
                    requests.finish();
                    assert_eq!(payload(replies.message()), Some(text));
                    assert_eq!(payload(replies.message()), None);
                }
            });
        }
    });
}

/// A thread whose call is over leaves; another, which slept meanwhile, gets its reply all the same.
pub fn two_threads_wait_on_one_channel(world: &World) {
    let client = world.client();
    for round in 0..20 {
        let (one, two) = (format!("one {round}"), format!("two {round}"));
        thread::scope(|scope| {
            let calls = [&one, &two].map(|key| {
                let client = client.key(key);
                scope.spawn(move || client.unary(&ask(&[Act::WaitForGate])).unwrap())
            });
            world.stage.wait_began(&one);
            world.stage.wait_began(&two);
            let order = if round % 2 == 0 { [&one, &two] } else { [&two, &one] };
            for key in order {
                world.stage.open(key);
                world.stage.wait_left(key, false);
            }
            for call in calls {
                call.join().unwrap();
            }
        });
    }
}

/// A thread that panics with its reply in hand takes nobody with it.
pub fn panic_of_the_thread_that_reads(world: &World) {
    let client = world.client();
    let both = Barrier::new(2);
    thread::scope(|scope| {
        let panics = scope.spawn(|| {
            let method = Method::unary_with::<Panics>("/behaviour.Behaviour/Unary");
            both.wait();
            client.with_metadata("x-key", "panics").unary_at(&method, &ask(&[Act::WaitForGate]))
        });
        let waits = scope.spawn(|| {
            both.wait();
            client.key("waits").unary(&ask(&[Act::WaitForGate]))
        });
        world.stage.wait_began("panics");
        world.stage.wait_began("waits");
        world.stage.open("panics");
        assert!(panics.join().is_err());
        world.stage.open("waits");
        waits.join().unwrap().unwrap();
    });
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
}

/// Handlers that wait for messages hold no worker: five conversations and a unary call on two workers.
pub fn more_streams_than_workers(world: &World) {
    world.limit_workers(2);
    let client = world.client();
    let mut calls: Vec<_> = (0..5).map(|_| client.both()).collect();
    for (requests, replies) in &mut calls {
        requests.send(&say("x")).unwrap();
        assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
    }
    for _ in 0..10 {
        assert_eq!(client.unary(&say("healthy")).unwrap().payload, b"healthy");
    }
    for (mut requests, mut replies) in calls {
        requests.send(&say("y")).unwrap();
        assert_eq!(payload(replies.message()), Some(b"y".to_vec()));
        requests.finish();
        assert_eq!(payload(replies.message()), None);
    }
}

/// Cannot decode a reply.
enum Panics {}

impl Codec<Request> for Panics {
    fn encode(message: &Request) -> Bytes {
        message.encode_to_vec().into()
    }

    fn decode(_: Bytes) -> Result<Request> {
        unreachable!("requests are not decoded here")
    }
}

impl Codec<Reply> for Panics {
    fn encode(_: &Reply) -> Bytes {
        unreachable!("replies are not encoded here")
    }

    fn decode(_: Bytes) -> Result<Reply> {
        panic!("the client's thread panics, as it should")
    }
}
