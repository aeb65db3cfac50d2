//! Messages that wait for a flush together: none costs more than it has to, and none is left behind.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bytes::Bytes;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Waker};

use sailplane::call::Batch;
use sailplane::stub::Incoming;
use sailplane_driver::{Gather, Link};

use support::{ANY, Call, Pipe, World};

fn connected() -> (World, Arc<Link<Pipe>>) {
    let world = World::connected();
    let client = Arc::clone(&world.pairs[0].client);
    (world, client)
}

/// Whether the message was taken.
fn send(call: &Call, message: &'static [u8]) -> bool {
    let mut batch = Batch::from(Bytes::from_static(message));
    call.0.poll_send(ANY, &mut batch, &mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn while_a_flush_is_asked_for_messages_are_added_to_it() {
    let (mut world, client) = connected();
    let call = world.start_streaming();
    world.pump();
    let (kicked, kicks) = channel();
    *client.io().kicked.lock().unwrap() = Some(kicked);
    for _ in 0..2 {
        let (locks, writes) = client.io().costs();
        assert!((0..100).all(|_| send(&call, b"message")));
        assert_eq!(client.io().costs(), (locks + 1, writes), "the first asks for a flush, and nobody else");
        assert_eq!(kicks.try_iter().count(), 1);
        client.flush();
        assert_eq!(client.io().costs(), (locks + 2, writes + 1));
    }
    *client.io().kicked.lock().unwrap() = None;
    world.pump();
    let served = world.calls.pop().unwrap().into_call().unwrap();
    let (server, id) = served.parts();
    let cx = &mut Context::from_waker(Waker::noop());
    let mut count = 0;
    while let Poll::Ready(Incoming::Messages(messages)) = server.poll_receive(id, cx) {
        count += messages.inspect(|message| assert_eq!(message, "message")).count();
    }
    assert_eq!(count, 200);
    server.release(id);
}

#[test]
fn in_a_turn_messages_are_added_to_what_it_gathered() {
    let (mut world, client) = connected();
    let call = world.start_streaming();
    world.pump();
    let (locks, writes) = client.io().costs();
    let turn = client.turn(Gather::All);
    assert!((0..100).all(|_| send(&call, b"message")));
    assert_eq!(client.io().costs(), (locks + 1, writes));
    turn.flush();
    assert_eq!(client.io().costs(), (locks + 2, writes + 1));
    drop(turn);
}

/// A thread flushes when it is asked to and at no other time, while others send: in the end everything is written.
#[test]
fn a_flush_that_begins_leaves_no_message_behind() {
    let (mut world, client) = connected();
    let calls: Vec<_> = (0..3).map(|_| world.start_streaming()).collect();
    world.pump();
    let (kicked, kicks) = channel();
    *client.io().kicked.lock().unwrap() = Some(kicked);
    let flusher = std::thread::spawn({
        let client = Arc::clone(&client);
        move || kicks.iter().for_each(|()| client.flush())
    });
    std::thread::scope(|scope| {
        for call in &calls {
            scope.spawn(|| assert!((0..5_000).all(|_| send(call, b""))));
        }
    });
    // The last one who can ask is gone.
    *client.io().kicked.lock().unwrap() = None;
    flusher.join().unwrap();
    let writes = client.io().costs().1;
    client.flush();
    assert_eq!(client.io().costs().1, writes, "nobody waits for a flush that nobody asked for");
}
