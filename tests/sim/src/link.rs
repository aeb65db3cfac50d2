//! One connection: two ends of the real core, a transport between them, and a proxy that sees frames.

use std::collections::{HashMap, VecDeque};

use sailplane::channel::ConnectionId;
use sailplane::limits::Budget;
use sailplane::{CallId, Config, Connection, Instant, Limits, Transmit};

use crate::frames::{Frame, Reader, kind};
use crate::options::Options;
use crate::pipe::Pipe;
use crate::proxy::Proxy;
use crate::watch::{Watch, flow_controlled};

/// One end of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// The connection.
    pub link: usize,
    /// [`CLIENT`] or [`SERVER`].
    pub side: usize,
}

/// The end that starts calls.
pub const CLIENT: usize = 0;
/// The end that answers them.
pub const SERVER: usize = 1;

/// What reaches an end at some octet.
#[derive(Debug)]
pub enum Mark {
    /// A DATA frame begins: so much counts for flow control.
    Data(u32, usize),
    /// A frame is complete.
    Frame(Frame),
}

/// One end.
#[derive(Debug)]
pub struct End {
    /// The real thing.
    pub connection: Connection,
    /// Its output that the transport has not taken.
    pub transmit: Transmit,
    /// Octets of `transmit` that were cut into frames.
    tapped: usize,
    reader: Reader,
    /// Frames that are not taken as a whole, and where they end.
    ready: VecDeque<(u64, Frame)>,
    tapped_total: u64,
    taken_total: u64,
    /// The judge of what it writes.
    pub watch: Watch,
    /// What arrives at which octet.
    marks: VecDeque<(u64, Mark)>,
    /// Calls that the application knows: the number of the call.
    pub calls: HashMap<CallId, usize>,
    /// When it is to be woken.
    pub timeout_at: u64,
    /// Its output waits for the transport.
    pub is_stuck: bool,
    /// Octets wait because it does not want them.
    pub holds_back: bool,
    /// Its application and its socket are gone.
    pub is_gone: bool,
    /// It was told that the connection is over.
    pub closed: u32,
    /// When it gives up writing its last output.
    pub linger_until: Option<u64>,
    /// Octets that arrived.
    arrived: u64,
}

impl End {
    fn new(connection: Connection, is_client: bool, limits: &Limits) -> Self {
        Self {
            connection,
            transmit: Transmit::new(),
            tapped: 0,
            reader: Reader::new(is_client),
            ready: VecDeque::new(),
            tapped_total: 0,
            taken_total: 0,
            watch: Watch::new(is_client, limits),
            marks: VecDeque::new(),
            calls: HashMap::new(),
            timeout_at: u64::MAX,
            is_stuck: false,
            holds_back: false,
            is_gone: false,
            closed: 0,
            linger_until: None,
            arrived: 0,
        }
    }

    /// Rests and wakes, if it may: nobody can tell.
    pub fn rest(&mut self) {
        if let Some(mut resting) = self.connection.rest() {
            self.connection = resting.wake();
        }
    }

    /// Cuts what `transmit` gained into frames, each judged. How many octets are new.
    pub fn tap(&mut self) -> usize {
        use bytes::Buf;
        let mut slices = [std::io::IoSlice::new(&[]); 128];
        let new = self.transmit.len() - self.tapped;
        if new == 0 {
            return 0;
        }
        let count = self.transmit.chunks_vectored(&mut slices);
        let (mut skip, mut seen) = (self.tapped, 0);
        for slice in &slices[..count] {
            let piece = &slice[skip.min(slice.len())..];
            skip -= skip.min(slice.len());
            let (ready, watch) = (&mut self.ready, &mut self.watch);
            let total = &mut self.tapped_total;
            self.reader.take(piece, |frame| {
                *total += frame.bytes.len() as u64;
                watch.sent(&frame);
                ready.push_back((*total, frame));
            });
            seen += piece.len();
        }
        assert_eq!(seen, new, "the output has more pieces than are looked at");
        self.tapped += new;
        new
    }

    /// The transport took `count` octets: the frames that are complete by that.
    pub fn take(&mut self, count: usize) -> Vec<Frame> {
        use bytes::Buf;
        self.transmit.advance(count);
        self.tapped -= count;
        self.taken_total += count as u64;
        let mut frames = Vec::new();
        while self.ready.front().is_some_and(|(end, _)| *end <= self.taken_total) {
            frames.extend(self.ready.pop_front().map(|(_, frame)| frame));
        }
        frames
    }

    /// Octets on their way to this end stand for `frame`, which begins after `before` of them.
    pub fn expect(&mut self, before: u64, frame: Frame) {
        if let Some(octets) = flow_controlled(&frame) {
            self.marks.push_back((before + 9, Mark::Data(frame.stream(), octets)));
        }
        self.marks.push_back((before + frame.bytes.len() as u64, Mark::Frame(frame)));
    }

    /// So many octets arrived: the judge learns what they were.
    pub fn arrive(&mut self, octets: usize) {
        self.arrived += octets as u64;
        while self.marks.front().is_some_and(|(at, _)| *at <= self.arrived) {
            match self.marks.pop_front() {
                Some((_, Mark::Data(stream, octets))) => self.watch.data_arrives(stream, octets),
                Some((_, Mark::Frame(frame))) => self.watch.delivered(&frame),
                None => {}
            }
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Link {
    /// Its id in the client's channel.
    pub id: ConnectionId,
    /// The client process.
    pub client: usize,
    /// The server process.
    pub server: usize,
    /// Client, server.
    pub ends: [End; 2],
    /// What the client sends, what the server sends.
    pub pipes: [Pipe; 2],
    /// When octets are to be delivered from each.
    pub deliver_at: [u64; 2],
    /// Octets that went into each.
    pub written: [u64; 2],
    /// Stands between them.
    pub proxy: Proxy,
    /// One way, at least.
    pub latency: u64,
    /// When the transport of each direction is free again.
    pub busy_until: [u64; 2],
    /// Something was done to it that may end it, or its calls.
    pub is_troubled: bool,
    /// Both ends are gone and settled.
    pub is_over: bool,
}

impl Link {
    /// A new connection.
    #[must_use]
    pub fn new(
        now: u64,
        id: ConnectionId,
        (client, server): (usize, usize),
        options: &Options,
        memory: [&Budget; 2],
    ) -> Self {
        let end = |limits: &Limits, is_client: bool| {
            let mut config = Config::new(limits.clone(), options.seed | 1);
            config.memory = Some(memory[usize::from(!is_client)].clone());
            let at = Instant::from_nanos(now);
            let connection =
                if is_client { Connection::client(at, &config) } else { Connection::server(at, &config) };
            End::new(connection, is_client, limits)
        };
        Self {
            id,
            client,
            server,
            ends: [end(&options.client_limits, true), end(&options.server_limits, false)],
            pipes: [Pipe::new(options.pipe_bytes), Pipe::new(options.pipe_bytes)],
            deliver_at: [u64::MAX; 2],
            written: [0; 2],
            proxy: Proxy::default(),
            latency: options.latency,
            busy_until: [0; 2],
            is_troubled: false,
            is_over: false,
        }
    }

    /// Puts a frame on its way from `side` to the other; it arrives at `at`.
    pub fn put(&mut self, side: usize, at: u64, frame: Frame) {
        let octets = frame.bytes.clone();
        if self.pipes[side].is_black || self.pipes[side].has_ended() {
            return;
        }
        let before = self.written[side];
        self.written[side] += octets.len() as u64;
        if !self.proxy.is_hostile() {
            self.proxy.note_passing(side, &frame);
            self.ends[1 - side].expect(before, frame);
        }
        self.pipes[side].write(at, octets);
    }

    /// Whether both ends are what they should be and nothing was done to their frames.
    #[must_use]
    pub fn is_honest(&self) -> bool {
        !self.proxy.is_hostile()
    }
}

/// Whether other frames may follow this one.
#[must_use]
pub fn ends_block(frame: &Frame) -> bool {
    let in_block = frame.is(kind::HEADERS) || frame.is(kind::CONTINUATION);
    !in_block || frame.has(crate::frames::END_HEADERS)
}
