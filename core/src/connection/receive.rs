//! One frame at a time to the machine that it concerns; what that says is applied here.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::abuse::Rate;
use super::event::{Ended, Initiator};
use super::goaway::{DRAIN_PING, GoAway};
use super::header_block::Unfinished;
use super::keepalive::{KEEPALIVE_PING, TOO_MANY_PINGS};
use super::{Connection, Role, State, StateInput};
use crate::call::{Metadata, Phase, Status, mapping};
use crate::error::{ErrorCode, PeerViolation, Scope};
use crate::stream;
use crate::wire::{Frame, FrameReader, Malformed, StreamId, WholeFrame};

/// Why a connection must end: the code of its GOAWAY, and an explanation for both sides.
#[derive(Debug)]
pub(super) struct Fatal {
    pub(super) code: ErrorCode,
    pub(super) explanation: String,
    pub(super) violation: Option<PeerViolation>,
}

impl Fatal {
    pub(super) fn new(code: ErrorCode, explanation: impl Into<String>) -> Self {
        Self { code, explanation: explanation.into(), violation: None }
    }
}

impl From<PeerViolation> for Fatal {
    fn from(violation: PeerViolation) -> Self {
        let fatal = Self::new(violation.code(), format!("{violation}"));
        Self { violation: Some(violation), ..fatal }
    }
}

impl From<Malformed> for Fatal {
    fn from(fault: Malformed) -> Self {
        Self::new(fault.code(), format!("{fault}"))
    }
}

impl Connection {
    /// Takes all frames that are complete in `input`, and DATA as far as it came.
    pub(super) fn receive_all(&mut self, mut input: &[u8]) {
        if let Some(opening) = &mut self.opening {
            opening.record(input);
            if opening.is_broken() {
                return self.fail_opening();
            }
        }
        while self.state.is_alive() && !self.is_opening_broken() {
            if self.receive_whole(&mut input) {
                return self.watch_partial(false);
            }
            if !self.receive_part(&mut input) || input.is_empty() && self.reader.is_at_rest() {
                break;
            }
        }
        self.watch_partial(self.reader.is_mid_frame());
    }

    /// Takes any frame, or what is there of it. False: nothing can follow before more octets come.
    fn receive_part(&mut self, input: &mut &[u8]) -> bool {
        let mut reader = core::mem::replace(&mut self.reader, FrameReader::new(false));
        let mut more = true;
        while more && self.state.is_alive() && !self.is_opening_broken() {
            let outcome = match reader.read(input) {
                Ok(Some(frame)) => self.receive_frame(frame),
                Ok(None) => {
                    more = false;
                    break;
                }
                Err(fault) => Err(Fatal::from(fault)),
            };
            match outcome {
                Ok(()) => {}
                Err(fatal) => match &mut self.opening {
                    Some(opening) => {
                        opening.broken(fatal);
                        self.fail_opening();
                    }
                    None => self.fail(fatal),
                },
            }
            if reader.is_at_rest() {
                break;
            }
        }
        self.reader = reader;
        more
    }

    /// Takes the frames at the front of `input` that are of the common kinds and complete: each does what
    /// it does when it is read in pieces. True: nothing of `input` is left to be taken.
    #[inline]
    fn receive_whole(&mut self, input: &mut &[u8]) -> bool {
        // RFC 9113 §3.4 and §6.10 demand other frames first, or next.
        if !self.reader.is_at_rest() || !self.settings_received || self.unfinished.is_some() {
            return false;
        }
        while self.state.is_alive() && !input.is_empty() {
            let Some(frame) = self.reader.read_whole(input) else { return false };
            self.frames = self.frames.wrapping_add(1);
            let outcome = match frame {
                WholeFrame::Data { stream_id, end_stream, bytes } => {
                    self.data_whole(stream_id, bytes, end_stream)
                }
                WholeFrame::Headers { stream_id, end_stream, block } => {
                    self.header_block(stream_id, end_stream, block)
                }
                WholeFrame::WindowUpdate { stream_id, increment } => {
                    self.receive_window_update(stream_id, increment)
                }
            };
            if let Err(fatal) = outcome {
                self.fail(fatal);
            }
        }
        true
    }

    /// Ends a connection that never was HTTP/2, once it is known what it was instead.
    fn fail_opening(&mut self) {
        if let Some(fatal) = self.opening.as_mut().and_then(|opening| opening.take_fault()) {
            self.fail(fatal);
        }
    }

    fn is_opening_broken(&self) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.is_broken())
    }

    /// What the peer speaks instead of HTTP/2, or what is wrong with its first octets.
    pub(super) fn explain_opening(&self) -> Option<String> {
        self.opening.as_ref().and_then(|opening| opening.explain())
    }

    fn receive_frame(&mut self, frame: Frame<'_>) -> Result<(), Fatal> {
        if !matches!(frame, Frame::DataPiece { .. }) {
            self.check_sequence(&frame)?;
            // A header block is one unit, and must be complete in the time of one frame.
            if !matches!(frame, Frame::Continuation { .. }) {
                self.frames = self.frames.wrapping_add(1);
            }
        }
        match frame {
            Frame::DataHead { stream_id, flow_controlled_len, end_stream } => {
                self.data_head(stream_id, flow_controlled_len, end_stream)
            }
            Frame::DataPiece { bytes, .. } => {
                self.data_piece(bytes);
                Ok(())
            }
            Frame::DataEnd { end_stream, .. } => {
                self.data_end(end_stream);
                Ok(())
            }
            Frame::Headers { stream_id, end_stream, end_headers: true, fragment, .. } => {
                self.header_block(stream_id, end_stream, fragment)
            }
            Frame::Headers { stream_id, end_stream, fragment, .. } => {
                self.unfinished = Some(Box::new(Unfinished::new(stream_id, end_stream, fragment)));
                Ok(())
            }
            Frame::Continuation { end_headers, fragment, .. } => self.continuation(fragment, end_headers),
            Frame::RstStream { stream_id, code } => self.receive_reset(stream_id, code),
            Frame::Settings(settings) => self.receive_settings(settings),
            Frame::SettingsAck => self.settings_acknowledged(),
            Frame::Ping { ack: false, payload } => self.receive_ping(payload),
            Frame::Ping { ack: true, payload } => self.ping_acknowledged(payload),
            Frame::GoAway { last_stream_id, code, debug } => self.receive_goaway(last_stream_id, code, debug),
            Frame::WindowUpdate { stream_id, increment } => self.receive_window_update(stream_id, increment),
            // RFC 9113 §8.4: "A client MUST treat the receipt of a PUSH_PROMISE frame as a connection error"
            // once it has disabled push; a server never gets one.
            Frame::PushPromise { .. } => Err(PeerViolation::PushPromise.into()),
            Frame::Priority { .. } | Frame::Unknown { .. } => self.glitch(1),
            Frame::Faulty { stream_id, fault } => self.stream_fault(stream_id, fault.code()),
        }
    }

    /// RFC 9113 §3.4: SETTINGS come first. RFC 9113 §6.10: nothing comes between the frames of a header block.
    fn check_sequence(&mut self, frame: &Frame<'_>) -> Result<(), Fatal> {
        if self.state == State::Opening && !self.settings_received && !matches!(frame, Frame::Settings(_)) {
            return Err(PeerViolation::SettingsNotFirst.into());
        }
        match (&self.unfinished, frame) {
            (Some(block), Frame::Continuation { stream_id, .. }) if block.stream == *stream_id => Ok(()),
            (None, Frame::Continuation { .. }) => Err(PeerViolation::StrayContinuation.into()),
            (Some(_), _) => Err(PeerViolation::InterruptedHeaderBlock.into()),
            (None, _) => Ok(()),
        }
    }

    fn continuation(&mut self, fragment: &[u8], end_headers: bool) -> Result<(), Fatal> {
        let Some(mut block) = self.unfinished.take() else { return Ok(()) };
        let (frames_max, bytes_max) =
            (self.limits.continuation_frames_max, self.limits.header_decode_bytes_max);
        block.add(fragment, frames_max, bytes_max).map_err(|_| PeerViolation::HeaderBlockTooLong)?;
        if fragment.is_empty() {
            self.glitch(1)?;
        }
        if end_headers {
            let (stream, end_stream) = (block.stream, block.end_stream);
            return self.header_block(stream, end_stream, &block.into_block());
        }
        self.unfinished = Some(block);
        Ok(())
    }

    /// Something legal but pointless.
    pub(super) fn glitch(&mut self, weight: u32) -> Result<(), Fatal> {
        let rate = Rate { burst: self.limits.glitches_burst, per_second: self.limits.glitches_per_second };
        if self.budgets.glitches.spend(self.now, weight, rate) {
            return Ok(());
        }
        Err(PeerViolation::TooManyGlitches.into())
    }

    /// A stream ended before its time.
    pub(super) fn count_reset(&mut self) -> Result<(), Fatal> {
        let rate = Rate { burst: self.limits.resets_burst, per_second: self.limits.resets_per_second };
        if self.budgets.resets.spend(self.now, 1, rate) {
            return Ok(());
        }
        Err(PeerViolation::TooManyResets.into())
    }

    /// A fault that ends one stream: RST_STREAM, and the call's end (RFC 9113 §5.4.2).
    pub(super) fn stream_fault(&mut self, stream: StreamId, code: ErrorCode) -> Result<(), Fatal> {
        self.count_reset()?;
        let Some(index) = self.calls.by_stream(stream) else {
            if self.is_idle(stream) {
                return Err(Fatal::new(
                    code,
                    format!("a faulty frame on the idle stream {}", stream.as_u32()),
                ));
            }
            self.output.reset(stream, code);
            return Ok(());
        };
        let status = Status::transport(
            crate::call::Code::Internal,
            Phase::Stream,
            format!("the peer broke HTTP/2: {code}"),
        );
        self.end_call(index, Err(self.with_address(status.with_http2_code(code))), Metadata::new());
        self.reset_stream(index, code);
        Ok(())
    }

    /// RFC 9113 §5.1.1: whether a stream has not been opened yet, by either side.
    pub(super) fn is_idle(&self, stream: StreamId) -> bool {
        let by_peer = stream.is_client_initiated() == (self.role == Role::Server);
        if by_peer { stream > self.highest_received } else { stream >= self.next_stream }
    }

    fn receive_reset(&mut self, stream: StreamId, code: ErrorCode) -> Result<(), Fatal> {
        let Some(index) = self.calls.by_stream(stream) else {
            // RFC 9113 §6.4: "RST_STREAM frames MUST NOT be sent for a stream in the "idle" state."
            // RFC 9113 §5.1: nothing is sent on a closed stream. A reset of this side that waits is not needed.
            self.output.resets.retain(|(waiting, _)| *waiting != stream);
            return if self.is_idle(stream) {
                Err(PeerViolation::ResetOnIdleStream.into())
            } else if self.late.take_frame() {
                Ok(())
            } else {
                self.glitch(2)
            };
        };
        let running = self.calls.get(index).is_some_and(super::entry::Entry::is_running);
        if self.role == Role::Server && running {
            self.count_reset()?;
        }
        let status = self.with_address(mapping::reset_status(code));
        match (self.role, code) {
            // RFC 9113 §8.7: REFUSED_STREAM says that nothing was processed.
            (Role::Client, ErrorCode::REFUSED_STREAM) => self.end_unprocessed(index, status),
            (Role::Client, _) => self.end_call(index, Err(status), Metadata::new()),
            (Role::Server, _) => {
                let status =
                    Status::cancelled(format!("the client reset the stream: {code}")).with_http2_code(code);
                self.end_call(index, Err(status), Metadata::new());
            }
        }
        self.close_stream(index);
        Ok(())
    }

    fn ping_acknowledged(&mut self, payload: [u8; 8]) -> Result<(), Fatal> {
        if self.shutdown.second_due && payload == DRAIN_PING {
            self.send_final_goaway();
            return Ok(());
        }
        if payload == KEEPALIVE_PING && self.keepalive.take_answer() {
            return Ok(());
        }
        self.glitch(1)
    }

    /// The second GOAWAY of a graceful shutdown: the peer knows the first, so no stream above this is on its way.
    pub(super) fn send_final_goaway(&mut self) {
        self.shutdown.second_due = false;
        self.shutdown.accepted_last = Some(self.highest_received);
        let last = self.highest_received;
        self.queue_goaway(GoAway {
            last,
            code: ErrorCode::NO_ERROR,
            debug: self.shutdown.why.debug(),
            ping: false,
        });
        self.check_drained();
    }

    pub(super) fn queue_goaway(&mut self, goaway: GoAway) {
        self.output.control = true;
        self.shutdown.pending = Some(Box::new(goaway));
    }

    fn receive_goaway(&mut self, last: StreamId, code: ErrorCode, debug: &[u8]) -> Result<(), Fatal> {
        // RFC 9113 §6.8: "Endpoints MUST NOT increase the value they send in the last stream identifier".
        if self.shutdown.received_last.is_some_and(|earlier| last > earlier) {
            return Err(PeerViolation::GoAwayRaised.into());
        }
        if self.shutdown.received_last.is_some() {
            self.glitch(1)?;
        }
        self.shutdown.received_last = Some(last);
        self.shutdown.received_code = Some(code);
        self.shutdown.too_many_pings |=
            code == ErrorCode::ENHANCE_YOUR_CALM && debug == TOO_MANY_PINGS.as_bytes();
        if self.state.takes_calls() {
            self.events.raise_draining();
        }
        self.state = self.state.next(StateInput::GoAway);
        if self.role == Role::Client {
            self.end_above(last, code, debug);
        }
        self.check_drained();
        Ok(())
    }

    /// RFC 9113 §6.8: streams above the last id were not processed and may be started again elsewhere.
    fn end_above(&mut self, last: StreamId, code: ErrorCode, debug: &[u8]) {
        let said = String::from_utf8_lossy(debug.get(..debug.len().min(80)).unwrap_or_default()).into_owned();
        let said = if said.is_empty() { said } else { format!(" {said:?}") };
        let text = format!("the peer closes the connection: {code}{said}");
        let status =
            Status::transport(crate::call::Code::Unavailable, Phase::Stream, text).with_http2_code(code);
        let status = self.with_address(status);
        for index in self.calls.indexes() {
            let Some(entry) = self.calls.get(index) else { continue };
            if entry.counted && (entry.is_unsent() || entry.stream.id > last) {
                self.end_unprocessed(index, status.clone());
                self.close_stream(index);
            }
        }
    }

    fn receive_window_update(&mut self, stream: StreamId, increment: u32) -> Result<(), Fatal> {
        if stream == StreamId::ZERO {
            // RFC 9113 §6.9: an increment of 0 is a PROTOCOL_ERROR; on the connection it ends that.
            if increment == 0 {
                return Err(PeerViolation::ZeroWindowUpdate.into());
            }
            return self.send_window.increase(increment).map_err(|_| PeerViolation::WindowOverflow.into());
        }
        let Some(index) = self.calls.by_stream(stream) else {
            return if self.is_idle(stream) {
                Err(PeerViolation::WindowUpdateOnIdleStream.into())
            } else if self.late.take_frame() {
                Ok(())
            } else {
                self.glitch(1)
            };
        };
        if increment == 0 {
            return self.stream_fault(stream, ErrorCode::PROTOCOL_ERROR);
        }
        let Some(entry) = self.calls.get_mut(index) else { return Ok(()) };
        if entry.stream.apply(stream::Input::ReceiveWindowUpdate).is_err() {
            return Ok(());
        }
        if entry.stream.send_window.increase(increment).is_err() {
            return self.stream_fault(stream, ErrorCode::FLOW_CONTROL_ERROR);
        }
        if entry.outgoing.unsent() > 0 && entry.head_written && entry.stream.send_window.available() > 0 {
            self.output.data.push(&mut self.calls, index);
        }
        Ok(())
    }

    /// A fault of the peer ends the connection: GOAWAY goes out, every call ends.
    pub(super) fn fail(&mut self, fatal: Fatal) {
        let Fatal { code, explanation, violation } = fatal;
        if !self.state.is_alive() {
            return;
        }
        self.state = self.state.next(StateInput::Close);
        let debug = explanation.clone().into_bytes();
        // RFC 9113 §6.8: what was told once is not raised again; streams above it were ignored.
        let last = self.shutdown.accepted_last.unwrap_or(self.highest_received);
        self.queue_goaway(GoAway { last, code, debug, ping: false });
        let phase = self.phase();
        self.finish_as(Ended { by: Initiator::Local, code, phase, explanation, violation, source: None });
    }

    /// Ends every call and says so; the state is the caller's.
    pub(super) fn finish(&mut self, by: Initiator, code: ErrorCode, explanation: String) {
        let phase = self.phase();
        self.finish_as(Ended { by, code, phase, explanation, violation: None, source: None });
    }

    pub(super) const fn phase(&self) -> Phase {
        if self.settings_received { Phase::Stream } else { Phase::Settings }
    }

    pub(super) fn finish_as(&mut self, ended: Ended) {
        let status = self.with_address(ended.to_status());
        self.timers.clear_all();
        self.end_all(&status);
        self.output.resets.clear();
        self.output.ping_acks.clear();
        self.output.settings_acks = 0;
        self.events.raise_closed(ended);
    }

    pub(super) fn with_address(&self, status: Status) -> Status {
        match &self.address {
            Some(address) => status.with_address(alloc::sync::Arc::clone(address)),
            None => status,
        }
    }

    /// The violation of a stream's state table, on the connection or on the stream.
    pub(super) fn state_violation(
        &mut self,
        stream: StreamId,
        violation: stream::Violation,
    ) -> Result<(), Fatal> {
        match violation.scope() {
            Scope::Connection => {
                Err(Fatal::new(violation.code(), format!("{:?} on an idle stream", violation.input)))
            }
            Scope::Stream => self.stream_fault(stream, violation.code()),
        }
    }
}
