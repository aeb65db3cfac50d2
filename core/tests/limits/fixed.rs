//! Bounds without a knob.

use allocation_counter::measure;
use bytes::Bytes;
use sailplane::error::ErrorCode;
use sailplane::hpack::{DecodeLimits, Decoder, Encoder, FieldList, Indexing};
use sailplane::{Event, Limits};

use crate::support::scene::Scene;
use crate::support::wire::{REQUEST, RESPONSE, Sent};
use crate::support::{head, unary};

fn server() -> Scene {
    Scene::server(Limits::default())
}

/// A request, and this after it in its block: the code of the GOAWAY, and its text.
fn block(more: &[u8]) -> Option<(ErrorCode, String)> {
    let mut scene = Scene::server(Limits::default().header_decode_bytes_max(2000));
    let mut block = scene.peer.block(&REQUEST);
    block.extend_from_slice(more);
    scene.peer.frame(1, 5, 1, &block);
    scene.deliver();
    scene.last_goaway()
}

#[track_caller]
fn fails(more: &[u8], code: ErrorCode, text: &str) {
    let (found, explanation) = block(more).expect("GOAWAY");
    assert!(found == code && explanation.contains(text), "{found}: {explanation}");
}

pub(crate) fn hpack_integer() {
    let too_large =
        |more: &[u8]| fails(more, ErrorCode::COMPRESSION_ERROR, "integer in header block is too large");
    // The length of a name: 2^28, which is more than there is; then 2^28 + 1.
    fails(&[0, 0x7f, 0x81, 0xff, 0xff, 0x7f], ErrorCode::COMPRESSION_ERROR, "ends within a field");
    too_large(&[0, 0x7f, 0x82, 0xff, 0xff, 0x7f]);
    // An index with four octets of padding, and with five.
    assert_eq!(block(&[0x0f, 0x80, 0x80, 0x80, 0x80, 0x00, 0]), None);
    too_large(&[0x0f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0]);
}

pub(crate) fn hpack_string() {
    let string = |octet: u8, huffman: u8, len: usize| {
        // The length has two octets beside the prefix.
        let rest = len - 127;
        let mut out = vec![0, 1, b'x', huffman | 0x7f, (rest % 128) as u8 | 0x80, (rest / 128) as u8];
        out.resize(out.len() + len, octet);
        out
    };
    let calm = ErrorCode::ENHANCE_YOUR_CALM;
    fails(&string(b'v', 0, 2001), calm, "longer than the limit");
    // 1,500 octets of which each begins a code of five bits, 2,400 letters; what is claimed and not there.
    fails(&string(0, 0x80, 1500), calm, "larger than the limit");
    let short = &string(b'v', 0, 1000)[..500];
    fails(short, ErrorCode::COMPRESSION_ERROR, "ends within a field");
}

pub(crate) fn hpack_size_updates() {
    for (updates, expected) in [(2, None), (3, Some(ErrorCode::COMPRESSION_ERROR))] {
        let mut scene = server();
        let mut block = vec![0x20; updates];
        block.extend(scene.peer.block(&REQUEST));
        scene.peer.frame(1, 5, 1, &block);
        scene.deliver();
        assert_eq!(scene.goaway(), expected, "{updates}");
    }
    fails(&[0x20], ErrorCode::COMPRESSION_ERROR, "after a field");
}

/// A peer that allows 4 GiB gets a table of 4096 octets all the same: one of that size can follow.
pub(crate) fn hpack_encoder_table() {
    let mut encoder = Encoder::new();
    encoder.set_table_bytes_max(u32::MAX);
    let mut decoder = Decoder::new(4096);
    let limits = DecodeLimits { header_list_bytes_max: 1000, fields_max: 10, decode_bytes_max: 1000 };
    let (mut block, mut fields) = (Vec::new(), FieldList::new());
    for number in 0..100_000 {
        block.clear();
        encoder.begin(&mut block);
        let value = format!("{number:060}");
        encoder.literal(&mut block, b"x-name", value.as_bytes(), Indexing::Indexed);
        let again = (number > 0).then(|| format!("{:060}", number - 1));
        let before = again.as_deref().unwrap_or(&value);
        encoder.literal(&mut block, b"x-name", before.as_bytes(), Indexing::Indexed);
        decoder.decode(&block, &limits, &mut fields).unwrap();
        let values: Vec<_> = fields.iter().map(|field| field.value).collect();
        assert_eq!(values, [value.as_bytes(), before.as_bytes()]);
    }
}

pub(crate) fn frame_size() {
    for (octets, expected) in [(16_384, None), (16_385, Some(ErrorCode::FRAME_SIZE_ERROR))] {
        let mut scene = server();
        scene.peer.frame(0x42, 0, 0, &vec![0; octets]);
        scene.deliver();
        assert_eq!(scene.goaway(), expected);
    }
}

/// The memory itself is counted in another place; here: they may come one octet in a frame.
pub(crate) fn small_data() {
    let mut scene = server();
    scene.peer.request(1);
    let message = crate::support::wire::framed(&[7; 20_000]);
    for octet in &message {
        scene.peer.data(1, &[*octet], false);
    }
    scene.deliver();
    let call = scene.call();
    assert_eq!(scene.end.connection.unread_bytes(), message.len() - 5, "whole, it has its very size");
    assert_eq!(scene.end.messages(call).0, [Bytes::from(vec![7; 20_000])]);
    assert_eq!(scene.goaway(), None);
}

pub(crate) fn spare_buffers() {
    use sailplane::stub::{Codec, Prost};
    // In one thread: what is allocated for a message of so many octets, if the one before is gone.
    let encoded = |octets: usize| {
        let message = vec![7_u8; octets];
        let mut bytes = None;
        let counted = measure(|| bytes = Some(<Prost as Codec<Vec<u8>>>::encode(&message)));
        assert!(bytes.unwrap().ends_with(&message));
        usize::try_from(counted.bytes_total).unwrap()
    };
    for octets in [100_000, 3_000_000] {
        encoded(octets);
        assert!(encoded(octets) < 1000, "{octets} again");
    }
    encoded(5_000_000);
    assert!(encoded(5_000_000) > 5_000_000, "more than is kept");
    sailplane::keep_spare_bytes(0);
    assert!(encoded(100_000) > 100_000 && encoded(100_000) > 100_000, "nothing is kept");
}

pub(crate) fn sent_message() {
    // One above the bound would need 4 GiB; one above what peers take is not refused on this side.
    let mut scene = server();
    scene.peer.request(1);
    scene.deliver();
    let call = scene.call();
    let large = Bytes::from(vec![0; 8 << 20]);
    assert_eq!(scene.end.connection.send_message(call, large), Ok(()));
}

pub(crate) fn push_promise() {
    let mut scene = Scene::client(Limits::default());
    scene.end.connection.start_call(scene.now, unary("x")).unwrap();
    scene.end.drain(scene.now);
    scene.peer.frame(5, 4, 1, &[0, 0, 0, 2, 0x82]);
    scene.deliver();
    assert_eq!(scene.goaway(), Some(ErrorCode::PROTOCOL_ERROR));
    let advertised = scene.sent().into_iter().find_map(|frame| match frame {
        Sent::Settings(list) => list.into_iter().find(|(id, _)| *id == 2),
        _ => None,
    });
    assert_eq!(advertised, Some((2, 0)));
}

pub(crate) fn closed_streams() {
    let limits = Limits::default().glitches_burst(10).glitches_per_second(0);
    let mut scene = Scene::server(limits);
    scene.peer.request(1).rst(1, ErrorCode::CANCEL);
    scene.deliver();
    let window = 65_536;
    for _ in 0..window / 16_384 {
        scene.peer.data(1, &[0; 16_384], false);
    }
    scene.deliver();
    assert_eq!(scene.goaway(), None);
    for _ in 0..20 {
        scene.peer.data(1, &[0; 10], false);
    }
    scene.deliver();
    assert_eq!(scene.goaway(), Some(ErrorCode::ENHANCE_YOUR_CALM));
}

pub(crate) fn grpc_timeout() {
    let mut scene = server();
    for (stream, timeout) in [(1, "99999999H"), (3, "100000000H"), (5, "0S")] {
        let mut fields = REQUEST.to_vec();
        fields.push(("grpc-timeout", timeout));
        scene.peer.headers(stream, &fields, true);
        scene.deliver();
    }
    assert_eq!(scene.calls().len(), 1);
    // A time beyond the end of time is no deadline; too many digits are refused; none left has passed.
    assert_eq!((scene.status(3).as_deref(), scene.status(5).as_deref()), (Some("13"), Some("4")));
    scene.pass(core::time::Duration::from_secs(3600));
    assert_eq!(scene.status(1), None);
}

/// A response's rows are a request's.
#[test]
fn a_client_reads_no_larger_frame_either() {
    let mut scene = Scene::client(Limits::default());
    let start = sailplane::Start { head: head(), message: None, finished: true };
    let call = scene.end.connection.start_call(scene.now, start).unwrap();
    scene.end.drain(scene.now);
    scene.peer.headers(1, &RESPONSE, false).data(1, &[0; 16_385], false);
    scene.deliver();
    assert_eq!(scene.goaway(), Some(ErrorCode::FRAME_SIZE_ERROR));
    assert!(scene.end.take_events().contains(&Event::Ended(call)));
}
