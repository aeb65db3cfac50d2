//! What the driver asks of a call. Any command may come at any time; what makes no sense is a [`Misuse`].

use alloc::boxed::Box;
use alloc::format;
use bytes::Bytes;
use core::time::Duration;

use super::entry::Entry;
use super::events::Kind;
use super::goaway::Why;
use super::{Connection, Received, Refused, RefusedReason, Role, SendError, Start, StateInput};
use crate::call::message::Assembler;
use crate::call::prefix::PREFIX_LEN;
use crate::call::request::{list_size, may_be_sent};
use crate::call::response::Ending;
use crate::call::state::Receiving;
use crate::call::{Batch, CallId, Messages, Metadata, Outcome, RequestHead, ResponseHead, Status};
use crate::error::{ErrorCode, Misuse};
use crate::stream::{ReceiveWindow, SendWindow};
use crate::time::Instant;

impl Connection {
    /// Client: starts a call. Returns at once; HEADERS go out with the next `poll_transmit`.
    ///
    /// # Errors
    /// [`Refused`], with the call as it was: no room, no more calls on this connection, or a head that the
    /// peer would not take.
    pub fn start_call(&mut self, now: Instant, start: Start) -> Result<CallId, Box<Refused>> {
        self.begin(now);
        if let Some(reason) = self.refusal(&start) {
            return Err(Box::new(Refused { start, reason }));
        }
        let Some((index, entry)) = self.calls.insert() else {
            return Err(Box::new(Refused { start, reason: RefusedReason::NoRoom }));
        };
        let deadline = start.head.deadline;
        entry.counted = true;
        entry.told = true;
        entry.started = self.now;
        entry.send_head = true;
        entry.stream.send_window = SendWindow::new(self.remote.stream_window_bytes);
        entry.stream.receive_window = ReceiveWindow::new(self.local.receive_window());
        let place = entry.request.place();
        *place = Some(start.head);
        entry.has_deadline = deadline.is_some();
        entry.outgoing.keep();
        if let Some(message) = start.message {
            self.output.unsent = self.output.unsent.saturating_add(message.len().saturating_add(PREFIX_LEN));
            entry.outgoing.push(message, self.limits.replay_bytes_max);
        }
        entry.outgoing.finished = start.finished;
        self.streams_open = self.streams_open.wrapping_add(1);
        self.streams_unsent = self.streams_unsent.wrapping_add(1);
        if self.keepalive.dormant {
            self.wake_keepalive();
        }
        let call = self.calls.id(index);
        self.output.urgent.push(&mut self.calls, index);
        if let Some(deadline) = deadline {
            self.add_deadline(index, deadline);
        }
        Ok(call)
    }

    fn refusal(&mut self, start: &Start) -> Option<RefusedReason> {
        if self.role == Role::Server {
            return Some(RefusedReason::WrongRole);
        }
        if !self.state.takes_calls() || !self.has_stream_ids() {
            return Some(RefusedReason::Draining);
        }
        if self.room() == 0 {
            self.room_wanted = true;
            return Some(RefusedReason::NoRoom);
        }
        if list_size(&start.head) > self.remote.header_list_bytes_max {
            return Some(RefusedReason::HeadTooLarge);
        }
        let legal = may_be_sent(&start.head, self.seen.get_or_insert_default());
        (!legal).then_some(RefusedReason::InvalidHead)
    }

    /// Whether one more call is sure to get an identifier. If not the connection drains, and who wants more
    /// makes another (RFC 9113 §5.1.1). Calls that were not written have none yet, and each takes one.
    fn has_stream_ids(&mut self) -> bool {
        let open = u32::try_from(self.streams_open).unwrap_or(u32::MAX);
        let next = self.next_stream.as_u32().saturating_add(open.saturating_mul(2));
        let enough = next <= super::LAST_USABLE_STREAM;
        if !enough {
            self.state = self.state.next(StateInput::GoAway);
            self.events.raise_draining();
            self.check_drained();
        }
        enough
    }

    /// Server: sends initial metadata now. Otherwise they go, empty, with the first message or the status.
    ///
    /// # Errors
    /// [`Misuse`]: wrong role or call, or they were sent.
    pub fn send_headers(&mut self, call: CallId, metadata: Metadata) -> Result<(), Misuse> {
        let (index, entry) = self.server_call(call)?;
        if !entry.is_running() {
            return Err(Misuse::Ended);
        }
        if entry.send_head || entry.head_written {
            return Err(Misuse::HeadersSent);
        }
        entry.set_initial(metadata);
        entry.send_head = true;
        self.output.urgent.push(&mut self.calls, index);
        Ok(())
    }

    /// Queues a message.
    ///
    /// # Errors
    /// [`SendError::Blocked`] with the message where too much is unsent; [`SendError::Ended`] where the call
    /// is over.
    pub fn send_message(&mut self, call: CallId, message: Bytes) -> Result<(), SendError> {
        if u32::try_from(message.len()).is_err() {
            return Err(SendError::Misuse(Misuse::MessageTooLarge));
        }
        let octets = message.len().saturating_add(PREFIX_LEN);
        let index = match self.admit(call, octets) {
            Ok(index) => index,
            Err(SendError::Blocked(())) => return Err(SendError::Blocked(message)),
            Err(SendError::Ended) => return Err(SendError::Ended),
            Err(SendError::Misuse(misuse)) => return Err(SendError::Misuse(misuse)),
        };
        if let Some(entry) = self.calls.get_mut(index) {
            entry.outgoing.push(message, self.limits.replay_bytes_max);
        }
        self.queued(index, octets);
        Ok(())
    }

    /// Queues messages, all of them: `batch` is empty then, and otherwise as it was.
    ///
    /// # Errors
    /// As [`send_message`](Self::send_message).
    pub fn send_batch(&mut self, call: CallId, batch: &mut Batch) -> Result<(), SendError<()>> {
        if batch.is_oversized() {
            return Err(SendError::Misuse(Misuse::MessageTooLarge));
        }
        let octets = batch.octets();
        if self.append(call, batch, octets) {
            return Ok(());
        }
        let index = self.admit(call, octets)?;
        if let Some(entry) = self.calls.get_mut(index) {
            entry.outgoing.push_batch(batch, self.limits.replay_bytes_max);
        }
        self.queued(index, octets);
        Ok(())
    }

    /// Adds small messages to such that are unsent, where there is room: then the call has its place in the output
    /// already. False: nothing was done.
    #[inline]
    fn append(&mut self, call: CallId, batch: &mut Batch, octets: usize) -> bool {
        let unsent = self.output.unsent.saturating_add(octets);
        let Some((_, entry)) = self.calls.find(call) else { return false };
        let has_room = unsent <= self.limits.unsent_bytes_max
            && entry.outgoing.unsent().saturating_add(octets) <= self.limits.unsent_call_bytes_max;
        let added = has_room
            && entry.is_running()
            && !entry.outgoing.finished
            && entry.outgoing.append(batch, octets);
        if added {
            self.output.unsent = unsent;
        }
        added
    }

    /// Whether a call may queue so much; its place.
    #[inline]
    fn admit(&mut self, call: CallId, octets: usize) -> Result<u32, SendError<()>> {
        let index = self.calls.index(call).ok_or(SendError::Misuse(Misuse::UnknownCall))?;
        let Some(entry) = self.calls.get_mut(index) else { return Err(SendError::Ended) };
        if !entry.is_running() {
            return Err(SendError::Ended);
        }
        if entry.outgoing.finished {
            return Err(SendError::Misuse(Misuse::SendingFinished));
        }
        let unsent = entry.outgoing.unsent();
        let call_full = unsent.saturating_add(octets) > self.limits.unsent_call_bytes_max;
        let crowded = self.output.unsent.saturating_add(octets) > self.limits.unsent_bytes_max;
        if unsent > 0 && (call_full || crowded) {
            entry.blocked = u32::try_from(octets).unwrap_or(u32::MAX);
            if !call_full {
                self.output.crowded.push(&mut self.calls, index);
            }
            return Err(SendError::Blocked(()));
        }
        Ok(index)
    }

    /// So much was queued for a call.
    #[inline]
    fn queued(&mut self, index: u32, octets: usize) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        self.output.unsent = self.output.unsent.saturating_add(octets);
        if self.role == Role::Server && !entry.head_written {
            entry.send_head = true;
        }
        self.schedule(index);
    }

    /// Puts a call where its next output is looked for.
    fn schedule(&mut self, index: u32) {
        let Some(entry) = self.calls.get(index) else { return };
        if entry.is_urgent() {
            self.output.urgent.push(&mut self.calls, index);
        } else if entry.head_written
            && entry.outgoing.unsent() > 0
            && entry.stream.send_window.available() > 0
        {
            self.output.data.push(&mut self.calls, index);
        }
    }

    /// Client: no more messages will follow. Without effect on a call that has ended.
    ///
    /// # Errors
    /// [`Misuse`]: wrong role or call.
    pub fn finish_sending(&mut self, call: CallId) -> Result<(), Misuse> {
        let index = self.calls.index(call).ok_or(Misuse::UnknownCall)?;
        if self.role == Role::Server {
            return Err(Misuse::WrongRole);
        }
        let entry = self.calls.get_mut(index).ok_or(Misuse::UnknownCall)?;
        if entry.is_running() {
            entry.outgoing.finished = true;
            self.schedule(index);
        }
        Ok(())
    }

    /// Server: perhaps a last message, then trailers and status. The sending side is complete with it.
    ///
    /// # Errors
    /// [`Misuse`]: wrong role or call, already answered, or ended.
    pub fn respond(
        &mut self,
        call: CallId,
        message: Option<Bytes>,
        mut trailers: Metadata,
        status: Result<(), Status>,
    ) -> Result<(), Misuse> {
        if self.role == Role::Client {
            return Err(Misuse::WrongRole);
        }
        let (index, entry) = self.calls.find(call).ok_or(Misuse::UnknownCall)?;
        if !entry.is_running() {
            return Err(Misuse::Ended);
        }
        if entry.outgoing.finished {
            return Err(Misuse::SendingFinished);
        }
        if let Err(status) = &status {
            trailers.extend(status.metadata());
        }
        if let Some(message) = message {
            let octets = message.len().saturating_add(PREFIX_LEN);
            self.output.unsent = self.output.unsent.saturating_add(octets);
            entry.outgoing.push(message, self.limits.replay_bytes_max);
            entry.send_head |= !entry.head_written;
        }
        entry.outgoing.finished = true;
        entry.ending = Some(Ending::new(status, trailers));
        self.schedule(index);
        Ok(())
    }

    /// The next message.
    ///
    /// # Errors
    /// [`Misuse::UnknownCall`].
    pub fn receive_message(&mut self, call: CallId) -> Result<Received, Misuse> {
        self.receive(call, Assembler::take, Bytes::len, |_| false)
    }

    /// The next message, and those that are there behind it, of `octets` altogether at most. Those that say that
    /// they are the last are followed by [`Received::End`], without an event.
    ///
    /// # Errors
    /// [`Misuse::UnknownCall`].
    pub fn receive_messages(&mut self, call: CallId, octets: usize) -> Result<Received<Messages>, Misuse> {
        let mark = |messages: &mut Messages| {
            messages.set_last();
            true
        };
        self.receive(call, |incoming| incoming.take_many(octets), Messages::octets, mark)
    }

    #[inline]
    fn receive<M>(
        &mut self,
        call: CallId,
        take: impl FnOnce(&mut Assembler) -> Option<(M, usize)>,
        octets: impl FnOnce(&M) -> usize,
        // Marks what is the last; whether it can say so.
        mark: impl FnOnce(&mut M) -> bool,
    ) -> Result<Received<M>, Misuse> {
        let (index, entry) = self.calls.find(call).ok_or(Misuse::UnknownCall)?;
        let held = if entry.incoming.has_rest() { Some(entry.incoming.held()) } else { None };
        let complete = entry.receiving == Receiving::Complete;
        let over = complete || !entry.is_running();
        let Some((mut taken, credit)) = take(&mut entry.incoming) else {
            return Ok(if over { Received::End } else { Received::Pending });
        };
        let has_more = entry.incoming.has_message();
        let is_told = over && !has_more && mark(&mut taken);
        match held {
            Some(held) => self.unread.replace(held, entry.incoming.held()),
            None => self.unread.replace(octets(&taken), 0),
        }
        let used_up = !has_more && entry.stream.receive_window.is_used_up();
        self.credit(index, credit);
        if used_up {
            self.grow_window(index);
        }
        if has_more || (complete && !is_told) {
            self.events.raise(&mut self.calls, index, Kind::Message);
        }
        self.message_taken(call);
        Ok(Received::Message(taken))
    }

    /// Ends the call on this side with `status`, and resets its stream. Without effect on a call that ended.
    ///
    /// # Errors
    /// [`Misuse::UnknownCall`].
    pub fn cancel(&mut self, call: CallId, status: Status) -> Result<(), Misuse> {
        let index = self.calls.index(call).ok_or(Misuse::UnknownCall)?;
        if self.calls.get(index).is_some_and(Entry::is_running) {
            self.end_call(index, Err(status), Metadata::new());
            self.drop_incoming(index);
            self.reset_stream(index, ErrorCode::CANCEL);
        }
        Ok(())
    }

    /// Nobody refers to the call any more: its id becomes free. A call that has not ended is cancelled; a
    /// server's complete response is still delivered.
    pub fn release(&mut self, call: CallId) {
        let Some((index, entry)) = self.calls.find(call) else { return };
        let answered = entry.ending.is_some();
        let running = entry.is_running();
        self.mark_released(index);
        if running && !answered {
            self.end_call(index, Err(Status::cancelled("the call was dropped")), Metadata::new());
            self.reset_stream(index, ErrorCode::CANCEL);
        }
        self.settle(index);
    }

    /// Ends in order: no new calls; those that run may go on until `grace` is over, then they are cancelled.
    pub fn shutdown(&mut self, now: Instant, grace: Duration) {
        self.begin(now);
        self.start_shutdown(grace, Why::Asked);
    }

    /// Ends now: GOAWAY goes out, every call ends.
    pub fn close(&mut self, now: Instant) {
        self.begin(now);
        if self.state.is_alive() {
            self.close_now("this side closed the connection");
        }
    }

    /// Server: the head of a call; once.
    pub fn take_request(&mut self, call: CallId) -> Option<RequestHead> {
        let (_, entry) = self.server_call(call).ok()?;
        let metadata_bytes = core::mem::take(&mut entry.metadata_bytes);
        // What goes on may be a stream, which may be idle for long.
        let goes_on = entry.stream.state.may_receive();
        let request = if goes_on { entry.request.take_whole() } else { entry.request.take() };
        self.request_metadata = self.request_metadata.saturating_sub(metadata_bytes as usize);
        request
    }

    /// Client: the response head (initial metadata); once. `None` before it came, and for a call that ended
    /// without one.
    pub fn take_response(&mut self, call: CallId) -> Option<ResponseHead> {
        let (_, entry) = self.calls.find(call)?;
        entry.take_response()
    }

    /// How the call ended; once. `None` while it runs.
    pub fn take_outcome(&mut self, call: CallId) -> Option<Outcome> {
        let (_, entry) = self.calls.find(call)?;
        entry.take_outcome()
    }

    /// Whether the call has ended, by name; `None` for an unknown one.
    #[must_use]
    pub fn has_ended(&self, call: CallId) -> Option<bool> {
        let entry = self.calls.get(self.calls.index(call)?)?;
        Some(!entry.is_running())
    }

    /// The call with its index, on a server.
    #[inline]
    fn server_call(&mut self, call: CallId) -> Result<(u32, &mut Entry), Misuse> {
        if self.role == Role::Client {
            return Err(Misuse::WrongRole);
        }
        self.calls.find(call).ok_or(Misuse::UnknownCall)
    }

    /// What the status of a call that missed its deadline says.
    pub(super) fn deadline_status(&self, index: u32) -> Status {
        let Some(entry) = self.calls.get(index) else { return Status::deadline_exceeded("") };
        let after = self.now.saturating_duration_since(entry.started);
        let how_far = match (self.role, entry.head_written, entry.receiving) {
            (Role::Server, ..) => "the call was still running",
            (Role::Client, false, _) => "the request was not sent",
            (Role::Client, true, Receiving::Head) => "no response headers were received",
            (Role::Client, true, _) => "the response was not complete",
        };
        Status::deadline_exceeded(format!(
            "after {}.{:03} s ({how_far})",
            after.as_secs(),
            after.subsec_millis()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Path;
    use crate::connection::{Config, Event};
    use crate::limits::Limits;
    use crate::transmit::Transmit;
    use crate::wire::{StreamId, send};
    use alloc::vec::Vec;

    /// RFC 9113 §5.1.1: identifiers are not used again. Who has none left drains, however many calls are
    /// started before the first of them is written.
    #[test]
    fn stream_identifiers_are_used_up_and_not_used_again() {
        let start = || Start {
            head: RequestHead::new(Path::from_static("/a/b"), Bytes::from_static(b"c")),
            message: None,
            finished: true,
        };
        for written_between in [false, true] {
            let now = Instant::ZERO;
            let mut connection = Connection::client(now, &Config::new(Limits::default(), 1));
            let mut settings = Vec::new();
            send::settings(&mut settings, &[]);
            connection.handle_received(now, &mut settings);
            connection.next_stream = StreamId::new(0x7fff_fff7);
            let mut transmit = Transmit::new();
            let mut started = 0;
            while connection.start_call(now, start()).is_ok() {
                started += 1;
                if written_between {
                    connection.poll_transmit(now, &mut transmit);
                }
            }
            connection.poll_transmit(now, &mut transmit);
            assert!((1..=4).contains(&started), "{started}");
            assert!(connection.next_stream > StreamId::new(0x7fff_fff7), "{:?}", connection.next_stream);
            assert!(!connection.takes_calls());
            let events: Vec<_> = core::iter::from_fn(|| connection.poll_event()).collect();
            assert!(events.contains(&Event::Draining), "{events:?}");
        }
    }
}
