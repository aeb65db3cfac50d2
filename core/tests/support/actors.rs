//! Applications on both ends that follow a plan, and notice every broken promise.

use bytes::Bytes;
use core::time::Duration;
use sailplane::call::{Outcome, RequestHead};
use sailplane::connection::{Received, SendError};
use sailplane::error::Misuse;
use sailplane::{CallId, Event, Instant, Metadata, Path, Start, Status};
use std::collections::{BTreeMap, VecDeque};

use super::End;

/// A call that the client makes, and what it tells the server to do with it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The method names the behaviour of the server: see [`Server::called`].
    pub method: &'static str,
    pub messages: Vec<Bytes>,
    pub deadline: Option<Duration>,
    pub metadata: Vec<(&'static str, &'static str)>,
}

impl Plan {
    pub fn new(method: &'static str, messages: &[&[u8]]) -> Self {
        let messages = messages.iter().map(|message| Bytes::copy_from_slice(message)).collect();
        Self { method, messages, deadline: None, metadata: Vec::new() }
    }

    pub fn sized(method: &'static str, sizes: &[usize]) -> Self {
        let messages = sizes.iter().enumerate().map(|(at, size)| body(at, *size)).collect();
        Self { method, messages, deadline: None, metadata: Vec::new() }
    }

    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(after);
        self
    }

    pub fn metadata(mut self, name: &'static str, value: &'static str) -> Self {
        self.metadata.push((name, value));
        self
    }
}

/// A message of `size` octets that no other place in a call has.
pub fn body(at: usize, size: usize) -> Bytes {
    // 251 is prime, so that no frame or window repeats the pattern.
    let pattern: Vec<u8> =
        (0..251_usize).map(|index| (index.wrapping_mul(31) ^ at.wrapping_mul(97)) as u8).collect();
    let mut octets = pattern.repeat(size / pattern.len() + 1);
    octets.truncate(size);
    Bytes::from(octets)
}

/// One call as one side sees it.
#[derive(Debug, Default)]
pub struct Seen {
    pub call: Option<CallId>,
    pub method: String,
    pub to_send: VecDeque<Bytes>,
    pub sent: usize,
    blocked: bool,
    finish: bool,
    pub finished: bool,
    pub received: Vec<Bytes>,
    /// The peer's messages are complete.
    pub end: bool,
    pub headers: usize,
    pub head: Option<Metadata>,
    pub ended: usize,
    pub outcome: Option<Outcome>,
    /// Server: how it answered.
    pub answered: Option<Result<(), Status>>,
    pub released: bool,
}

impl Seen {
    pub fn status(&self) -> Option<Result<(), sailplane::Code>> {
        self.outcome.as_ref().map(|outcome| outcome.status.as_ref().copied().map_err(Status::code))
    }
}

/// How an application behaves beside its plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Takes one message for each event instead of all that there are.
    pub one_by_one: bool,
    /// Server: releases a call as soon as it is answered, without waiting for its end.
    pub hasty: bool,
    /// Takes no message at all until told to.
    pub stalled: bool,
    /// Server: shuts down in order when the first call comes.
    pub shutdown_on_call: bool,
}

/// The application on one end.
#[derive(Debug, Default)]
pub struct Actor {
    pub manner: Manner,
    pub calls: Vec<Seen>,
    by_id: BTreeMap<CallId, usize>,
    /// Client: plans that are not started.
    pub plans: VecDeque<Plan>,
    pub closed: usize,
    /// Calls whose Message event came while stalled.
    postponed: Vec<CallId>,
    /// Calls that were released since their events were polled.
    just_released: Vec<CallId>,
}

impl Actor {
    pub fn plan_of(plans: &[Plan]) -> Self {
        Self { plans: plans.iter().cloned().collect(), ..Self::default() }
    }

    /// Calls that were not released.
    pub fn open(&self) -> Vec<CallId> {
        self.calls.iter().filter(|seen| !seen.released).filter_map(|seen| seen.call).collect()
    }

    pub fn forget(&mut self, at: usize) {
        let seen = &mut self.calls[at];
        seen.released = true;
        if let Some(call) = seen.call {
            self.by_id.remove(&call);
            self.postponed.retain(|other| *other != call);
            self.just_released.push(call);
        }
    }

    pub fn at(&self, call: CallId) -> Option<usize> {
        self.by_id.get(&call).copied()
    }

    /// Client: starts what there is room for.
    pub fn start_calls(&mut self, end: &mut End, now: Instant) {
        while let Some(plan) = self.plans.pop_front() {
            let path = Path::new(Bytes::from(format!("/test/{}", plan.method))).unwrap();
            let mut head = RequestHead::new(path, Bytes::from_static(b"localhost"));
            head.deadline = plan.deadline.map(|after| now.saturating_add(after));
            for (name, value) in &plan.metadata {
                head.metadata.append(name, *value).unwrap();
            }
            let start = Start { head, message: None, finished: false };
            match end.connection.start_call(now, start) {
                Ok(call) => {
                    let seen = Seen {
                        call: Some(call),
                        method: plan.method.into(),
                        to_send: plan.messages.into(),
                        finish: true,
                        ..Seen::default()
                    };
                    self.by_id.insert(call, self.calls.len());
                    self.calls.push(seen);
                    self.pump(end, self.calls.len() - 1);
                }
                Err(_) => {
                    self.plans.push_front(plan);
                    return;
                }
            }
        }
    }

    /// Reacts to all events that were told.
    pub fn act(&mut self, end: &mut End, now: Instant) {
        self.just_released.clear();
        if !self.manner.stalled {
            for call in std::mem::take(&mut self.postponed) {
                self.message(end, call);
            }
        }
        for event in end.take_events() {
            if self.is_stale(&event) {
                continue;
            }
            match event {
                Event::Call(call) => {
                    if self.manner.shutdown_on_call {
                        end.connection.shutdown(now, Duration::from_secs(10));
                    }
                    self.called(end, call);
                }
                Event::Headers(call) => {
                    let at = self.by_id[&call];
                    self.calls[at].headers += 1;
                    self.calls[at].head = end.connection.take_response(call).map(|head| head.metadata);
                }
                Event::Message(call) if self.manner.stalled => {
                    if !self.postponed.contains(&call) {
                        self.postponed.push(call);
                    }
                }
                Event::Message(call) => self.message(end, call),
                Event::Writable(call) => {
                    let at = self.by_id[&call];
                    assert_eq!(self.calls[at].ended, 0, "Writable after Ended");
                    assert!(self.calls[at].blocked, "Writable without Blocked");
                    self.calls[at].blocked = false;
                    self.pump(end, at);
                }
                Event::Ended(call) => self.ended(end, call),
                Event::Room => self.start_calls(end, now),
                Event::Closed(_) => self.closed += 1,
                Event::Ready | Event::Draining => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Whether an event was polled before its call was released.
    fn is_stale(&self, event: &Event) -> bool {
        match event {
            Event::Headers(call) | Event::Message(call) | Event::Writable(call) | Event::Ended(call) => {
                self.just_released.contains(call)
            }
            _ => false,
        }
    }

    /// Server: a new call, told once; the last part of its path says what becomes of it.
    fn called(&mut self, end: &mut End, call: CallId) {
        assert!(!self.by_id.contains_key(&call), "{call:?} was told twice");
        let request = end.connection.take_request(call).expect("the head is there");
        let method = request.path.method().to_owned();
        self.by_id.insert(call, self.calls.len());
        self.calls.push(Seen { call: Some(call), method: method.clone(), ..Seen::default() });
        let at = self.calls.len() - 1;
        match method.as_str() {
            "early" => {
                self.answer(end, at, Some(Bytes::from_static(b"early")), Err(Status::aborted("no more")));
            }
            "refuse" => self.answer(end, at, None, Err(Status::permission_denied("go away"))),
            "head" => {
                let mut initial = Metadata::new();
                initial.append("x-node", "n7").unwrap();
                // A call may have ended since it was told.
                let sent = end.connection.send_headers(call, initial);
                assert!(matches!(sent, Ok(()) | Err(Misuse::Ended)), "{sent:?}");
            }
            _ => {}
        }
    }

    fn message(&mut self, end: &mut End, call: CallId) {
        let Some(at) = self.at(call) else { panic!("a message for a released call") };
        loop {
            match end.connection.receive_message(call).unwrap() {
                Received::Pending => return,
                Received::End => {
                    if !std::mem::replace(&mut self.calls[at].end, true) {
                        self.complete(end, at);
                    }
                    return;
                }
                Received::Message(message) => {
                    assert!(!self.calls[at].end, "a message after the end");
                    self.calls[at].received.push(message.clone());
                    if self.calls[at].method == "echo" && self.by_server(at) {
                        self.calls[at].to_send.push_back(message);
                        self.pump(end, at);
                    }
                }
            }
            if self.manner.one_by_one {
                return;
            }
        }
    }

    fn by_server(&self, at: usize) -> bool {
        !self.calls[at].finish
    }

    /// Server: the request is complete.
    fn complete(&mut self, end: &mut End, at: usize) {
        let seen = &mut self.calls[at];
        if seen.finish || seen.ended > 0 || seen.answered.is_some() {
            return;
        }
        match seen.method.as_str() {
            "unary" | "head" => {
                let reply = seen.received.first().cloned().unwrap_or_default();
                self.answer(end, at, Some(reply), Ok(()));
            }
            "count" => {
                let reply = Bytes::from(seen.received.len().to_string());
                self.answer(end, at, Some(reply), Ok(()));
            }
            "many" => {
                let first = seen.received.first().cloned().unwrap_or_default();
                seen.to_send = (0..5).map(|turn| body(turn, first.len().max(1) * (turn + 1))).collect();
                self.pump(end, at);
            }
            "fail" => self.answer(end, at, None, Err(Status::not_found("没有 here\n"))),
            "echo" => self.pump(end, at),
            _ => {}
        }
    }

    fn answer(&mut self, end: &mut End, at: usize, message: Option<Bytes>, status: Result<(), Status>) {
        let seen = &mut self.calls[at];
        let call = seen.call.unwrap();
        let mut trailers = Metadata::new();
        trailers.append("x-cost-bin", &[1, 2, 3]).unwrap();
        if end.connection.respond(call, message, trailers, status.clone()).is_ok() {
            seen.answered = Some(status);
            seen.finished = true;
            if self.manner.hasty {
                end.connection.release(call);
                self.forget(at);
            }
        }
    }

    /// Sends what may be sent; finishes where all is sent.
    fn pump(&mut self, end: &mut End, at: usize) {
        let seen = &mut self.calls[at];
        let call = seen.call.unwrap();
        if seen.released || seen.blocked || seen.finished || seen.ended > 0 {
            return;
        }
        while let Some(message) = seen.to_send.pop_front() {
            match end.connection.send_message(call, message) {
                Ok(()) => seen.sent += 1,
                Err(SendError::Blocked(message)) => {
                    seen.to_send.push_front(message);
                    seen.blocked = true;
                    return;
                }
                Err(SendError::Ended) => return,
                // Somebody else finished, or answered.
                Err(SendError::Misuse(Misuse::SendingFinished)) => return,
                Err(SendError::Misuse(misuse)) => panic!("{misuse}"),
            }
        }
        if seen.finish {
            seen.finished = true;
            end.connection.finish_sending(call).unwrap();
        } else if seen.end && matches!(seen.method.as_str(), "echo" | "many") {
            self.answer(end, at, None, Ok(()));
        }
    }

    fn ended(&mut self, end: &mut End, call: CallId) {
        let at = self.at(call).expect("Ended for a call that is known");
        self.calls[at].ended += 1;
        assert_eq!(self.calls[at].ended, 1, "Ended twice");
        self.calls[at].outcome = end.connection.take_outcome(call);
        assert!(self.calls[at].outcome.is_some() && end.connection.take_outcome(call).is_none());
        loop {
            match end.connection.receive_message(call).unwrap() {
                Received::Message(message) => self.calls[at].received.push(message),
                Received::End => break,
                Received::Pending => panic!("nothing can be pending after the end"),
            }
        }
        end.connection.release(call);
        self.forget(at);
    }
}
