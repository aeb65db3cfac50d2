//! What one end may put on the wire, judged from the frames alone: it knows what reached the end and what
//! left it, and nothing of the core.

use std::collections::HashMap;

use sailplane::Limits;

use crate::frames::{END_STREAM, Frame, PADDED, kind, word};

/// RFC 9113 §6.9.2.
const WINDOW_INITIAL: i64 = 65_535;

/// Fails the run: the invariant, then what is wrong.
#[macro_export]
macro_rules! broken {
    ($invariant:literal, $($text:tt)+) => {
        panic!("{} {}", $invariant, format_args!($($text)+))
    };
}

#[derive(Debug)]
struct Stream {
    /// What this end may send.
    send: i64,
    /// What it was sent, less what it gave back.
    outstanding: i64,
    sent_end: bool,
    received_end: bool,
}

/// One end of one connection.
#[derive(Debug)]
pub struct Watch {
    is_client: bool,
    /// The peer's frames arrive as it wrote them.
    pub honest: bool,
    send: i64,
    send_initial: i64,
    frame_max: usize,
    streams_max: u32,
    streams: HashMap<u32, Stream>,
    last_opened: u32,
    /// What this end was sent on the connection, less what it gave back; growth apart.
    outstanding: i64,
    growth: i64,
    /// How much it may give back to all streams before it comes.
    ahead: i64,
    goaway_received: bool,
    goaway_sent: Option<u32>,
    /// Frames that were judged.
    pub frames: u64,
}

impl Watch {
    /// An end with these limits.
    #[must_use]
    pub fn new(is_client: bool, limits: &Limits) -> Self {
        Self {
            is_client,
            honest: true,
            send: WINDOW_INITIAL,
            send_initial: WINDOW_INITIAL,
            frame_max: 16_384,
            streams_max: u32::MAX,
            streams: HashMap::new(),
            last_opened: 0,
            outstanding: 0,
            growth: (i64::from(limits.connection_window_bytes) - WINDOW_INITIAL).max(0),
            ahead: i64::from(limits.credit_ahead_bytes_max),
            goaway_received: false,
            goaway_sent: None,
            frames: 0,
        }
    }

    /// The end wrote `frame`.
    pub fn sent(&mut self, frame: &Frame) {
        self.frames += 1;
        if frame.is_preface || !self.honest {
            return;
        }
        let (stream, len) = (frame.stream(), frame.payload().len());
        if len > self.frame_max {
            broken!("I5", "a frame of {len} octets, the peer takes {}", self.frame_max);
        }
        match frame.kind() {
            kind::HEADERS => self.sent_headers(stream, frame.has(END_STREAM)),
            kind::DATA => self.sent_data(stream, i64::try_from(len).unwrap_or(0), frame.has(END_STREAM)),
            kind::RST_STREAM => self.sent_reset(stream, word(frame.payload())),
            kind::WINDOW_UPDATE => self.sent_window_update(stream, i64::from(word(frame.payload()))),
            kind::GOAWAY => self.sent_goaway(word(frame.payload())),
            kind::SETTINGS | kind::PING | kind::CONTINUATION => {}
            other => broken!("I4", "a frame of type {other}"),
        }
    }

    fn sent_headers(&mut self, stream: u32, end: bool) {
        if self.is_client && !self.streams.contains_key(&stream) {
            self.opened(stream);
        }
        if self.goaway_sent.is_some_and(|last| stream > last) {
            broken!("I4", "HEADERS on stream {stream} above the last one of our GOAWAY");
        }
        match self.streams.get_mut(&stream) {
            Some(known) if !known.sent_end => known.sent_end = end,
            _ => broken!("I4", "HEADERS on the closed stream {stream}"),
        }
        self.prune(stream);
    }

    fn opened(&mut self, stream: u32) {
        if stream % 2 == 0 || stream <= self.last_opened {
            broken!("I4", "stream {stream} after {}", self.last_opened);
        }
        if self.goaway_received {
            broken!("I4", "stream {stream} is opened after GOAWAY");
        }
        self.last_opened = stream;
        self.add(stream);
        if self.streams.len() > self.streams_max as usize {
            broken!("I13", "{} streams are open, the peer takes {}", self.streams.len(), self.streams_max);
        }
    }

    fn add(&mut self, stream: u32) {
        let send = self.send_initial;
        self.streams.insert(stream, Stream { send, outstanding: 0, sent_end: false, received_end: false });
    }

    fn sent_data(&mut self, stream: u32, len: i64, end: bool) {
        self.send -= len;
        let Some(known) = self.streams.get_mut(&stream).filter(|known| !known.sent_end) else {
            broken!("I4", "DATA on the closed stream {stream}");
        };
        known.send -= len;
        known.sent_end = end;
        if len > 0 && (self.send < 0 || known.send < 0) {
            broken!(
                "I5",
                "{len} octets of DATA on stream {stream} leave windows of {} and {}",
                known.send,
                self.send
            );
        }
        self.prune(stream);
    }

    fn sent_reset(&mut self, stream: u32, code: u32) {
        // NO_ERROR, REFUSED_STREAM, CANCEL: nothing else is true of an honest peer.
        if !matches!(code, 0 | 7 | 8) {
            broken!("I12", "RST_STREAM {code} on stream {stream} of an honest peer");
        }
        let known = self.streams.remove(&stream).is_some();
        if !known && (self.is_client || stream > self.last_opened) {
            broken!("I4", "RST_STREAM on the closed or idle stream {stream}");
        }
    }

    fn sent_window_update(&mut self, stream: u32, increment: i64) {
        if stream == 0 {
            self.outstanding -= increment;
            if self.outstanding + self.growth < 0 {
                broken!("I5", "the connection's window is given back twice: {}", self.outstanding);
            }
            return;
        }
        let Some(known) = self.streams.get_mut(&stream).filter(|known| !known.received_end) else {
            broken!("I4", "WINDOW_UPDATE on stream {stream}, on which nothing can come");
        };
        known.outstanding -= increment;
        if known.outstanding < 0 {
            let ahead: i64 = self.streams.values().map(|known| known.outstanding.min(0)).sum();
            if ahead + self.ahead < 0 {
                broken!("I5", "with stream {stream}, windows are {} larger than they should be", -ahead);
            }
        }
    }

    fn sent_goaway(&mut self, last: u32) {
        if self.goaway_sent.is_some_and(|earlier| last > earlier) {
            broken!("I4", "GOAWAY raises the last stream to {last}");
        }
        self.goaway_sent = Some(last);
    }

    /// `len` octets of flow-controlled DATA begin to reach the end.
    pub fn data_arrives(&mut self, stream: u32, len: usize) {
        let len = i64::try_from(len).unwrap_or(0);
        self.outstanding += len;
        if let Some(known) = self.streams.get_mut(&stream) {
            known.outstanding += len;
        }
    }

    /// `frame` has reached the end as a whole.
    pub fn delivered(&mut self, frame: &Frame) {
        if frame.is_preface || !self.honest {
            return;
        }
        let stream = frame.stream();
        match frame.kind() {
            kind::HEADERS if !self.is_client && stream > self.last_opened => {
                self.last_opened = stream;
                self.add(stream);
                self.ended(stream, frame.has(END_STREAM));
            }
            kind::HEADERS | kind::DATA => self.ended(stream, frame.has(END_STREAM)),
            kind::RST_STREAM => {
                self.streams.remove(&stream);
            }
            kind::WINDOW_UPDATE => {
                let increment = i64::from(word(frame.payload()));
                match self.streams.get_mut(&stream) {
                    Some(known) => known.send += increment,
                    None if stream == 0 => self.send += increment,
                    None => {}
                }
            }
            kind::SETTINGS if !frame.has(END_STREAM) => self.settings(frame.payload()),
            kind::GOAWAY => self.goaway_received = true,
            _ => {}
        }
    }

    fn ended(&mut self, stream: u32, end: bool) {
        if let Some(known) = self.streams.get_mut(&stream) {
            known.received_end |= end;
        }
        self.prune(stream);
    }

    fn prune(&mut self, stream: u32) {
        if self.streams.get(&stream).is_some_and(|known| known.sent_end && known.received_end) {
            self.streams.remove(&stream);
        }
    }

    fn settings(&mut self, payload: &[u8]) {
        for setting in payload.chunks_exact(6) {
            let value = word(&setting[2..]);
            match u16::from_be_bytes([setting[0], setting[1]]) {
                3 => self.streams_max = value,
                4 => {
                    let change = i64::from(value) - self.send_initial;
                    self.send_initial += change;
                    for known in self.streams.values_mut() {
                        known.send += change;
                    }
                }
                5 => self.frame_max = value as usize,
                _ => {}
            }
        }
    }

    /// Streams that are open, as the wire has it.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// The highest stream that a client opened.
    #[must_use]
    pub const fn last_opened(&self) -> u32 {
        self.last_opened
    }

    /// What this end may still send on the connection.
    #[must_use]
    pub const fn send_window(&self) -> i64 {
        self.send
    }

    /// What this end received on the connection and has not given back; less the growth it has announced.
    #[must_use]
    pub const fn outstanding(&self) -> i64 {
        self.outstanding
    }
}

/// How much a frame counts for flow control (RFC 9113 §6.9.1): padding included.
#[must_use]
pub fn flow_controlled(frame: &Frame) -> Option<usize> {
    frame.is(kind::DATA).then(|| frame.payload().len())
}

/// A DATA frame with `padding` octets more (RFC 9113 §6.1).
#[must_use]
pub fn padded(frame: &Frame, padding: u8) -> Frame {
    let mut payload = vec![padding];
    payload.extend_from_slice(frame.payload());
    payload.resize(payload.len() + usize::from(padding), 0);
    Frame::new(kind::DATA, frame.flags() | PADDED, frame.stream(), &payload)
}
