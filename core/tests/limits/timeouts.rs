//! Time for the peer to say what it began to say.

use core::time::Duration;
use sailplane::connection::Initiator;
use sailplane::error::ErrorCode;
use sailplane::{Config, Event, Limits};

use crate::support::scene::Scene;
use crate::support::wire::REQUEST;

const TICK: Duration = Duration::from_nanos(1);

/// The connection lives until just before `bound`, and ends at it with `code`.
#[track_caller]
fn ends_at(scene: &mut Scene, bound: Duration, code: ErrorCode) {
    scene.pass(bound - TICK);
    assert_eq!((scene.goaway(), scene.is_over()), (None, false));
    scene.pass(TICK);
    assert_eq!((scene.goaway(), scene.is_over()), (Some(code), true));
}

pub(crate) fn handshake_timeout() {
    let bound = Duration::from_secs(3);
    let limits = Limits::default().handshake_timeout(bound);
    let mut scene = Scene::silent(&Config::new(limits.clone(), 1));
    // One octet at a time of a sound preface helps nobody.
    scene.end.drain(scene.now);
    scene.peer.bytes.extend_from_slice(b"PRI * HT");
    scene.deliver();
    ends_at(&mut scene, bound, ErrorCode::SETTINGS_TIMEOUT);
    let mut scene = Scene::silent_server(limits);
    scene.end.drain(scene.now);
    ends_at(&mut scene, bound, ErrorCode::SETTINGS_TIMEOUT);
}

pub(crate) fn settings_ack_timeout() {
    let bound = Duration::from_secs(3);
    let limits = Limits::default().settings_ack_timeout(bound);
    let mut scene = Scene::silent(&Config::new(limits, 1));
    scene.end.drain(scene.now);
    scene.peer.bytes.extend_from_slice(sailplane::wire::CLIENT_PREFACE);
    scene.peer.settings(&[]);
    scene.deliver();
    ends_at(&mut scene, bound, ErrorCode::SETTINGS_TIMEOUT);
}

pub(crate) fn partial_frame_timeout() {
    let bound = Duration::from_secs(3);
    let limits = Limits::default().partial_frame_timeout(bound);
    let mut scene = Scene::server(limits.clone());
    scene.peer.request(1);
    scene.peer.bytes.extend([0, 0, 100, 0, 0, 0, 0, 0, 1, b'd']);
    scene.deliver();
    scene.pass(bound / 2);
    // A drop more is no new frame.
    scene.peer.bytes.push(b'd');
    scene.deliver();
    ends_at(&mut scene, bound / 2, ErrorCode::ENHANCE_YOUR_CALM);
    // A frame that is completed in time costs nothing.
    let mut scene = Scene::server(limits);
    scene.peer.bytes.extend([0, 0, 8, 6, 0]);
    scene.deliver();
    scene.pass(bound - TICK);
    scene.peer.bytes.extend([0; 12]);
    scene.deliver();
    scene.pass(bound * 2);
    assert!(!scene.is_over());
}

pub(crate) fn header_block_timeout() {
    let bound = Duration::from_secs(3);
    let mut scene = Scene::server(Limits::default().header_block_timeout(bound));
    let block = scene.peer.block(&REQUEST);
    scene.peer.frame(1, 1, 1, &block);
    scene.deliver();
    scene.pass(bound / 2);
    scene.peer.frame(9, 0, 1, b"");
    scene.deliver();
    ends_at(&mut scene, bound / 2, ErrorCode::ENHANCE_YOUR_CALM);
}

pub(crate) fn write_stall_timeout() {
    let bound = Duration::from_secs(3);
    let mut scene = Scene::server(Limits::default().write_stall_timeout(bound));
    scene.peer.settings(&[]);
    scene.feed();
    // The acknowledgement is framed, and the transport takes none of it.
    assert!(scene.end.connection.poll_transmit(scene.now, &mut scene.end.transmit));
    let at = scene.end.connection.poll_timeout().unwrap().at;
    assert_eq!(at, scene.now.saturating_add(bound));
    scene.end.connection.handle_timeout(at);
    let Some(Event::Closed(ended)) = scene.end.connection.poll_event() else { panic!("it has ended") };
    assert_eq!((ended.by, ended.code), (Initiator::Local, ErrorCode::NO_ERROR));
    assert!(scene.end.connection.is_finished(), "nothing could be written");
}
