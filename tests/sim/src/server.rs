//! The application on the server: handlers that follow the plan of their call.

use bytes::Bytes;
use sailplane::call::Metadata;
use sailplane::connection::{Received, SendError};
use sailplane::error::Misuse;
use sailplane::{CallId, Event as Told, Status};

use crate::broken;
use crate::client::{in_batches, metadata, without_message};
use crate::faults::Fault;
use crate::link::{At, CLIENT, SERVER};
use crate::model::{Handler, Place, Run, message};
use crate::world::{Event, World};

/// Stands for a call of a hostile peer that is none of ours.
const NOBODY: usize = usize::MAX;

impl World {
    /// What a server's connection tells.
    pub fn server_told(&mut self, at: At, event: Told) {
        match event {
            Told::Ready | Told::Draining => {}
            Told::Call(id) => self.called(at, id),
            Told::Message(id) => {
                if let Some((number, run)) = self.run_of(at, id) {
                    self.handle(number, run);
                }
            }
            Told::Writable(id) => {
                if let Some((number, run)) = self.run_of(at, id) {
                    if !std::mem::take(&mut self.calls[number].runs[run].is_blocked) {
                        broken!("I9", "Writable without Blocked for the handler of call {number}");
                    }
                    self.handle(number, run);
                }
            }
            Told::Ended(id) => self.handler_ended(at, id),
            Told::Closed(ended) => self.connection_ended(at, &ended),
            other => broken!("I1", "a server is told {other:?}"),
        }
    }

    fn run_of(&mut self, at: At, id: CallId) -> Option<(usize, usize)> {
        let number = self.known(at, id);
        if number == NOBODY {
            return None;
        }
        let run = self.calls[number].runs.iter().position(|run| run.at == at && run.id == id);
        match run {
            Some(run) => Some((number, run)),
            None => broken!("I1", "call {number} has no handler for {id:?}"),
        }
    }

    /// A call arrived.
    fn called(&mut self, at: At, id: CallId) {
        let honest = self.links[at.link].is_honest();
        let limit = self.options.server_limits.concurrent_calls_max as usize;
        let end = self.end(at);
        let Some(head) = end.connection.take_request(id) else {
            broken!("I1", "{id:?} is told without a head");
        };
        let number = head.metadata.get("x-call").and_then(|number| number.parse::<usize>().ok());
        // A hostile link may make one call look like another.
        let number = number.filter(|number| match self.calls.get(*number) {
            Some(call) => honest || matches!(call.place, Place::Placed(place, _) if place.link == at.link),
            None => false,
        });
        let expected = number.map(|number| metadata(number, self.calls[number].plan.tag));
        if honest && expected.as_ref() != Some(&head.metadata) {
            broken!("I2", "a request has the metadata {:?}", head.metadata);
        }
        let known = number.unwrap_or(NOBODY);
        let end = self.end(at);
        if end.calls.insert(id, known).is_some() {
            broken!("I1", "{id:?} is told twice");
        }
        if end.calls.len() > limit {
            broken!("I13", "{} handlers run, the limit is {limit}", end.calls.len());
        }
        let Some(number) = number else {
            let status = Status::unimplemented("nobody's call");
            let _ = self.end(at).connection.respond(id, None, Metadata::new(), Err(status));
            return;
        };
        let call = &mut self.calls[number];
        if honest && !call.is_hostile && !call.runs.is_empty() {
            broken!("I6", "a second handler runs for call {number}");
        }
        if honest
            && (head.deadline.is_some() != call.deadline.is_some() || head.path.service() != "sim.Service")
        {
            broken!("I2", "the head of call {number} arrives as {head:?}");
        }
        call.runs.push(Run {
            at,
            id,
            received: 0,
            end_seen: false,
            sent: 0,
            is_blocked: false,
            stalled_until: 0,
            sends_at: 0,
            answered: None,
            ended: None,
            is_released: false,
        });
        let run = call.runs.len() - 1;
        self.trace.note(&[6, number as u64, at.link as u64]);
        if self.calls[number].plan.head_first {
            let mut initial = Metadata::new();
            let _ = initial.append("x-node", "n7");
            let sent = self.end(at).connection.send_headers(id, initial);
            if !matches!(sent, Ok(()) | Err(Misuse::Ended)) {
                broken!("I12", "send_headers: {sent:?}");
            }
        }
        self.handle(number, run);
    }

    /// The handler does what it can.
    pub fn handle(&mut self, number: usize, run: usize) {
        let at = self.calls[number].runs[run].at;
        self.handler_reads(number, run);
        self.handler_sends(number, run);
        self.touch(at);
    }

    fn is_at_work(&self, number: usize, run: usize) -> bool {
        let run = &self.calls[number].runs[run];
        !run.is_released && run.answered.is_none() && run.ended.is_none()
    }

    fn handler_reads(&mut self, number: usize, run: usize) {
        let now = self.now;
        let after = self.calls[number].plan.reads_after[SERVER];
        let state = &mut self.calls[number].runs[run];
        if after > 0 && state.stalled_until == 0 && !self.is_healed {
            state.stalled_until = now + after;
            self.counts.add(Fault::SlowReader);
            self.at(now + after, Event::Handler(number, run));
        }
        while self.is_at_work(number, run) && now >= self.calls[number].runs[run].stalled_until {
            let more = self.handler_takes(number, run);
            self.decide_early(number, run);
            if !more || self.calls[number].plan.one_by_one {
                return;
            }
        }
    }

    /// Takes a message, or several. Whether there was one.
    fn handler_takes(&mut self, number: usize, run: usize) -> bool {
        let Run { at, id, .. } = self.calls[number].runs[run];
        let honest = self.links[at.link].is_honest();
        match self.takes(number, at, id) {
            Ok(Received::Message(messages)) => {
                let is_last = messages.is_last();
                messages.for_each(|octets| self.handler_received(number, run, honest, &octets));
                if is_last {
                    self.request_complete(number, run, honest);
                }
                !is_last
            }
            Ok(Received::Pending) => false,
            Ok(Received::End) => {
                self.request_complete(number, run, honest);
                false
            }
            Err(misuse) => broken!("I12", "receive_message: {misuse}"),
        }
    }

    fn handler_received(&mut self, number: usize, run: usize, honest: bool, octets: &Bytes) {
        let call = &mut self.calls[number];
        let received = call.runs[run].received;
        let size = call.plan.up.get(received).copied();
        if honest && size.is_none_or(|size| *octets != message(number, CLIENT, received, size)) {
            broken!("I2", "call {number}: message {received} is not what the client sent");
        }
        call.runs[run].received += 1;
        self.trace.note(&[7, number as u64, octets.len() as u64]);
    }

    fn request_complete(&mut self, number: usize, run: usize, honest: bool) {
        let Run { at, id, .. } = self.calls[number].runs[run];
        if self.end(at).connection.has_ended(id) != Some(false) {
            return;
        }
        let call = &mut self.calls[number];
        call.runs[run].end_seen = true;
        let received = call.runs[run].received;
        if honest && (received != call.plan.up.len() || !call.is_finished) {
            broken!("I2", "the request of call {number} is complete with {received} messages");
        }
    }

    fn decide_early(&mut self, number: usize, run: usize) {
        let state = &self.calls[number].runs[run];
        let (at, id, done) = (state.at, state.id, state.end_seen);
        match self.calls[number].plan.handler {
            Handler::Early(count) if (state.received >= count || done) && self.is_at_work(number, run) => {
                self.counts.add(Fault::EarlyAnswer);
                self.answer(number, run, None);
            }
            Handler::Gone(count) if state.received >= count || done => {
                self.counts.add(Fault::HandlerGone);
                self.end(at).connection.release(id);
                self.end(at).calls.remove(&id);
                self.calls[number].runs[run].is_released = true;
            }
            _ => {}
        }
    }

    fn handler_sends(&mut self, number: usize, run: usize) {
        while self.is_at_work(number, run) {
            let now = self.now;
            let (plan, state) = (&self.calls[number].plan, &self.calls[number].runs[run]);
            let wanted = match plan.handler {
                Handler::Echo => state.received,
                Handler::Collect if state.end_seen => plan.down.len(),
                _ => 0,
            };
            let (sent, end_seen, id, at) = (state.sent, state.end_seen, state.id, state.at);
            if sent == wanted {
                if end_seen {
                    self.answer(number, run, None);
                }
                return;
            }
            if state.is_blocked || now < state.sends_at {
                return;
            }
            let size = if plan.down.is_empty() { 0 } else { plan.down[sent % plan.down.len()] };
            let octets = message(number, SERVER, sent, size);
            if end_seen && sent + 1 == wanted && plan.status.is_none() && plan.tag % 2 == 0 {
                return self.answer(number, run, Some(octets));
            }
            let connection = &mut self.end(at).connection;
            let sent = if in_batches(number) {
                connection.send_batch(id, &mut octets.into())
            } else {
                connection.send_message(id, octets).map_err(without_message)
            };
            match sent {
                Ok(()) => self.reply_sent(number, run),
                Err(SendError::Blocked(_)) => self.calls[number].runs[run].is_blocked = true,
                Err(SendError::Ended) => return,
                Err(SendError::Misuse(misuse)) => broken!("I12", "send_message: {misuse}"),
            }
        }
    }

    fn reply_sent(&mut self, number: usize, run: usize) {
        let pace = self.calls[number].plan.pace[SERVER];
        self.calls[number].runs[run].sent += 1;
        if pace > 0 && !self.is_healed {
            self.counts.add(Fault::SlowWriter);
            self.calls[number].runs[run].sends_at = self.now + pace;
            self.at(self.now + pace, Event::Handler(number, run));
        }
    }

    fn answer(&mut self, number: usize, run: usize, octets: Option<Bytes>) {
        let Run { at, id, .. } = self.calls[number].runs[run];
        let code = self.calls[number].plan.status;
        if code.is_some() {
            self.counts.add(Fault::HandlerFails);
        }
        let status = code.map_or(Ok(()), |code| Err(Status::new(code, format!("as planned for {number}"))));
        let mut trailers = Metadata::new();
        let _ = trailers.append("x-cost", number.to_string());
        let more = usize::from(octets.is_some());
        match self.end(at).connection.respond(id, octets, trailers, status) {
            Ok(()) => {
                let hasty = self.calls[number].plan.hasty;
                let state = &mut self.calls[number].runs[run];
                state.sent += more;
                state.answered = Some(code.map_or(Ok(()), Err));
                if hasty {
                    state.is_released = true;
                    self.end(at).connection.release(id);
                    self.end(at).calls.remove(&id);
                }
            }
            // It is told later in the turn.
            Err(Misuse::Ended) => {}
            Err(misuse) => broken!("I12", "respond: {misuse}"),
        }
        self.trace.note(&[8, number as u64, run as u64]);
    }

    fn handler_ended(&mut self, at: At, id: CallId) {
        let run = self.run_of(at, id);
        let end = self.end(at);
        let outcome = end.connection.take_outcome(id);
        if end.connection.take_outcome(id).is_some() {
            broken!("I1", "{id:?} has two outcomes");
        }
        let Some(outcome) = outcome else { broken!("I1", "{id:?} ended without an outcome") };
        end.connection.release(id);
        end.calls.remove(&id);
        let Some((number, run)) = run else { return };
        let state = &mut self.calls[number].runs[run];
        let ended = outcome.status.map_err(|status| status.code());
        if state.ended.replace(ended).is_some() {
            broken!("I1", "the handler of call {number} ended twice");
        }
        if ended.is_ok() && state.answered.is_none() {
            broken!("I3", "call {number} ended well without an answer");
        }
        state.is_released = true;
    }
}
