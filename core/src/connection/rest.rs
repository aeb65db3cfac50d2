//! A connection on which nothing happens, in little space.
//!
//! A connection is large for the sake of its calls. Between them what must stay is little: the header tables,
//! which the peer relies on, windows, settings, timers and budgets.

use alloc::sync::Arc;

use super::{Connection, Role, State, abuse, keepalive, late, memory, settings, table};
use crate::hpack::{RestingDecoder, RestingEncoder};
use crate::limits::Limits;
use crate::stream::{ReceiveWindow, SendWindow};
use crate::time::Instant;
use crate::time::timers::Timers;
use crate::wire::{FrameReader, StreamId};

/// A [`Connection`] that rests: until anything happens to it, in a third of the space.
///
/// It is one of a driver's means, and changes nothing else: the connection that [wakes](Self::wake) is as the one
/// that rested. What `poll_timeout` said before still holds.
#[derive(Debug)]
pub struct Resting {
    role: Role,
    limits: Arc<Limits>,
    address: Option<Arc<str>>,
    now: Instant,
    decoder: RestingDecoder,
    receive_window: ReceiveWindow,
    late: late::Late,
    ping_is_free: bool,
    keepalive: keepalive::Keepalive,
    encoder: RestingEncoder,
    handed_out: usize,
    send_window: SendWindow,
    local: settings::Local,
    remote: settings::Remote,
    calls: table::Resting,
    timers: Timers,
    budgets: abuse::Budgets,
    idle_since: Instant,
    next_stream: StreamId,
    highest_received: StreamId,
    memory: memory::Account,
}

impl Connection {
    /// Rests, if nothing is going on: both sides have shaken hands, every call is over and released, nothing is to be
    /// polled or to be written, nothing was received in part. Then this connection is over, and the other goes on in
    /// its place; otherwise it stays as it is.
    pub fn rest(&mut self) -> Option<Resting> {
        if !self.may_rest() {
            return None;
        }
        self.state = State::Closed;
        Some(Resting {
            role: self.role,
            limits: Arc::clone(&self.limits),
            address: self.address.take(),
            now: self.now,
            decoder: self.decoder.rest(),
            receive_window: self.receive_window,
            late: core::mem::take(&mut self.late),
            ping_is_free: self.ping_is_free,
            keepalive: self.keepalive,
            encoder: self.encoder.rest(),
            handed_out: self.output.handed_out,
            send_window: self.send_window,
            local: self.local,
            remote: self.remote,
            calls: self.calls.rest(),
            timers: self.timers,
            budgets: self.budgets,
            idle_since: self.idle_since,
            next_stream: self.next_stream,
            highest_received: self.highest_received,
            memory: self.memory.take(),
        })
    }

    fn may_rest(&self) -> bool {
        let may = self.calls.len() == 0
            && self.state == State::Open
            && self.settings_received
            && self.local.acknowledged
            && self.opening.is_none()
            && self.reader.is_at_rest()
            && self.unfinished.is_none()
            && self.events.is_empty()
            && !self.output.opening
            && self.output.replies() == 0
            && !self.room_wanted;
        debug_assert!(!may || !self.shutdown.has_begun() && self.shutdown.received_last.is_none());
        debug_assert!(!may || self.streams_open.max(self.streams_unsent).max(self.handlers) == 0);
        debug_assert!(!may || self.deadlines.is_empty() && self.unread.octets.max(self.output.unsent) == 0);
        may
    }
}

impl Resting {
    /// The connection, which goes on. This is of no use any more.
    #[must_use]
    pub fn wake(&mut self) -> Connection {
        let mut connection = Connection {
            opening: None,
            settings_received: true,
            state: State::Open,
            reader: FrameReader::new(false),
            address: self.address.take(),
            decoder: self.decoder.wake(),
            receive_window: self.receive_window,
            late: core::mem::take(&mut self.late),
            ping_is_free: self.ping_is_free,
            keepalive: self.keepalive,
            encoder: self.encoder.wake(),
            send_window: self.send_window,
            local: self.local,
            remote: self.remote,
            calls: self.calls.wake(),
            timers: self.timers,
            budgets: self.budgets,
            idle_since: self.idle_since,
            next_stream: self.next_stream,
            highest_received: self.highest_received,
            memory: self.memory.take(),
            ..Connection::bare(self.role, self.now, &self.limits)
        };
        connection.output.opening = false;
        connection.output.handed_out = self.handed_out;
        connection
    }
}

/// Without `..`: a field that is added does not compile before it has its place here, and above.
const _: fn(Connection) = |connection| {
    let Connection {
        // These are kept.
        role: _,
        limits: _,
        address: _,
        now: _,
        decoder: _,
        receive_window: _,
        late: _,
        ping_is_free: _,
        keepalive: _,
        encoder: _,
        output: _,
        send_window: _,
        local: _,
        remote: _,
        calls: _,
        timers: _,
        budgets: _,
        idle_since: _,
        next_stream: _,
        highest_received: _,
        memory: _,
        // These are as they begin, or as the handshake leaves them.
        state: _,
        reader: _,
        opening: _,
        settings_received: _,
        unfinished: _,
        current: _,
        unread: _,
        frames: _,
        frames_at_timer: _,
        events: _,
        deadlines: _,
        shutdown: _,
        streams_open: _,
        streams_unsent: _,
        room_wanted: _,
        handlers: _,
        unstarted: _,
        waiting: _,
        request_metadata: _,
        // These only save time.
        fields: _,
        seen: _,
        usual: _,
    } = connection;
};
