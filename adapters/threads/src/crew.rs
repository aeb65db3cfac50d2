//! Who does what: threads that lead pollers, run handlers, or sleep as followers. Decisions only.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;

use sailplane_driver::IncomingCall;

use crate::seat::Seat;
use crate::transport::Transport;

/// Threads that stand in for handlers that wait, at most.
const SPARES_MAX: usize = 1024;

/// How many threads a server has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Handlers that run at once, not counting those that wait.
    pub(crate) workers: usize,
    pub(crate) pollers: usize,
    /// Handlers that run at once before a queue counts as more than a burst.
    pub(crate) cores: usize,
}

impl Sizes {
    /// Threads without spares.
    const fn base(self) -> usize {
        self.workers + self.pollers
    }
}

/// What all threads of a server do. Behind a lock.
#[derive(Debug)]
pub(crate) struct Crew {
    sizes: Sizes,
    /// Of pollers that nobody leads.
    seats: Vec<Seat>,
    calls: VecDeque<IncomingCall<Transport>>,
    /// How many calls were taken out of the queue so far.
    taken: u64,
    /// Followers; the last one fell asleep last.
    sleeping: Vec<Arc<Sleeper>>,
    /// Threads that were woken or started and have not looked around yet.
    waking: usize,
    running: usize,
    waiting: usize,
    threads: usize,
    stopped: bool,
}

/// A follower.
#[derive(Debug)]
pub(crate) struct Sleeper {
    thread: Thread,
    woken: AtomicBool,
}

/// What a thread does next.
#[derive(Debug)]
pub(crate) enum Work {
    Lead(Seat),
    Run(IncomingCall<Transport>),
    Sleep,
    End,
}

/// Who has to come and help.
#[derive(Debug)]
#[must_use]
pub(crate) enum Rouse {
    Nobody,
    Wake(Arc<Sleeper>),
    Start,
}

impl Crew {
    pub(crate) const fn new(sizes: Sizes, seats: Vec<Seat>) -> Self {
        Self {
            sizes,
            seats,
            calls: VecDeque::new(),
            taken: 0,
            sleeping: Vec::new(),
            waking: 0,
            running: 0,
            waiting: 0,
            threads: 0,
            stopped: false,
        }
    }

    /// What a thread does next. One that was roused leads first of all; one that is up anyway runs calls, since
    /// somebody is on the way who leads.
    pub(crate) fn next(&mut self, roused: bool) -> Work {
        if self.stopped {
            self.threads -= 1;
            return Work::End;
        }
        let first = if roused { self.seats.pop() } else { None };
        if let Some(seat) = first {
            return Work::Lead(seat);
        }
        if let Some(call) = self.take_call() {
            return Work::Run(call);
        }
        self.seats.pop().map_or(Work::Sleep, Work::Lead)
    }

    /// A thread that was roused looks around.
    pub(crate) const fn arrived(&mut self) {
        self.waking -= 1;
    }

    /// Calls came to a leader. If it gets one of them, it gives up its seat; otherwise it goes on leading.
    pub(crate) fn came(
        &mut self,
        calls: &mut Vec<IncomingCall<Transport>>,
    ) -> Option<IncomingCall<Transport>> {
        self.calls.extend(calls.drain(..));
        self.take_call()
    }

    /// Nobody leads this poller any more.
    pub(crate) fn give_up(&mut self, seat: Seat) {
        self.seats.push(seat);
    }

    fn take_call(&mut self) -> Option<IncomingCall<Transport>> {
        if self.running >= self.sizes.workers {
            return None;
        }
        let call = self.calls.pop_front()?;
        self.running += 1;
        self.taken += 1;
        Some(call)
    }

    pub(crate) const fn ran(&mut self) {
        self.running -= 1;
    }

    /// A handler waits: another may run in its place.
    pub(crate) const fn begin_waiting(&mut self) {
        self.running -= 1;
        self.waiting += 1;
    }

    /// It goes on, at once: it may hold what others wait for.
    pub(crate) const fn end_waiting(&mut self) {
        self.waiting -= 1;
        self.running += 1;
    }

    /// Whether calls wait that could run, and a mark of the progress that they make.
    pub(crate) fn backlog(&self) -> Option<u64> {
        let could_run = !self.calls.is_empty() && self.running < self.sizes.workers;
        could_run.then_some(self.taken)
    }

    /// Whether somebody has to help: for a poller without a leader, or for calls that wait. At most one is on
    /// the way at a time, and rouses the next one. As many as there are cores run handlers without further
    /// ado; more only where the queue makes no progress, because the handlers do something else than compute.
    pub(crate) fn rouse(&mut self, stalled: bool) -> Rouse {
        let calls = self.backlog().is_some() && (stalled || self.running < self.sizes.cores);
        if self.waking > 0 || self.stopped || (self.seats.is_empty() && !calls) {
            return Rouse::Nobody;
        }
        if let Some(sleeper) = self.sleeping.pop() {
            self.waking += 1;
            sleeper.woken.store(true, Ordering::Release);
            return Rouse::Wake(sleeper);
        }
        if self.threads >= self.sizes.base() + self.waiting.min(SPARES_MAX) {
            return Rouse::Nobody;
        }
        self.waking += 1;
        self.threads += 1;
        Rouse::Start
    }

    /// No thread could be started. Those that there are go on.
    pub(crate) const fn not_started(&mut self) {
        self.waking -= 1;
        self.threads -= 1;
    }

    /// Whether a thread that sleeps is beyond the usual number, and ends after a while.
    pub(crate) fn sleep(&mut self, sleeper: &Arc<Sleeper>) -> bool {
        sleeper.woken.store(false, Ordering::Relaxed);
        self.sleeping.push(Arc::clone(sleeper));
        self.threads > self.sizes.base()
    }

    /// A thread slept for long enough: it ends, unless it was just woken or is needed.
    pub(crate) fn leave(&mut self, sleeper: &Arc<Sleeper>) -> bool {
        let position = self.sleeping.iter().position(|other| Arc::ptr_eq(other, sleeper));
        let Some(position) = position.filter(|_| self.threads > self.sizes.base()) else { return false };
        self.sleeping.remove(position);
        self.threads -= 1;
        true
    }

    /// Everybody goes home; the calls that nobody ran, and those to be woken.
    pub(crate) fn stop(&mut self) -> (VecDeque<IncomingCall<Transport>>, Vec<Arc<Sleeper>>) {
        self.stopped = true;
        self.waking += self.sleeping.len();
        for sleeper in &self.sleeping {
            sleeper.woken.store(true, Ordering::Release);
        }
        (std::mem::take(&mut self.calls), std::mem::take(&mut self.sleeping))
    }

    pub(crate) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether no handler runs or is about to.
    pub(crate) fn is_idle(&self) -> bool {
        self.running == 0 && self.waiting == 0 && self.calls.is_empty()
    }

    pub(crate) const fn threads(&self) -> usize {
        self.threads
    }
}

impl Sleeper {
    /// The calling thread.
    pub(crate) fn current() -> Arc<Self> {
        Arc::new(Self { thread: std::thread::current(), woken: AtomicBool::new(false) })
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    pub(crate) fn wake(&self) {
        self.thread.unpark();
    }
}
