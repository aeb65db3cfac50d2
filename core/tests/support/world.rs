//! Two ends, two applications, and a link that may chop, delay and cut.

use core::time::Duration;
use sailplane::{Limits, Status};

use super::Pair;
use super::actors::{Actor, Plan};
use super::rng::Rng;
use super::wire::{Sent, parse};

/// How the link behaves.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// Pieces of at most so many octets arrive at once; `None`: all that is on its way.
    pub piece: Option<usize>,
    /// Pieces of random sizes.
    pub random: Option<Rng>,
    /// The link is cut after so many octets went up, or down.
    pub cut_up: Option<usize>,
    pub cut_down: Option<usize>,
}

/// Everything.
pub struct World {
    pub pair: Pair,
    pub client: Actor,
    pub server: Actor,
    pub link: Link,
    up: Vec<u8>,
    down: Vec<u8>,
    went_up: usize,
    went_down: usize,
    pub is_cut: bool,
    pub steps: usize,
}

impl World {
    pub fn new(plans: &[Plan]) -> Self {
        Self::with(plans, Limits::default(), Limits::default())
    }

    pub fn with(plans: &[Plan], client: Limits, server: Limits) -> Self {
        let mut world = Self {
            pair: Pair::with(client, server),
            client: Actor::plan_of(plans),
            server: Actor::default(),
            link: Link::default(),
            up: Vec::new(),
            down: Vec::new(),
            went_up: 0,
            went_down: 0,
            is_cut: false,
            steps: 0,
        };
        let now = world.pair.now;
        world.client.start_calls(&mut world.pair.client, now);
        world
    }

    /// One turn: both ends drain and act, then the link carries something. False: all is quiet.
    pub fn step(&mut self) -> bool {
        self.steps += 1;
        let now = self.pair.now;
        let mut busy = false;
        for (end, actor, pipe) in [
            (&mut self.pair.client, &mut self.client, &mut self.up),
            (&mut self.pair.server, &mut self.server, &mut self.down),
        ] {
            let bytes = end.drain(now);
            busy |= !bytes.is_empty() || !end.events.is_empty();
            pipe.extend_from_slice(&bytes);
            actor.act(end, now);
            busy |= end.connection.has_event();
        }
        busy |= self.carry();
        busy
    }

    fn carry(&mut self) -> bool {
        let now = self.pair.now;
        if self.is_cut {
            let before = self.up.len() + self.down.len();
            self.up.clear();
            self.down.clear();
            return before > 0;
        }
        let (up_left, down_left) = (self.link_left(true), self.link_left(false));
        let up = Self::some(&mut self.link, &mut self.up, up_left);
        let down = Self::some(&mut self.link, &mut self.down, down_left);
        self.went_up += up.len();
        self.went_down += down.len();
        if !up.is_empty() {
            self.pair.server.receive(now, &up);
        }
        if !down.is_empty() {
            self.pair.client.receive(now, &down);
        }
        let finished = |end: &super::End| end.connection.is_finished();
        let hung_up = (finished(&self.pair.client) && self.up.is_empty())
            || (finished(&self.pair.server) && self.down.is_empty());
        if self.link_left(true) == 0 || self.link_left(false) == 0 || hung_up {
            self.cut();
        }
        !up.is_empty() || !down.is_empty() || self.is_cut
    }

    fn link_left(&self, up: bool) -> usize {
        let (cut, went) =
            if up { (self.link.cut_up, self.went_up) } else { (self.link.cut_down, self.went_down) };
        cut.map_or(usize::MAX, |cut| cut.saturating_sub(went))
    }

    fn some(link: &mut Link, pipe: &mut Vec<u8>, left: usize) -> Vec<u8> {
        let most = match (&mut link.random, link.piece) {
            (Some(random), _) => match random.below(3) {
                0 => 0,
                _ => 1 + random.below(pipe.len()),
            },
            (None, piece) => piece.unwrap_or(usize::MAX),
        };
        pipe.drain(..pipe.len().min(most).min(left)).collect()
    }

    /// Both ends learn that the transport is gone.
    pub fn cut(&mut self) {
        self.is_cut = true;
        let now = self.pair.now;
        self.pair.client.connection.handle_end(now, sailplane::End::Closed);
        self.pair.server.connection.handle_end(now, sailplane::End::Closed);
    }

    /// Until nothing moves without time.
    pub fn settle(&mut self) {
        let mut turns = 0;
        while self.step() || self.moves() {
            turns += 1;
            assert!(turns < 2_000_000, "it never settles");
        }
    }

    fn moves(&self) -> bool {
        !(self.is_cut || self.up.is_empty() && self.down.is_empty())
    }

    /// Time passes; each side is woken no more often than `poll_timeout` asks.
    pub fn pass(&mut self, time: Duration) {
        let end = self.pair.now.saturating_add(time);
        let mut spins = 0;
        loop {
            self.settle();
            let ends = [&self.pair.client, &self.pair.server];
            let next = ends
                .into_iter()
                .filter_map(|end| end.connection.poll_timeout())
                .map(|timeout| timeout.at)
                .min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            spins = if at > self.pair.now { 0 } else { spins + 1 };
            assert!(spins < 1000, "time stands still");
            self.pair.now = self.pair.now.max(at);
            self.pair.client.connection.handle_timeout(self.pair.now);
            self.pair.server.connection.handle_timeout(self.pair.now);
        }
        self.pair.now = end;
        self.settle();
    }

    /// Whatever still runs is cancelled by the client; then all must be over.
    pub fn finish(&mut self) {
        self.settle();
        self.pass(Duration::from_secs(100));
        // What waited for room starts when others end.
        while !self.client.open().is_empty() {
            for call in self.client.open() {
                self.pair.client.connection.cancel(call, Status::cancelled("the test is over")).unwrap();
                assert_eq!(self.pair.client.connection.has_ended(call), Some(true));
            }
            self.pass(Duration::from_secs(100));
        }
        self.check();
    }

    /// What holds after every run: calls ended once, nothing lost, nothing left.
    pub fn check(&self) {
        self.pair.client.auditor.check("the client");
        self.pair.server.auditor.check("the server");
        for (side, actor, end) in
            [("client", &self.client, &self.pair.client), ("server", &self.server, &self.pair.server)]
        {
            for seen in &actor.calls {
                assert!(seen.released, "{side}: {seen:?} did not end");
            }
            let connection = &end.connection;
            let left = (connection.live_calls(), connection.unread_bytes(), connection.unsent_bytes());
            assert_eq!(left, (0, 0, 0), "{side}: calls, unread, unsent");
            assert_eq!(connection.credit_ahead(), 0, "{side}");
            assert!(actor.closed <= 1, "{side}: closed {} times", actor.closed);
        }
        self.check_ok_calls();
        if !self.is_cut {
            self.check_credit();
        }
    }

    /// A client that was told OK talked to a handler that said so, and has all that it sent.
    fn check_ok_calls(&self) {
        let ok = self.client.calls.iter().filter(|seen| matches!(seen.status(), Some(Ok(())))).count();
        let answered = self.server.calls.iter().filter(|seen| matches!(seen.answered, Some(Ok(())))).count();
        assert!(ok <= answered, "{ok} calls are OK, {answered} were answered so");
    }

    /// All flow-control credit is back.
    fn check_credit(&self) {
        for (side, end, other) in [
            ("client", &self.pair.client, &self.pair.server),
            ("server", &self.pair.server, &self.pair.client),
        ] {
            let (available, owed) = end.connection.receive_credit();
            assert_eq!(available + i64::from(owed), 4 << 20, "{side}: the connection's window");
            assert_eq!(other.connection.send_credit(), available, "{side}: both ends agree on it");
        }
    }

    pub fn client_wrote(&self) -> Vec<Sent> {
        parse(true, &self.pair.client.written)
    }

    pub fn server_wrote(&self) -> Vec<Sent> {
        parse(false, &self.pair.server.written)
    }
}
