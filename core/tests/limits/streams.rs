//! Streams, and frames about them.

use core::time::Duration;
use sailplane::channel::{self, Machine, Record};
use sailplane::error::ErrorCode;
use sailplane::{Code, Event, Instant, Limits};

use crate::support::scene::Scene;
use crate::support::{head, wire::Peer};

pub(crate) fn concurrent_calls_max() {
    let mut scene = Scene::server(Limits::default().concurrent_calls_max(2));
    scene.peer.request(1).request(3).request(5);
    scene.deliver();
    assert_eq!((scene.calls().len(), scene.resets(ErrorCode::REFUSED_STREAM)), (2, vec![5]));
    // Their streams are gone, their handlers run on: two more may wait, and none is told.
    scene.peer.rst(1, ErrorCode::CANCEL).rst(3, ErrorCode::CANCEL).request(7).request(9).request(11);
    scene.deliver();
    assert_eq!((scene.calls().len(), scene.resets(ErrorCode::REFUSED_STREAM)), (0, vec![5, 11]));
    assert_eq!(scene.goaway(), None);
}

/// Calls that are cancelled as soon as they are told, and released.
fn cancel(scene: &mut Scene, streams: core::ops::Range<u32>) {
    for turn in streams {
        scene.peer.request(2 * turn + 1);
        scene.deliver();
        let call = scene.call();
        scene.peer.rst(2 * turn + 1, ErrorCode::CANCEL);
        scene.deliver();
        scene.end.connection.release(call);
    }
}

pub(crate) fn resets_burst() {
    let mut scene = Scene::server(Limits::default().resets_burst(10).resets_per_second(0));
    cancel(&mut scene, 0..10);
    assert_eq!(scene.goaway(), None);
    cancel(&mut scene, 10..11);
    assert_eq!(scene.goaway(), Some(ErrorCode::ENHANCE_YOUR_CALM));
}

pub(crate) fn resets_per_second() {
    let mut scene = Scene::server(Limits::default().resets_burst(10).resets_per_second(2));
    cancel(&mut scene, 0..10);
    scene.pass(Duration::from_secs(4));
    cancel(&mut scene, 10..18);
    assert_eq!(scene.goaway(), None);
    cancel(&mut scene, 18..19);
    assert_eq!(scene.goaway(), Some(ErrorCode::ENHANCE_YOUR_CALM));
}

/// PRIORITY means nothing any more (RFC 9113 §5.3.2).
fn priorities(scene: &mut Scene, count: u32) {
    for _ in 0..count {
        scene.peer.frame(2, 0, 1, &[0, 0, 0, 3, 7]);
    }
    scene.deliver();
}

pub(crate) fn glitches_burst() {
    let mut scene = Scene::server(Limits::default().glitches_burst(10).glitches_per_second(0));
    priorities(&mut scene, 10);
    assert_eq!(scene.goaway(), None);
    priorities(&mut scene, 1);
    assert_eq!(scene.goaway(), Some(ErrorCode::ENHANCE_YOUR_CALM));
}

pub(crate) fn glitches_per_second() {
    let mut scene = Scene::server(Limits::default().glitches_burst(10).glitches_per_second(3));
    priorities(&mut scene, 10);
    scene.pass(Duration::from_secs(2));
    priorities(&mut scene, 6);
    assert_eq!(scene.goaway(), None);
    priorities(&mut scene, 1);
    assert_eq!(scene.goaway(), Some(ErrorCode::ENHANCE_YOUR_CALM));
}

pub(crate) fn queued_replies_max() {
    let mut scene = Scene::server(Limits::default().queued_replies_max(5));
    for count in 1..=5 {
        assert!(scene.end.connection.wants_receive(), "{count}");
        scene.peer.settings(&[]);
        scene.feed();
    }
    assert!(!scene.end.connection.wants_receive());
    scene.end.drain(scene.now);
    assert!(scene.end.connection.wants_receive());
    assert_eq!(scene.goaway(), None);
}

pub(crate) fn settings_per_frame_max() {
    let mut scene = Scene::server(Limits::default().settings_per_frame_max(3));
    scene.peer.settings(&[(0x99, 1); 3]);
    scene.deliver();
    assert_eq!(scene.goaway(), None);
    scene.peer.settings(&[(0x99, 1); 4]);
    scene.deliver();
    assert_eq!(scene.goaway(), Some(ErrorCode::ENHANCE_YOUR_CALM));
}

pub(crate) fn waiting_calls_max() {
    let config = channel::Config { waiting_calls_max: 2, ..channel::Config::default() };
    let mut machine = Machine::new(config);
    let record = || Record {
        call: sailplane::call::Replay { head: head(), messages: [].into(), finished: true, never_sent: true },
        wait_for_ready: false,
        repetitions: 0,
    };
    let now = Instant::ZERO;
    assert!(machine.start(now, record()).is_ok() && machine.start(now, record()).is_ok());
    assert_eq!(machine.start(now, record()).unwrap_err().code(), Code::ResourceExhausted);
    assert_eq!(channel::Config::default().waiting_calls_max, Limits::default().waiting_calls_max);
}

/// What ends one connection changes nothing on another of the same server.
#[test]
fn a_limit_ends_one_connection_only() {
    let config = sailplane::Config::new(Limits::default().glitches_burst(10), 1);
    let (mut bad, mut good) = (Scene::with(&config), Scene::with(&config));
    priorities(&mut bad, 11);
    assert!(bad.is_over());
    good.peer.request(1);
    good.deliver();
    assert_eq!(good.end.take_events().len(), 1);
    assert!(!good.is_over() && good.end.connection.wants_receive());
}

/// A server by hand that allows so many streams.
#[test]
fn a_client_believes_no_peer_that_allows_more_than_there_are_streams() {
    let mut scene = Scene::silent_server(Limits::default());
    assert_eq!(scene.end.connection.room(), 100, "before SETTINGS");
    scene.peer = Peer::silent();
    scene.peer.settings(&[(3, u32::MAX)]);
    scene.deliver();
    assert_eq!(scene.end.take_events(), [Event::Ready]);
    assert!(scene.end.connection.room() > 0x7fff_0000);
}

/// The pauses between attempts that all fail, for a call that waits through them.
fn pauses(limits: &Limits, count: usize) -> Vec<Duration> {
    let mut machine = Machine::new(channel::Config::new(limits, 7));
    let mut now = Instant::ZERO;
    let call =
        sailplane::call::Replay { head: head(), messages: [].into(), finished: true, never_sent: true };
    machine.start(now, Record { call, wait_for_ready: true, repetitions: 0 }).unwrap();
    let mut pauses = Vec::new();
    for _ in 0..count {
        let Some(channel::Action::Connect(id)) = machine.poll_action() else { panic!("an attempt") };
        machine.handle_connect_failed(now, id, sailplane::Status::unavailable("no"));
        assert!(machine.poll_action().is_none());
        let at = machine.poll_timeout().unwrap().at;
        pauses.push(at.saturating_duration_since(now));
        now = at;
        machine.handle_timeout(now);
    }
    pauses
}

pub(crate) fn reconnect_pause() {
    let pauses = pauses(&Limits::default().reconnect_pause(Duration::from_secs(3)), 3);
    for (pause, middle) in pauses.iter().zip([3.0, 4.8, 7.68]) {
        let pause = pause.as_secs_f64();
        assert!(pause >= middle * 0.8 && pause <= middle * 1.2, "{pause} around {middle}");
    }
}

pub(crate) fn reconnect_pause_max() {
    let longest = Duration::from_secs(10);
    let pauses = pauses(&Limits::default().reconnect_pause_max(longest), 50);
    assert!(pauses.iter().all(|pause| *pause <= longest * 12 / 10), "{pauses:?}");
    assert!(pauses.iter().skip(10).all(|pause| *pause >= longest * 8 / 10), "{pauses:?}");
}
