//! What goes wrong, and when; and how it is made good.

use crate::broken;
use crate::faults::Fault;
use crate::frames::{Frame, kind};
use crate::link::{At, CLIENT, SERVER};
use crate::options::{MS, SECOND};
use crate::pipe::Cut;
use crate::proxy::PING_PAYLOAD;
use crate::world::{Event, World};

/// Faults that strike at some time, whatever goes on.
const AT_SOME_TIME: [Fault; 10] = [
    Fault::Pause,
    Fault::BlackHole,
    Fault::Crash,
    Fault::Shutdown,
    Fault::GoAway,
    Fault::Settings,
    Fault::Ping,
    Fault::ClockJump,
    Fault::Suspend,
    Fault::SpuriousPoll,
];

/// RFC 9113 §6.5.2.
const HEADER_TABLE_SIZE: u16 = 1;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// The latency of a good network.
pub const QUICK: u64 = 10_000;

impl World {
    /// When troubles come.
    pub fn plan_troubles(&mut self) {
        for fault in AT_SOME_TIME {
            if !self.options.has(fault) {
                continue;
            }
            let often = matches!(fault, Fault::SpuriousPoll | Fault::Ping | Fault::Settings);
            let count = 1 + self.options.of(fault) / if often { 4 } else { 20 };
            for _ in 0..count {
                let at = self.now + self.rng.below(self.options.span + SECOND / 2);
                self.at(at, Event::Trouble(fault));
            }
        }
    }

    /// A new connection gets its troubles.
    pub fn trouble_link(&mut self, link: usize) {
        for (fault, cut) in [
            (Fault::HalfClose, Cut::Fin),
            (Fault::Fin, Cut::Fin),
            (Fault::Reset, Cut::Reset),
            (Fault::BlackHole, Cut::BlackHole),
        ] {
            if self.strikes(fault, 150) {
                let side = self.rng.index(2);
                let octets = self.rng.log(50_000);
                self.links[link].pipes[side].cut = Some((octets, cut));
                self.links[link].is_troubled = true;
                if octets == 0 {
                    let at = At { link, side };
                    self.deliver_by(at, self.now + 1);
                }
            }
        }
        if self.strikes(Fault::Hostile, 400) {
            let share = 1 + self.rng.log(300);
            let side = self.rng.index(2);
            let link = &mut self.links[link];
            link.proxy.hostile = Some((side, share));
            link.is_troubled = true;
            for end in &mut link.ends {
                end.watch.honest = false;
            }
        } else if self.options.has(Fault::Padding) && !self.is_healed {
            let share = 10 * self.options.of(Fault::Padding);
            self.links[link].proxy.pad(share, self.options.server_limits.stream_window_bytes);
        }
    }

    fn some_link(&mut self) -> Option<usize> {
        let alive: Vec<usize> = (0..self.links.len()).filter(|link| !self.links[*link].is_over).collect();
        (!alive.is_empty()).then(|| alive[self.rng.index(alive.len())])
    }

    /// Something goes wrong now.
    pub fn trouble(&mut self, fault: Fault) {
        if self.is_healed {
            return;
        }
        let Some(link) = self.some_link() else { return };
        let at = At { link, side: self.rng.index(2) };
        self.trace.line(self.now, format_args!("trouble: {} on {link}", fault.name()));
        self.trace.note(&[9, fault as u64, link as u64]);
        let struck = match fault {
            Fault::Pause => {
                let until = self.now + self.rng.log(40 * SECOND);
                self.links[link].pipes[at.side].paused_until = until;
                self.links[link].is_troubled = true;
                true
            }
            Fault::BlackHole => {
                let arrived = self.links[link].pipes[at.side].arrived;
                self.links[link].pipes[at.side].cut = Some((arrived, Cut::BlackHole));
                self.links[link].is_troubled = true;
                true
            }
            Fault::Crash => {
                self.crash();
                true
            }
            Fault::Shutdown => {
                self.shut_down_server();
                true
            }
            Fault::GoAway => self.go_away(link),
            Fault::Settings => self.change_settings(at),
            Fault::Ping => self.ping(at),
            Fault::ClockJump => {
                self.now += self.rng.log(60 * SECOND);
                self.links.iter_mut().for_each(|link| link.is_troubled = true);
                true
            }
            Fault::Suspend => {
                let process = self.rng.index(self.suspended_until.len());
                let until = self.now + self.rng.log(40 * SECOND);
                let earlier = self.suspended_until[process];
                self.suspended_until[process] = until.min(self.heals_at).max(earlier);
                self.links.iter_mut().for_each(|link| link.is_troubled = true);
                true
            }
            Fault::SpuriousPoll => {
                self.poll_for_nothing(at);
                true
            }
            _ => false,
        };
        if struck {
            self.counts.add(fault);
        }
    }

    /// Whoever was told to sleep has nothing: what there is was there right after what caused it.
    fn poll_for_nothing(&mut self, at: At) {
        let now = self.instant();
        let end = self.end(at);
        if end.is_gone {
            return;
        }
        if let Some(event) = end.connection.poll_event() {
            broken!("I9", "an event was there and nobody was woken: {event:?}");
        }
        end.connection.poll_transmit(now, &mut end.transmit);
        let new = end.tap();
        if new > 0 {
            broken!("I9", "{new} octets of output were there and nobody was woken");
        }
    }

    /// A server process dies with all its connections, and another takes its place later.
    fn crash(&mut self) {
        let server = self.rng.index(self.servers.len());
        self.servers[server].is_up = false;
        let back = self.now + self.rng.log(5 * SECOND);
        self.at(back, Event::Restart(server));
        for link in 0..self.links.len() {
            if self.links[link].server != server || self.links[link].is_over {
                continue;
            }
            let at = At { link, side: SERVER };
            self.links[link].is_troubled = true;
            for number in 0..self.calls.len() {
                self.calls[number].runs.iter_mut().filter(|run| run.at == at).for_each(|run| {
                    run.is_released = true;
                });
            }
            self.end(at).calls.clear();
            self.end(at).is_gone = true;
            self.links[link].pipes[CLIENT].abandon();
            let arrived = self.links[link].pipes[SERVER].arrived;
            let mut cut = Cut::Reset;
            if self.rng.below(2) == 0 {
                cut = Cut::Fin;
            }
            let pipe = &mut self.links[link].pipes[SERVER];
            pipe.cut = Some((arrived + pipe.held() as u64 / 2, cut));
            self.links[link].is_over = self.links[link].ends[CLIENT].is_gone;
            self.deliver_by(at, self.now);
        }
    }

    fn shut_down_server(&mut self) {
        let (now, server) = (self.stale_instant(), self.rng.index(self.servers.len()));
        let grace = std::time::Duration::from_nanos(self.rng.log(20 * SECOND));
        for link in 0..self.links.len() {
            let at = At { link, side: SERVER };
            if self.links[link].server == server && !self.end(at).is_gone {
                self.links[link].is_troubled = true;
                self.end(at).connection.shutdown(now, grace);
                self.touch(at);
            }
        }
    }

    /// The server says that it takes no more, and takes no more.
    fn go_away(&mut self, link: usize) -> bool {
        let at = At { link, side: SERVER };
        let proxy = &self.links[link].proxy;
        if !proxy.may_add(SERVER) || proxy.goaway_passed {
            return false;
        }
        self.links[link].is_troubled = true;
        if self.rng.below(2) == 0 {
            self.carry(at, goaway(0x7fff_ffff));
        }
        self.links[link].proxy.is_frozen = true;
        let last = self.links[link].proxy.last_stream;
        self.carry(at, goaway(last));
        let later = self.now + self.rng.log(2 * SECOND);
        self.at(later, Event::Hangup(link));
        true
    }

    fn ping(&mut self, at: At) -> bool {
        if !self.links[at.link].proxy.may_add(at.side) {
            return false;
        }
        self.carry(at, Frame::new(kind::PING, 0, 0, PING_PAYLOAD));
        true
    }

    /// The other end is told smaller settings; the former ones come back later.
    fn change_settings(&mut self, at: At) -> bool {
        if !self.links[at.link].proxy.may_add(at.side) {
            return false;
        }
        let (table, streams, window) = self.settings_of(at.side);
        let lower = |rng: &mut crate::rng::Rng, value: u32| {
            u32::try_from(rng.log(u64::from(value))).unwrap_or(0).min(value)
        };
        let values =
            (lower(&mut self.rng, table), lower(&mut self.rng, streams), lower(&mut self.rng, window));
        self.tell_settings(at, values);
        let later = self.now + self.rng.log(SECOND);
        self.at(later, Event::Restore(at));
        true
    }

    fn settings_of(&self, side: usize) -> (u32, u32, u32) {
        let limits = if side == CLIENT { &self.options.client_limits } else { &self.options.server_limits };
        let table = u32::try_from(limits.header_table_bytes).unwrap_or(0);
        (table, limits.concurrent_calls_max, limits.stream_window_bytes)
    }

    fn tell_settings(&mut self, at: At, (table, streams, window): (u32, u32, u32)) {
        let mut payload = Vec::new();
        let mut list = vec![(HEADER_TABLE_SIZE, table), (INITIAL_WINDOW_SIZE, window)];
        if at.side == SERVER {
            list.push((MAX_CONCURRENT_STREAMS, streams));
        }
        for (id, value) in list {
            payload.extend_from_slice(&id.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        self.links[at.link].proxy.adds_settings(at.side);
        self.carry(at, Frame::new(kind::SETTINGS, 0, 0, &payload));
    }

    /// The settings are what they were.
    pub fn restore(&mut self, at: At) {
        if self.links[at.link].is_over {
            return;
        }
        if !self.links[at.link].proxy.may_add(at.side) {
            return self.at(self.now + MS, Event::Restore(at));
        }
        let values = self.settings_of(at.side);
        self.tell_settings(at, values);
    }

    /// No more faults: the network is good, servers run, applications read and write. What was lost stays
    /// lost: connections that cannot be whole again are reset.
    pub fn heal(&mut self) {
        self.trace.line(self.now, format_args!("the faults are over"));
        self.is_healed = true;
        self.servers.iter_mut().for_each(|server| server.is_up = true);
        for link in 0..self.links.len() {
            let hopeless = self.links[link].proxy.is_hostile()
                || self.links[link].proxy.is_frozen
                || self.links[link].pipes.iter().any(|pipe| pipe.is_black || pipe.cut.is_some());
            if self.links[link].is_over {
                continue;
            }
            if hopeless {
                self.reset(At { link, side: CLIENT });
                self.settle();
                continue;
            }
            self.links[link].latency = QUICK;
            for side in [CLIENT, SERVER] {
                let pipe = &mut self.links[link].pipes[side];
                (pipe.paused_until, pipe.blocked_until) = (0, 0);
                let at = At { link, side };
                self.at(self.now, Event::Deliver(at));
                self.at(self.now, Event::Writable(at));
            }
        }
        for number in 0..self.calls.len() {
            self.calls[number].stalled_until = 1;
            self.calls[number].sends_at = 0;
            self.at(self.now, Event::Client(number));
            for run in 0..self.calls[number].runs.len() {
                self.calls[number].runs[run].stalled_until = 1;
                self.calls[number].runs[run].sends_at = 0;
                self.at(self.now, Event::Handler(number, run));
            }
        }
    }
}

fn goaway(last: u32) -> Frame {
    let mut payload = last.to_be_bytes().to_vec();
    payload.extend_from_slice(&[0; 4]);
    Frame::new(kind::GOAWAY, 0, 0, &payload)
}
