//! Complete header blocks: requests, responses, trailers.

use alloc::format;

use super::entry::Entry;
use super::receive::Fatal;
use super::{Connection, Role};
use crate::call::fields::MalformedFields;
use crate::call::prefix::MessageError;
use crate::call::request::{self, Facts, Rejected, Seen};
use crate::call::response::{self, Ending, ResponseStart, Trailers, UsualBlock};
use crate::call::state::{Input as Received, Receiving};
use crate::call::{Metadata, ResponseHead, Status};
use crate::error::{ErrorCode, PeerViolation};
use crate::hpack::{DecodeError, DecodeLimits, Stamp};
use crate::stream::{self, ReceiveWindow, SendWindow};
use crate::time::Instant;
use crate::wire::StreamId;

use super::events::Kind;

/// A malformed request costs as much as this many pointless frames.
const MALFORMED_WEIGHT: u32 = 10;
const REFUSED_WEIGHT: u32 = 2;

impl Connection {
    /// A header block always goes through the decoder, whatever becomes of it: the tables of both sides must
    /// stay in step (RFC 7541 §2.2).
    #[inline(never)]
    pub(super) fn header_block(&mut self, stream: StreamId, end: bool, block: &[u8]) -> Result<(), Fatal> {
        let limits = DecodeLimits {
            header_list_bytes_max: self.limits.header_list_bytes_max,
            fields_max: self.limits.header_fields_max,
            decode_bytes_max: self.limits.header_decode_bytes_max,
        };
        let stamp =
            self.decoder.recognise_or_decode(block, &limits, &mut self.fields).map_err(undecodable)?;
        // Streams are opened in ascending order: one above all before is not in the table.
        if self.role == Role::Server && stream > self.highest_received {
            return self.new_request(stream, end, stamp);
        }
        match (self.calls.by_stream(stream), self.role) {
            (Some(index), Role::Client) => self.response_headers(index, stream, end, stamp),
            (Some(index), Role::Server) => {
                self.need_fields(stamp);
                self.request_trailers(index, stream, end)
            }
            (None, Role::Server) => self.new_request(stream, end, stamp),
            // RFC 9113 §5.1: frames for a stream that was reset may still be on their way.
            (None, Role::Client) if !self.is_idle(stream) => Ok(()),
            (None, Role::Client) => Err(PeerViolation::HeadersOnIdleStream.into()),
        }
    }

    /// Brings the fields of a recognised block, where they are looked at.
    fn need_fields(&mut self, stamp: Option<Stamp>) {
        if let Some(stamp) = stamp {
            self.decoder.copy_recognised(stamp, &mut self.fields);
        }
    }

    #[inline(always)]
    fn new_request(&mut self, stream: StreamId, end: bool, stamp: Option<Stamp>) -> Result<(), Fatal> {
        // RFC 9113 §5.1.1: clients use odd identifiers, each higher than all before.
        if !stream.is_client_initiated() {
            return Err(PeerViolation::EvenStream.into());
        }
        if stream <= self.highest_received {
            if self.late.take_headers() {
                return self.glitch(1);
            }
            return Err(self.late.headers_below().into());
        }
        self.late.opened(self.highest_received, stream);
        self.highest_received = stream;
        if self.shutdown.accepted_last.is_some_and(|last| stream > last) {
            self.late.closed_open(i64::from(self.local.receive_window()));
            return Ok(());
        }
        let crowded = self.streams_open >= self.streams_max() || self.waiting >= self.streams_max();
        if crowded || self.memory.is_pressed() {
            return self.refuse(stream, ErrorCode::REFUSED_STREAM, REFUSED_WEIGHT);
        }
        let mut seen = self.seen.take().unwrap_or_default();
        let outcome = self.accept(stream, end, stamp, &mut seen);
        self.seen = Some(seen);
        outcome
    }

    #[inline(always)]
    fn accept(
        &mut self,
        stream: StreamId,
        end: bool,
        stamp: Option<Stamp>,
        seen: &mut Seen,
    ) -> Result<(), Fatal> {
        let Some(request) = stamp.and_then(|stamp| seen.request(stamp)) else {
            return self.judge_request(stream, end, stamp, seen);
        };
        let deadline = request.facts.timeout.map(|timeout| self.now.saturating_add(timeout));
        if let Some((index, entry)) = self.admit_request(stream, end, &request.facts)? {
            let place = entry.request.place();
            *place = Some(request.head(deadline));
            entry.has_deadline = deadline.is_some();
            self.request_admitted(index, deadline);
        }
        Ok(())
    }

    #[inline(never)]
    fn judge_request(
        &mut self,
        stream: StreamId,
        end: bool,
        stamp: Option<Stamp>,
        seen: &mut Seen,
    ) -> Result<(), Fatal> {
        self.need_fields(stamp);
        match request::parse(&self.fields, seen) {
            Ok(request) => {
                if let Some(stamp) = stamp {
                    seen.keep(stamp, &request);
                }
                let deadline = request.facts.timeout.map(|timeout| self.now.saturating_add(timeout));
                if let Some((index, entry)) = self.admit_request(stream, end, &request.facts)? {
                    entry.request.place().insert(request.head).deadline = deadline;
                    entry.has_deadline = deadline.is_some();
                    self.request_admitted(index, deadline);
                }
                Ok(())
            }
            Err(Rejected::Malformed) => self.refuse(stream, ErrorCode::PROTOCOL_ERROR, MALFORMED_WEIGHT),
            Err(Rejected::Answered { http_status, status }) => {
                self.glitch(MALFORMED_WEIGHT)?;
                self.answer(stream, end, http_status, status);
                Ok(())
            }
        }
    }

    /// Streams that the client may have open: what we advertised, once it knows that.
    fn streams_max(&self) -> usize {
        const BEFORE_SETTINGS: usize = 100;
        let advertised = self.limits.concurrent_calls_max as usize;
        if self.local.acknowledged || advertised > BEFORE_SETTINGS { advertised } else { BEFORE_SETTINGS }
    }

    /// A stream that never becomes a call.
    fn refuse(&mut self, stream: StreamId, code: ErrorCode, weight: u32) -> Result<(), Fatal> {
        self.count_reset()?;
        self.glitch(weight)?;
        self.output.reset(stream, code);
        self.late.closed_open(i64::from(self.local.receive_window()));
        Ok(())
    }

    /// Adds the call of a new stream; its index, and the call.
    #[inline(always)]
    fn open(&mut self, stream: StreamId, end: bool) -> Option<(u32, &mut Entry)> {
        let (index, entry) = self.calls.insert_bound(stream)?;
        self.streams_open = self.streams_open.wrapping_add(1);
        entry.counted = true;
        entry.started = self.now;
        entry.stream.state = if end { stream::State::ReceiveClosed } else { stream::State::Open };
        entry.receiving = if end { Receiving::Complete } else { Receiving::Messages };
        entry.stream.send_window = SendWindow::new(self.remote.stream_window_bytes);
        entry.stream.receive_window = ReceiveWindow::new(self.local.receive_window());
        Some((index, entry))
    }

    /// Adds the call of a request, without its head: its index, and the call. `None` if it was refused.
    #[inline(always)]
    fn admit_request(
        &mut self,
        stream: StreamId,
        end: bool,
        facts: &Facts,
    ) -> Result<Option<(u32, &mut Entry)>, Fatal> {
        let request_metadata = self.request_metadata.saturating_add(facts.metadata_bytes);
        if request_metadata > self.limits.request_metadata_bytes_max {
            return self.refuse(stream, ErrorCode::REFUSED_STREAM, REFUSED_WEIGHT).map(|()| None);
        }
        if end && facts.content_length.is_some_and(|length| length > 0) {
            return self.refuse(stream, ErrorCode::PROTOCOL_ERROR, MALFORMED_WEIGHT).map(|()| None);
        }
        self.request_metadata = request_metadata;
        let Some((index, entry)) = self.open(stream, end) else { return Ok(None) };
        entry.events = if end { Kind::Call.bit() | Kind::Message.bit() } else { Kind::Call.bit() };
        // No header list is larger.
        entry.metadata_bytes = u32::try_from(facts.metadata_bytes).unwrap_or(u32::MAX);
        entry.set_content_length(facts.content_length);
        Ok(Some((index, entry)))
    }

    /// The call of a request is there with its head.
    #[inline(always)]
    fn request_admitted(&mut self, index: u32, deadline: Option<Instant>) {
        self.start_or_wait(index);
        if let Some(deadline) = deadline {
            self.add_deadline(index, deadline);
        }
    }

    /// Answers a request that no handler sees, with one header list.
    fn answer(&mut self, stream: StreamId, end: bool, http_status: u16, status: Status) {
        let Some((index, entry)) = self.open(stream, end) else { return };
        entry.released = true;
        entry.http_status = http_status;
        let metadata = status.metadata().clone();
        entry.ending = Some(Ending::new(Err(status), metadata));
        self.output.urgent.push(&mut self.calls, index);
    }

    fn request_trailers(&mut self, index: u32, stream: StreamId, end: bool) -> Result<(), Fatal> {
        let Some(entry) = self.calls.get_mut(index) else { return Ok(()) };
        if let Err(violation) = entry.stream.apply(stream::Input::ReceiveHeaders) {
            return self.state_violation(stream, violation);
        }
        // RFC 9113 §8.1: a header block after the first one ends the stream.
        if !end || response::check_request_trailers(&self.fields).is_err() {
            return self.stream_fault(stream, ErrorCode::PROTOCOL_ERROR);
        }
        self.receive_end(index)
    }

    fn response_headers(
        &mut self,
        index: u32,
        stream: StreamId,
        end: bool,
        stamp: Option<Stamp>,
    ) -> Result<(), Fatal> {
        let Some(entry) = self.calls.get_mut(index) else { return Ok(()) };
        if let Err(violation) = entry.stream.apply(stream::Input::ReceiveHeaders) {
            return self.state_violation(stream, violation);
        }
        let first = entry.receiving == Receiving::Head;
        if !first && !end {
            // RFC 9113 §8.1: trailers end the stream.
            return self.stream_fault(stream, ErrorCode::PROTOCOL_ERROR);
        }
        let usual = stamp.zip(self.usual.as_ref());
        match usual.and_then(|(stamp, usual)| usual.get(stamp, first, end)) {
            Some(UsualBlock::Head) => {
                self.response_begins(index, None, None);
                Ok(())
            }
            Some(UsualBlock::Ok) => {
                self.response_ends(index, Trailers { status: Ok(()), metadata: Metadata::new() })
            }
            None => match self.judge_response(first, end, stamp) {
                Ok(judged) => self.response_judged(index, stream, end, judged),
                Err(_) => self.stream_fault(stream, ErrorCode::PROTOCOL_ERROR),
            },
        }
    }

    /// The response's head came, and the call is committed.
    #[inline]
    fn response_begins(&mut self, index: u32, head: Option<ResponseHead>, content_length: Option<u64>) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        entry.receiving = entry.receiving.next(Received::Head).unwrap_or(Receiving::Messages);
        entry.set_content_length(content_length);
        if entry.is_running() {
            entry.set_response(head);
            entry.request.clear();
            entry.outgoing.commit();
            self.events.raise(&mut self.calls, index, Kind::Headers);
        }
    }

    fn judge_response(
        &mut self,
        first: bool,
        end: bool,
        stamp: Option<Stamp>,
    ) -> Result<ResponseStart, MalformedFields> {
        self.need_fields(stamp);
        let judged = if first {
            response::parse_start(&self.fields, end)?
        } else {
            ResponseStart::TrailersOnly(response::parse_trailers(&self.fields)?)
        };
        if let Some(stamp) = stamp {
            self.usual.get_or_insert_default().keep(stamp, first, &judged);
        }
        Ok(judged)
    }

    fn response_judged(
        &mut self,
        index: u32,
        stream: StreamId,
        end: bool,
        judged: ResponseStart,
    ) -> Result<(), Fatal> {
        let Some(entry) = self.calls.get_mut(index) else { return Ok(()) };
        match judged {
            ResponseStart::Interim => self.interim(index, stream),
            ResponseStart::Head { head, content_length } => {
                let head = (head != ResponseHead::default()).then_some(head);
                self.response_begins(index, head, content_length);
                if end { self.receive_end(index) } else { Ok(()) }
            }
            ResponseStart::TrailersOnly(trailers) => self.response_ends(index, trailers),
            ResponseStart::Unusable(status) => {
                entry.receiving = Receiving::Complete;
                if end {
                    self.end_call(index, Err(status), Metadata::new());
                    self.stream_ended(index);
                } else {
                    self.fail_call(index, status);
                }
                Ok(())
            }
            ResponseStart::NotGrpc(status) => {
                entry.receiving = Receiving::Messages;
                entry.set_not_grpc(status);
                if end { self.receive_end(index) } else { Ok(()) }
            }
        }
    }

    /// RFC 9110 §15.2: a client parses and ignores interim responses; here up to a bound.
    fn interim(&mut self, index: u32, stream: StreamId) -> Result<(), Fatal> {
        let Some(entry) = self.calls.get_mut(index) else { return Ok(()) };
        entry.interim_responses = entry.interim_responses.saturating_add(1);
        if entry.interim_responses > self.limits.interim_responses_max {
            return self.stream_fault(stream, ErrorCode::ENHANCE_YOUR_CALM);
        }
        Ok(())
    }

    /// Trailers came: they decide, whatever else is still on its way.
    fn response_ends(&mut self, index: u32, trailers: Trailers) -> Result<(), Fatal> {
        let Some(entry) = self.calls.get_mut(index) else { return Ok(()) };
        if entry.contradicts_length() {
            let stream = entry.stream.id;
            return self.stream_fault(stream, ErrorCode::PROTOCOL_ERROR);
        }
        entry.receiving = Receiving::Complete;
        let complete = entry.incoming.is_between_messages();
        let status = match entry.take_not_grpc() {
            Some(other) => Err(other.status),
            None if trailers.status.is_ok() && !complete => Err(truncated()),
            None => trailers.status,
        };
        if status.is_ok() && trailers.metadata.is_empty() {
            self.end_ok(index);
        } else {
            self.end_call(index, status, trailers.metadata);
        }
        self.stream_ended(index);
        Ok(())
    }

    /// END_STREAM came, on DATA or on a request's HEADERS.
    #[inline]
    pub(super) fn receive_end(&mut self, index: u32) -> Result<(), Fatal> {
        let Some(entry) = self.calls.get_mut(index) else { return Ok(()) };
        if entry.contradicts_length() {
            let stream = entry.stream.id;
            return self.stream_fault(stream, ErrorCode::PROTOCOL_ERROR);
        }
        entry.receiving = Receiving::Complete;
        if self.role == Role::Client {
            self.response_unended(index);
            return Ok(());
        }
        let _ = entry.stream.apply(stream::Input::ReceiveEnd);
        let closed = entry.stream.state == stream::State::Closed;
        match (entry.is_running(), entry.incoming.is_between_messages()) {
            (true, true) => self.events.raise(&mut self.calls, index, Kind::Message),
            (true, false) => self.fail_call(index, truncated()),
            (false, _) => {}
        }
        if closed {
            self.close_stream(index);
        }
        Ok(())
    }

    /// Client: the response ended without trailers.
    fn response_unended(&mut self, index: u32) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        let status = match entry.take_not_grpc() {
            Some(other) => other.into_status(),
            None => Status::unknown("the peer ended the response without trailers"),
        };
        self.end_call(index, Err(status), Metadata::new());
        self.stream_ended(index);
    }

    /// Client: the peer's side of the stream is complete. PROTOCOL-HTTP2.md, "Errors": what this side had
    /// still to send needs no sending any more.
    fn stream_ended(&mut self, index: u32) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        if entry.stream.apply(stream::Input::ReceiveEnd).is_err() {
            return;
        }
        if entry.stream.state == stream::State::Closed {
            self.close_stream(index);
        } else {
            self.reset_stream(index, ErrorCode::NO_ERROR);
        }
    }
}

fn undecodable(fault: DecodeError) -> Fatal {
    Fatal::new(fault.code(), format!("a header block cannot be decoded: {fault}"))
}

#[cold]
fn truncated() -> Status {
    Status::internal(format!("{}", MessageError::Truncated))
}
