//! A strict observer of one end: it sees what was received and sent, in order, and knows nothing but RFC 9113.
//! Whatever a scenario does, an end sends only what it may.

use std::collections::{BTreeMap, VecDeque};

use sailplane::error::ErrorCode;
use sailplane::hpack::{DecodeLimits, Decoder, FieldList};
use sailplane::wire::{Frame, FrameReader, SettingsFrame};

const WINDOW_MAX: i64 = 0x7fff_ffff;
const CONNECTION_SPECIFIC: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

#[derive(Debug, Default)]
struct Stream {
    sent_headers: usize,
    sent_end: bool,
    sent_reset: bool,
    received_end: bool,
    received_reset: bool,
    /// Frames came after it was closed: RFC 9113 §5.4.2 allows another RST_STREAM then.
    late: bool,
    send_window: i64,
}

impl Stream {
    /// RFC 9113 §5.1.
    const fn is_closed(&self) -> bool {
        self.sent_reset || self.received_reset || (self.sent_end && self.received_end)
    }
}

/// What an end did and may not.
type Fault = Result<(), String>;

/// Returns with what is wrong, unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err(format!($($text)+));
        }
    };
}

/// One end, seen from outside.
#[derive(Debug)]
pub struct Auditor {
    is_client: bool,
    sent: FrameReader,
    received: FrameReader,
    /// The first thing that it did and may not.
    fault: Option<String>,
    /// The decoder that the peer has for what this end sends.
    decoder: Decoder,
    streams: BTreeMap<u32, Stream>,
    send_window: i64,
    receive_window: i64,
    initial_window: i64,
    max_frame_size: u32,
    concurrent_max: Option<u32>,
    /// SETTINGS that came and are not acknowledged.
    settings: VecDeque<Vec<(u16, u32)>>,
    pings: VecDeque<[u8; 8]>,
    settings_sent: bool,
    goaway_received: bool,
    goaway_sent: Option<u32>,
    failed: bool,
    /// A header block that this end sends: stream, END_STREAM, fragments.
    block: Option<(u32, bool, Vec<u8>)>,
    /// HEADERS with END_STREAM, or not, whose block the peer has not ended.
    receiving: Option<(u32, bool)>,
}

impl Auditor {
    pub fn new(is_client: bool) -> Self {
        Self {
            is_client,
            sent: FrameReader::new(is_client),
            received: FrameReader::new(!is_client),
            fault: None,
            decoder: Decoder::new(4096),
            streams: BTreeMap::new(),
            send_window: 65_535,
            receive_window: 65_535,
            initial_window: 65_535,
            max_frame_size: 16_384,
            concurrent_max: None,
            settings: VecDeque::new(),
            pings: VecDeque::new(),
            settings_sent: false,
            goaway_received: false,
            goaway_sent: None,
            failed: false,
            block: None,
            receiving: None,
        }
    }

    /// The first thing that it did and may not.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Panics with what this end did and may not. For ends that took in nothing behind its back.
    pub fn check(&self, who: &str) {
        if let Some(fault) = &self.fault {
            panic!("{who}: {fault}");
        }
    }

    /// The end took these octets in.
    pub fn took(&mut self, mut input: &[u8]) {
        let mut reader = std::mem::replace(&mut self.received, FrameReader::new(false));
        // What is no HTTP/2 ends the connection, and this end says so.
        while let Ok(Some(frame)) = reader.read(&mut input) {
            self.take(frame);
        }
        self.received = reader;
    }

    /// The end gave these octets out.
    pub fn gave(&mut self, mut input: &[u8]) {
        let mut reader = std::mem::replace(&mut self.sent, FrameReader::new(false));
        reader.set_max_frame_size(self.max_frame_size);
        loop {
            let fault = match reader.read(&mut input) {
                Ok(Some(frame)) => self.give(frame).err(),
                Ok(None) => break,
                Err(fault) => Some(format!("sent what is no HTTP/2: {fault}")),
            };
            if fault.is_some() {
                self.fault = std::mem::take(&mut self.fault).or(fault);
                break;
            }
        }
        self.sent = reader;
    }

    fn take(&mut self, frame: Frame<'_>) {
        match frame {
            Frame::DataHead { stream_id, flow_controlled_len, .. } => {
                self.receive_window -= i64::from(flow_controlled_len);
                self.touch(stream_id.as_u32());
            }
            Frame::DataEnd { stream_id, end_stream } if end_stream => self.ended(stream_id.as_u32()),
            Frame::Headers { stream_id, end_stream, end_headers, .. } => {
                self.receiving = Some((stream_id.as_u32(), end_stream));
                if end_headers {
                    self.block_received();
                }
            }
            Frame::Continuation { end_headers: true, .. } => self.block_received(),
            Frame::RstStream { stream_id, .. } => {
                self.touch(stream_id.as_u32());
                if let Some(stream) = self.streams.get_mut(&stream_id.as_u32()) {
                    stream.received_reset = true;
                }
            }
            Frame::Settings(settings) => self.settings_received(settings),
            Frame::Ping { ack: false, payload } => self.pings.push_back(payload),
            Frame::GoAway { .. } => self.goaway_received = true,
            Frame::WindowUpdate { stream_id, increment } => match stream_id.as_u32() {
                0 => self.send_window += i64::from(increment),
                stream => {
                    self.touch(stream);
                    if let Some(stream) = self.streams.get_mut(&stream) {
                        stream.send_window += i64::from(increment);
                    }
                }
            },
            Frame::Priority { stream_id, .. } | Frame::Faulty { stream_id, .. } => {
                self.touch(stream_id.as_u32());
            }
            _ => {}
        }
    }

    /// Something came for a stream.
    fn touch(&mut self, stream: u32) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.late |= stream.is_closed();
        }
    }

    fn ended(&mut self, stream: u32) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.received_end = true;
        }
    }

    fn block_received(&mut self) {
        let Some((id, end)) = self.receiving.take() else { return };
        if !self.is_client && !self.streams.contains_key(&id) {
            let stream = Stream { send_window: self.initial_window, ..Stream::default() };
            self.streams.insert(id, stream);
        }
        self.touch(id);
        if end {
            self.ended(id);
        }
    }

    /// RFC 9113 §6.5.3: values hold as they come, in their order.
    fn settings_received(&mut self, settings: SettingsFrame<'_>) {
        let list: Vec<_> = settings.collect();
        for (id, value) in &list {
            match id {
                3 => self.concurrent_max = Some(*value),
                4 => {
                    let difference = i64::from(*value) - self.initial_window;
                    self.initial_window = i64::from(*value);
                    self.streams.values_mut().for_each(|stream| stream.send_window += difference);
                }
                // Any other value ends the connection.
                5 if (16_384..=0x00ff_ffff).contains(value) => self.max_frame_size = *value,
                _ => {}
            }
        }
        self.settings.push_back(list);
    }

    fn give(&mut self, frame: Frame<'_>) -> Fault {
        ensure!(!self.failed, "sent {frame:?} after an error of the connection (§5.4.1)");
        if !self.settings_sent {
            ensure!(matches!(frame, Frame::Settings(_)), "sent {frame:?} before SETTINGS (§3.4)");
            self.settings_sent = true;
        }
        if self.block.is_some() {
            ensure!(matches!(frame, Frame::Continuation { .. }), "sent {frame:?} within a block (§6.10)");
        }
        match frame {
            Frame::DataHead { stream_id, flow_controlled_len, end_stream } => {
                self.data_sent(stream_id.as_u32(), i64::from(flow_controlled_len), end_stream)?;
            }
            Frame::DataPiece { .. } | Frame::DataEnd { .. } | Frame::Settings(_) => {}
            Frame::Headers { stream_id, end_stream, end_headers, fragment, .. } => {
                self.block = Some((stream_id.as_u32(), end_stream, fragment.to_vec()));
                if end_headers {
                    self.block_sent()?;
                }
            }
            Frame::Continuation { stream_id, end_headers, fragment } => {
                let block = self.block.as_mut().ok_or("CONTINUATION alone (§6.10)")?;
                ensure!(block.0 == stream_id.as_u32(), "CONTINUATION of another stream (§6.10)");
                block.2.extend_from_slice(fragment);
                if end_headers {
                    self.block_sent()?;
                }
            }
            Frame::RstStream { stream_id, .. } => {
                let stream = self.open(stream_id.as_u32(), "RST_STREAM")?;
                let again = stream.late || !stream.is_closed();
                ensure!(again, "reset the closed stream {stream_id} (§5.1): {stream:?}");
                stream.sent_reset = true;
                stream.late = false;
            }
            Frame::SettingsAck => {
                let list = self.settings.pop_front();
                let list = list.ok_or("acknowledged SETTINGS that never came (§6.5.3)")?;
                let sizes = list.iter().filter(|(id, _)| *id == 1);
                sizes.for_each(|(_, size)| self.decoder.set_table_bytes_max(*size as usize));
            }
            Frame::Ping { ack: true, payload } => {
                ensure!(self.pings.pop_front() == Some(payload), "answered another PING (§6.7)");
            }
            Frame::Ping { .. } => {}
            Frame::GoAway { last_stream_id, code, .. } => {
                let last = last_stream_id.as_u32();
                ensure!(self.goaway_sent.is_none_or(|earlier| last <= earlier), "raised GOAWAY (§6.8)");
                let answered = self.streams.iter().rev().find(|(_, stream)| stream.sent_headers > 0);
                let answered = answered.filter(|_| !self.is_client).map_or(0, |(id, _)| *id);
                ensure!(last >= answered, "denies that it processed {answered} (§6.8)");
                self.goaway_sent = Some(last);
                self.failed = code != ErrorCode::NO_ERROR;
            }
            Frame::WindowUpdate { stream_id, increment } => {
                ensure!(increment > 0, "WINDOW_UPDATE of 0 (§6.9)");
                if stream_id.as_u32() == 0 {
                    self.receive_window += i64::from(increment);
                    ensure!(self.receive_window <= WINDOW_MAX, "its window overflows (§6.9.1)");
                } else {
                    let stream = self.open(stream_id.as_u32(), "WINDOW_UPDATE")?;
                    ensure!(!stream.is_closed(), "WINDOW_UPDATE on the closed {stream_id} (§5.1)");
                }
            }
            other => return Err(format!("sent {other:?}")),
        }
        Ok(())
    }

    /// A stream that is not idle (RFC 9113 §5.1).
    fn open(&mut self, id: u32, what: &str) -> Result<&mut Stream, String> {
        self.streams.get_mut(&id).ok_or_else(|| format!("{what} on the idle stream {id} (§5.1)"))
    }

    fn data_sent(&mut self, id: u32, octets: i64, end: bool) -> Fault {
        let window = self.send_window;
        let stream = self.open(id, "DATA")?;
        ensure!(stream.sent_headers > 0, "DATA before HEADERS on {id} (§8.1)");
        ensure!(!stream.is_closed() && !stream.sent_end, "DATA on the closed {id} (§5.1): {stream:?}");
        let room = stream.send_window.min(window);
        ensure!(octets == 0 || octets <= room, "{octets} octets of DATA on {id}, window {room} (§6.9.1)");
        stream.send_window -= octets;
        stream.sent_end = end;
        self.send_window -= octets;
        Ok(())
    }

    fn block_sent(&mut self) -> Fault {
        let Some((id, end, block)) = self.block.take() else { return Ok(()) };
        let limits =
            DecodeLimits { header_list_bytes_max: 1 << 24, fields_max: 10_000, decode_bytes_max: 1 << 24 };
        let mut fields = FieldList::new();
        let decoded = self.decoder.decode(&block, &limits, &mut fields);
        decoded.map_err(|error| format!("its header block on {id} cannot be decoded: {error}"))?;
        if self.is_client && !self.streams.contains_key(&id) {
            let last = self.streams.keys().next_back().copied().unwrap_or(0);
            ensure!(id % 2 == 1 && id > last, "stream {id} after {last} (§5.1.1)");
            ensure!(!self.goaway_received, "stream {id} after GOAWAY (§6.8)");
            let open = self.streams.values().filter(|stream| !stream.is_closed()).count();
            let most = self.concurrent_max.map_or(usize::MAX, |most| most as usize);
            ensure!(open < most, "one stream more than {most} (§5.1.2)");
            let stream = Stream { send_window: self.initial_window, ..Stream::default() };
            self.streams.insert(id, stream);
        }
        let is_client = self.is_client;
        let stream = self.open(id, "HEADERS")?;
        ensure!(!stream.is_closed() && !stream.sent_end, "HEADERS on the closed {id} (§5.1): {stream:?}");
        let first = stream.sent_headers == 0;
        ensure!(first || end, "trailers without END_STREAM on {id} (§8.1)");
        stream.sent_headers += 1;
        stream.sent_end = end;
        let names: Vec<_> =
            fields.iter().map(|field| String::from_utf8_lossy(field.name).into_owned()).collect();
        check_names(&names, first, is_client)?;
        for field in fields.iter() {
            let edge = |octet: Option<&u8>| octet.is_some_and(|octet| b" \t".contains(octet));
            let bad = field.value.iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n'));
            let bad = bad || edge(field.value.first()) || edge(field.value.last());
            ensure!(!bad, "the value of {:?} (§8.2.1)", field.name.escape_ascii().to_string());
        }
        Ok(())
    }
}

/// RFC 9113 §8.2, §8.2.1, §8.2.2, §8.3.
fn check_names(names: &[String], first: bool, is_client: bool) -> Fault {
    let pseudo = names.iter().take_while(|name| name.starts_with(':')).count();
    let mut sorted: Vec<_> = names[..pseudo].iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let expected: &[&[&str]] = match (first, is_client) {
        (false, _) => &[&[]],
        (true, true) => &[&[":authority", ":method", ":path", ":scheme"], &[":method", ":path", ":scheme"]],
        (true, false) => &[&[":status"]],
    };
    ensure!(expected.contains(&&sorted[..]), "pseudo-header fields {sorted:?} (§8.3)");
    for name in &names[pseudo..] {
        let legal = |octet: u8| matches!(octet, 0x21..=0x7e) && !octet.is_ascii_uppercase() && octet != b':';
        ensure!(!name.is_empty() && name.bytes().all(legal), "the name {name:?} (§8.2.1)");
        ensure!(!CONNECTION_SPECIFIC.contains(&name.as_str()), "{name} (§8.2.2)");
    }
    Ok(())
}
