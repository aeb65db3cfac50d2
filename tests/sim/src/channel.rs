//! What a driver does with a channel: it is asked to connect, to place calls and to fail them.

use sailplane::call::Replay;
use sailplane::channel::{Action, ConnectionId, Place as ChannelPlace, Record};
use sailplane::{RefusedReason, Start, Status};

use crate::broken;
use crate::faults::Fault;
use crate::link::{At, CLIENT, Link, SERVER};
use crate::model::Place;
use crate::options::{MS, SECOND};
use crate::trouble::QUICK;
use crate::world::{Event, World};

impl World {
    /// Places a call, or has it wait in the channel.
    pub fn place_or_wait(&mut self, number: usize, record: Record) {
        let client = self.calls[number].client;
        let mut record = record;
        let ready = self.clients[client].machine.ready();
        if let Some((place, link)) = ready.zip(self.clients[client].current) {
            match self.place_on(link, number, record) {
                Ok(()) => return,
                Err(refused) => {
                    let (back, reason) = *refused;
                    if reason == RefusedReason::HeadTooLarge {
                        return self.refuse(number);
                    }
                    self.refused(client, reason, place);
                    record = back;
                }
            }
        }
        let now = self.stale_instant();
        match self.clients[client].machine.start(now, record) {
            Ok(ticket) => {
                self.clients[client].waiting.insert(ticket, number);
                self.calls[number].place = Place::Waiting(ticket);
            }
            Err(status) => self.end_call(number, Err(status)),
        }
        self.pump(client);
    }

    fn refuse(&mut self, number: usize) {
        self.end_call(number, Err(Status::resource_exhausted("the head is too large").never_ran()));
    }

    fn refused(&mut self, client: usize, reason: RefusedReason, place: ChannelPlace) {
        match reason {
            RefusedReason::NoRoom => self.clients[client].machine.mark_full(place),
            RefusedReason::Draining => {
                self.clients[client].machine.handle_draining(place.connection);
                self.clients[client].current = None;
            }
            other => broken!("I12", "a client's call is refused: {other:?}"),
        }
    }

    fn place_on(
        &mut self,
        link: usize,
        number: usize,
        record: Record,
    ) -> Result<(), Box<(Record, RefusedReason)>> {
        let now = self.stale_instant();
        let at = At { link, side: CLIENT };
        let Record { call: Replay { head, mut messages, finished, never_sent }, wait_for_ready, repetitions } =
            record;
        let message = messages.pop_front();
        let start = Start { head, message, finished: finished && messages.is_empty() };
        let told_finished = start.finished;
        // Also where it is refused: time moved on.
        self.touch(at);
        match self.end(at).connection.start_call(now, start) {
            Ok(id) => {
                let earlier = self.end(at).calls.insert(id, number);
                if earlier.is_some() {
                    broken!("I1", "{id:?} is given to two calls");
                }
                let call = &mut self.calls[number];
                call.place = Place::Placed(at, id);
                call.attempts += 1;
                call.is_blocked = false;
                call.is_told_finished = told_finished;
                call.is_finished |= finished;
                call.backlog = messages;
                self.trace.note(&[4, number as u64, link as u64]);
                self.trace.line(self.now, format_args!("call {number} is placed on {link} as {id:?}"));
                Ok(())
            }
            Err(refused) => {
                if refused.reason == RefusedReason::HeadTooLarge {
                    // A hostile peer says what heads it takes as it likes.
                    self.calls[number].is_hostile |= !self.links[link].is_honest();
                }
                if let Some(message) = refused.start.message {
                    messages.push_front(message);
                }
                let call = Replay { head: refused.start.head, messages, finished, never_sent };
                Err(Box::new((Record { call, wait_for_ready, repetitions }, refused.reason)))
            }
        }
    }

    /// Does what the channel asks for.
    pub fn pump(&mut self, client: usize) {
        while let Some(action) = self.clients[client].machine.poll_action() {
            match action {
                Action::Connect(id) => {
                    let at = self.now + self.options.latency + self.rng.log(MS);
                    self.at(at, Event::Connect(client, id));
                }
                Action::Fail { ticket, status } => {
                    let Some(number) = self.clients[client].waiting.remove(&ticket) else {
                        broken!("I1", "{ticket:?} fails, which does not wait");
                    };
                    self.end_call(number, Err(status));
                }
                Action::Place { ticket, record, place } => {
                    let Some(number) = self.clients[client].waiting.remove(&ticket) else {
                        broken!("I1", "{ticket:?} is placed, which does not wait");
                    };
                    let link = self.clients[client].current;
                    let placed = match link.filter(|link| self.links[*link].id == place.connection) {
                        Some(link) => self.place_on(link, number, record),
                        None => Err(Box::new((record, RefusedReason::Draining))),
                    };
                    match placed.map_err(|refused| *refused) {
                        Ok(()) => self.client_sends(number),
                        Err((_, RefusedReason::HeadTooLarge)) => self.refuse(number),
                        Err((record, reason)) => {
                            self.refused(client, reason, place);
                            self.clients[client].waiting.insert(ticket, number);
                            self.clients[client].machine.put_back(ticket, record);
                        }
                    }
                    self.clients[client].machine.placed();
                }
                other => broken!("I12", "the channel wants {other:?}"),
            }
        }
        if let Some(timeout) = self.clients[client].machine.poll_timeout() {
            let due = timeout.at.as_nanos();
            if due < self.clients[client].timeout_at {
                self.clients[client].timeout_at = due;
                self.at(due, Event::Channel(client));
            }
        }
    }

    /// The timeout of a channel may have passed.
    pub fn wake_channel(&mut self, client: usize) {
        let now = self.instant();
        self.clients[client].timeout_at = u64::MAX;
        self.clients[client].machine.handle_timeout(now);
        self.pump(client);
    }

    /// An attempt to connect comes to its end.
    pub fn connect(&mut self, client: usize, id: ConnectionId) {
        let now = self.instant();
        if self.strikes(Fault::ConnectTimeout, 300) {
            let at = self.now + self.rng.log(20 * SECOND);
            return self.at(at, Event::Connect(client, id));
        }
        let server = self.rng.index(self.servers.len());
        if !self.servers[server].is_up || self.strikes(Fault::ConnectRefused, 400) {
            if self.rng.below(4) == 0 {
                self.clients[client].machine.handle_connect_abandoned(now, id);
            } else {
                let status = Status::unavailable("refused").never_ran();
                self.clients[client].machine.handle_connect_failed(now, id, status);
            }
            return self.pump(client);
        }
        let link = self.links.len();
        let memory = [&self.clients[client].memory, &self.servers[server].memory];
        self.connections += 1;
        self.links.push(Link::new(self.now, id, (client, server), &self.options, memory));
        self.trace.line(self.now, format_args!("client {client} is connected to server {server} by {link}"));
        if self.is_healed {
            self.links[link].latency = QUICK;
        }
        for fault in [Fault::Keepalive, Fault::Aging] {
            if self.options.has(fault) {
                self.counts.add(fault);
            }
        }
        self.trouble_link(link);
        self.clients[client].machine.handle_connected(now, id);
        self.clients[client].current = Some(link);
        self.touch(At { link, side: SERVER });
        self.touch(At { link, side: CLIENT });
        self.pump(client);
    }
}
