//! The reader as a whole: chunking, hostile bytes, what it holds.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::*;

/// A frame as it stands on the wire.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, l0, l1, l2] = (payload.len() as u32).to_be_bytes();
    let mut bytes = vec![l0, l1, l2, kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// All frames of `bytes`, with the pieces of each DATA frame joined.
pub(super) fn read_all(bytes: &[u8]) -> Result<Vec<Frame<'static>>, Malformed> {
    let mut seen = Seen::default();
    seen.read(&mut FrameReader::new(false), bytes)?;
    Ok(seen.frames)
}

/// Frames that outlive the bytes that they came from. Tests are short: what they keep, they leak.
#[derive(Default)]
struct Seen {
    frames: Vec<Frame<'static>>,
}

impl Seen {
    fn read(&mut self, reader: &mut FrameReader, mut bytes: &[u8]) -> Result<(), Malformed> {
        while let Some(frame) = reader.read(&mut bytes)? {
            self.push(frame);
        }
        assert!(bytes.is_empty(), "None means that the input is used up");
        Ok(())
    }

    /// Takes whole frames as such where there are any, as a connection does.
    fn read_whole(&mut self, reader: &mut FrameReader, mut bytes: &[u8]) -> Result<(), Malformed> {
        loop {
            while reader.is_at_rest() {
                let Some(frame) = reader.read_whole(&mut bytes) else { break };
                self.push_whole(frame);
            }
            let Some(frame) = reader.read(&mut bytes)? else { return Ok(()) };
            self.push(frame);
        }
    }

    fn push_whole(&mut self, frame: WholeFrame<'_>) {
        match frame {
            WholeFrame::Headers { stream_id, end_stream, block } => self.push(Frame::Headers {
                stream_id,
                end_stream,
                end_headers: true,
                self_dependent: false,
                fragment: block,
            }),
            WholeFrame::Data { stream_id, end_stream, bytes } => {
                let flow_controlled_len = bytes.len() as u32;
                self.push(Frame::DataHead { stream_id, flow_controlled_len, end_stream });
                if !bytes.is_empty() {
                    self.push(Frame::DataPiece { stream_id, bytes });
                }
                self.push(Frame::DataEnd { stream_id, end_stream });
            }
            WholeFrame::WindowUpdate { stream_id, increment } => {
                self.push(Frame::WindowUpdate { stream_id, increment });
            }
        }
    }

    fn push(&mut self, frame: Frame<'_>) {
        if let Frame::DataPiece { stream_id, bytes } = frame {
            assert!(!bytes.is_empty(), "an empty piece");
            if let Some(Frame::DataPiece { bytes: before, .. }) = self.frames.last_mut() {
                *before = leak(&[before, bytes].concat());
                return;
            }
            return self.frames.push(Frame::DataPiece { stream_id, bytes: leak(bytes) });
        }
        self.frames.push(match frame {
            Frame::Headers { stream_id, end_stream, end_headers, self_dependent, fragment } => {
                let fragment = leak(fragment);
                Frame::Headers { stream_id, end_stream, end_headers, self_dependent, fragment }
            }
            Frame::Continuation { stream_id, end_headers, fragment } => {
                Frame::Continuation { stream_id, end_headers, fragment: leak(fragment) }
            }
            Frame::GoAway { last_stream_id, code, debug } => {
                Frame::GoAway { last_stream_id, code, debug: leak(debug) }
            }
            Frame::Settings(settings) => {
                Frame::Settings(SettingsFrame::from_payload(leak(settings.payload())))
            }
            Frame::DataPiece { .. } => unreachable!("joined above"),
            Frame::DataHead { stream_id, flow_controlled_len, end_stream } => {
                Frame::DataHead { stream_id, flow_controlled_len, end_stream }
            }
            Frame::DataEnd { stream_id, end_stream } => Frame::DataEnd { stream_id, end_stream },
            Frame::Priority { stream_id, self_dependent } => Frame::Priority { stream_id, self_dependent },
            Frame::RstStream { stream_id, code } => Frame::RstStream { stream_id, code },
            Frame::SettingsAck => Frame::SettingsAck,
            Frame::Ping { ack, payload } => Frame::Ping { ack, payload },
            Frame::WindowUpdate { stream_id, increment } => Frame::WindowUpdate { stream_id, increment },
            Frame::PushPromise { stream_id } => Frame::PushPromise { stream_id },
            Frame::Unknown { kind, stream_id } => Frame::Unknown { kind, stream_id },
            Frame::Faulty { stream_id, fault } => Frame::Faulty { stream_id, fault },
        });
    }
}

fn leak(bytes: &[u8]) -> &'static [u8] {
    Box::leak(Box::from(bytes))
}

/// One of every frame, and a header block in parts.
fn conversation() -> Vec<u8> {
    let one = StreamId::new(1);
    let mut out = Vec::new();
    send::settings(&mut out, &[(send::MAX_FRAME_SIZE, 16_384), (send::ENABLE_PUSH, 0)]);
    send::settings_ack(&mut out);
    send::headers(&mut out, one, b"block", false, 16_384);
    out.extend(frame(0x1, 0x2d, 3, &[2, 0, 0, 0, 3, 9, b'h', 0, 0]));
    send::data_header(&mut out, one, 5, false);
    out.extend_from_slice(b"hello");
    send::data_header(&mut out, one, 0, false);
    out.extend(frame(0x0, 0x8, 1, &[3, b'a', b'b', 0, 0, 0]));
    out.extend(frame(0x0, 0x9, 1, &[2, 0, 0]));
    send::ping(&mut out, true, *b"deadbeef");
    out.extend(frame(0x2, 0, 1, &[0, 0, 0, 1, 7]));
    out.extend(frame(0x2, 0, 1, &[0; 7]));
    out.extend(frame(0x5, 0x4, 1, &[0, 0, 0, 2, 7, 7]));
    out.extend(frame(0x20, 0, 1, &[1; 11]));
    send::window_update(&mut out, StreamId::ZERO, 10);
    send::rst_stream(&mut out, one, ErrorCode::CANCEL);
    send::goaway(&mut out, one, ErrorCode::NO_ERROR, b"bye");
    out.extend(frame(0x1, 0x1, 5, b"first"));
    out.extend(frame(0x9, 0x4, 5, b"second"));
    out
}

fn read_in(chunks: &[&[u8]], reader: &mut FrameReader) -> Result<Vec<Frame<'static>>, Malformed> {
    let mut seen = Seen::default();
    for chunk in chunks {
        seen.read(reader, chunk)?;
    }
    Ok(seen.frames)
}

#[test]
fn frames_are_the_same_under_every_split() {
    let mut bytes = CLIENT_PREFACE.to_vec();
    bytes.extend(conversation());
    let whole = read_in(&[&bytes], &mut FrameReader::new(true)).unwrap();
    assert_eq!(whole.len(), 24, "{whole:#?}");
    for split in 0..=bytes.len() {
        let (first, second) = bytes.split_at(split);
        let mut reader = FrameReader::new(true);
        assert_eq!(read_in(&[first, second], &mut reader), Ok(whole.clone()), "at {split}");
        assert!(!reader.is_mid_frame());
    }
    for size in 1..20 {
        let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
        assert_eq!(read_in(&chunks, &mut FrameReader::new(true)), Ok(whole.clone()));
    }
}

#[test]
fn a_long_header_block_is_the_same_byte_by_byte() {
    let mut bytes = Vec::new();
    let block: Vec<u8> = (0..40_000_u32).map(|n| (n * 7) as u8).collect();
    send::headers(&mut bytes, StreamId::new(1), &block, true, 16_384);
    let mut reader = FrameReader::new(false);
    let mut seen = Vec::new();
    for octet in bytes.chunks(1) {
        let mut input = octet;
        while let Some(frame) = reader.read(&mut input).unwrap() {
            let (Frame::Headers { fragment, .. } | Frame::Continuation { fragment, .. }) = frame else {
                panic!("{frame:?}")
            };
            seen.extend_from_slice(fragment);
        }
    }
    assert!(seen == block);
}

#[test]
fn whole_frames_are_borrowed_from_the_input() {
    let bytes = conversation();
    let range = bytes.as_ptr_range();
    let mut input = &bytes[..];
    let mut reader = FrameReader::new(false);
    while let Some(frame) = reader.read(&mut input).unwrap() {
        let part = match frame {
            Frame::DataPiece { bytes, .. } => bytes,
            Frame::Headers { fragment, .. } => fragment,
            Frame::GoAway { debug, .. } => debug,
            Frame::Settings(settings) => settings.payload(),
            _ => continue,
        };
        assert!(range.contains(&part.as_ptr()), "{frame:?}");
    }
}

#[test]
fn what_the_reader_keeps_is_less_than_a_frame_and_gone_with_it() {
    let bytes = frame(0x1, 0x4, 1, &[7; 16_384]);
    let mut reader = FrameReader::new(false);
    let mut frames = 0;
    for (at, chunk) in bytes.chunks(100).enumerate() {
        let mut input = chunk;
        while let Some(frame) = reader.read(&mut input).unwrap() {
            assert!(matches!(frame, Frame::Headers { fragment: [7, ..], .. }));
            frames += 1;
        }
        let came = (at + 1) * 100;
        assert!(reader.held_capacity() <= 16_384.min(2 * came), "no more than twice what came");
    }
    assert_eq!(frames, 1);
    assert_eq!(reader.held_capacity(), 0);

    for kind in [0x0, 0x5, 0x77] {
        for chunk in frame(kind, 0, 1, &[7; 16_384]).chunks(100) {
            assert!(read_in(&[chunk], &mut reader).is_ok());
            assert_eq!(reader.held_capacity(), 0, "type {kind:#x} passes through");
        }
    }
}

#[test]
fn mid_frame_is_from_the_first_octet_to_the_last() {
    for bytes in [
        frame(0x0, 0x8, 1, &[1, 2, 0]),
        frame(0x0, 0, 1, &[1, 2, 0]),
        frame(0x6, 0, 0, &[0; 8]),
        frame(0x1, 0, 1, &[0; 8]),
        frame(0x99, 0, 1, &[0; 8]),
        frame(0x4, 1, 0, &[]),
    ] {
        let mut reader = FrameReader::new(false);
        for octet in bytes.chunks(1) {
            read_in(&[octet], &mut reader).unwrap();
            let last = octet.as_ptr_range().end == bytes.as_ptr_range().end;
            assert_eq!(reader.is_mid_frame(), !last);
        }
    }
}

#[test]
fn a_frame_is_too_large_by_its_first_three_octets() {
    for kind in 0..=255 {
        let bytes = [0x00, 0x40, 0x01, kind, 0, 0, 0, 0, 1];
        assert_eq!(read_all(&bytes), Err(Malformed::FrameTooLarge));
        assert_eq!(read_all(&bytes[..3]), Err(Malformed::FrameTooLarge));
        assert_eq!(read_all(&bytes[..2]), Ok(vec![]));
    }
    let mut reader = FrameReader::new(false);
    reader.set_max_frame_size(16_385);
    assert!(read_in(&[&frame(0x0, 0, 1, &[0; 16_385])], &mut reader).is_ok());
}

#[test]
fn after_a_fault_nothing_is_read() {
    let mut reader = FrameReader::new(false);
    let mut bytes = frame(0x6, 0, 1, &[0; 8]);
    bytes.extend(conversation());
    let fault = Malformed::NonZeroStream { kind: FrameType::PING };
    for _ in 0..3 {
        let mut input = &bytes[..];
        assert_eq!(reader.read(&mut input), Err(fault));
        assert!(input.is_empty());
    }
    assert!(!reader.is_mid_frame());
}

#[test]
fn another_protocol_is_noticed_at_once() {
    assert_eq!(FrameReader::new(true).read(&mut &b"GET / HTTP/1.1"[..]), Err(Malformed::BadPreface));
    let mut reader = FrameReader::new(true);
    assert_eq!(reader.read(&mut &b"PRI * "[..]), Ok(None));
    assert_eq!(reader.read(&mut &b"HTTP/1.1"[..]), Err(Malformed::BadPreface));
    let alert = [0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46];
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"SSH-2.0-x\r\n", &alert] {
        assert_eq!(FrameReader::new(false).read(&mut &answer[..]), Err(Malformed::FrameTooLarge));
    }
}

#[test]
fn debug_output_shows_no_payload() {
    use alloc::format;
    let bytes = frame(0x1, 0x4, 1, b"secret");
    let frames = read_all(&bytes).unwrap();
    let text = format!("{frames:?}");
    assert!(text.contains("fragment: 6 octets"), "{text}");
    let mut reader = FrameReader::new(false);
    read_in(&[&bytes[..13]], &mut reader).unwrap();
    assert!(!format!("{reader:?}").contains("115"), "held octets");
}

/// What a frame of these properties must lead to, written down a second time: so many frames, or a
/// connection error. The payload begins with 2 and goes on with zeros.
fn expected(kind: u8, flags: u8, len: usize, stream: u32) -> Result<usize, ErrorCode> {
    let (padded, priority) = (flags & 0x8 != 0, flags & 0x20 != 0);
    let size = |good: bool| {
        if good { Ok(1) } else { Err(ErrorCode::FRAME_SIZE_ERROR) }
    };
    match kind {
        0..=3 | 5 | 9 if stream == 0 => Err(ErrorCode::PROTOCOL_ERROR),
        4 | 6 | 7 if stream != 0 => Err(ErrorCode::PROTOCOL_ERROR),
        0 => match (padded, len) {
            (true, 0) => Err(ErrorCode::FRAME_SIZE_ERROR),
            (true, 1 | 2) => Err(ErrorCode::PROTOCOL_ERROR),
            (true, 3) | (false, 0) => Ok(2),
            _ => Ok(3),
        },
        1 => {
            let fields = usize::from(padded) + if priority { 5 } else { 0 };
            match len.checked_sub(fields) {
                None => Err(ErrorCode::FRAME_SIZE_ERROR),
                Some(rest) if padded && rest < 2 => Err(ErrorCode::PROTOCOL_ERROR),
                Some(_) => Ok(1),
            }
        }
        3 | 8 => size(len == 4),
        4 => size(if flags & 1 != 0 { len == 0 } else { len % 6 == 0 }),
        6 => size(len == 8),
        7 => size(len >= 8),
        _ => Ok(1),
    }
}

#[test]
fn every_small_frame_is_read_or_refused_as_expected() {
    let mut payload = [0; 20];
    payload[0] = 2;
    for kind in 0..=255_u8 {
        for flags in 0..=255_u8 {
            for len in 0..=20_u8 {
                for stream in 0..4_u8 {
                    let mut bytes = [0; 29];
                    bytes[..9].copy_from_slice(&[0, 0, len, kind, flags, 0, 0, 0, stream]);
                    bytes[9..].copy_from_slice(&payload);
                    let mut input = &bytes[..9 + usize::from(len)];
                    let mut reader = FrameReader::new(false);
                    let mut count = 0;
                    let outcome = loop {
                        match reader.read(&mut input) {
                            Ok(Some(_)) => count += 1,
                            Ok(None) => break Ok(count),
                            Err(fault) => break Err(fault.code()),
                        }
                    };
                    let expected = expected(kind, flags, len.into(), stream.into());
                    assert_eq!(outcome, expected, "{kind} {flags:#x} {len} {stream}");
                    assert!(input.is_empty() && !reader.is_mid_frame());
                }
            }
        }
    }
}

quickcheck::quickcheck! {
    fn random_bytes_do_no_harm(chunks: Vec<Vec<u8>>, expect_preface: bool) -> bool {
        let mut reader = FrameReader::new(expect_preface);
        chunks.iter().all(|chunk| {
            let mut input = &chunk[..];
            while let Ok(Some(_)) = reader.read(&mut input) {}
            input.is_empty()
        })
    }

    fn random_frames_are_the_same_in_any_chunks(
        frames: Vec<(u8, u8, u8, Vec<u8>)>,
        cuts: Vec<u8>
    ) -> bool {
        let mut bytes = Vec::new();
        for (kind, flags, stream, payload) in frames {
            bytes.extend(frame(kind % 12, flags, u32::from(stream % 3), &payload));
        }
        let read = |chunks: &[&[u8]]| {
            let mut reader = FrameReader::new(false);
            let mut seen = Seen::default();
            let outcome = chunks.iter().try_for_each(|chunk| seen.read(&mut reader, chunk));
            (seen.frames, outcome)
        };
        let read_whole = |chunks: &[&[u8]]| {
            let mut reader = FrameReader::new(false);
            let mut seen = Seen::default();
            let outcome = chunks.iter().try_for_each(|chunk| seen.read_whole(&mut reader, chunk));
            (seen.frames, outcome)
        };
        let (mut pieces, mut rest) = (Vec::new(), &bytes[..]);
        for cut in cuts {
            let (piece, behind) = rest.split_at(rest.len().min(cut.into()));
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        let expected = read(&[&bytes]);
        read(&pieces) == expected && read_whole(&pieces) == expected && read_whole(&[&bytes]) == expected
    }
}
