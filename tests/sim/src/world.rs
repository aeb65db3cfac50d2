//! Everything, and what happens next: a queue of things to happen in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use sailplane::Instant;
use sailplane::channel::{self, ConnectionId, Machine};
use sailplane::limits::Budget;

use crate::broken;
use crate::faults::{Counts, Fault};
use crate::link::{At, CLIENT, Link};
use crate::model::{Call, Plan};
use crate::options::{Options, SECOND};
use crate::rng::Rng;
use crate::trace::Trace;

/// Something that happens at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A client starts a call.
    Start(usize),
    /// Octets from this end may arrive.
    Deliver(At),
    /// The transport of this end may take octets.
    Writable(At),
    /// The connection of this end wants to be woken.
    Timeout(At),
    /// The channel of this client wants to be woken.
    Channel(usize),
    /// An attempt to connect has a result.
    Connect(usize, ConnectionId),
    /// The client of a call may go on: send, read.
    Client(usize),
    /// The client of a call cancels it.
    Cancel(usize),
    /// The client of a call drops it.
    Drop(usize),
    /// The handler of a call may go on.
    Handler(usize, usize),
    /// Something goes wrong.
    Trouble(Fault),
    /// A link that was frozen is closed.
    Hangup(usize),
    /// Former settings come back.
    Restore(At),
    /// A server process starts.
    Restart(usize),
    /// Faults stop.
    Heal,
}

/// A client process.
#[derive(Debug)]
pub struct Client {
    /// Its channel.
    pub machine: Machine,
    /// The connection that takes calls.
    pub current: Option<usize>,
    /// When its channel is to be woken.
    pub timeout_at: u64,
    /// What its connections hold.
    pub memory: Budget,
    /// Calls that wait in the channel.
    pub waiting: std::collections::BTreeMap<channel::Ticket, usize>,
    /// Deadlines of calls that run.
    pub deadlines: BTreeSet<(u64, usize)>,
}

/// A server process.
#[derive(Debug)]
pub struct Server {
    /// It accepts connections.
    pub is_up: bool,
    /// What its connections hold.
    pub memory: Budget,
}

/// One run.
#[derive(Debug)]
pub struct World {
    /// Virtual time in nanoseconds.
    pub now: u64,
    /// The source of all choices.
    pub rng: Rng,
    /// What the seed decided.
    pub options: Options,
    /// What happened.
    pub trace: Trace,
    /// What went wrong on purpose.
    pub counts: Counts,
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    sequence: u64,
    /// Connections, old ones included.
    pub links: Vec<Link>,
    /// Client processes.
    pub clients: Vec<Client>,
    /// Server processes.
    pub servers: Vec<Server>,
    /// Each process, clients first, does nothing before.
    pub suspended_until: Vec<u64>,
    /// Calls.
    pub calls: Vec<Call>,
    /// When faults end.
    pub heals_at: u64,
    /// No faults any more.
    pub is_healed: bool,
    /// Calls without a verdict.
    pub open: usize,
    /// Connections that were made.
    pub connections: u64,
    /// Things that happened.
    pub steps: u64,
    /// Things that happened since time moved.
    still: u64,
    /// Calls from here on are those after all faults.
    pub first_probe: usize,
    /// Ends that were commanded and had no turn.
    pub dirty: Vec<At>,
}

/// Virtual time at the beginning.
const START: u64 = SECOND;
/// In so many virtual seconds after the faults every call has ended: more than any limit of time. Where a
/// connection may hold next to nothing unread, its calls end one by one, one in a minute.
const DRAIN: u64 = 300 * SECOND;
const DRAIN_TINY: u64 = 100 * 61 * SECOND;

impl World {
    /// The world of a seed.
    #[must_use]
    pub fn new(options: Options, verbose: bool) -> Self {
        let mut rng = Rng::new(options.seed.wrapping_add(1));
        let config = channel::Config::new(&options.client_limits, options.seed);
        let client = || Client {
            machine: Machine::new(config.clone()),
            current: None,
            timeout_at: u64::MAX,
            memory: Budget::new(1 << 30),
            waiting: std::collections::BTreeMap::new(),
            deadlines: BTreeSet::new(),
        };
        let calls: Vec<_> = (0..options.calls)
            .map(|_| Call::new(Plan::new(&options, &mut rng), rng.index(options.clients)))
            .collect();
        let mut world = Self {
            now: START,
            rng,
            trace: Trace::new(verbose),
            counts: Counts::default(),
            queue: BinaryHeap::new(),
            sequence: 0,
            links: Vec::new(),
            clients: (0..options.clients).map(|_| client()).collect(),
            servers: (0..options.servers)
                .map(|_| Server { is_up: true, memory: Budget::new(1 << 30) })
                .collect(),
            suspended_until: vec![0; options.clients + options.servers],
            open: calls.len(),
            calls,
            heals_at: START + options.span + SECOND,
            is_healed: false,
            connections: 0,
            steps: 0,
            still: 0,
            first_probe: 0,
            dirty: Vec::new(),
            options,
        };
        world.plan_events();
        world
    }

    fn plan_events(&mut self) {
        if self.options.has(Fault::TinyLimits) {
            self.counts.add(Fault::TinyLimits);
        }
        for call in 0..self.calls.len() {
            let at = self.now + self.rng.below(self.options.span);
            self.at(at, Event::Start(call));
        }
        self.plan_troubles();
        self.at(self.heals_at, Event::Heal);
    }

    /// Lets something happen at a time; not before now.
    pub fn at(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((at.max(self.now), self.sequence, event)));
    }

    /// Now, for the core.
    #[must_use]
    pub fn instant(&self) -> Instant {
        Instant::from_nanos(self.now)
    }

    /// Now, as a process reads it that may read an old value.
    pub fn stale_instant(&mut self) -> Instant {
        let intensity = self.options.of(Fault::StaleClock);
        if self.is_healed || !self.rng.per_mille(intensity) {
            return self.instant();
        }
        self.counts.add(Fault::StaleClock);
        Instant::from_nanos(self.now.saturating_sub(self.rng.log(SECOND)))
    }

    /// Whether a fault happens now, `share` times in a thousand at full intensity.
    pub fn strikes(&mut self, fault: Fault, share: u64) -> bool {
        let strikes = !self.is_healed
            && self.options.has(fault)
            && self.rng.per_mille(share * self.options.of(fault) / 100);
        if strikes {
            self.counts.add(fault);
        }
        strikes
    }

    /// Until nothing more happens, or `until`.
    pub fn run(&mut self, until: u64) {
        while let Some(Reverse((at, _, event))) = self.queue.peek().copied() {
            if at > until {
                break;
            }
            self.queue.pop();
            self.move_time(at);
            self.steps += 1;
            self.happen(event);
        }
    }

    /// The process that an event concerns: clients first.
    fn process(&self, event: Event) -> Option<usize> {
        let of = |at: At| match at.side {
            CLIENT => self.links[at.link].client,
            _ => self.clients.len() + self.links[at.link].server,
        };
        match event {
            Event::Deliver(from) => Some(of(At { link: from.link, side: 1 - from.side })),
            Event::Writable(at) | Event::Timeout(at) => Some(of(at)),
            Event::Channel(client) | Event::Connect(client, _) => Some(client),
            Event::Start(call) | Event::Client(call) | Event::Cancel(call) | Event::Drop(call) => {
                Some(self.calls[call].client)
            }
            Event::Handler(call, run) => Some(of(self.calls[call].runs[run].at)),
            _ => None,
        }
    }

    fn happen(&mut self, event: Event) {
        if let Some(until) = self.process(event).map(|process| self.suspended_until[process]) {
            if until > self.now {
                return self.at(until, event);
            }
        }
        match event {
            Event::Start(call) => self.start_call(call),
            Event::Deliver(from) => self.deliver(from),
            Event::Writable(at) => self.touch(at),
            Event::Timeout(at) => self.wake(at),
            Event::Channel(client) => self.wake_channel(client),
            Event::Connect(client, id) => self.connect(client, id),
            Event::Client(call) => {
                self.client_reads(call);
                self.client_sends(call);
            }
            Event::Cancel(call) => self.cancel(call),
            Event::Drop(call) => self.drop_call(call),
            Event::Handler(call, run) => self.handle(call, run),
            Event::Trouble(fault) => self.trouble(fault),
            Event::Hangup(link) => self.reset(At { link, side: CLIENT }),
            Event::Restore(at) => self.restore(at),
            Event::Restart(server) => self.servers[server].is_up = true,
            Event::Heal => self.heal(),
        }
        self.settle();
    }

    /// An end tells something.
    pub fn told(&mut self, at: At, event: sailplane::Event) {
        if self.trace.is_verbose() {
            let name = self.name(at);
            self.trace.line(self.now, format_args!("{name} is told {event:?}"));
        }
        match at.side {
            CLIENT => self.client_told(at, event),
            _ => self.server_told(at, event),
        }
    }

    fn move_time(&mut self, at: u64) {
        self.still = if at > self.now { 0 } else { self.still + 1 };
        if self.still > 500_000 {
            broken!("I9", "{} things happened at one time", self.still);
        }
        if at > self.now {
            self.check_deadlines(at);
            self.now = at;
        }
    }

    /// All phases: faults, healing, draining, new calls, quiescence, the end.
    pub fn run_all(&mut self) {
        self.run(self.heals_at);
        assert!(self.is_healed, "healing is planned");
        let until = self.now + if self.options.has(Fault::TinyLimits) { DRAIN_TINY } else { DRAIN };
        while self.open > 0 {
            let next = self.queue.peek().map(|Reverse((at, ..))| *at);
            match next.filter(|at| *at <= until) {
                Some(at) => self.run(at),
                None => self.fail_liveness(),
            }
        }
        // Shutdowns that began before come to their end.
        self.run(self.now + DRAIN);
        self.probe();
        self.run(self.now + DRAIN);
        self.check_quiescence();
        self.shut_down();
        self.run(self.now + DRAIN);
        self.check_end();
    }
}
