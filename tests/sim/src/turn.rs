//! The driver: what an adapter does, with a transport that may refuse, cut and delay. It is a faithful
//! sleeper: an end gets a turn when octets came, room came, its timeout passed, or it was commanded.

use std::sync::Arc;

use sailplane::End as StreamEnd;

use crate::broken;
use crate::faults::Fault;
use crate::frames::Frame;
use crate::link::{At, CLIENT, End};
use crate::options::{MS, SECOND};
use crate::pipe::Arrival;
use crate::world::{Event, World};

/// Turns of one loop that move nothing: more is a loop that never ends.
const ROUNDS_MAX: u32 = 1000;
/// Pieces that one reading is cut into at the most.
const PIECES_MAX: u32 = 48;

impl World {
    /// The end at `at`.
    pub fn end(&mut self, at: At) -> &mut End {
        &mut self.links[at.link].ends[at.side]
    }

    /// The end was commanded: it gets a turn before anything else happens.
    pub fn touch(&mut self, at: At) {
        self.dirty.push(at);
    }

    /// Turns for all that were commanded.
    pub fn settle(&mut self) {
        let mut rounds = 0_u32;
        while let Some(at) = self.dirty.pop() {
            rounds += 1;
            if rounds > 100_000 {
                broken!("I9", "connections and channel keep each other busy for ever");
            }
            self.turn(at);
        }
    }

    fn turn(&mut self, at: At) {
        if self.end(at).is_gone {
            return;
        }
        let mut rounds = 0;
        loop {
            rounds += 1;
            if rounds > ROUNDS_MAX {
                broken!("I9", "events and output never end");
            }
            while let Some(event) = self.end(at).connection.poll_event() {
                rounds = 0;
                self.told(at, event);
                if self.end(at).is_gone {
                    return;
                }
            }
            if self.write(at) {
                rounds = 0;
            }
            if !self.end(at).connection.has_event() {
                break;
            }
        }
        if at.link % 2 == 1 {
            self.end(at).rest();
        }
        self.after_turn(at);
    }

    /// Writes what the transport takes. Whether anything moved.
    fn write(&mut self, at: At) -> bool {
        let mut moved = false;
        loop {
            let now = self.stale_instant();
            let end = self.end(at);
            let pending = end.connection.poll_transmit(now, &mut end.transmit);
            moved |= end.tap() > 0;
            if !pending {
                end.is_stuck = false;
                return moved;
            }
            let count = self.accepted(at);
            if count == 0 {
                self.end(at).is_stuck = true;
                return moved;
            }
            moved = true;
            let frames = self.end(at).take(count);
            for frame in frames {
                self.send(at, frame);
            }
        }
    }

    /// How much the transport takes of what is offered.
    fn accepted(&mut self, at: At) -> usize {
        let (now, offered) = (self.now, self.end(at).transmit.len());
        let pipe = &self.links[at.link].pipes[at.side];
        if pipe.has_ended() && !pipe.is_black {
            return offered;
        }
        if pipe.room(now) > 0 && self.strikes(Fault::WouldBlock, 50) {
            let until = now + self.rng.log(100 * MS);
            self.links[at.link].pipes[at.side].blocked_until = until;
        }
        let pipe = &self.links[at.link].pipes[at.side];
        let (mut room, until) = (pipe.room(now), pipe.blocked_until);
        if room == 0 {
            if until > now {
                self.at(until, Event::Writable(at));
            }
            return 0;
        }
        room = room.min(offered);
        if self.strikes(Fault::PartialWrite, 300) {
            room = room.min(1 + self.rng.index(40));
        }
        room
    }

    /// A frame of this end goes through the proxy and on its way.
    fn send(&mut self, at: At, frame: Frame) {
        if self.trace.is_verbose() {
            let name = self.name(at);
            self.trace.line(self.now, format_args!("{name} sends {}", frame.describe()));
        }
        let passed = self.links[at.link].proxy.pass(at.side, frame, &mut self.rng);
        if passed.damaged {
            self.counts.add(Fault::Hostile);
        }
        if passed.padded {
            self.counts.add(Fault::Padding);
        }
        for frame in passed.frames {
            self.carry(at, frame);
        }
    }

    /// Puts a frame on its way to the other end.
    pub fn carry(&mut self, at: At, frame: Frame) {
        let mut arrives = self.now + self.links[at.link].latency;
        if self.strikes(Fault::Jitter, 200) {
            arrives += self.rng.log(200 * MS);
        }
        if !self.is_healed && self.options.has(Fault::Bandwidth) {
            self.counts.add(Fault::Bandwidth);
            let each = 10 * self.options.of(Fault::Bandwidth);
            let free = self.links[at.link].busy_until[at.side].max(self.now);
            let done = free + each * frame.bytes.len() as u64;
            self.links[at.link].busy_until[at.side] = done;
            arrives = arrives.max(done);
        }
        for (fault, share, quantum) in [(Fault::Coalesce, 1000, MS), (Fault::Buffering, 300, 50 * MS)] {
            if self.strikes(fault, share) {
                arrives = arrives.next_multiple_of(quantum);
            }
        }
        self.links[at.link].put(at.side, arrives, frame);
        self.deliver_by(at, arrives);
    }

    /// Octets from this end are delivered at this time or before.
    pub fn deliver_by(&mut self, at: At, time: u64) {
        if time < self.links[at.link].deliver_at[at.side] {
            self.links[at.link].deliver_at[at.side] = time;
            self.at(time, Event::Deliver(at));
        }
    }

    /// Octets from the end `from` arrive at the other.
    pub fn deliver(&mut self, from: At) {
        let to = At { link: from.link, side: 1 - from.side };
        if self.links[from.link].deliver_at[from.side] <= self.now {
            self.links[from.link].deliver_at[from.side] = u64::MAX;
        }
        for _ in 0..PIECES_MAX {
            let end = self.end(to);
            if end.is_gone {
                self.links[from.link].pipes[from.side].abandon();
                self.at(self.now, Event::Writable(from));
                return;
            }
            if !end.connection.wants_receive() {
                end.holds_back = true;
                return;
            }
            let most = self.piece();
            let now = self.now;
            match self.links[from.link].pipes[from.side].read(now, most) {
                Arrival::Octets(octets) => self.receive(to, octets),
                Arrival::Fin => return self.stream_ends(to, StreamEnd::Closed),
                Arrival::Reset => return self.reset(to),
                Arrival::Later(u64::MAX) => return,
                Arrival::Later(at) => return self.deliver_by(from, at),
            }
            if self.end(from).is_stuck {
                self.at(now, Event::Writable(from));
            }
        }
        self.deliver_by(from, self.now);
    }

    fn piece(&mut self) -> usize {
        if !self.strikes(Fault::Split, 700) {
            return 65_536;
        }
        let most = [1, 9, 100, 5000][self.rng.index(4)];
        1 + self.rng.index(most)
    }

    fn receive(&mut self, to: At, mut octets: Vec<u8>) {
        let now = self.stale_instant();
        self.trace.note(&[1, self.now, to.link as u64, to.side as u64, octets.len() as u64]);
        let end = self.end(to);
        end.arrive(octets.len());
        end.connection.handle_received(now, &mut octets);
        self.touch(to);
        self.settle();
    }

    fn stream_ends(&mut self, to: At, how: StreamEnd) {
        let now = self.instant();
        if self.trace.is_verbose() {
            let name = self.name(to);
            self.trace.line(self.now, format_args!("{name} learns that its transport is gone: {how:?}"));
        }
        self.trace.note(&[2, self.now, to.link as u64, to.side as u64]);
        self.end(to).connection.handle_end(now, how);
        self.touch(to);
    }

    /// The connection is reset: both directions are gone, for both.
    pub fn reset(&mut self, to: At) {
        for side in [CLIENT, 1] {
            self.links[to.link].pipes[side].abandon();
        }
        for side in [to.side, 1 - to.side] {
            let at = At { link: to.link, side };
            if !self.end(at).is_gone {
                let error: Arc<dyn std::error::Error + Send + Sync> =
                    Arc::new(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
                self.stream_ends(at, StreamEnd::Failed(error));
                self.end(at).linger_until = Some(self.now);
            }
        }
    }

    /// The timeout of an end may have passed.
    pub fn wake(&mut self, at: At) {
        let now = self.instant();
        let end = self.end(at);
        if end.is_gone {
            return;
        }
        end.timeout_at = u64::MAX;
        let due = end.connection.poll_timeout().is_some_and(|timeout| timeout.at <= now);
        if due {
            end.connection.handle_timeout(now);
            self.trace.note(&[3, self.now, at.link as u64, at.side as u64]);
        }
        self.touch(at);
    }

    /// What an adapter does before it sleeps.
    fn after_turn(&mut self, at: At) {
        let now = self.now;
        let end = self.end(at);
        if end.holds_back && end.connection.wants_receive() {
            end.holds_back = false;
            self.deliver_by(At { link: at.link, side: 1 - at.side }, now);
        }
        let end = self.end(at);
        if end.connection.is_finished() {
            let until = *end.linger_until.get_or_insert(now + 30 * SECOND);
            let broken = self.links[at.link].pipes[at.side].has_ended();
            if self.end(at).transmit.is_empty() || broken || until <= now {
                return self.leave(at);
            }
            self.at(until, Event::Timeout(at));
        }
        let end = self.end(at);
        if let Some(timeout) = end.connection.poll_timeout() {
            let due = timeout.at.as_nanos();
            if due < end.timeout_at {
                end.timeout_at = due;
                self.at(due, Event::Timeout(at));
            }
        }
    }

    /// The end closes its socket.
    pub fn leave(&mut self, at: At) {
        let arrives = self.now + self.links[at.link].latency;
        self.check_leaving(at);
        self.end(at).is_gone = true;
        let link = &mut self.links[at.link];
        link.pipes[at.side].close(arrives);
        link.pipes[1 - at.side].abandon();
        let other = At { link: at.link, side: 1 - at.side };
        link.is_over = link.ends[other.side].is_gone;
        if !link.is_over {
            self.deliver_by(at, arrives);
            self.at(self.now, Event::Writable(other));
        }
    }

    /// A name for a person.
    #[must_use]
    pub fn name(&self, at: At) -> String {
        let link = &self.links[at.link];
        match at.side {
            CLIENT => format!("client {} on {}", link.client, at.link),
            _ => format!("server {} on {}", link.server, at.link),
        }
    }
}
