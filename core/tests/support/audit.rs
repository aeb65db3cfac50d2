//! A strict observer of one end: it sees what was received and sent, in order, and knows nothing but RFC 9113.
//! Whatever a scenario does, an end sends only what it may.

use std::collections::{BTreeMap, VecDeque};

use sailplane::error::ErrorCode;
use sailplane::hpack::{DecodeLimits, Decoder, FieldList};
use sailplane::wire::{Frame, FrameReader, SettingsFrame};

/// Octets that one end took in or gave out.
#[derive(Clone, Debug)]
pub enum Seen {
    Received(Vec<u8>),
    Sent(Vec<u8>),
}

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

#[derive(Debug)]
struct Auditor {
    is_client: bool,
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

/// Panics with what this end did and may not (`who` says which end it is).
pub fn audit(who: &str, is_client: bool, log: &[Seen]) {
    let mut auditor = Auditor {
        is_client,
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
    };
    let (mut sent, mut received) = (FrameReader::new(is_client), FrameReader::new(!is_client));
    for seen in log {
        match seen {
            Seen::Received(bytes) => {
                let mut input = &bytes[..];
                // What is no HTTP/2 ends the connection, and this end says so.
                while let Ok(Some(frame)) = received.read(&mut input) {
                    auditor.received(frame);
                }
            }
            Seen::Sent(bytes) => {
                let mut input = &bytes[..];
                sent.set_max_frame_size(auditor.max_frame_size);
                loop {
                    match sent.read(&mut input) {
                        Ok(Some(frame)) => auditor.sent(who, frame),
                        Ok(None) => break,
                        Err(fault) => panic!("{who} sent what is no HTTP/2: {fault}"),
                    }
                }
            }
        }
    }
}

impl Auditor {
    fn received(&mut self, frame: Frame<'_>) {
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

    fn sent(&mut self, who: &str, frame: Frame<'_>) {
        assert!(!self.failed, "{who} sent {frame:?} after an error of the connection (§5.4.1)");
        if !self.settings_sent {
            assert!(matches!(frame, Frame::Settings(_)), "{who} sent {frame:?} before SETTINGS (§3.4)");
            self.settings_sent = true;
        }
        if self.block.is_some() {
            assert!(
                matches!(frame, Frame::Continuation { .. }),
                "{who} sent {frame:?} within a block (§6.10)"
            );
        }
        match frame {
            Frame::DataHead { stream_id, flow_controlled_len, end_stream } => {
                self.data_sent(who, stream_id.as_u32(), i64::from(flow_controlled_len), end_stream);
            }
            Frame::DataPiece { .. } | Frame::DataEnd { .. } | Frame::Settings(_) => {}
            Frame::Headers { stream_id, end_stream, end_headers, fragment, .. } => {
                self.block = Some((stream_id.as_u32(), end_stream, fragment.to_vec()));
                if end_headers {
                    self.block_sent(who);
                }
            }
            Frame::Continuation { stream_id, end_headers, fragment } => {
                let block =
                    self.block.as_mut().unwrap_or_else(|| panic!("{who}: CONTINUATION alone (§6.10)"));
                assert_eq!(block.0, stream_id.as_u32(), "{who}: CONTINUATION of another stream (§6.10)");
                block.2.extend_from_slice(fragment);
                if end_headers {
                    self.block_sent(who);
                }
            }
            Frame::RstStream { stream_id, .. } => {
                let stream = self.open(who, stream_id.as_u32(), "RST_STREAM");
                let again = stream.late || !stream.is_closed();
                assert!(again, "{who} reset the closed stream {stream_id} (§5.1): {stream:?}");
                stream.sent_reset = true;
                stream.late = false;
            }
            Frame::SettingsAck => {
                let list = self.settings.pop_front();
                let list =
                    list.unwrap_or_else(|| panic!("{who} acknowledged SETTINGS that never came (§6.5.3)"));
                let sizes = list.iter().filter(|(id, _)| *id == 1);
                sizes.for_each(|(_, size)| self.decoder.set_table_bytes_max(*size as usize));
            }
            Frame::Ping { ack: true, payload } => {
                assert_eq!(self.pings.pop_front(), Some(payload), "{who} answered another PING (§6.7)");
            }
            Frame::Ping { .. } => {}
            Frame::GoAway { last_stream_id, code, .. } => {
                let last = last_stream_id.as_u32();
                assert!(self.goaway_sent.is_none_or(|earlier| last <= earlier), "{who} raised GOAWAY (§6.8)");
                let answered = self.streams.iter().rev().find(|(_, stream)| stream.sent_headers > 0);
                let answered = answered.filter(|_| !self.is_client).map_or(0, |(id, _)| *id);
                assert!(last >= answered, "{who} denies that it processed {answered} (§6.8)");
                self.goaway_sent = Some(last);
                self.failed = code != ErrorCode::NO_ERROR;
            }
            Frame::WindowUpdate { stream_id, increment } => {
                assert!(increment > 0, "{who}: WINDOW_UPDATE of 0 (§6.9)");
                if stream_id.as_u32() == 0 {
                    self.receive_window += i64::from(increment);
                    assert!(self.receive_window <= WINDOW_MAX, "{who}: its window overflows (§6.9.1)");
                } else {
                    let stream = self.open(who, stream_id.as_u32(), "WINDOW_UPDATE");
                    assert!(!stream.is_closed(), "{who}: WINDOW_UPDATE on the closed {stream_id} (§5.1)");
                }
            }
            other => panic!("{who} sent {other:?}"),
        }
    }

    /// A stream that is not idle (RFC 9113 §5.1).
    fn open(&mut self, who: &str, id: u32, what: &str) -> &mut Stream {
        self.streams.get_mut(&id).unwrap_or_else(|| panic!("{who}: {what} on the idle stream {id} (§5.1)"))
    }

    fn data_sent(&mut self, who: &str, id: u32, octets: i64, end: bool) {
        let window = self.send_window;
        let stream = self.open(who, id, "DATA");
        assert!(stream.sent_headers > 0, "{who}: DATA before HEADERS on {id} (§8.1)");
        assert!(!stream.is_closed() && !stream.sent_end, "{who}: DATA on the closed {id} (§5.1): {stream:?}");
        let room = stream.send_window.min(window);
        assert!(
            octets == 0 || octets <= room,
            "{who}: {octets} octets of DATA on {id}, window {room} (§6.9.1)"
        );
        stream.send_window -= octets;
        stream.sent_end = end;
        self.send_window -= octets;
    }

    fn block_sent(&mut self, who: &str) {
        let Some((id, end, block)) = self.block.take() else { return };
        let limits =
            DecodeLimits { header_list_bytes_max: 1 << 24, fields_max: 10_000, decode_bytes_max: 1 << 24 };
        let mut fields = FieldList::new();
        let decoded = self.decoder.decode(&block, &limits, &mut fields);
        decoded.unwrap_or_else(|error| panic!("{who}: its header block on {id} cannot be decoded: {error}"));
        if self.is_client && !self.streams.contains_key(&id) {
            let last = self.streams.keys().next_back().copied().unwrap_or(0);
            assert!(id % 2 == 1 && id > last, "{who}: stream {id} after {last} (§5.1.1)");
            assert!(!self.goaway_received, "{who}: stream {id} after GOAWAY (§6.8)");
            let open = self.streams.values().filter(|stream| !stream.is_closed()).count();
            let most = self.concurrent_max.map_or(usize::MAX, |most| most as usize);
            assert!(open < most, "{who}: one stream more than {most} (§5.1.2)");
            let stream = Stream { send_window: self.initial_window, ..Stream::default() };
            self.streams.insert(id, stream);
        }
        let is_client = self.is_client;
        let stream = self.open(who, id, "HEADERS");
        assert!(
            !stream.is_closed() && !stream.sent_end,
            "{who}: HEADERS on the closed {id} (§5.1): {stream:?}"
        );
        let first = stream.sent_headers == 0;
        assert!(first || end, "{who}: trailers without END_STREAM on {id} (§8.1)");
        stream.sent_headers += 1;
        stream.sent_end = end;
        let names: Vec<_> =
            fields.iter().map(|field| String::from_utf8_lossy(field.name).into_owned()).collect();
        check_names(who, &names, first, is_client);
        for field in fields.iter() {
            let edge = |octet: Option<&u8>| octet.is_some_and(|octet| b" \t".contains(octet));
            let bad = field.value.iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n'));
            let bad = bad || edge(field.value.first()) || edge(field.value.last());
            assert!(!bad, "{who}: the value of {:?} (§8.2.1)", field.name.escape_ascii().to_string());
        }
    }
}

/// RFC 9113 §8.2, §8.2.1, §8.2.2, §8.3.
fn check_names(who: &str, names: &[String], first: bool, is_client: bool) {
    let pseudo = names.iter().take_while(|name| name.starts_with(':')).count();
    let mut sorted: Vec<_> = names[..pseudo].iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let expected: &[&[&str]] = match (first, is_client) {
        (false, _) => &[&[]],
        (true, true) => &[&[":authority", ":method", ":path", ":scheme"], &[":method", ":path", ":scheme"]],
        (true, false) => &[&[":status"]],
    };
    assert!(expected.contains(&&sorted[..]), "{who}: pseudo-header fields {sorted:?} (§8.3)");
    for name in &names[pseudo..] {
        let legal = |octet: u8| matches!(octet, 0x21..=0x7e) && !octet.is_ascii_uppercase() && octet != b':';
        assert!(!name.is_empty() && name.bytes().all(legal), "{who}: the name {name:?} (§8.2.1)");
        assert!(!CONNECTION_SPECIFIC.contains(&name.as_str()), "{who}: {name} (§8.2.2)");
    }
}
