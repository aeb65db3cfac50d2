//! How calls end, and what becomes of their streams: the only place that decides it.

use alloc::boxed::Box;

use super::events::Kind;
use super::{Connection, Role};
use crate::call::response::Ending;
use crate::call::{Metadata, Replay, Status};
use crate::error::ErrorCode;
use crate::stream;

impl Connection {
    /// The response is complete, says OK, and nothing else.
    #[inline]
    pub(super) fn end_ok(&mut self, index: u32) {
        self.decide(index, Ok(()), Metadata::new(), None);
    }

    /// Ends a call on this side. The first decisive input wins: later ones change nothing.
    pub(super) fn end_call(&mut self, index: u32, status: Result<(), Status>, trailers: Metadata) {
        self.decide(index, status, trailers, None);
    }

    /// Ends a call that the peer provably did not process: with all that is needed to start it again,
    /// where nothing of that was dropped.
    pub(super) fn end_unprocessed(&mut self, index: u32, status: Status) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        let never_sent = entry.is_unsent();
        let finished = entry.outgoing.finished;
        let unsent = entry.outgoing.unsent();
        let replay = entry.request.take().zip(entry.outgoing.take_replay()).map(|(head, messages)| {
            self.output.unsent = self.output.unsent.saturating_sub(unsent);
            Box::new(Replay { head, messages, finished, never_sent })
        });
        let status = Err(status.never_ran());
        self.decide(index, status, Metadata::new(), replay);
    }

    #[inline(always)]
    fn decide(
        &mut self,
        index: u32,
        status: Result<(), Status>,
        trailers: Metadata,
        replay: Option<Box<Replay>>,
    ) {
        let failed = status.is_err();
        let Some(entry) = self.calls.get_mut(index) else { return };
        if !entry.is_running() {
            return;
        }
        let unsent = entry.outgoing.unsent();
        let (released, handed_out) = (entry.released, entry.told && !Kind::Call.is_pending(entry.events));
        if released {
            entry.decide_unasked();
        } else {
            entry.decide(status, trailers, replay);
        }
        entry.send_head = false;
        entry.ending = None;
        entry.blocked = 0;
        if self.role == Role::Client {
            entry.request.clear();
        }
        self.output.unsent = self.output.unsent.saturating_sub(unsent);
        entry.outgoing.clear();
        if core::mem::take(&mut entry.has_deadline) {
            self.deadlines.remove(index);
        }
        if failed {
            if self.role == Role::Server {
                self.drop_incoming(index);
            }
        } else {
            self.budgets.resets.put_back(self.limits.resets_burst);
        }
        if !released {
            if handed_out {
                self.events.raise(&mut self.calls, index, Kind::Ended);
            } else {
                // Ended before it was handed out: nobody has heard of it.
                self.mark_released(index);
            }
        }
        self.admit_crowded();
    }

    /// Received octets that nobody will take.
    #[inline]
    pub(super) fn drop_incoming(&mut self, index: u32) {
        if self.calls.get(index).is_some_and(|entry| !entry.incoming.is_idle()) {
            self.drop_held(index);
        }
    }

    fn drop_held(&mut self, index: u32) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        let held = entry.incoming.held();
        entry.incoming.clear();
        self.unread.octets = self.unread.octets.saturating_sub(held);
        self.feed();
    }

    /// The stream needs no more of either side: RST_STREAM, where the peer knows the stream.
    pub(super) fn reset_stream(&mut self, index: u32, code: ErrorCode) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        if entry.stream.state == stream::State::Closed {
            return;
        }
        if entry.is_unsent() {
            // HEADERS were never written: RFC 9113 §5.1 forbids RST_STREAM on an idle stream.
            self.close_stream(index);
            return;
        }
        if entry.reset.is_none() {
            entry.reset = Some(code);
        }
        entry.send_head = false;
        self.output.urgent.push(&mut self.calls, index);
    }

    /// Nothing more is sent or received for the stream.
    #[inline]
    pub(super) fn close_stream(&mut self, index: u32) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        match entry.stream.state {
            stream::State::Open | stream::State::SendClosed => {
                self.late.closed_open(entry.stream.receive_window.available());
            }
            stream::State::ReceiveClosed | stream::State::Closed if entry.counted => self.late.closed(),
            _ => {}
        }
        entry.stream.state = stream::State::Closed;
        entry.reset = None;
        let (unsent, bound, released) = (entry.is_unsent(), entry.bound, entry.released);
        let counted = core::mem::take(&mut entry.counted);
        if self.unread.ahead > 0 {
            self.end_ahead(index);
        }
        if counted {
            self.streams_open = self.streams_open.saturating_sub(1);
            self.idle_since = self.now;
            if self.streams_unsent > 0 || self.room_wanted {
                self.make_room(unsent);
            }
        }
        if bound {
            self.calls.unbind(index);
        }
        if released {
            self.free(index);
        }
        self.check_drained();
    }

    /// Client: a stream was closed, and others may take its place; `unsent` if it was none yet.
    #[inline(never)]
    fn make_room(&mut self, unsent: bool) {
        if unsent {
            self.streams_unsent = self.streams_unsent.saturating_sub(1);
        } else if self.streams_unsent > 0 {
            self.open_held();
        }
        if core::mem::take(&mut self.room_wanted) {
            self.room_wanted = self.room() == 0;
            if !self.room_wanted {
                self.events.raise_room();
            }
        }
    }

    /// Frees the call's slot once its stream is closed and nobody refers to it.
    #[inline]
    pub(super) fn settle(&mut self, index: u32) {
        let Some(entry) = self.calls.get(index) else { return };
        if entry.released && entry.stream.state == stream::State::Closed {
            self.free(index);
        }
    }

    #[inline]
    fn free(&mut self, index: u32) {
        let Some(mut entry) = self.calls.remove(index) else { return };
        debug_assert!(entry.incoming.is_idle(), "a call that is released holds nothing of the peer's");
        self.output.unsent = self.output.unsent.saturating_sub(entry.outgoing.unsent());
        if entry.has_deadline {
            self.deadlines.remove(index);
        }
        entry.reset();
        self.calls.keep(entry);
    }

    /// Nobody refers to the call: no event of it is told any more.
    #[inline(always)]
    pub(super) fn mark_released(&mut self, index: u32) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        self.events.forget(entry);
        entry.released = true;
        self.request_metadata =
            self.request_metadata.saturating_sub(core::mem::take(&mut entry.metadata_bytes) as usize);
        if core::mem::take(&mut entry.waiting) {
            self.waiting = self.waiting.saturating_sub(1);
        }
        let handler_ended = self.role == Role::Server && core::mem::take(&mut entry.told);
        if !entry.incoming.is_idle() {
            self.drop_held(index);
        }
        if handler_ended {
            self.handlers = self.handlers.saturating_sub(1);
            self.start_handlers();
        }
    }

    /// A new call is told at once, unless it must wait for a handler to end, or for a call before it.
    #[inline(always)]
    pub(super) fn start_or_wait(&mut self, index: u32) {
        if self.waiting == 0 && self.handlers < self.limits.concurrent_calls_max as usize {
            self.handlers = self.handlers.wrapping_add(1);
            self.events.tell(&mut self.calls, index);
        } else {
            self.wait_for_handler(index);
        }
    }

    #[inline(never)]
    fn wait_for_handler(&mut self, index: u32) {
        if let Some(entry) = self.calls.get_mut(index) {
            entry.waiting = true;
        }
        self.waiting = self.waiting.saturating_add(1);
        self.unstarted.push(&mut self.calls, index);
        self.start_handlers();
    }

    /// Tells calls that waited for a handler to end.
    #[inline]
    pub(super) fn start_handlers(&mut self) {
        if !self.unstarted.is_empty() {
            self.start_some();
        }
    }

    fn start_some(&mut self) {
        while self.handlers < self.limits.concurrent_calls_max as usize {
            let Some(index) = self.unstarted.pop(&mut self.calls) else { return };
            let entry = self.calls.get_mut(index);
            if entry.is_some_and(|entry| core::mem::take(&mut entry.waiting)) {
                self.waiting = self.waiting.saturating_sub(1);
                self.handlers = self.handlers.saturating_add(1);
                self.events.tell(&mut self.calls, index);
                // What it may have held back, somebody can take from here on.
                if self.calls.get(index).is_some_and(|entry| entry.withheld > 0) {
                    self.feed();
                }
            }
        }
    }

    /// This side ends a call that it cannot go on with.
    pub(super) fn fail_call(&mut self, index: u32, status: Status) {
        match self.role {
            Role::Client => {
                self.end_call(index, Err(status), Metadata::new());
                self.reset_stream(index, ErrorCode::CANCEL);
            }
            Role::Server => self.end_with_trailers(index, status),
        }
    }

    /// Ends a server's call with a status that this side decided, on the wire as well: by trailers where
    /// the peer can still read them, else by RST_STREAM.
    pub(super) fn end_with_trailers(&mut self, index: u32, status: Status) {
        let Some(entry) = self.calls.get(index) else { return };
        let readable = entry.stream.state.may_send() && !entry.outgoing.is_inside_message();
        self.end_call(index, Err(status.clone()), Metadata::new());
        if !readable {
            return self.reset_stream(index, ErrorCode::CANCEL);
        }
        if let Some(entry) = self.calls.get_mut(index) {
            entry.ending = Some(Ending::new(Err(status), Metadata::new()));
            self.output.urgent.push(&mut self.calls, index);
        }
    }

    /// Ends every call, and every stream without a frame: the connection is over.
    pub(super) fn end_all(&mut self, status: &Status) {
        for index in self.calls.indexes() {
            let Some(entry) = self.calls.get(index) else { continue };
            let never_sent = entry.is_unsent();
            match self.role {
                Role::Client if never_sent => self.end_unprocessed(index, status.clone()),
                Role::Client => self.end_call(index, Err(status.clone()), Metadata::new()),
                Role::Server => {
                    let lost = Status::cancelled("the connection was lost").with_source(to_source(status));
                    self.end_call(index, Err(lost), Metadata::new());
                }
            }
            self.close_stream(index);
        }
    }

    /// A call that was answered `Blocked` may send again, as far as the connection's mark is concerned; in
    /// order, as many as fit.
    #[inline]
    pub(super) fn admit_crowded(&mut self) {
        if self.output.crowded.front().is_some() {
            self.admit_some();
        }
    }

    fn admit_some(&mut self) {
        let mut taken = self.output.unsent;
        while let Some(index) = self.output.crowded.front() {
            let blocked = self.calls.get(index).map_or(0, |entry| entry.blocked as usize);
            taken = taken.saturating_add(blocked);
            if blocked > 0 && taken > self.limits.unsent_bytes_max {
                return;
            }
            self.output.crowded.pop(&mut self.calls);
            self.tell_writable(index);
        }
    }

    pub(super) fn tell_writable(&mut self, index: u32) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        if core::mem::take(&mut entry.blocked) > 0 {
            self.events.raise(&mut self.calls, index, Kind::Writable);
        }
    }

    /// Octets of a call were written: it, or another, may send again.
    pub(super) fn after_write(&mut self, index: u32) {
        let Some(entry) = self.calls.get(index) else { return };
        let unsent = entry.outgoing.unsent();
        if entry.blocked > 0 {
            if unsent == 0 {
                self.tell_writable(index);
            } else if unsent.saturating_add(entry.blocked as usize) <= self.limits.unsent_call_bytes_max {
                self.output.crowded.push(&mut self.calls, index);
            }
        }
        self.admit_crowded();
    }
}

fn to_source(status: &Status) -> alloc::sync::Arc<dyn core::error::Error + Send + Sync> {
    alloc::sync::Arc::new(status.clone())
}
