//! Windows of streams that hold their peers up, and grow.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use sailplane::limits::Budget;
use sailplane::{CallId, Config, Limits};
use support::scene::Scene;

const WINDOW: u32 = 65_536;
const FRAME: usize = 16_384;

/// A message that fills so many octets, prefix included.
fn message(octets: usize) -> Vec<u8> {
    let mut out = vec![0];
    out.extend(u32::try_from(octets - 5).unwrap().to_be_bytes());
    out.resize(octets, b'm');
    out
}

/// A call to a server with `limits`; nobody has taken anything.
fn called(scene: &mut Scene, stream: u32) -> CallId {
    scene.peer.request(stream);
    scene.deliver();
    scene.call()
}

/// The peer sends messages of these sizes, a frame each, and what they need for the window was granted.
fn send(scene: &mut Scene, stream: u32, sizes: &[usize]) {
    for size in sizes {
        scene.peer.data(stream, &message(*size), false);
    }
    scene.deliver();
}

/// The reader takes all that is there, and our end says what it has to; the credit that the stream has got so far.
fn take(scene: &mut Scene, stream: u32, call: CallId) -> u32 {
    scene.end.messages(call);
    scene.deliver();
    scene.credit(stream)
}

#[test]
fn a_window_that_its_peer_used_up_while_the_reader_waited_is_twice_as_large() {
    let mut scene = Scene::server(Limits::default());
    let call = called(&mut scene, 1);
    send(&mut scene, 1, &[FRAME; 3]);
    let before = take(&mut scene, 1, call);
    assert_eq!(before, 49_152, "what came, and no more");
    // The peer had credit for so much when it began, and may not know of more.
    send(&mut scene, 1, &[FRAME]);
    assert_eq!(take(&mut scene, 1, call), 65_536 + WINDOW);
    // Now it knows of all it has.
    let rest = usize::try_from(2 * WINDOW).unwrap();
    send(&mut scene, 1, &vec![FRAME; rest / FRAME]);
    assert_eq!(take(&mut scene, 1, call), 3 * WINDOW + WINDOW + 2 * WINDOW);
    assert_eq!(scene.end.connection.credit_ahead(), 3 * WINDOW);
}

#[test]
fn a_peer_that_goes_beyond_or_stays_below_was_not_held_up() {
    let mut scene = Scene::server(Limits::default());
    let call = called(&mut scene, 1);
    // A frame reaches from one window into the next: the peer knew of more.
    for _ in 0..40 {
        send(&mut scene, 1, &[10_000; 4]);
        take(&mut scene, 1, call);
    }
    // The other does not come so far.
    let other = called(&mut scene, 3);
    for _ in 0..40 {
        send(&mut scene, 3, &[1000]);
        take(&mut scene, 3, other);
    }
    assert_eq!(scene.end.connection.credit_ahead(), 0);
}

#[test]
fn a_reader_that_leaves_something_holds_its_peer_up_itself() {
    let mut scene = Scene::server(Limits::default());
    let call = called(&mut scene, 1);
    send(&mut scene, 1, &[FRAME; 4]);
    for _ in 0..20 {
        // Half of them are taken, and as many come: the peer has used up what it had each time.
        for _ in 0..2 {
            scene.end.connection.receive_message(call).unwrap();
        }
        scene.deliver();
        send(&mut scene, 1, &[FRAME; 2]);
    }
    assert_eq!(scene.end.connection.credit_ahead(), 0);
    // From the moment on that it leaves nothing, the window does.
    take(&mut scene, 1, call);
    assert_eq!(scene.end.connection.credit_ahead(), WINDOW);
}

#[test]
fn windows_grow_by_half_the_budget_at_most_and_give_it_back() {
    let mut scene = Scene::server(Limits::default().credit_ahead_bytes_max(4 * WINDOW));
    let calls = [1, 3, 5].map(|stream| called(&mut scene, stream));
    let held_up = |scene: &mut Scene, at: usize| {
        let stream = [1, 3, 5][at];
        send(scene, stream, &[FRAME; 4]);
        take(scene, stream, calls[at]);
        scene.end.connection.credit_ahead() / WINDOW
    };
    assert_eq!([held_up(&mut scene, 0), held_up(&mut scene, 1)], [1, 2]);
    assert_eq!(held_up(&mut scene, 2), 2, "nothing is left");
    scene.peer.rst(1, sailplane::error::ErrorCode::CANCEL);
    scene.deliver();
    assert_eq!(scene.end.connection.credit_ahead(), WINDOW);
    assert_eq!(held_up(&mut scene, 2), 2, "what the other had");
    for stream in [3, 5] {
        scene.peer.data(stream, &[], true);
    }
    scene.deliver();
    for call in calls {
        scene.end.connection.release(call);
    }
    scene.deliver();
    assert_eq!(scene.end.connection.credit_ahead(), 0);
}

#[test]
fn no_window_grows_when_memory_is_short_or_the_limit_says_so_or_nothing_will_come() {
    let budget = Budget::new(400_000);
    let config = Config { memory: Some(budget.clone()), ..Config::new(Limits::default(), 1) };
    let (mut short, mut other) = (Scene::with(&config), Scene::with(&config));
    let call = called(&mut short, 1);
    for stream in [1, 3, 5, 7, 9] {
        called(&mut other, stream);
        send(&mut other, stream, &[FRAME; 4]);
    }
    assert!(budget.is_pressed(), "{}", budget.used());
    send(&mut short, 1, &[FRAME; 4]);
    assert_eq!(take(&mut short, 1, call), WINDOW);

    let mut none = Scene::server(Limits::default().credit_ahead_bytes_max(0));
    let call = called(&mut none, 1);
    send(&mut none, 1, &[FRAME; 4]);
    assert_eq!(take(&mut none, 1, call), WINDOW);

    let mut ended = Scene::server(Limits::default());
    let call = called(&mut ended, 1);
    for last in [false, false, false, true] {
        ended.peer.data(1, &message(FRAME), last);
    }
    ended.deliver();
    take(&mut ended, 1, call);
    assert_eq!(ended.end.connection.credit_ahead(), 0);
}
