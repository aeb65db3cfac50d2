//! One HTTP/2 connection and its calls: bytes in, events out; commands in, bytes out.

mod abuse;
mod calls;
mod commands;
mod entry;
mod event;
mod events;
mod goaway;
mod header_block;
mod keepalive;
mod late;
mod memory;
mod opening;
mod output;
mod receive;
mod receive_data;
mod receive_headers;
mod receive_settings;
mod rest;
mod send;
mod send_whole;
mod settings;
mod state;
mod stream_index;
mod table;
mod timeouts;
mod unread;

pub use event::{End, Ended, Event, Initiator};
pub use rest::Resting;

use alloc::boxed::Box;
use alloc::sync::Arc;
use bytes::Bytes;

use self::state::{Input as StateInput, State};
use crate::call::RequestHead;
use crate::error::Misuse;
use crate::hpack::{Decoder, Encoder, FieldList};
use crate::limits::{Budget, Limits};
use crate::stream::flow_control::WINDOW_INITIAL;
use crate::stream::{ReceiveWindow, SendWindow};
use crate::time::deadlines::Deadlines;
use crate::time::timers::Timers;
use crate::time::{Instant, Timeout, Timer};
use crate::wire::{FrameReader, StreamId};

/// What a connection is made with.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The bounds; connections share them.
    pub limits: Arc<Limits>,
    /// Seeds the connection's hash tables and jitter: any number that a peer cannot guess.
    pub seed: u64,
    /// The peer's address, for errors.
    pub address: Option<Arc<str>>,
    /// What all connections of a server may hold together; none for no bound.
    pub memory: Option<Budget>,
}

impl Config {
    /// These bounds and this seed, and nothing else.
    pub fn new(limits: impl Into<Arc<Limits>>, seed: u64) -> Self {
        Self { limits: limits.into(), seed, address: None, memory: None }
    }
}

/// A call to start: its head, perhaps its first message, and whether that is all.
#[derive(Clone, Debug)]
pub struct Start {
    /// The head.
    pub head: RequestHead,
    /// The first message.
    pub message: Option<Bytes>,
    /// Nothing will follow.
    pub finished: bool,
}

/// `start_call` was refused; the call comes back as it was.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The call.
    pub start: Start,
    /// Why.
    pub reason: RefusedReason,
}

/// Why a call could not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusedReason {
    /// The peer's concurrency limit is reached; `Event::Room` follows when there is room.
    NoRoom,
    /// The connection takes no more calls: GOAWAY was sent or received, stream ids are used up, or it is over.
    Draining,
    /// Servers start no calls.
    WrongRole,
    /// The head is larger than the peer takes (`SETTINGS_MAX_HEADER_LIST_SIZE`).
    HeadTooLarge,
    /// `:authority`, `user-agent` or `grpc-encoding` has an octet that may not be sent (RFC 9113 §8.2.1, §8.3.1).
    InvalidHead,
}

/// What `receive_message` found, or `receive_messages`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received<M = Bytes> {
    /// A message, or several.
    Message(M),
    /// Nothing yet; `Event::Message` follows.
    Pending,
    /// The peer's messages are complete, or the call is over: none will follow.
    End,
}

/// Why `send_message` did not take a message, or `send_batch` some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError<M = Bytes> {
    /// Too much is unsent; the message comes back, `Event::Writable` follows.
    Blocked(M),
    /// The call is over; its outcome says why.
    Ended,
    /// The command makes no sense now.
    Misuse(Misuse),
}

/// The highest stream id that a call may be started with.
const LAST_USABLE_STREAM: u32 = 0x7fff_fffd;

/// Which side of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It starts calls.
    Client,
    /// It answers them.
    Server,
}

/// One HTTP/2 connection in one role, with its calls: a pure state machine.
///
/// Anything may be called at any time, in any order. What a `poll_` would return is there right after the
/// call that caused it. Time never runs backwards: a smaller `now` counts as the largest seen. Before a
/// driver sleeps it drains transmits and events, and it sleeps no longer than [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Connection {
    role: Role,
    limits: Arc<Limits>,
    address: Option<Arc<str>>,
    /// The largest time seen.
    now: Instant,
    state: State,

    // Receiving.
    reader: FrameReader,
    opening: Option<Box<opening::Opening>>,
    settings_received: bool,
    decoder: Decoder,
    fields: FieldList,
    unfinished: Option<Box<header_block::Unfinished>>,
    current: receive_data::Current,
    /// Server: from the first request on.
    seen: Option<Box<crate::call::request::Seen>>,
    /// Client.
    usual: Option<Box<crate::call::response::Usual>>,
    receive_window: ReceiveWindow,
    unread: unread::Unread,
    late: late::Late,
    /// A PING costs nothing: messages went either way since the last one.
    ping_is_free: bool,
    keepalive: keepalive::Keepalive,
    /// Frames that began; and how many had when the partial-frame timer was set.
    frames: u32,
    frames_at_timer: u32,

    // Sending.
    encoder: Encoder,
    output: output::Output,
    send_window: SendWindow,

    // Both.
    local: settings::Local,
    remote: settings::Remote,
    calls: table::Table,
    events: events::Events,
    deadlines: Deadlines,
    timers: Timers,
    budgets: abuse::Budgets,
    shutdown: goaway::Shutdown,
    /// Streams that count against a concurrency limit.
    streams_open: usize,
    /// Since when there is none.
    idle_since: Instant,
    /// Client: those of them whose HEADERS were not written.
    streams_unsent: usize,
    /// Client: the id of the next stream.
    next_stream: StreamId,
    /// The highest stream id that the peer opened.
    highest_received: StreamId,
    /// Client: `start_call` was refused for want of room.
    room_wanted: bool,
    /// Server: calls that were handed out and not released.
    handlers: usize,
    /// Server: calls that wait for a handler to end, in order, and places of some that do no more.
    unstarted: table::Ring<6>,
    /// Server: how many wait.
    waiting: usize,
    /// Server: metadata of requests that nobody took.
    request_metadata: usize,
    memory: memory::Account,
}

impl Connection {
    /// The client side of a new connection.
    #[must_use]
    pub fn client(now: Instant, config: &Config) -> Self {
        Self::new(Role::Client, now, config)
    }

    /// The server side of a new connection.
    #[must_use]
    pub fn server(now: Instant, config: &Config) -> Self {
        Self::new(Role::Server, now, config)
    }

    fn new(role: Role, now: Instant, config: &Config) -> Self {
        let mut connection = Self {
            address: config.address.clone(),
            calls: table::Table::new(config.seed),
            memory: memory::Account::new(config.memory.as_ref()),
            ..Self::bare(role, now, &config.limits)
        };
        connection.start_timers(config.seed);
        connection
    }

    /// A new connection without what only its configuration knows.
    fn bare(role: Role, now: Instant, limits: &Arc<Limits>) -> Self {
        Self {
            role,
            address: None,
            now,
            state: State::Opening,
            reader: FrameReader::new(role == Role::Server),
            opening: Some(Box::default()),
            settings_received: false,
            // RFC 9113 §6.5.3: ours holds once it is acknowledged; until then the initial one.
            decoder: Decoder::new(settings::HEADER_TABLE_INITIAL),
            fields: FieldList::new(),
            unfinished: None,
            current: receive_data::Current::default(),
            seen: None,
            usual: None,
            receive_window: ReceiveWindow::new(WINDOW_INITIAL),
            unread: unread::Unread::new(),
            late: late::Late::default(),
            ping_is_free: true,
            keepalive: keepalive::Keepalive::new(role, now, limits),
            frames: 0,
            frames_at_timer: 0,
            encoder: Encoder::new(),
            output: output::Output::new(),
            send_window: SendWindow::new(WINDOW_INITIAL),
            local: settings::Local::new(limits),
            remote: settings::Remote::new(),
            calls: table::Table::new(0),
            events: events::Events::new(),
            deadlines: Deadlines::new(),
            timers: Timers::new(),
            budgets: abuse::Budgets::new(now, limits),
            shutdown: goaway::Shutdown::default(),
            streams_open: 0,
            idle_since: now,
            streams_unsent: 0,
            next_stream: StreamId::new(1),
            highest_received: StreamId::ZERO,
            room_wanted: false,
            handlers: 0,
            unstarted: table::Ring::new(),
            waiting: 0,
            request_metadata: 0,
            memory: memory::Account::new(None),
            limits: Arc::clone(limits),
        }
    }

    /// Bytes arrived. Takes any chunking, uses all of them, keeps no slice; their contents are unspecified
    /// afterwards.
    pub fn handle_received(&mut self, now: Instant, bytes: &mut [u8]) {
        self.begin(now);
        if self.state.is_alive() && !bytes.is_empty() {
            self.keepalive.heard = self.now;
            self.receive_all(bytes);
        }
        self.account();
    }

    /// Time passed. May be called at any time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.begin(now);
        self.expire_timers();
    }

    /// When `handle_timeout` must be called at the latest. For deadlines a lower bound, never late.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timeout> {
        let timer = self.timers.earliest();
        let deadline = self.deadlines.earliest().map(|at| Timeout { at, timer: Timer::Deadline });
        match (timer, deadline) {
            (Some(timer), Some(deadline)) => Some(if deadline.at < timer.at { deadline } else { timer }),
            (timer, deadline) => timer.or(deadline),
        }
    }

    /// The next fact.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.poll(&mut self.calls)
    }

    /// Whether [`poll_event`](Self::poll_event) has one.
    #[must_use]
    pub const fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// False: leave the bytes in the socket. Too many replies that the peer caused are still unwritten.
    #[must_use]
    pub fn wants_receive(&self) -> bool {
        self.state.is_alive() && self.output.replies() < self.limits.queued_replies_max
    }

    /// Nothing is left to poll; the transport may be closed once what was handed out is written.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self.state, State::Closed) && self.events.is_empty()
    }

    /// Whether the peer's SETTINGS came.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.settings_received
    }

    /// Whether calls can be started as far as the connection's life is concerned.
    #[must_use]
    pub const fn takes_calls(&self) -> bool {
        self.state.takes_calls()
    }

    /// Client: how many calls could be started now.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.role == Role::Server || !self.state.takes_calls() {
            return 0;
        }
        let most = usize::try_from(self.remote.concurrent_streams_max).unwrap_or(usize::MAX);
        most.saturating_sub(self.streams_open)
    }

    /// Calls that are open on the wire or not released.
    #[must_use]
    pub const fn live_calls(&self) -> usize {
        self.calls.len()
    }

    /// Octets that are allocated for messages that were received, in part or whole, and not taken.
    #[must_use]
    pub const fn unread_bytes(&self) -> usize {
        self.unread.octets
    }

    /// Octets of DATA that the peer may still send on the connection, and those that it is owed beside them
    /// (RFC 9113 §5.2.2). Once nothing is on its way, both together are
    /// [`connection_window_bytes`](Limits::connection_window_bytes) again.
    #[must_use]
    pub const fn receive_credit(&self) -> (i64, u32) {
        (self.receive_window.available(), self.receive_window.owed())
    }

    /// What all streams may be sent beyond the windows that they began with.
    #[must_use]
    pub const fn credit_ahead(&self) -> u32 {
        self.unread.ahead
    }

    /// Octets of DATA that this side may still send on the connection.
    #[must_use]
    pub const fn send_credit(&self) -> i64 {
        self.send_window.octets()
    }

    /// Octets of messages that are queued and not written.
    #[must_use]
    pub const fn unsent_bytes(&self) -> usize {
        self.output.unsent
    }
}
