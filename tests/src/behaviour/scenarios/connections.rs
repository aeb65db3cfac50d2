//! Connections that are not there, or do not stay.

use std::thread;

use sailplane::{Code, Origin, Status};

use crate::behaviour::scenarios::{assert_status, payload, say};
use crate::behaviour::{Cable, Fact, Fate, Transport, World, until};

/// What a status must name.
fn address(world: &World, target: &str) -> String {
    match world.pairing.transport {
        Transport::Unix => target.trim_start_matches("unix:").to_owned(),
        _ => target.to_owned(),
    }
}

#[track_caller]
fn assert_names(status: &Status, address: &str) {
    assert_eq!(status.origin(), Origin::Transport, "{status}");
    assert_eq!(status.address(), Some(address), "{status}");
}

/// UNAVAILABLE, and it says where.
pub fn nobody_listens(world: &World) {
    let target = world.target();
    world.kill();
    let client = world.client_of(&target);
    for _ in 0..3 {
        let status = assert_status(client.unary(&say("x")), Code::Unavailable, &target);
        assert_names(&status, &address(world, &target));
        assert!(!status.may_have_run());
    }
    let (mut requests, mut replies) = client.both();
    assert_status(replies.message(), Code::Unavailable, &target);
    assert_status(requests.send(&say("x")).map_err(Into::into), Code::Unavailable, &target);
}

/// Calls fail with the address; the next one goes to the server that took its place.
pub fn killed_server_is_unavailable_and_comes_back(world: &World) {
    let client = world.client();
    let target = world.target();
    let (mut requests, mut replies) = client.both();
    requests.send(&say("x")).unwrap();
    assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
    world.kill();
    let status = replies.message().expect_err("the server is gone");
    // A server that has the time to say so cancels the call before it goes.
    if status.origin() == Origin::Transport {
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert_names(&status, &address(world, &target));
    } else {
        assert!(matches!(status.code(), Code::Unavailable | Code::Cancelled), "{status}");
    }
    drop((requests, replies));
    world.start_at(&target);
    assert_eq!(client.unary(&say("back")).unwrap().payload, b"back");
    world.kill();
    // Threads of a server that was killed may live a moment longer.
    let status = until("the server is gone", || match client.unary(&say("x")) {
        Ok(_) => Err("it answers".into()),
        Err(status) => Ok(status),
    });
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    world.start_at(&target);
    assert_eq!(client.wait_for_ready().unary(&say("back")).unwrap().payload, b"back");
}

/// Calls that wait for ready are there before the server is.
pub fn wait_for_ready_waits_for_a_server(world: &World) {
    let target = world.target();
    world.kill();
    let client = world.client_of(&target);
    thread::scope(|scope| {
        let waits = scope.spawn(|| client.wait_for_ready().unary(&say("patient")));
        assert_status(client.unary(&say("x")), Code::Unavailable, "");
        world.start_at(&target);
        assert_eq!(waits.join().unwrap().unwrap().payload, b"patient");
    });
}

/// A connection that breaks ends its calls on both sides.
pub fn lost_connection_cancels_on_the_server(world: &World) {
    let cable = Cable::new(world, &[]);
    let client = world.client_of(cable.target());
    let (mut requests, mut replies) = client.key("talk").both();
    requests.send(&say("x")).unwrap();
    assert_eq!(payload(replies.message()), Some(b"x".to_vec()));
    cable.cut();
    let status = assert_status(replies.message(), Code::Unavailable, "");
    assert_names(&status, &address(world, cable.target()));
    assert!(status.may_have_run());
    world.stage.wait_left("talk", true);
    assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
    assert_eq!(cable.connections(), 2);
}

/// GOAWAY and the end of the stream between two calls: the second goes elsewhere.
pub fn server_that_leaves_while_idle(world: &World) {
    let cable = Cable::new(world, &[]);
    let client = world.client_of(cable.target());
    for count in 1..5 {
        assert_eq!(client.key("x").unary(&say("x")).unwrap().payload, b"x");
        assert_eq!(cable.connections(), count);
        cable.say_goodbye(1);
    }
    assert_eq!(world.stage.count(|fact| *fact == Fact::Began("x".into())), 4);
}

/// A call that was started before there was a connection, and lost its connection: it runs at most once,
/// and the channel finds another connection.
pub fn call_before_connect_moves(world: &World) {
    let cable = Cable::new(world, &[Fate::Close]);
    let client = world.client_of(cable.target());
    match client.key("x").unary(&say("x")) {
        // Nothing of it had been written.
        Ok(reply) => assert_eq!(reply.payload, b"x"),
        Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
    }
    assert_eq!(client.wait_for_ready().key("next").unary(&say("next")).unwrap().payload, b"next");
    assert!(world.stage.count(|fact| *fact == Fact::Began("x".into())) <= 1);
}

/// A server that goes without having looked at the call: the call goes elsewhere, once, unseen.
pub fn unprocessed_call_is_repeated(world: &World) {
    let cable = Cable::new(world, &[Fate::GoAway]);
    let client = world.client_of(cable.target());
    let reply = client.wait_for_ready().key("x").unary(&say("x")).unwrap();
    assert_eq!((reply.payload, cable.requests(), cable.connections()), (b"x".to_vec(), 1, 2));
    assert_eq!(world.stage.count(|fact| *fact == Fact::Began("x".into())), 1);

    let cable = Cable::new(world, &[Fate::GoAway]);
    let client = world.client_of(cable.target());
    let (mut requests, mut replies) = client.wait_for_ready().both();
    requests.send(&say("x")).unwrap();
    requests.send(&say("y")).unwrap();
    requests.finish();
    let (all, end) = replies.drain();
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(all.iter().map(|reply| &reply.payload[..]).collect::<Vec<_>>(), [b"x", b"y"]);
}

/// A server that refuses a call is asked once more, and believed.
pub fn refused_call_is_repeated_once(world: &World) {
    let cable = Cable::new(world, &[Fate::Refuse, Fate::Refuse, Fate::Refuse]);
    let status = assert_status(world.client_of(cable.target()).unary(&say("x")), Code::Unavailable, "");
    assert!(!status.may_have_run(), "{status}");
    assert_eq!(cable.requests(), 2);
}

/// A server that is gone after the call was sent may have run it: nobody asks again.
pub fn call_that_may_have_run_is_not_repeated(world: &World) {
    let cable = Cable::new(world, &[Fate::Drop]);
    let client = world.client_of(cable.target());
    let status = assert_status(client.unary(&say("x")), Code::Unavailable, "");
    assert!(status.may_have_run(), "{status}");
    assert_names(&status, &address(world, cable.target()));
    assert_eq!((cable.requests(), cable.connections()), (1, 1));
    until("the channel recovers", || client.unary(&say("next")).map_err(|status| status.to_string()));
    assert_eq!(world.stage.count(|fact| matches!(fact, Fact::Began(_))), 1);
}
