//! DATA: straight into the message that is being put together.

use alloc::format;
use alloc::string::String;

use super::entry::NotGrpc;
use super::events::Kind;
use super::receive::Fatal;
use super::{Connection, Role};
use crate::call::prefix::{MessageError, PREFIX_LEN};
use crate::call::state::{Input as Received, Receiving};
use crate::call::{CallId, Metadata, Status};
use crate::error::{ErrorCode, PeerViolation};
use crate::stream;
use crate::wire::StreamId;

/// So much of a body that is not gRPC goes into the error's text.
const BODY_SHOWN: usize = 80;

/// The DATA frame that is being received.
#[derive(Debug, Default)]
pub(super) struct Current {
    /// Its call, where there is one that still listens. An id, for the rest of the frame may come when the
    /// call is gone and its slot is another's.
    call: Option<CallId>,
    /// Octets of it that are padding, or were not seen yet.
    rest: u32,
}

impl Connection {
    /// A whole DATA frame without padding.
    #[inline(never)]
    pub(super) fn data_whole(&mut self, stream: StreamId, bytes: &[u8], end: bool) -> Result<(), Fatal> {
        let octets = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let Some(index) = self.data_begins(stream, octets, end)? else { return Ok(()) };
        if !bytes.is_empty() && !self.take_message(index, bytes) {
            let call = self.calls.id(index);
            self.take_data(call, bytes);
            if self.calls.slot(call).is_none() {
                return Ok(());
            }
        }
        if end { self.receive_end(index) } else { Ok(()) }
    }

    pub(super) fn data_head(&mut self, stream: StreamId, octets: u32, end: bool) -> Result<(), Fatal> {
        self.current = Current { call: None, rest: octets };
        let index = self.data_begins(stream, octets, end)?;
        self.current.call = index.map(|index| self.calls.id(index));
        Ok(())
    }

    /// Judges a DATA frame by its header; the call that it is for, where there is one.
    #[inline(always)]
    fn data_begins(&mut self, stream: StreamId, octets: u32, end: bool) -> Result<Option<u32>, Fatal> {
        // RFC 9113 §6.9.1: the whole payload counts, also that of frames for streams that are gone.
        if octets > 0 {
            self.receive_window.receive(octets).map_err(|_| PeerViolation::WindowExceeded)?;
            self.receive_window.give_back(octets as usize);
            self.output.control |= self.receive_window.wants_update();
        }
        let Some(index) = self.calls.by_stream(stream) else {
            return self.data_without_call(stream, octets).map(|()| None);
        };
        let Some(entry) = self.calls.get_mut(index) else { return Ok(None) };
        if let Err(violation) = entry.stream.apply(stream::Input::ReceiveData) {
            return self.state_violation(stream, violation).map(|()| None);
        }
        if octets > 0 && entry.stream.receive_window.receive(octets).is_err() {
            return self.stream_fault(stream, ErrorCode::FLOW_CONTROL_ERROR).map(|()| None);
        }
        if entry.receiving.next(Received::Data).is_err() {
            return self.stream_fault(stream, ErrorCode::PROTOCOL_ERROR).map(|()| None);
        }
        if octets > 0 {
            self.ping_is_free = true;
        } else if !end {
            self.glitch(1)?;
        }
        Ok(Some(index))
    }

    fn data_without_call(&mut self, stream: StreamId, octets: u32) -> Result<(), Fatal> {
        if self.is_idle(stream) {
            return Err(PeerViolation::DataOnIdleStream.into());
        }
        self.data_on_closed(octets)
    }

    /// What was on its way when the stream ended is honest; more than its window is not.
    fn data_on_closed(&mut self, octets: u32) -> Result<(), Fatal> {
        let honest = if octets == 0 { self.late.take_frame() } else { self.late.take_octets(octets) };
        if honest { Ok(()) } else { self.glitch(1) }
    }

    pub(super) fn data_piece(&mut self, bytes: &[u8]) {
        let seen = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.current.rest = self.current.rest.saturating_sub(seen);
        if let Some(call) = self.current.call {
            self.take_data(call, bytes);
        }
    }

    /// Takes octets of a call's DATA, where they are one message and nothing is held. False: they are not, and
    /// nothing was done.
    #[inline(always)]
    fn take_message(&mut self, index: u32, bytes: &[u8]) -> bool {
        let Some(entry) = self.calls.get_mut(index) else { return false };
        let listens = entry.is_running() && !entry.released && entry.not_grpc().is_none();
        if !listens || !entry.incoming.receive_one(bytes, self.limits.message_bytes_max) {
            return false;
        }
        entry.received(bytes.len());
        self.unread.replace(0, bytes.len().saturating_sub(PREFIX_LEN));
        self.events.raise(&mut self.calls, index, Kind::Message);
        self.credit(index, bytes.len());
        self.message_finished();
        true
    }

    /// Takes octets of a call's DATA.
    fn take_data(&mut self, call: CallId, bytes: &[u8]) {
        let Some(index) = self.calls.slot(call).filter(|index| !self.take_message(*index, bytes)) else {
            return;
        };
        let Some(entry) = self.calls.get_mut(index) else { return };
        entry.received(bytes.len());
        if let Some(other) = entry.not_grpc() {
            let room = BODY_SHOWN.saturating_sub(other.body.len());
            other.body.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
            if other.body.len() >= BODY_SHOWN {
                self.end_not_grpc(index);
            }
            return;
        }
        if entry.is_running() && !entry.released {
            self.take_pieces(call, index, bytes);
        }
    }

    /// Takes octets that are anything else than one message.
    fn take_pieces(&mut self, call: CallId, index: u32, bytes: &[u8]) {
        let (limit, room) = (self.limits.message_bytes_max, self.room_ahead(call));
        let Some(entry) = self.calls.get_mut(index) else { return };
        let room = room.saturating_add(entry.stream.receive_window.lent() as usize);
        let (had_message, held) = (entry.incoming.has_message(), entry.incoming.held());
        let received = entry.incoming.receive(bytes, limit, room);
        let now_held = entry.incoming.held();
        let has_message = entry.incoming.has_message();
        // A fault takes back the octets of a prefix that were held.
        self.unread.replace(held, now_held);
        let finished = has_message && !had_message;
        if finished {
            self.events.raise(&mut self.calls, index, Kind::Message);
        }
        match received {
            Ok(credit) => {
                self.credit_message(index, credit);
                if finished {
                    self.message_finished();
                }
            }
            Err(fault) => self.bad_message(index, fault),
        }
    }

    pub(super) fn data_end(&mut self, end: bool) {
        let Some(index) = self.current.call.take().and_then(|call| self.calls.slot(call)) else { return };
        let padding = core::mem::take(&mut self.current.rest) as usize;
        self.credit(index, padding);
        if !end {
            return;
        }
        let outcome = self.receive_end(index);
        if let Err(fatal) = outcome {
            self.fail(fatal);
        }
    }

    /// A bad message ends its call, and nothing else.
    fn bad_message(&mut self, index: u32, fault: MessageError) {
        let text = format!("{fault}");
        let status = match fault {
            MessageError::TooLarge { .. } => Status::resource_exhausted(text),
            _ => Status::internal(text),
        };
        self.fail_call(index, status);
    }

    fn end_not_grpc(&mut self, index: u32) {
        debug_assert_eq!(self.role, Role::Client);
        let Some(entry) = self.calls.get_mut(index) else { return };
        entry.receiving = Receiving::Complete;
        let Some(other) = entry.take_not_grpc() else { return };
        self.end_call(index, Err(other.into_status()), Metadata::new());
        self.reset_stream(index, ErrorCode::CANCEL);
    }
}

impl NotGrpc {
    /// The status, with what the body says.
    pub(super) fn into_status(self) -> Status {
        if self.body.is_empty() {
            return self.status;
        }
        let body = String::from_utf8_lossy(&self.body).into_owned();
        let text = format!("{}: {body:?}", self.status.message());
        Status::new(self.status.code(), text)
    }
}
