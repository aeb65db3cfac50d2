//! Which frame next: what the peer is owed, then what no window holds back, then DATA in turns.
//!
//! Output is late: it is framed as the transport takes it, so control frames overtake DATA, and credit is
//! spent as a frame is written.

use super::goaway::{DRAIN_PING, LAST_STREAM_ID_MAX};
use super::keepalive::KEEPALIVE_PING;
use super::{Connection, Role, State, StateInput};
use crate::call::prefix::prefix;
use crate::call::response::{self, Ending};
use crate::error::ErrorCode;
use crate::stream;
use crate::time::{Instant, Timer};
use crate::transmit::Transmit;
use crate::wire::{self, StreamId};

/// What of a call's output was written.
enum Written {
    Something,
    Nothing,
}

impl Connection {
    /// Appends output while `transmit` holds less than its target. Returns whether it holds anything.
    #[inline]
    pub fn poll_transmit(&mut self, now: Instant, transmit: &mut Transmit) -> bool {
        self.now = self.now.max(now);
        if transmit.is_empty() && self.is_quiet() {
            if self.output.handed_out > 0 {
                self.output.handed_out = 0;
                self.timers.clear(Timer::WriteStall);
            }
            return false;
        }
        self.write(transmit)
    }

    /// Nothing is to be written.
    #[inline]
    fn is_quiet(&self) -> bool {
        self.output.urgent.is_empty()
            && self.output.data.is_empty()
            && !self.output.control
            && matches!(self.state, State::Open | State::Draining | State::Closed)
    }

    fn write(&mut self, transmit: &mut Transmit) -> bool {
        let progressed = transmit.len() < self.output.handed_out;
        let paused = self.output.control && !self.wants_receive();
        while !transmit.is_full() && self.write_next(transmit) {}
        if paused && self.wants_receive() {
            self.watch_partial(self.reader.is_mid_frame());
        }
        if transmit.is_empty() {
            self.timers.clear(Timer::WriteStall);
            if self.state == State::Closing {
                self.state = self.state.next(StateInput::Flushed);
            }
        } else if (progressed && self.state.is_alive()) || self.wants_write_timer() {
            self.timers.set(Timer::WriteStall, self.now.saturating_add(self.limits.write_stall_timeout));
        }
        self.output.handed_out = transmit.len();
        self.account();
        !transmit.is_empty()
    }

    /// The last output of a connection has one bound for all of it, however slowly the peer reads.
    fn wants_write_timer(&self) -> bool {
        self.state != State::Closed && !self.timers.is_set(Timer::WriteStall)
    }

    /// Writes one frame, or a few small ones. False: there is nothing to write.
    #[inline]
    fn write_next(&mut self, transmit: &mut Transmit) -> bool {
        if self.output.control || !self.state.is_alive() {
            if let Some(wrote) = self.write_first(transmit) {
                return wrote;
            }
        }
        while let Some(index) = self.output.urgent.pop(&mut self.calls) {
            if let Written::Something = self.write_urgent(index, transmit) {
                return true;
            }
        }
        while self.send_window.available() > 0 {
            let Some(index) = self.output.data.pop(&mut self.calls) else { return false };
            if let Written::Something = self.write_data(index, transmit) {
                return true;
            }
        }
        false
    }

    /// Writes what goes before all that calls have. False: nothing may follow any more. `None`: there is nothing.
    #[cold]
    fn write_first(&mut self, transmit: &mut Transmit) -> Option<bool> {
        if self.state == State::Closed {
            return Some(false);
        }
        if self.output.opening {
            self.write_opening(transmit);
            return Some(true);
        }
        if self.write_replies(transmit) {
            return Some(true);
        }
        (self.state == State::Closing).then_some(false)
    }

    /// RFC 9113 §3.4: the client's preface, then the SETTINGS of either side.
    fn write_opening(&mut self, transmit: &mut Transmit) {
        self.output.opening = false;
        let is_server = self.role == Role::Server;
        let settings = self.local.list(&self.limits, is_server);
        let out = transmit.buffer();
        if !is_server {
            out.extend_from_slice(wire::CLIENT_PREFACE);
        }
        wire::send::settings(out, &settings);
        if self.state.is_alive() {
            self.timers.set(Timer::SettingsAck, self.now.saturating_add(self.limits.settings_ack_timeout));
        }
        self.receive_window.grow_to(self.limits.connection_window_bytes);
    }

    fn write_replies(&mut self, transmit: &mut Transmit) -> bool {
        self.output.control = false;
        let out = transmit.buffer();
        let before = out.len();
        while self.output.settings_acks > 0 {
            self.output.settings_acks = self.output.settings_acks.saturating_sub(1);
            wire::send::settings_ack(out);
        }
        while let Some(payload) = self.output.ping_acks.pop_front() {
            wire::send::ping(out, true, payload);
        }
        if core::mem::take(&mut self.keepalive.due) {
            wire::send::ping(out, false, KEEPALIVE_PING);
        }
        while let Some((stream, code)) = self.output.resets.pop_front() {
            wire::send::rst_stream(out, stream, code);
        }
        if let Some(increment) = self.receive_window.take_update() {
            wire::send::window_update(out, StreamId::ZERO, increment);
        }
        if let Some(goaway) = self.shutdown.pending.take() {
            wire::send::goaway(out, goaway.last, goaway.code, &goaway.debug);
            if goaway.ping {
                debug_assert_eq!(goaway.last, LAST_STREAM_ID_MAX);
                wire::send::ping(out, false, DRAIN_PING);
            }
        }
        out.len() > before
    }

    /// Writes what of a call no window holds back.
    #[inline(never)]
    fn write_urgent(&mut self, index: u32, transmit: &mut Transmit) -> Written {
        let Some(entry) = self.calls.get_mut(index) else { return Written::Nothing };
        if entry.stream.state == stream::State::Closed {
            return Written::Nothing;
        }
        if let Some(code) = entry.reset {
            wire::send::rst_stream(transmit.buffer(), entry.stream.id, code);
            self.close_stream(index);
            return Written::Something;
        }
        let mut written = Written::Nothing;
        if entry.stream.state.may_receive() && entry.stream.id != StreamId::ZERO {
            if let Some(increment) = entry.stream.receive_window.take_update() {
                wire::send::window_update(transmit.buffer(), entry.stream.id, increment);
                written = Written::Something;
            }
        }
        if entry.send_head && (entry.outgoing.unsent() > 0 || entry.ending.is_none() || entry.has_initial()) {
            if entry.is_unsent() && self.streams_free() == 0 {
                self.output.held.push(&mut self.calls, index);
                return written;
            }
            if self.write_whole(index, transmit) {
                return Written::Something;
            }
            self.write_head(index, transmit);
            written = Written::Something;
        }
        let Some(entry) = self.calls.get_mut(index) else { return written };
        if entry.outgoing.unsent() > 0 {
            // A small message follows its head at once; the rest waits for its turn.
            if entry.head_written && entry.stream.send_window.available() > 0 {
                if self.send_window.available() >= entry.outgoing.unsent() && !transmit.is_full() {
                    self.write_data(index, transmit);
                } else {
                    self.output.data.push(&mut self.calls, index);
                }
            }
            return written;
        }
        if entry.ending.is_some() || (entry.outgoing.finished && entry.head_written) {
            self.write_end(index, transmit);
            return Written::Something;
        }
        written
    }

    /// Client: streams that may be opened on the wire (RFC 9113 §5.1.2).
    fn streams_free(&self) -> usize {
        let most = usize::try_from(self.remote.concurrent_streams_max).unwrap_or(usize::MAX);
        most.saturating_sub(self.streams_open.saturating_sub(self.streams_unsent))
    }

    /// Client: calls that wait because the limit fell after they were started have their turn, as far as
    /// there is room for them.
    pub(super) fn open_held(&mut self) {
        let mut free = self.streams_free();
        while free > 0 {
            let Some(index) = self.output.held.pop(&mut self.calls) else { return };
            if self.calls.get(index).is_some_and(|entry| entry.send_head && entry.is_unsent()) {
                self.output.urgent.push(&mut self.calls, index);
                free = free.saturating_sub(1);
            }
        }
    }

    /// Client: a call has the next stream. `has_stream_ids` sees to it that there is one for every call.
    #[inline]
    pub(super) fn open_next(&mut self, index: u32) {
        self.calls.bind(index, self.next_stream);
        self.next_stream = StreamId::new(self.next_stream.as_u32().saturating_add(2));
        self.streams_unsent = self.streams_unsent.saturating_sub(1);
    }

    #[inline]
    fn write_head(&mut self, index: u32, transmit: &mut Transmit) {
        if self.role == Role::Client {
            self.open_next(index);
        }
        let Some(entry) = self.calls.get_mut(index) else { return };
        entry.send_head = false;
        entry.head_written = true;
        self.ping_is_free = true;
        let _ = entry.stream.apply(stream::Input::SendHeaders);
        let (output, encoder, now) = (&mut self.output, &mut self.encoder, self.now);
        let frame_max = self.remote.frame_bytes_max;
        wire::send::headers_with(transmit.buffer(), entry.stream.id, false, frame_max, |out| {
            match entry.request.get() {
                Some(head) if self.role == Role::Client => {
                    output.requests.get_or_insert_default().write(head, now, encoder, out);
                }
                _ => {
                    output.responses.get_or_insert_default().write_head(entry.initial(), encoder, out);
                }
            }
        });
    }

    /// One DATA frame, and what ends the sending side with it.
    fn write_data(&mut self, index: u32, transmit: &mut Transmit) -> Written {
        let Some(entry) = self.calls.get_mut(index) else { return Written::Nothing };
        if !entry.head_written || !entry.stream.state.may_send() || entry.reset.is_some() {
            return Written::Nothing;
        }
        let window = self.send_window.available().min(entry.stream.send_window.available());
        let octets = entry.outgoing.unsent().min(window).min(self.remote.frame_bytes_max as usize);
        if octets == 0 {
            return Written::Nothing;
        }
        let last = octets == entry.outgoing.unsent();
        // END_STREAM goes with the last DATA, never with HEADERS: some peers do not answer those.
        let end = last && self.role == Role::Client && entry.outgoing.finished;
        let len = u32::try_from(octets).unwrap_or(u32::MAX);
        if let Some(message) = entry.outgoing.next_small(octets) {
            let (out, prefix) = (transmit.buffer(), prefix(message.len()));
            wire::send::small_data(out, entry.stream.id, end, prefix, message);
            entry.outgoing.next_written(octets);
        } else {
            wire::send::data_header(transmit.buffer(), entry.stream.id, len, end);
            entry.outgoing.write(octets, transmit);
        }
        entry.stream.send_window.spend(octets);
        self.send_window.spend(octets);
        self.late.data_written();
        self.ping_is_free = true;
        self.output.unsent = self.output.unsent.saturating_sub(octets);
        if end {
            self.sending_ended(index);
        } else if last && entry.ending.is_some() {
            self.write_end(index, transmit);
        } else if !last && entry.stream.send_window.available() > 0 {
            self.output.data.push(&mut self.calls, index);
        } else if last && entry.outgoing.finished {
            self.output.urgent.push(&mut self.calls, index);
        }
        self.after_write(index);
        Written::Something
    }

    /// Trailers (server), or an empty DATA frame (client).
    #[inline]
    fn write_end(&mut self, index: u32, transmit: &mut Transmit) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        if !entry.stream.state.may_send() {
            return;
        }
        let Some(ending) = entry.ending.take() else {
            wire::send::data_header(transmit.buffer(), entry.stream.id, 0, true);
            return self.sending_ended(index);
        };
        let trailers_only = (!entry.head_written).then_some(entry.http_status);
        entry.head_written = true;
        entry.send_head = false;
        self.ping_is_free = true;
        let _ = entry.stream.apply(stream::Input::SendHeaders);
        let (output, encoder) = (&mut self.output, &mut self.encoder);
        let (limit, frame_max) = (self.remote.header_list_bytes_max, self.remote.frame_bytes_max);
        wire::send::headers_with(transmit.buffer(), entry.stream.id, true, frame_max, |out| match ending {
            Ending::Plain if trailers_only.is_none() => {
                output.responses.get_or_insert_default().write_ok(encoder, out);
            }
            ending => response::write_ending(&ending, trailers_only, limit, encoder, out),
        });
        self.end_ok(index);
        self.sending_ended(index);
    }

    /// END_STREAM was written.
    #[inline]
    pub(super) fn sending_ended(&mut self, index: u32) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        let _ = entry.stream.apply(stream::Input::SendEnd);
        if entry.stream.state == stream::State::Closed {
            self.close_stream(index);
        } else if self.role == Role::Server {
            // PROTOCOL-HTTP2.md, "Errors": a response that is complete before the request ends the request.
            self.reset_stream(index, ErrorCode::NO_ERROR);
        }
    }
}
