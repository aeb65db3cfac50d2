//! The application on the client: starts calls on a channel, sends, reads, cancels, drops.

use std::collections::VecDeque;

use bytes::Bytes;
use sailplane::call::{Messages, Metadata, Outcome, Replay, RequestHead};
use sailplane::channel::Record;
use sailplane::channel::attempt::{self, verdict};
use sailplane::connection::{Received, SendError};
use sailplane::error::Misuse;
use sailplane::{CallId, Code, Event as Told, Instant, Path, Status};

use crate::broken;
use crate::faults::Fault;
use crate::link::{At, CLIENT, SERVER};
use crate::model::{Place, Verdict, message};
use crate::world::{Event, World};

/// Octets that a call may have in the channel before it has a connection.
const HELD_MAX: usize = 64 * 1024;

/// What every request of a call carries besides its number.
#[must_use]
pub fn metadata(call: usize, tag: u64) -> Metadata {
    let mut metadata = Metadata::new();
    let number = call.to_string();
    let fields = [("x-call", number.as_str()), ("x-tag", ["red", "green", "", "blue"][tag as usize % 4])];
    for (name, value) in fields.into_iter().chain((tag % 3 == 0).then_some(("x-more", "the same each time")))
    {
        if metadata.append(name, value).is_err() {
            broken!("I12", "metadata are refused: {name}: {value}");
        }
    }
    metadata
}

impl World {
    /// A call begins.
    pub fn start_call(&mut self, number: usize) {
        let now = self.now;
        let call = &mut self.calls[number];
        let plan = call.plan.clone();
        call.started = now;
        call.deadline = plan.deadline.map(|after| now + after);
        let Ok(path) = Path::new(Bytes::from(format!("/sim.Service/Method{}", plan.tag))) else {
            broken!("I12", "a valid path is refused");
        };
        let mut head = RequestHead::new(path, Bytes::from_static(b"sim.invalid"));
        head.deadline = call.deadline.map(Instant::from_nanos);
        head.metadata = metadata(number, plan.tag);
        let mut messages = VecDeque::new();
        if plan.is_unary {
            messages.push_back(message(number, CLIENT, 0, plan.up[0]));
            (call.sent, call.is_finished) = (1, true);
        }
        let client = call.client;
        let (deadline, finished) = (call.deadline, plan.is_unary);
        if let Some(deadline) = deadline {
            self.clients[client].deadlines.insert((deadline, number));
            self.counts.add(Fault::Deadline);
        }
        for (after, event) in [(plan.cancel, Event::Cancel(number)), (plan.drop, Event::Drop(number))] {
            if let Some(after) = after {
                self.at(now + after, event);
            }
        }
        self.trace.line(now, format_args!("call {number} starts at client {client}: {plan:?}"));
        let call = Replay { head, messages, finished, never_sent: true };
        self.place_or_wait(number, Record { call, wait_for_ready: plan.wait_for_ready, repetitions: 0 });
        self.client_sends(number);
    }

    /// What a client's connection tells.
    pub fn client_told(&mut self, at: At, event: Told) {
        let (client, id) = (self.links[at.link].client, self.links[at.link].id);
        match event {
            Told::Ready => {}
            Told::Headers(call) => self.client_headers(at, call),
            Told::Message(call) => {
                let number = self.known(at, call);
                self.client_reads(number);
            }
            Told::Writable(call) => {
                let number = self.known(at, call);
                if !std::mem::take(&mut self.calls[number].is_blocked) {
                    broken!("I9", "Writable without Blocked for call {number}");
                }
                self.client_sends(number);
            }
            Told::Ended(call) => self.client_ended(at, call),
            Told::Room => {
                self.clients[client].machine.handle_room(id);
                self.pump(client);
            }
            Told::Draining => {
                self.clients[client].machine.handle_draining(id);
                self.clients[client].current.take_if(|link| *link == at.link);
                self.pump(client);
            }
            Told::Closed(ended) => {
                self.connection_ended(at, &ended);
                self.clients[client].machine.handle_lost(id);
                self.clients[client].current.take_if(|link| *link == at.link);
                self.pump(client);
            }
            other => broken!("I1", "a client is told {other:?}"),
        }
    }

    /// The call that an id stands for.
    pub fn known(&mut self, at: At, id: CallId) -> usize {
        match self.end(at).calls.get(&id) {
            Some(number) => *number,
            None => broken!("I1", "an event for {id:?}, which nobody knows"),
        }
    }

    fn client_headers(&mut self, at: At, id: CallId) {
        let number = self.known(at, id);
        let head = self.end(at).connection.take_response(id);
        let honest = self.links[at.link].is_honest();
        let call = &mut self.calls[number];
        let again = std::mem::replace(&mut call.headers, true);
        let Some(head) = head.filter(|_| !again) else {
            broken!("I1", "headers of call {number} come twice, or not at all");
        };
        let expected = if call.plan.head_first { Some("n7") } else { None };
        if honest && head.metadata.get("x-node") != expected {
            broken!("I2", "initial metadata of call {number} are {:?}", head.metadata);
        }
    }

    /// The client sends what it may.
    pub fn client_sends(&mut self, number: usize) {
        loop {
            let now = self.now;
            let call = &self.calls[number];
            if call.verdict.is_some() {
                return;
            }
            let mut new = None;
            if call.sent < call.plan.up.len() && now >= call.sends_at {
                new = Some(message(number, CLIENT, call.sent, call.plan.up[call.sent]));
            }
            let moved = match call.place {
                Place::Placed(at, id) => self.send_on(number, at, id, new),
                Place::Waiting(_) => self.append(number, new),
                _ => false,
            };
            if !moved {
                return;
            }
        }
    }

    /// Sends one message. Whether another may be tried.
    fn send_on(&mut self, number: usize, at: At, id: CallId, new: Option<Bytes>) -> bool {
        let call = &mut self.calls[number];
        if call.is_blocked {
            return false;
        }
        let is_old = !call.backlog.is_empty();
        let Some(next) = call.backlog.front().cloned().or(new) else {
            if call.sent == call.plan.up.len() && !std::mem::replace(&mut call.is_told_finished, true) {
                call.is_finished = true;
                let finished = self.end(at).connection.finish_sending(id);
                if finished.is_err() {
                    broken!("I12", "finish_sending: {finished:?}");
                }
                self.touch(at);
            }
            return false;
        };
        let connection = &mut self.end(at).connection;
        let sent = if in_batches(number) {
            connection.send_batch(id, &mut next.into())
        } else {
            connection.send_message(id, next).map_err(without_message)
        };
        self.touch(at);
        match sent {
            Ok(()) if is_old => {
                self.calls[number].backlog.pop_front();
                true
            }
            Ok(()) => self.message_sent(number),
            Err(SendError::Blocked(_)) => {
                self.calls[number].is_blocked = true;
                false
            }
            Err(SendError::Ended) => false,
            Err(SendError::Misuse(misuse)) => broken!("I12", "send_message: {misuse}"),
        }
    }

    fn message_sent(&mut self, number: usize) -> bool {
        let pace = self.calls[number].plan.pace[CLIENT];
        self.calls[number].sent += 1;
        if pace == 0 {
            return true;
        }
        if !self.is_healed {
            self.counts.add(Fault::SlowWriter);
            self.calls[number].sends_at = self.now + pace;
        }
        self.at(self.calls[number].sends_at, Event::Client(number));
        self.is_healed
    }

    /// A call that waits for a connection gets one message more. Whether another may be tried.
    fn append(&mut self, number: usize, new: Option<Bytes>) -> bool {
        let call = &mut self.calls[number];
        let Place::Waiting(ticket) = call.place else { return false };
        let done = call.sent == call.plan.up.len();
        let machine = &mut self.clients[call.client].machine;
        let Some(record) = machine.record_mut(ticket) else {
            broken!("I1", "call {number} waits, and the channel does not know it");
        };
        if done {
            call.is_finished = true;
            record.call.finished = true;
            return false;
        }
        let held: usize = record.call.messages.iter().map(Bytes::len).sum();
        let Some(next) = new.filter(|_| held < HELD_MAX) else { return false };
        record.call.messages.push_back(next);
        self.message_sent(number)
    }

    /// The client takes what there is, as it likes to.
    pub fn client_reads(&mut self, number: usize) {
        let (now, call) = (self.now, &mut self.calls[number]);
        let Place::Placed(at, id) = call.place else { return };
        let after = call.plan.reads_after[CLIENT];
        if after > 0 && call.stalled_until == 0 && !self.is_healed {
            call.stalled_until = now + after;
            self.counts.add(Fault::SlowReader);
            self.at(now + after, Event::Client(number));
        }
        if now < self.calls[number].stalled_until {
            return;
        }
        let one = self.calls[number].plan.one_by_one;
        while self.client_takes(number, at, id) && !one {}
        self.touch(at);
    }

    /// Takes a message, or several. Whether there was one.
    fn client_takes(&mut self, number: usize, at: At, id: CallId) -> bool {
        match self.takes(number, at, id) {
            Ok(Received::Message(messages)) => {
                messages.for_each(|octets| self.client_received(number, at, &octets));
                true
            }
            Ok(_) => false,
            Err(misuse) => broken!("I12", "receive_message: {misuse}"),
        }
    }

    /// Takes a message of a call, or several where it is one that does.
    pub(crate) fn takes(&mut self, number: usize, at: At, id: CallId) -> Result<Received<Messages>, Misuse> {
        let connection = &mut self.end(at).connection;
        if in_batches(number) {
            return connection.receive_messages(id, 1000 * (number % 8));
        }
        Ok(match connection.receive_message(id)? {
            Received::Message(message) => Received::Message(message.into()),
            Received::Pending => Received::Pending,
            Received::End => Received::End,
        })
    }

    fn client_received(&mut self, number: usize, at: At, octets: &Bytes) {
        let honest = self.links[at.link].is_honest();
        let call = &mut self.calls[number];
        let sizes = &call.plan.down;
        let size = if sizes.is_empty() { 0 } else { sizes[call.received % sizes.len()] };
        if honest && *octets != message(number, SERVER, call.received, size) {
            broken!("I2", "call {number}: message {} is not what the server sent", call.received);
        }
        call.received += 1;
        self.trace.note(&[5, number as u64, octets.len() as u64]);
    }

    fn client_ended(&mut self, at: At, id: CallId) {
        let number = self.known(at, id);
        let end = self.end(at);
        let outcome = end.connection.take_outcome(id);
        if end.connection.take_outcome(id).is_some() || end.connection.has_ended(id) != Some(true) {
            broken!("I1", "call {number} has two outcomes");
        }
        let Some(outcome) = outcome else { broken!("I1", "call {number} ended without an outcome") };
        while self.client_takes(number, at, id) {}
        let end = self.end(at);
        end.connection.release(id);
        end.calls.remove(&id);
        let link = &self.links[at.link];
        self.calls[number].is_troubled |= link.is_troubled;
        self.calls[number].is_hostile |= !link.is_honest();
        self.touch(at);
        let again = verdict(&outcome, self.calls[number].repetitions) == attempt::Verdict::Repeat;
        if again && !self.calls[number].is_cancelled {
            return self.repeat(number, at, outcome);
        }
        self.check_trailers(number, at, &outcome);
        self.end_call(number, outcome.status);
    }

    /// The attempt ended, and nothing of it was processed.
    fn repeat(&mut self, number: usize, at: At, outcome: Outcome) {
        let Some(replay) = outcome.replay else { return };
        let honest = self.links[at.link].is_honest();
        let call = &mut self.calls[number];
        if call.headers || call.received > 0 {
            broken!("I6", "call {number} is repeated although its response began");
        }
        if honest && !call.runs.is_empty() {
            broken!("I6", "call {number} is repeated although a handler ran");
        }
        let Replay { head, mut messages, finished, never_sent } = *replay;
        messages.append(&mut call.backlog);
        let whole = messages
            .iter()
            .enumerate()
            .all(|(sequence, octets)| *octets == message(number, CLIENT, sequence, call.plan.up[sequence]));
        if !whole || messages.len() != call.sent || (finished && !call.is_finished) {
            broken!("I2", "call {number} is repeated with other messages than it had");
        }
        call.repetitions += u32::from(!never_sent);
        // One that was never sent is as if it had not been placed: no connection may be had for it any more.
        call.attempts -= u32::from(never_sent);
        let finished = finished || call.is_finished;
        let (wait_for_ready, repetitions) = (call.plan.wait_for_ready, call.repetitions);
        self.trace.line(self.now, format_args!("call {number} is placed once more"));
        let call = Replay { head, messages, finished, never_sent };
        self.place_or_wait(number, Record { call, wait_for_ready, repetitions });
        self.client_sends(number);
    }

    /// The client has had enough.
    pub fn cancel(&mut self, number: usize) {
        if self.calls[number].verdict.is_some() {
            return;
        }
        self.counts.add(Fault::Cancel);
        self.calls[number].is_cancelled = true;
        let status = Status::new(Code::Cancelled, "the client has had enough");
        if let Place::Placed(at, id) = self.calls[number].place {
            if self.end(at).connection.cancel(id, status).is_err() {
                broken!("I1", "call {number} runs, and the connection does not know it");
            }
            return self.touch(at);
        }
        self.withdraw(number);
        self.end_call(number, Err(status));
    }

    fn withdraw(&mut self, number: usize) {
        let client = self.calls[number].client;
        let Place::Waiting(ticket) = self.calls[number].place else { return };
        self.clients[client].waiting.remove(&ticket);
        if self.clients[client].machine.withdraw(ticket).is_none() {
            broken!("I1", "call {number} waits, and the channel does not know it");
        }
    }

    /// The client drops a call.
    pub fn drop_call(&mut self, number: usize) {
        if self.calls[number].verdict.is_some() {
            return;
        }
        self.counts.add(Fault::Drop);
        if let Place::Placed(at, id) = self.calls[number].place {
            self.end(at).connection.release(id);
            self.end(at).calls.remove(&id);
            self.touch(at);
        }
        self.withdraw(number);
        self.record(number, Verdict::Dropped);
    }
}

/// Whether a call's messages are handed over, and taken, in batches.
pub(crate) const fn in_batches(number: usize) -> bool {
    number % 2 == 1
}

/// The error of a message as one of a batch.
pub(crate) fn without_message(error: SendError) -> SendError<()> {
    match error {
        SendError::Blocked(_) => SendError::Blocked(()),
        SendError::Ended => SendError::Ended,
        SendError::Misuse(misuse) => SendError::Misuse(misuse),
    }
}
