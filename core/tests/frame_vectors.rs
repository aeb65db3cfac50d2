//! The public http2-frame-test-case vectors: one frame a file, with its fields or its error.
//!
//! They are read from the folder `http2-frame-test-case` in `SAILPLANE_TEST_VECTORS`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use sailplane::error::ErrorCode;
use sailplane::wire::{Frame, FrameReader, StreamId, send};
use serde_json::{Value, json};

#[test]
#[ignore = "needs SAILPLANE_TEST_VECTORS"]
fn every_sound_frame_has_its_fields() {
    let mut count = 0;
    for (path, vector) in vectors() {
        if vector["error"].is_null() {
            let wire = wire(&vector);
            let expected = expected(&vector["frame"]);
            assert_eq!(fields(&wire, wire.len()), expected, "{}", path.display());
            assert_eq!(fields(&wire, 1), expected, "{}, octet by octet", path.display());
            count += 1;
        }
    }
    assert_eq!(count, 12);
}

#[test]
#[ignore = "needs SAILPLANE_TEST_VECTORS"]
fn every_faulty_frame_is_refused_with_its_code() {
    let mut count = 0;
    for (path, vector) in vectors() {
        let Some(codes) = vector["error"].as_array() else {
            continue;
        };
        let code = refusal(&wire(&vector));
        let codes: Vec<u64> = codes.iter().map(|code| code.as_u64().unwrap()).collect();
        let refused = code.is_some_and(|code| codes.contains(&code.0.into()));
        assert!(refused, "{}: {code:?} is not in {codes:?}", path.display());
        count += 1;
    }
    assert_eq!(count, 22);
}

#[test]
#[ignore = "needs SAILPLANE_TEST_VECTORS"]
fn every_plain_frame_is_written_as_it_was() {
    let mut count = 0;
    for (path, vector) in vectors() {
        let flags = vector["frame"]["flags"].as_u64().unwrap_or(0);
        // We write neither padding nor priority.
        if vector["error"].is_null() && flags & 0x28 == 0 {
            let wire = wire(&vector);
            if let Some(written) = rewrite(&wire) {
                assert_eq!(written, wire, "{}", path.display());
                count += 1;
            }
        }
    }
    assert_eq!(count, 6);
}

/// All vectors, with the path of each.
fn vectors() -> Vec<(PathBuf, Value)> {
    let folder = std::env::var_os("SAILPLANE_TEST_VECTORS")
        .expect("SAILPLANE_TEST_VECTORS must name the folder that holds http2-frame-test-case");
    let mut vectors = Vec::new();
    for folder in children(&Path::new(&folder).join("http2-frame-test-case")) {
        if folder.is_dir() {
            for path in children(&folder) {
                let text = fs::read_to_string(&path).unwrap();
                let vector =
                    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                vectors.push((path, vector));
            }
        }
    }
    assert_eq!(vectors.len(), 34, "the vectors are not all there");
    vectors
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("SAILPLANE_TEST_VECTORS: {}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The octets of the frame.
fn wire(vector: &Value) -> Vec<u8> {
    let digits = vector["wire"].as_str().unwrap();
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// The fields of a vector, as far as a reader yields them.
fn expected(frame: &Value) -> Value {
    let (payload, flags) = (&frame["frame_payload"], frame["flags"].as_u64().unwrap());
    let stream = &frame["stream_identifier"];
    let end_stream = flags & 0x1 != 0;
    let end_headers = flags & 0x4 != 0;
    match frame["type"].as_u64().unwrap() {
        0 => json!({
            "type": 0, "stream": stream, "flow_controlled_len": frame["length"],
            "end_stream": end_stream, "data": payload["data"],
        }),
        1 => json!({
            "type": 1, "stream": stream, "end_stream": end_stream, "end_headers": end_headers,
            "fragment": payload["header_block_fragment"],
            "self_dependent": payload["stream_dependency"] == *stream,
        }),
        2 => json!({
            "type": 2, "stream": stream, "self_dependent": payload["stream_dependency"] == *stream,
        }),
        3 => json!({ "type": 3, "stream": stream, "code": payload["error_code"] }),
        4 => json!({ "type": 4, "settings": payload["settings"] }),
        5 => json!({ "type": 5, "stream": stream }),
        6 => json!({ "type": 6, "ack": flags & 0x1 != 0, "payload": payload["opaque_data"] }),
        7 => json!({
            "type": 7, "last_stream_id": payload["last_stream_id"],
            "code": payload["error_code"], "debug": payload["additional_debug_data"],
        }),
        8 => json!({
            "type": 8, "stream": stream, "increment": payload["window_size_increment"],
        }),
        9 => json!({
            "type": 9, "stream": stream, "end_headers": end_headers,
            "fragment": payload["header_block_fragment"],
        }),
        other => panic!("type {other}"),
    }
}

/// The same of what the reader yields for octets that come in chunks of `size`.
fn fields(wire: &[u8], size: usize) -> Value {
    let mut reader = FrameReader::new(false);
    let mut fields = json!(null);
    for mut chunk in wire.chunks(size) {
        while let Some(frame) = reader.read(&mut chunk).unwrap() {
            gather(frame, &mut fields);
        }
    }
    assert!(!reader.is_mid_frame());
    fields
}

fn gather(frame: Frame<'_>, fields: &mut Value) {
    *fields = match frame {
        Frame::DataHead { stream_id, flow_controlled_len, end_stream } => json!({
            "type": 0, "stream": stream_id.as_u32(), "flow_controlled_len": flow_controlled_len,
            "end_stream": end_stream, "data": "",
        }),
        Frame::DataPiece { bytes, .. } => {
            let data = fields["data"].as_str().unwrap().to_owned() + &text(bytes);
            fields["data"] = data.into();
            return;
        }
        Frame::DataEnd { .. } => return,
        Frame::Headers { stream_id, end_stream, end_headers, self_dependent, fragment } => json!({
            "type": 1, "stream": stream_id.as_u32(), "end_stream": end_stream,
            "end_headers": end_headers, "fragment": text(fragment),
            "self_dependent": self_dependent,
        }),
        Frame::Priority { stream_id, self_dependent } => json!({
            "type": 2, "stream": stream_id.as_u32(), "self_dependent": self_dependent,
        }),
        Frame::RstStream { stream_id, code } => json!({
            "type": 3, "stream": stream_id.as_u32(), "code": code.0,
        }),
        Frame::Settings(settings) => json!({
            "type": 4, "settings": settings.collect::<Vec<_>>(),
        }),
        Frame::PushPromise { stream_id } => json!({ "type": 5, "stream": stream_id.as_u32() }),
        Frame::Ping { ack, payload } => json!({
            "type": 6, "ack": ack, "payload": text(&payload),
        }),
        Frame::GoAway { last_stream_id, code, debug } => json!({
            "type": 7, "last_stream_id": last_stream_id.as_u32(), "code": code.0,
            "debug": text(debug),
        }),
        Frame::WindowUpdate { stream_id, increment } => json!({
            "type": 8, "stream": stream_id.as_u32(), "increment": increment,
        }),
        Frame::Continuation { stream_id, end_headers, fragment } => json!({
            "type": 9, "stream": stream_id.as_u32(), "end_headers": end_headers,
            "fragment": text(fragment),
        }),
        Frame::SettingsAck | Frame::Unknown { .. } | Frame::Faulty { .. } => {
            panic!("{frame:?}")
        }
    };
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The code with which a frame is refused, by the reader or for what the reader tells.
fn refusal(mut wire: &[u8]) -> Option<ErrorCode> {
    let mut reader = FrameReader::new(false);
    loop {
        match reader.read(&mut wire) {
            Err(fault) => return Some(fault.code()),
            Ok(Some(Frame::Faulty { fault, .. })) => return Some(fault.code()),
            // Whoever allows no push refuses every promise, and zero is no increment.
            Ok(Some(Frame::PushPromise { .. } | Frame::WindowUpdate { increment: 0, .. })) => {
                return Some(ErrorCode::PROTOCOL_ERROR);
            }
            Ok(Some(_)) => {}
            Ok(None) => return None,
        }
    }
}

/// The frame as we write it, if we do.
fn rewrite(mut wire: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut reader = FrameReader::new(false);
    match reader.read(&mut wire).unwrap()? {
        Frame::Headers { stream_id, end_stream, end_headers: true, fragment, .. } => {
            send::headers(&mut out, stream_id, fragment, end_stream, 16_384);
        }
        Frame::RstStream { stream_id, code } => send::rst_stream(&mut out, stream_id, code),
        Frame::Settings(settings) => send::settings(&mut out, &settings.collect::<Vec<_>>()),
        Frame::Ping { ack, payload } => send::ping(&mut out, ack, payload),
        Frame::GoAway { last_stream_id, code, debug } => {
            send::goaway(&mut out, last_stream_id, code, debug);
        }
        Frame::WindowUpdate { stream_id, increment } => {
            assert_ne!(stream_id, StreamId::ZERO);
            send::window_update(&mut out, stream_id, increment);
        }
        _ => return None,
    }
    Some(out)
}
