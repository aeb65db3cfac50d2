//! Octets to frames: how they are cut changes nothing, and what can be written again reads the same.

use sailplane::wire::{CLIENT_PREFACE, Frame, FrameReader, Malformed, send};

use crate::Input;
use crate::peer::Peer;

/// A frame that borrows nothing; the pieces of DATA are one.
#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Data(Vec<u8>),
    Frame(String, Vec<u8>),
}

/// Frames, sound and damaged, read whole, octet by octet, and in pieces of the script's sizes.
pub fn frame_reader(data: &[u8]) {
    let mut input = Input::new(data);
    let preface = input.one_in(2);
    let max_frame_size = input.pick(&[16_384, 16_385, 1 << 20, 0x00ff_ffff]);
    let pieces = input.chunk();
    let mut bytes = if preface { CLIENT_PREFACE.to_vec() } else { Vec::new() };
    if input.one_in(4) {
        bytes.extend_from_slice(input.rest());
    }
    let mut peer = Peer::new(preface);
    while !input.is_empty() {
        bytes.extend(peer.frames(&mut input));
    }

    let new = || {
        let mut reader = FrameReader::new(preface);
        reader.set_max_frame_size(max_frame_size);
        reader
    };
    let whole = read(new(), &bytes, || usize::MAX);
    assert_eq!(read(new(), &bytes, || 1), whole, "octet by octet");
    let mut pieces = Input::new(pieces);
    let cut = read(new(), &bytes, || if pieces.is_empty() { 7 } else { pieces.below(256).max(1) });
    assert_eq!(cut, whole, "in pieces");
}

/// All frames, the fault that ended them, and whether a frame is incomplete.
fn read(
    mut reader: FrameReader,
    bytes: &[u8],
    mut size: impl FnMut() -> usize,
) -> (Vec<Owned>, Option<Malformed>, bool) {
    let (mut frames, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let (mut piece, behind) = rest.split_at(size().min(rest.len()));
        rest = behind;
        loop {
            match reader.read(&mut piece) {
                Ok(Some(frame)) => push(&mut frames, &frame),
                Ok(None) => break,
                Err(fault) => {
                    assert!(piece.is_empty() && !reader.is_mid_frame());
                    assert_eq!(reader.read(&mut &b"\0\0\0\x04\0\0\0\0\0"[..]), Err(fault), "it stays");
                    return (frames, Some(fault), false);
                }
            }
        }
        assert!(piece.is_empty(), "all octets are taken");
    }
    (frames, None, reader.is_mid_frame())
}

fn push(frames: &mut Vec<Owned>, frame: &Frame<'_>) {
    if let Frame::DataPiece { bytes, .. } = frame {
        assert!(!bytes.is_empty());
        if let Some(Owned::Data(data)) = frames.last_mut() {
            data.extend_from_slice(bytes);
        } else {
            frames.push(Owned::Data(bytes.to_vec()));
        }
        return;
    }
    let contents = match frame {
        Frame::Headers { fragment, .. } | Frame::Continuation { fragment, .. } => fragment.to_vec(),
        Frame::GoAway { debug, .. } => debug.to_vec(),
        Frame::Settings(settings) => format!("{:?}", settings.into_iter().collect::<Vec<_>>()).into_bytes(),
        _ => Vec::new(),
    };
    frames.push(Owned::Frame(format!("{frame:?}"), contents));
    write_again(frame);
}

/// What this side can write too is the same after it was.
fn write_again(frame: &Frame<'_>) {
    let mut out = Vec::new();
    match *frame {
        Frame::DataHead { stream_id, end_stream, flow_controlled_len: 0 } => {
            send::data_header(&mut out, stream_id, 0, end_stream);
        }
        Frame::Headers { stream_id, end_stream, end_headers: true, self_dependent: false, fragment } => {
            send::headers(&mut out, stream_id, fragment, end_stream, 0x00ff_ffff);
        }
        Frame::RstStream { stream_id, code } => send::rst_stream(&mut out, stream_id, code),
        Frame::Settings(settings) => send::settings(&mut out, &settings.into_iter().collect::<Vec<_>>()),
        Frame::SettingsAck => send::settings_ack(&mut out),
        Frame::Ping { ack, payload } => send::ping(&mut out, ack, payload),
        Frame::GoAway { last_stream_id, code, debug } => send::goaway(&mut out, last_stream_id, code, debug),
        Frame::WindowUpdate { stream_id, increment } if increment > 0 => {
            send::window_update(&mut out, stream_id, increment);
        }
        _ => return,
    }
    let mut reader = FrameReader::new(false);
    reader.set_max_frame_size(0x00ff_ffff);
    let mut rest = &out[..];
    match (frame, reader.read(&mut rest)) {
        // Of a long debug text a part is sent.
        (Frame::GoAway { last_stream_id, code, debug }, Ok(Some(back))) => {
            let Frame::GoAway { last_stream_id: last, code: other, debug: text } = back else {
                panic!("{frame:?} came back as {back:?}");
            };
            assert!((last, other) == (*last_stream_id, *code) && debug.starts_with(text));
        }
        (_, back) => assert_eq!(back, Ok(Some(*frame))),
    }
}
