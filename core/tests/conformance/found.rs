//! What the simulation found, as small as it can be said.

use crate::support::Pair;
use crate::support::wire::Peer;
use bytes::Bytes;
use sailplane::{Event, Limits};

/// RFC 9113 §6.9: "Frames with zero length with the END_STREAM flag set (that is, an empty DATA frame) MAY be sent
/// if there is no available space in either flow-control window." Ours is below nothing: the peer sent more than
/// the new size before it knew that.
#[test]
fn an_empty_frame_needs_no_window() {
    let limits = Limits::default().stream_window_bytes(16);
    let mut pair = Pair::with(Limits::default(), limits);
    pair.server.drain(pair.now);
    let mut peer = Peer::silent();
    peer.preface().settings(&[]).request(1).message(1, &[7; 30], false).settings_ack().data(1, b"", true);
    pair.server.receive(pair.now, &peer.take());
    pair.server.drain(pair.now);
    let call = pair.server.take_events().into_iter().find_map(|event| match event {
        Event::Call(call) => Some(call),
        _ => None,
    });
    let call = call.unwrap();
    assert_eq!(pair.server.messages(call), (vec![Bytes::from_static(&[7; 30])], true));
    assert_eq!(pair.server.connection.has_ended(call), Some(false));
}
