//! What time causes.

use alloc::format;
use core::time::Duration;

use super::event::{End, Ended, Initiator};
use super::goaway::{GoAway, LAST_STREAM_ID_MAX, Why};
use super::receive::Fatal;
use super::{Connection, Role, State, StateInput};
use crate::call::Status;
use crate::error::{ErrorCode, PeerViolation};
use crate::time::{Instant, Timer};

impl Connection {
    /// Time moves on: deadlines that have passed are applied before anything else.
    pub(super) fn begin(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.expire_deadlines();
    }

    #[inline]
    fn expire_deadlines(&mut self) {
        if self.deadlines.is_empty() {
            return;
        }
        while let Some(index) = self.deadlines.expire(self.now) {
            self.deadline_passed(index);
        }
    }

    /// A call gets a deadline, which may have passed.
    #[inline]
    pub(super) fn add_deadline(&mut self, index: u32, deadline: Instant) {
        self.deadlines.insert(index, deadline);
        if deadline <= self.now {
            self.expire_deadlines();
        }
    }

    #[cold]
    fn deadline_passed(&mut self, index: u32) {
        if let Some(entry) = self.calls.get_mut(index) {
            entry.has_deadline = false;
        }
        let status = self.deadline_status(index);
        self.fail_call(index, status);
    }

    pub(super) fn expire_timers(&mut self) {
        while let Some(timer) = self.timers.expire(self.now) {
            match timer {
                Timer::Handshake => {
                    let mut fatal = Fatal::from(PeerViolation::HandshakeTimeout);
                    if let Some(explanation) = self.explain_opening() {
                        fatal.explanation = explanation;
                    }
                    self.fail(fatal);
                }
                Timer::SettingsAck => self.fail(PeerViolation::SettingsTimeout.into()),
                Timer::PartialFrame => self.fail(PeerViolation::PartialFrameTimeout.into()),
                // A GOAWAY could not be written either.
                Timer::WriteStall => {
                    self.lose(ErrorCode::NO_ERROR, "the peer read nothing for too long".into());
                }
                Timer::ReceiveStall => self.end_largest(),
                Timer::Keepalive => self.check_keepalive(),
                Timer::Idle => self.check_idle(),
                Timer::Age => self.retire(Why::Age),
                Timer::Drain => self.close_now("the time to finish running calls is over"),
                Timer::Deadline | Timer::Reconnect => {}
            }
        }
    }

    /// Ends every call, with a GOAWAY.
    pub(super) fn close_now(&mut self, why: &str) {
        self.fail(Fatal::new(ErrorCode::NO_ERROR, why));
    }

    /// The transport is of no use any more: nothing is written.
    pub(super) fn lose(&mut self, code: ErrorCode, explanation: alloc::string::String) {
        let was_alive = self.state.is_alive();
        self.state = self.state.next(StateInput::Lost);
        if was_alive {
            self.finish(Initiator::Local, code, explanation);
        }
    }

    /// The byte stream ended.
    pub fn handle_end(&mut self, now: Instant, end: End) {
        self.begin(now);
        if !self.state.is_alive() {
            self.state = State::Closed;
            return;
        }
        let orderly = self.state == State::Draining && self.streams_open == 0;
        let by = if orderly { Initiator::Peer } else { Initiator::Transport };
        let (said, source) = match end {
            End::Closed => ("the peer closed the connection".into(), None),
            End::Failed(error) => (format!("the connection failed: {error}"), Some(error)),
        };
        let before = if self.settings_received { "" } else { " before its SETTINGS arrived" };
        let explanation = match self.explain_opening() {
            Some(protocol) => protocol,
            None => format!("{said}{before}"),
        };
        let phase = self.phase();
        let code = self.shutdown.received_code.unwrap_or(ErrorCode::NO_ERROR);
        self.state = self.state.next(StateInput::Lost);
        self.finish_as(Ended { by, code, phase, explanation, violation: None, source });
    }

    /// RFC 9113 §6.8: a server warns first and names the last stream later, so that calls on their way are
    /// not lost; a client accepts no streams anyway.
    pub(super) fn start_shutdown(&mut self, grace: Duration, why: Why) {
        if !self.state.is_alive() {
            return;
        }
        self.timers.set(Timer::Drain, self.now.saturating_add(grace));
        if self.shutdown.has_begun() {
            return;
        }
        if self.state.takes_calls() {
            self.events.raise_draining();
        }
        self.shutdown.why = why;
        let handshaken = self.settings_received;
        self.state = self.state.next(StateInput::GoAway);
        match self.role {
            Role::Server if handshaken => {
                self.shutdown.second_due = true;
                let last = LAST_STREAM_ID_MAX;
                self.queue_goaway(GoAway { last, code: ErrorCode::NO_ERROR, debug: why.debug(), ping: true });
            }
            _ => self.send_final_goaway(),
        }
        self.drop_unsent_calls();
        self.check_drained();
    }

    /// Client: calls that were not sent yet can be started on another connection.
    fn drop_unsent_calls(&mut self) {
        if self.role == Role::Server {
            return;
        }
        let status = self.with_address(Status::unavailable("this side closes the connection"));
        for index in self.calls.indexes() {
            if self.calls.get(index).is_some_and(|entry| entry.counted && entry.is_unsent()) {
                self.end_unprocessed(index, status.clone());
                self.close_stream(index);
            }
        }
    }

    /// A draining connection ends with its last stream.
    #[inline]
    pub(super) fn check_drained(&mut self) {
        if self.state == State::Draining && self.streams_open == 0 && !self.shutdown.second_due {
            self.drained();
        }
    }

    #[cold]
    fn drained(&mut self) {
        self.state = self.state.next(StateInput::Drained);
        // RFC 9113 §6.8: "Endpoints SHOULD always send a GOAWAY frame before closing a connection".
        if self.shutdown.accepted_last.is_none() {
            let (last, code) = (self.highest_received, ErrorCode::NO_ERROR);
            self.queue_goaway(GoAway { last, code, debug: alloc::vec::Vec::new(), ping: false });
        }
        let by = if self.shutdown.received_last.is_some() { Initiator::Peer } else { Initiator::Local };
        let code = self.shutdown.received_code.unwrap_or(ErrorCode::NO_ERROR);
        self.finish(by, code, "the connection was closed in order".into());
    }

    /// A frame that began must be completed in time, as long as this side reads.
    #[inline]
    pub(super) fn watch_partial(&mut self, mid_frame: bool) {
        if mid_frame || self.unfinished.is_some() {
            self.watch_begun();
        } else {
            self.timers.clear(Timer::PartialFrame);
        }
    }

    fn watch_begun(&mut self) {
        if !self.wants_receive() {
            self.timers.clear(Timer::PartialFrame);
        } else if self.frames != self.frames_at_timer || !self.timers.is_set(Timer::PartialFrame) {
            self.frames_at_timer = self.frames;
            let block = self.unfinished.is_some();
            let time =
                if block { self.limits.header_block_timeout } else { self.limits.partial_frame_timeout };
            self.timers.set(Timer::PartialFrame, self.now.saturating_add(time));
        }
    }
}
