//! PINGs, and how long a connection lives (gRFC A8, A9).

use core::time::Duration;
use sailplane::connection::Initiator;
use sailplane::error::ErrorCode;
use sailplane::{Code, Config, Ended, Event, Limits, Metadata};

use crate::support::scene::Scene;
use crate::support::wire::{Peer, Sent};
use crate::support::{streaming, unary};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const TICK: Duration = Duration::from_nanos(1);

/// A server that neither asks nor ends anything by itself.
fn quiet() -> Limits {
    Limits::default().server_keepalive(None).connection_idle_max(None)
}

/// A PING every so often; how many were borne.
fn pings(scene: &mut Scene, every: Duration) -> usize {
    for count in 0..10 {
        scene.peer.ping(count);
        scene.deliver();
        if scene.is_over() {
            let expected = Some((ErrorCode::ENHANCE_YOUR_CALM, "too_many_pings".into()));
            assert_eq!(scene.last_goaway(), expected);
            return usize::try_from(count).unwrap();
        }
        scene.pass(every);
    }
    10
}

fn with_a_call() -> Scene {
    let mut scene = Scene::server(quiet());
    scene.peer.request(1);
    scene.deliver();
    scene
}

pub(crate) fn ping_interval_min() {
    assert_eq!(pings(&mut with_a_call(), 5 * MINUTE), 10);
    // The first is free; two strikes.
    assert_eq!(pings(&mut with_a_call(), 5 * MINUTE - TICK), 3);
}

pub(crate) fn ping_interval_idle_min() {
    assert_eq!(pings(&mut Scene::server(quiet()), 2 * HOUR), 10);
    assert_eq!(pings(&mut Scene::server(quiet()), 2 * HOUR - TICK), 3);
}

pub(crate) fn ping_strikes_max() {
    let limits = quiet().ping_strikes_max(5);
    assert_eq!(pings(&mut Scene::server(limits), MINUTE), 6);
    // What is sent makes good for them.
    let mut scene = with_a_call();
    let call = scene.call();
    for count in 0..100 {
        scene.peer.ping(count).ping(count);
        scene.deliver();
        scene.end.connection.send_message(call, "x".into()).unwrap();
        scene.deliver();
        scene.peer.window_update(1, 6);
    }
    assert!(!scene.is_over());
}

/// How many PINGs were sent that are no answers.
fn asked(scene: &Scene) -> usize {
    scene.sent().iter().filter(|frame| matches!(frame, Sent::Ping { ack: false, .. })).count()
}

fn answer(scene: &mut Scene) {
    let ping = scene.sent().into_iter().rev().find_map(|frame| match frame {
        Sent::Ping { ack: false, payload } => Some(payload),
        _ => None,
    });
    scene.peer.frame(6, 1, 0, &ping.unwrap());
    scene.deliver();
}

fn ended(scene: &mut Scene) -> Box<Ended> {
    let ended = scene.end.take_events().into_iter().find_map(|event| match event {
        Event::Closed(ended) => Some(ended),
        _ => None,
    });
    ended.expect("it has ended")
}

pub(crate) fn server_keepalive() {
    let mut scene = Scene::server(Limits::default().connection_idle_max(None));
    scene.pass(2 * HOUR - TICK);
    assert_eq!(asked(&scene), 0);
    // Any octet shows that the peer lives.
    scene.peer.window_update(0, 1);
    scene.deliver();
    scene.pass(2 * HOUR - TICK);
    assert_eq!(asked(&scene), 0);
    for turn in 1..10 {
        scene.pass(if turn == 1 { TICK } else { 2 * HOUR });
        assert_eq!(asked(&scene), turn);
        answer(&mut scene);
    }
    assert!(!scene.is_over());
    // A PING that is due at once would be due for ever.
    let mut scene = Scene::server(Limits::default().server_keepalive(Some(Duration::ZERO)));
    scene.pass(SECOND - TICK);
    assert_eq!(asked(&scene), 0);
    scene.pass(TICK);
    assert_eq!(asked(&scene), 1);
}

pub(crate) fn client_keepalive() {
    let mut scene = Scene::client(Limits::default().client_keepalive(Some(MINUTE)));
    scene.pass(10 * HOUR);
    assert_eq!(asked(&scene), 0, "no call runs");
    let call = scene.end.connection.start_call(scene.now, streaming()).unwrap();
    scene.pass(TICK);
    assert_eq!(asked(&scene), 1, "nothing was heard for long");
    answer(&mut scene);
    scene.pass(MINUTE);
    assert_eq!(asked(&scene), 2);
    answer(&mut scene);
    scene.end.connection.cancel(call, sailplane::Status::cancelled("")).unwrap();
    scene.end.connection.release(call);
    scene.pass(10 * HOUR);
    assert_eq!(asked(&scene), 2, "no call runs");
    // An interval shorter than the time for an answer.
    let mut scene = Scene::client(Limits::default().client_keepalive(Some(10 * SECOND)));
    scene.end.connection.start_call(scene.now, streaming()).unwrap();
    for turn in 1..10 {
        scene.pass(10 * SECOND);
        assert_eq!(asked(&scene), turn);
        answer(&mut scene);
    }
    // Off by default, and never more often than every ten seconds.
    for (interval, within) in [(None, 10 * HOUR), (Some(Duration::ZERO), Duration::from_secs(9))] {
        let mut scene = Scene::client(Limits::default().client_keepalive(interval));
        scene.end.connection.start_call(scene.now, streaming()).unwrap();
        scene.pass(within);
        assert_eq!(asked(&scene), 0, "{interval:?}");
    }
}

pub(crate) fn keepalive_timeout() {
    let limits = Limits::default().client_keepalive(Some(MINUTE));
    let mut scene = Scene::client(limits);
    let calls =
        [unary("x"), unary("y")].map(|call| scene.end.connection.start_call(scene.now, call).unwrap());
    scene.pass(MINUTE + Duration::from_secs(20) - TICK);
    assert!(!scene.is_over());
    scene.pass(TICK);
    for call in calls {
        let outcome = scene.end.connection.take_outcome(call).unwrap();
        let status = outcome.status.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains("keepalive"), "{status}");
        assert!(scene.end.connection.take_outcome(call).is_none(), "once");
    }
    assert_eq!(ended(&mut scene).by, Initiator::Local);
    assert!(scene.end.connection.is_finished());
}

/// gRFC A8: the next connection asks half as often.
#[test]
fn too_many_pings_double_the_interval() {
    let mut scene = Scene::client(Limits::default().client_keepalive(Some(MINUTE)));
    assert_eq!(scene.end.connection.longer_keepalive(), None);
    let code = ErrorCode::ENHANCE_YOUR_CALM;
    sailplane::wire::send::goaway(
        &mut scene.peer.bytes,
        sailplane::wire::StreamId::ZERO,
        code,
        b"too_many_pings",
    );
    scene.deliver();
    assert_eq!(scene.end.connection.longer_keepalive(), Some(2 * MINUTE));
}

/// What the calls of a server that ends in order see: a warning, then the last stream, then the end.
fn ends_in_order(scene: &mut Scene, debug: &str) {
    assert_eq!(scene.last_goaway(), Some((ErrorCode::NO_ERROR, debug.into())));
    assert!(scene.end.take_events().contains(&Event::Draining));
    answer(scene);
    assert_eq!(scene.last_goaway(), Some((ErrorCode::NO_ERROR, debug.into())));
    assert!(scene.is_over());
    assert_eq!(ended(scene).by, Initiator::Local);
}

pub(crate) fn connection_idle_max() {
    let mut scene = Scene::server(Limits::default());
    scene.pass(20 * MINUTE);
    scene.peer.request(1);
    scene.deliver();
    let call = scene.call();
    // A call runs, however long.
    scene.pass(HOUR);
    scene.end.connection.respond(call, None, Metadata::new(), Ok(())).unwrap();
    scene.end.connection.release(call);
    scene.deliver();
    scene.pass(30 * MINUTE - TICK);
    assert_eq!(scene.last_goaway(), None);
    scene.pass(TICK);
    ends_in_order(&mut scene, "max_idle");
}

pub(crate) fn connection_age_max() {
    let mut ages = Vec::new();
    for seed in 0..20 {
        let limits = quiet().connection_age_max(Some(HOUR));
        let mut scene = Scene::with(&Config::new(limits, seed));
        let age = scene.end.connection.poll_timeout().unwrap().at.saturating_duration_since(scene.now);
        assert!(age >= HOUR / 10 * 9 && age <= HOUR / 10 * 11, "{age:?}");
        scene.pass(age - TICK);
        assert_eq!(scene.last_goaway(), None);
        scene.pass(TICK);
        ends_in_order(&mut scene, "max_age");
        ages.push(age);
    }
    ages.sort_unstable();
    ages.dedup();
    assert_eq!(ages.len(), 20, "not all at once");
}

pub(crate) fn connection_age_grace() {
    let mut scene = Scene::server(quiet().connection_age_max(Some(HOUR)));
    scene.peer = Peer::silent();
    scene.peer.request(1);
    scene.deliver();
    let age = scene.end.connection.poll_timeout().unwrap().at.saturating_duration_since(scene.now);
    scene.pass(age);
    answer(&mut scene);
    scene.pass(10 * MINUTE - TICK);
    assert!(!scene.is_over());
    scene.pass(TICK);
    assert!(scene.is_over());
}

/// A connection that shuts down already keeps the time that it was given.
#[test]
fn a_connection_that_shuts_down_is_not_idle() {
    let mut scene = Scene::server(Limits::default().server_keepalive(None));
    scene.peer.request(1);
    scene.deliver();
    scene.end.connection.shutdown(scene.now, 2 * HOUR);
    scene.end.drain(scene.now);
    answer(&mut scene);
    scene.peer.rst(1, ErrorCode::CANCEL);
    scene.pass(2 * HOUR - TICK);
    assert!(!scene.is_over());
    scene.pass(TICK);
    assert!(scene.is_over());
}
