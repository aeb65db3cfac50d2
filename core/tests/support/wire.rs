//! A peer by hand: frames to write, and frames that were written, read back.

use sailplane::error::ErrorCode;
use sailplane::hpack::{DecodeLimits, Decoder, Encoder, FieldList, Indexing};
use sailplane::wire::{CLIENT_PREFACE, Frame, FrameReader, StreamId, send};

/// Writes frames as a peer would, and frames that no peer should write.
pub struct Peer {
    pub bytes: Vec<u8>,
    encoder: Encoder,
}

pub const REQUEST: [(&str, &str); 6] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/greet.Greeter/SayHello"),
    (":authority", "localhost"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
];
pub const RESPONSE: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/grpc")];
pub const OK: [(&str, &str); 1] = [("grpc-status", "0")];

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;

impl Peer {
    /// A client that has sent its preface, SETTINGS and the acknowledgement of ours.
    pub fn client() -> Self {
        let mut peer = Self::silent();
        peer.preface().settings(&[]).settings_ack();
        peer
    }

    pub fn preface(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(CLIENT_PREFACE);
        self
    }

    /// A server that has sent its SETTINGS and the acknowledgement of ours.
    pub fn server() -> Self {
        let mut peer = Self::silent();
        peer.settings(&[]).settings_ack();
        peer
    }

    pub fn silent() -> Self {
        Self { bytes: Vec::new(), encoder: Encoder::new() }
    }

    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Any frame.
    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> &mut Self {
        let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        self.bytes.extend([a, b, c, kind, flags]);
        self.bytes.extend(stream.to_be_bytes());
        self.bytes.extend_from_slice(payload);
        self
    }

    pub fn block(&mut self, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut block = Vec::new();
        self.encoder.begin(&mut block);
        for (name, value) in fields {
            self.encoder.literal(&mut block, name.as_bytes(), value.as_bytes(), Indexing::NotIndexed);
        }
        block
    }

    pub fn headers(&mut self, stream: u32, fields: &[(&str, &str)], end: bool) -> &mut Self {
        let block = self.block(fields);
        self.frame(1, END_HEADERS | u8::from(end), stream, &block)
    }

    pub fn request(&mut self, stream: u32) -> &mut Self {
        self.headers(stream, &REQUEST, false)
    }

    pub fn data(&mut self, stream: u32, payload: &[u8], end: bool) -> &mut Self {
        self.frame(0, u8::from(end), stream, payload)
    }

    /// DATA with one whole message.
    pub fn message(&mut self, stream: u32, message: &[u8], end: bool) -> &mut Self {
        let framed = framed(message);
        self.data(stream, &framed, end)
    }

    pub fn rst(&mut self, stream: u32, code: ErrorCode) -> &mut Self {
        send::rst_stream(&mut self.bytes, StreamId::new(stream), code);
        self
    }

    pub fn settings(&mut self, list: &[(u16, u32)]) -> &mut Self {
        send::settings(&mut self.bytes, list);
        self
    }

    pub fn settings_ack(&mut self) -> &mut Self {
        send::settings_ack(&mut self.bytes);
        self
    }

    pub fn ping(&mut self, number: u64) -> &mut Self {
        send::ping(&mut self.bytes, false, number.to_be_bytes());
        self
    }

    pub fn window_update(&mut self, stream: u32, increment: u32) -> &mut Self {
        self.frame(8, 0, stream, &increment.to_be_bytes())
    }

    pub fn goaway(&mut self, last: u32, code: ErrorCode) -> &mut Self {
        send::goaway(&mut self.bytes, StreamId::new(last), code, b"");
        self
    }
}

pub fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    out.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    out.extend_from_slice(message);
    out
}

/// A frame that one side wrote, as far as tests look at it.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    Data { stream: u32, octets: u32, end: bool },
    Headers { stream: u32, end: bool, fields: Vec<(String, String)> },
    Rst { stream: u32, code: ErrorCode },
    Settings(Vec<(u16, u32)>),
    SettingsAck,
    Ping { ack: bool, payload: [u8; 8] },
    GoAway { last: u32, code: ErrorCode, debug: String },
    Window { stream: u32, increment: u32 },
}

impl Sent {
    /// The stream it belongs to, 0 for none.
    pub fn stream(&self) -> u32 {
        match self {
            Self::Data { stream, .. }
            | Self::Headers { stream, .. }
            | Self::Rst { stream, .. }
            | Self::Window { stream, .. } => *stream,
            _ => 0,
        }
    }
}

/// Reads what one side wrote since the beginning of the connection.
pub fn parse(from_client: bool, mut bytes: &[u8]) -> Vec<Sent> {
    let mut reader = FrameReader::new(from_client);
    reader.set_max_frame_size(0x00ff_ffff);
    let mut decoder = Decoder::new(4096);
    let mut out = Vec::new();
    let mut block: Option<(u32, bool, Vec<u8>)> = None;
    let mut finish = |(stream, end, block): (u32, bool, Vec<u8>)| {
        let limits =
            DecodeLimits { header_list_bytes_max: 1 << 24, fields_max: 10_000, decode_bytes_max: 1 << 24 };
        let mut fields = FieldList::new();
        decoder.decode(&block, &limits, &mut fields).unwrap();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let fields = fields.iter().map(|field| (text(field.name), text(field.value))).collect();
        Sent::Headers { stream, end, fields }
    };
    while let Some(frame) = reader.read(&mut bytes).expect("our own frames are sound") {
        match frame {
            Frame::DataHead { stream_id, flow_controlled_len, end_stream } => {
                out.push(Sent::Data {
                    stream: stream_id.as_u32(),
                    octets: flow_controlled_len,
                    end: end_stream,
                });
            }
            Frame::DataPiece { .. } | Frame::DataEnd { .. } => {}
            Frame::Headers { stream_id, end_stream, end_headers, fragment, .. } => {
                let whole = (stream_id.as_u32(), end_stream, fragment.to_vec());
                if end_headers { out.push(finish(whole)) } else { block = Some(whole) }
            }
            Frame::Continuation { end_headers, fragment, .. } => {
                let mut whole = block.take().unwrap();
                whole.2.extend_from_slice(fragment);
                if end_headers { out.push(finish(whole)) } else { block = Some(whole) }
            }
            Frame::RstStream { stream_id, code } => out.push(Sent::Rst { stream: stream_id.as_u32(), code }),
            Frame::Settings(list) => out.push(Sent::Settings(list.into_iter().collect())),
            Frame::SettingsAck => out.push(Sent::SettingsAck),
            Frame::Ping { ack, payload } => out.push(Sent::Ping { ack, payload }),
            Frame::GoAway { last_stream_id, code, debug } => {
                let debug = String::from_utf8_lossy(debug).into_owned();
                out.push(Sent::GoAway { last: last_stream_id.as_u32(), code, debug });
            }
            Frame::WindowUpdate { stream_id, increment } => {
                out.push(Sent::Window { stream: stream_id.as_u32(), increment });
            }
            other => panic!("we never send {other:?}"),
        }
    }
    out
}
