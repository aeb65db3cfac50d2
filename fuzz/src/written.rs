//! What a connection may write, whatever it was told (RFC 9113 §4 to §6).

use sailplane::error::ErrorCode;
use sailplane::hpack::{DecodeLimits, Decoder, FieldList};
use sailplane::wire::{Frame, FrameReader};
use std::collections::BTreeMap;

/// How far a stream is, as far as the writer of these frames goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stream {
    Open,
    Ended,
    Reset,
}

/// Reads what one side writes.
pub(crate) struct Written {
    reader: FrameReader,
    decoder: Decoder,
    from_client: bool,
    block: Option<(u32, bool, Vec<u8>)>,
    streams: BTreeMap<u32, Stream>,
    highest: u32,
    gone_away: Option<u32>,
    pub(crate) octets: usize,
}

impl Written {
    pub(crate) fn new(from_client: bool) -> Self {
        Self {
            reader: FrameReader::new(from_client),
            decoder: Decoder::new(4096),
            from_client,
            block: None,
            streams: BTreeMap::new(),
            highest: 0,
            gone_away: None,
            octets: 0,
        }
    }

    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        self.octets += bytes.len();
        // The peer may allow larger frames than the default.
        let mut reader = core::mem::replace(&mut self.reader, FrameReader::new(false));
        reader.set_max_frame_size(0x00ff_ffff);
        while let Some(frame) = reader.read(&mut bytes).expect("our own frames are sound") {
            self.frame(&frame);
        }
        self.reader = reader;
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        assert!(
            self.block.is_none() || matches!(frame, Frame::Continuation { .. }),
            "{frame:?} inside a header block"
        );
        match *frame {
            Frame::DataHead { stream_id, end_stream, .. } => {
                let stream = self.streams.get_mut(&stream_id.as_u32()).expect("DATA on a known stream");
                assert_eq!(*stream, Stream::Open, "{frame:?}");
                if end_stream {
                    *stream = Stream::Ended;
                }
            }
            Frame::Headers { stream_id, end_stream, end_headers, fragment, .. } => {
                self.block = Some((stream_id.as_u32(), end_stream, fragment.to_vec()));
                self.headers(end_headers);
            }
            Frame::Continuation { stream_id, end_headers, fragment } => {
                let block = self.block.as_mut().expect("CONTINUATION follows HEADERS");
                assert_eq!(block.0, stream_id.as_u32());
                block.2.extend_from_slice(fragment);
                self.headers(end_headers);
            }
            Frame::RstStream { stream_id, code } => {
                // RFC 9113 §6.4: not on an idle stream. RFC 9113 §5.4.2: once; but a PRIORITY of a wrong length
                // may come on a stream in any state, and is a fault of the stream (RFC 9113 §6.3).
                let id = stream_id.as_u32();
                assert!(!self.from_client || id <= self.highest, "{frame:?} on an idle stream");
                let before = self.streams.insert(id, Stream::Reset);
                let once = before != Some(Stream::Reset) || code == ErrorCode::FRAME_SIZE_ERROR;
                assert!(once, "{frame:?} twice");
            }
            Frame::GoAway { last_stream_id, .. } => {
                let last = last_stream_id.as_u32();
                assert!(self.gone_away.is_none_or(|earlier| last <= earlier), "{frame:?} raises the last id");
                self.gone_away = Some(last);
            }
            Frame::WindowUpdate { increment, .. } => assert!(increment > 0),
            Frame::DataPiece { .. } | Frame::DataEnd { .. } => {}
            Frame::Settings(_) | Frame::SettingsAck | Frame::Ping { .. } => {}
            ref other => panic!("no side writes {other:?}"),
        }
    }

    fn headers(&mut self, complete: bool) {
        if !complete {
            return;
        }
        let Some((id, end, block)) = self.block.take() else { return };
        let limits =
            DecodeLimits { header_list_bytes_max: 1 << 24, fields_max: 10_000, decode_bytes_max: 1 << 24 };
        let mut fields = FieldList::new();
        self.decoder.decode(&block, &limits, &mut fields).expect("our own blocks are sound");
        assert!(!fields.is_empty());
        if self.from_client {
            assert!(id % 2 == 1 && id > self.highest, "stream {id} after {}", self.highest);
            self.highest = id;
        } else {
            let state = self.streams.get(&id);
            assert!(matches!(state, None | Some(Stream::Open)), "HEADERS on {id}, which is {state:?}");
        }
        self.streams.insert(id, if end { Stream::Ended } else { Stream::Open });
    }
}
