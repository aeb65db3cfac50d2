//! Our side in either role.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use sailplane::call::RequestHead;
use sailplane::connection::SendError;
use sailplane::error::Misuse;
use sailplane::{
    CallId, Code, Config, Connection, Event, Instant, Metadata, Path, Received, Start, Status, Transmit,
};

use super::pipe::Pipe;
use super::{End, Options, Plan, Results, Seen, Side, framed};

pub(super) struct Ours {
    side: Side,
    now: Instant,
    connection: Connection,
    transmit: Transmit,
    calls: BTreeMap<CallId, Call>,
    /// Client: calls that are not started.
    waiting: VecDeque<usize>,
    plans: Vec<Plan>,
    pub(super) results: Results,
    /// Events that were polled.
    pub(super) told: u64,
}

#[derive(Debug, Default)]
struct Call {
    /// Client: which one it is.
    at: usize,
    /// Server: what becomes of it.
    method: String,
    to_send: VecDeque<Bytes>,
    /// The peer's messages are complete.
    complete: bool,
    finished: bool,
    blocked: bool,
}

impl Ours {
    pub(super) fn new(options: &Options) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let config = Config { limits: options.limits.clone().into(), seed: 1, ..Config::default() };
        let connection = match options.side {
            Side::OurClient => Connection::client(now, &config),
            Side::OurServer => Connection::server(now, &config),
        };
        let waiting = if options.side == Side::OurClient {
            (0..options.plans.len()).collect()
        } else {
            VecDeque::new()
        };
        let mut ours = Self {
            side: options.side,
            now,
            connection,
            transmit: Transmit::new(),
            calls: BTreeMap::new(),
            waiting,
            plans: options.plans.clone(),
            results: Rc::new(RefCell::new(vec![Seen::default(); options.plans.len()])),
            told: 0,
        };
        // Before it knows a smaller window it sends more than `h2` will ever give back.
        if options.their_window >= 65_535 {
            ours.start_calls();
        }
        ours
    }

    /// Writes at most so many octets into the pipe.
    pub(super) fn write(&mut self, pipe: &Pipe, most: usize) {
        let mut left = most;
        loop {
            self.events();
            while left > 0 && self.connection.poll_transmit(self.now, &mut self.transmit) {
                let count = left.min(self.transmit.chunk().len());
                pipe.send(&self.transmit.chunk()[..count]);
                self.transmit.advance(count);
                left -= count;
            }
            if !self.connection.has_event() {
                break;
            }
        }
        if self.connection.is_finished() && !self.transmit.has_remaining() {
            pipe.close();
        }
    }

    /// Takes at most so many octets from the pipe.
    pub(super) fn read(&mut self, pipe: &Pipe, most: usize) {
        if self.connection.wants_receive() {
            let mut octets = pipe.receive(most);
            self.connection.handle_received(self.now, &mut octets);
        }
        self.events();
    }

    fn start_calls(&mut self) {
        while let Some(at) = self.waiting.pop_front() {
            let plan = &self.plans[at];
            let path = Path::new(Bytes::from_static(plan.path().as_bytes())).expect("a path");
            let head = RequestHead::new(path, Bytes::from_static(b"localhost"));
            match self.connection.start_call(self.now, Start { head, message: None, finished: false }) {
                Ok(id) => {
                    let to_send = plan.messages.iter().map(|message| message.clone().into()).collect();
                    self.calls.insert(id, Call { at, to_send, ..Call::default() });
                    self.pump(id);
                }
                Err(refused) if self.connection.is_finished() || self.is_draining(&refused.reason) => {
                    self.results.borrow_mut()[at].end = Some(End::Status(Code::Unavailable as u32));
                }
                Err(_) => return self.waiting.push_front(at),
            }
        }
    }

    fn is_draining(&self, reason: &sailplane::RefusedReason) -> bool {
        matches!(reason, sailplane::RefusedReason::Draining)
    }

    pub(super) fn cancel(&mut self, at: usize) {
        if let Some(place) = self.waiting.iter().position(|waiting| *waiting == at) {
            self.waiting.remove(place);
            self.results.borrow_mut()[at].end = Some(End::Status(Code::Cancelled as u32));
        }
        let id = self.calls.iter().find(|(_, call)| call.at == at).map(|(id, _)| *id);
        if let Some(id) = id {
            self.connection.cancel(id, Status::cancelled("by plan")).expect("a call that is known");
        }
    }

    pub(super) fn shut_down(&mut self) {
        self.connection.shutdown(self.now, Duration::from_secs(1000));
    }

    fn events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            self.told += 1;
            match event {
                Event::Call(id) => self.called(id),
                Event::Message(id) => self.messages(id),
                Event::Writable(id) => {
                    if let Some(call) = self.calls.get_mut(&id) {
                        call.blocked = false;
                        self.pump(id);
                    }
                }
                Event::Ended(id) => self.ended(id),
                Event::Ready | Event::Room | Event::Draining | Event::Closed(_) => self.start_calls(),
                _ => {}
            }
        }
    }

    /// Server: a call came.
    fn called(&mut self, id: CallId) {
        let head = self.connection.take_request(id).expect("its head");
        let method = head.path.method().to_owned();
        match method.as_str() {
            "early" => self.respond(id, Err(Status::aborted("at once"))),
            "reset" => {
                self.connection.cancel(id, Status::cancelled("by plan")).expect("a call that is known");
            }
            _ => {}
        }
        self.calls.insert(id, Call { method, ..Call::default() });
    }

    fn respond(&mut self, id: CallId, status: Result<(), Status>) {
        let mut trailers = Metadata::new();
        trailers.append("x-trailer", "done").expect("metadata");
        // The call may have ended meanwhile.
        _ = self.connection.respond(id, None, trailers, status);
    }

    fn messages(&mut self, id: CallId) {
        while self.calls.contains_key(&id) {
            match self.connection.receive_message(id).expect("a call that is known") {
                Received::Message(message) => {
                    let Some(call) = self.calls.get_mut(&id) else { return };
                    match self.side {
                        Side::OurClient => self.results.borrow_mut()[call.at].octets.extend(framed(&message)),
                        Side::OurServer if call.method == "echo" => {
                            call.to_send.push_back(message);
                            self.pump(id);
                        }
                        Side::OurServer => {}
                    }
                }
                Received::Pending => return,
                Received::End => {
                    if let Some(call) = self.calls.get_mut(&id) {
                        call.complete = true;
                    }
                    return self.pump(id);
                }
            }
        }
    }

    /// Sends what may be sent, and the end after it.
    fn pump(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if call.blocked || call.finished {
            return;
        }
        while let Some(message) = call.to_send.pop_front() {
            match self.connection.send_message(id, message) {
                Ok(()) => {}
                Err(SendError::Blocked(message)) => {
                    call.to_send.push_front(message);
                    call.blocked = true;
                    return;
                }
                Err(SendError::Ended | SendError::Misuse(Misuse::SendingFinished)) => return,
                Err(SendError::Misuse(misuse)) => panic!("{misuse}"),
            }
        }
        match self.side {
            Side::OurClient => {
                call.finished = true;
                self.connection.finish_sending(id).expect("a call that sends");
            }
            Side::OurServer if call.complete => {
                call.finished = true;
                let fails = call.method == "fail";
                self.respond(id, if fails { Err(Status::not_found("as planned")) } else { Ok(()) });
            }
            Side::OurServer => {}
        }
    }

    fn ended(&mut self, id: CallId) {
        let outcome = self.connection.take_outcome(id).expect("its outcome");
        if self.side == Side::OurClient {
            self.messages(id);
            let at = self.calls[&id].at;
            if outcome.replay.is_some()
                && outcome.status.as_ref().is_err_and(|status| status.code() == Code::Unavailable)
            {
                // Their limit of streams came too late for it: nothing of it was processed (RFC 9113 §8.7).
                assert_eq!(self.results.borrow()[at], Seen::default(), "nothing came of it");
                self.calls.remove(&id);
                self.connection.release(id);
                self.waiting.push_back(at);
                return self.start_calls();
            }
            let seen = &mut self.results.borrow_mut()[at];
            assert_eq!(seen.end, None, "a call ends once");
            let code = outcome.status.map_or_else(|status| status.code(), |()| Code::Ok);
            seen.end = Some(End::Status(code as u32));
            seen.trailer = outcome.trailers.get("x-trailer").map(str::to_owned);
        }
        self.calls.remove(&id);
        self.connection.release(id);
    }

    pub(super) fn state(&self) -> String {
        format!(
            "{} calls live, {} octets unread, {} unsent, credit to send {}, {:?}",
            self.connection.live_calls(),
            self.connection.unread_bytes(),
            self.connection.unsent_bytes(),
            self.connection.send_credit(),
            self.calls
        )
    }

    /// What must hold when nothing is left to do.
    pub(super) fn check(&self, seed: u64, options: &Options) {
        assert!(self.calls.is_empty(), "SEED={seed}: calls did not end: {}", self.state());
        let left =
            (self.connection.live_calls(), self.connection.unread_bytes(), self.connection.unsent_bytes());
        assert_eq!(left, (0, 0, 0), "SEED={seed}: calls, unread and unsent octets");
        if !self.connection.is_finished() {
            let (available, owed) = self.connection.receive_credit();
            let whole = i64::from(options.limits.connection_window_bytes);
            assert_eq!(available + i64::from(owed), whole, "SEED={seed}: the credit of the connection");
        }
    }
}
