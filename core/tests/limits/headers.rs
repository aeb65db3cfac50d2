//! Header blocks.

use sailplane::error::ErrorCode;
use sailplane::{Code, Event, Limits};

use crate::support::scene::Scene;
use crate::support::unary;
use crate::support::wire::REQUEST;

/// RFC 9113 §6.5.2: the size of a header list.
fn size(fields: &[(&str, &str)]) -> usize {
    fields.iter().map(|(name, value)| name.len() + value.len() + 32).sum()
}

fn request(scene: &mut Scene, stream: u32, more: &[(&str, &str)]) {
    let mut fields = REQUEST.to_vec();
    fields.extend_from_slice(more);
    scene.peer.headers(stream, &fields, true);
    scene.deliver();
}

pub(crate) fn header_list_bytes_max() {
    let bound = 2000;
    let mut scene = Scene::server(Limits::default().header_list_bytes_max(bound));
    let room = bound - size(&REQUEST) - "x-long".len() - 32;
    request(&mut scene, 1, &[("x-long", &"v".repeat(room))]);
    assert_eq!((scene.calls().len(), scene.status(1)), (1, None));
    request(&mut scene, 3, &[("x-long", &"v".repeat(room + 1))]);
    assert_eq!((scene.calls().len(), scene.status(3).as_deref()), (0, Some("8")));
    assert_eq!(scene.goaway(), None);
}

pub(crate) fn header_fields_max() {
    let mut scene = Scene::server(Limits::default().header_fields_max(10));
    request(&mut scene, 1, &[("x", "y"); 4]);
    assert_eq!((scene.calls().len(), scene.status(1)), (1, None));
    request(&mut scene, 3, &[("x", "y"); 5]);
    assert_eq!((scene.calls().len(), scene.status(3).as_deref()), (0, Some("8")));
    assert_eq!(scene.goaway(), None);
}

pub(crate) fn header_decode_bytes_max() {
    let bound = 8000;
    let limits = Limits::default().header_list_bytes_max(2000).header_decode_bytes_max(bound);
    let mut scene = Scene::server(limits);
    let room = bound - size(&REQUEST) - 2 * ("x-long".len() + 32);
    let (half, rest) = ("v".repeat(4000), "v".repeat(room - 4000));
    request(&mut scene, 1, &[("x-long", &half), ("x-long", &rest)]);
    assert_eq!((scene.status(1).as_deref(), scene.goaway()), (Some("8"), None));
    request(&mut scene, 3, &[("x-long", &half), ("x-long", &rest), ("x", "")]);
    assert_eq!(scene.goaway(), Some(ErrorCode::ENHANCE_YOUR_CALM));
}

pub(crate) fn continuation_frames_max() {
    for (count, expected) in [(3, None), (4, Some(ErrorCode::ENHANCE_YOUR_CALM))] {
        let mut scene = Scene::server(Limits::default().continuation_frames_max(3));
        let block = scene.peer.block(&REQUEST);
        scene.peer.frame(1, 1, 1, &block);
        for index in 1..=count {
            scene.peer.frame(9, if index == count { 4 } else { 0 }, 1, b"");
        }
        scene.deliver();
        assert_eq!(scene.goaway(), expected, "{count}");
        assert_eq!(scene.calls().len(), usize::from(expected.is_none()));
    }
}

pub(crate) fn header_table_bytes() {
    let mut scene = Scene::server(Limits::default().header_table_bytes(100));
    for (stream, update, expected) in
        [(1, [0x3f, 100 - 31], None), (3, [0x3f, 101 - 31], Some(ErrorCode::COMPRESSION_ERROR))]
    {
        let mut block = update.to_vec();
        block.extend(scene.peer.block(&REQUEST));
        scene.peer.frame(1, 5, stream, &block);
        scene.deliver();
        assert_eq!(scene.goaway(), expected);
    }
    assert_eq!(scene.calls().len(), 1);
}

pub(crate) fn request_metadata_bytes_max() {
    let mut scene = Scene::server(Limits::default().request_metadata_bytes_max(1000));
    let value = "v".repeat(500 - 32 - 1);
    request(&mut scene, 1, &[("x", &value)]);
    request(&mut scene, 3, &[("x", &value)]);
    request(&mut scene, 5, &[("x", "")]);
    assert_eq!(scene.resets(ErrorCode::REFUSED_STREAM), [5]);
    let calls = scene.calls();
    // Taken metadata are the application's.
    assert!(scene.end.connection.take_request(calls[0]).is_some());
    request(&mut scene, 7, &[("x", &value)]);
    assert_eq!((scene.calls().len(), scene.goaway()), (1, None));
}

pub(crate) fn interim_responses_max() {
    let mut scene = Scene::client(Limits::default().interim_responses_max(2));
    let call = scene.end.connection.start_call(scene.now, unary("x")).unwrap();
    scene.end.drain(scene.now);
    for _ in 0..2 {
        scene.peer.headers(1, &[(":status", "103")], false);
    }
    scene.deliver();
    assert_eq!(scene.end.take_events(), []);
    scene.peer.headers(1, &[(":status", "103")], false);
    scene.deliver();
    assert_eq!(scene.end.take_events(), [Event::Ended(call)]);
    assert_eq!(scene.resets(ErrorCode::ENHANCE_YOUR_CALM), [1]);
    let outcome = scene.end.connection.take_outcome(call).unwrap();
    assert_eq!(outcome.status.unwrap_err().code(), Code::Internal);
    assert_eq!(scene.goaway(), None);
}
