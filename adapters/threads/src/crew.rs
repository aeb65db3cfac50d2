//! Who does what: threads that lead pollers, run handlers, or sleep as followers. Decisions only.
//!
//! A leader to whom calls came puts its seat down before it runs one of them, and wakes a follower that takes
//! it. Where the method [returns quickly](crate::trust) on the average it wakes nobody: it takes the seat up again
//! itself, a few microseconds later. While seats lie about like that, or output waits for a batch to end, one
//! follower is the *lookout*. It looks each millisecond, and each four when nothing was amiss for a while, for
//! what has not moved since the look before: a seat that nobody took up, calls that nobody took, output that
//! nobody wrote; and does what was left undone. Since it is up anyway, leaders that wait leave it to the
//! lookout to look at the time. When there was nothing to look after for a while, it sleeps like the others.
//!
//! A handler of a stream that waits again soon after each message leads the poller itself while it waits, as its
//! *heir*: a leader that brought no calls leaves its seat to one. Such a handler runs no calls of others; where some
//! come it gives the seat up to a follower.

use slab::Slab;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::thread::Thread;
use std::time::Duration;

use sailplane_driver::{IncomingCall, Link};

use crate::poller::Poller;
use crate::seat::Seat;
use crate::transport::Transport;

/// Threads that stand in for handlers that wait, at most.
const SPARES_MAX: usize = 1024;
/// How often the lookout looks at first. Each look costs as much as a call or two.
pub(crate) const LOOK: Duration = Duration::from_millis(1);
/// And how often when nothing was left lying for so many looks. What does not move is found at the second look.
pub(crate) const CALM_LOOK: Duration = Duration::from_millis(4);
pub(crate) const CALM_LOOKS: u32 = 100;
/// Looks at nothing after which the lookout sleeps.
const QUIET_LOOKS: u32 = 100;

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
        self.workers + self.pollers + LOOKOUTS
    }
}

/// Threads that look out.
const LOOKOUTS: usize = 1;

/// What all threads of a server do. Behind a lock.
#[derive(Debug)]
pub(crate) struct Crew {
    sizes: Sizes,
    /// Of pollers that nobody leads, and since which look.
    seats: Vec<(Box<Seat>, u64)>,
    calls: VecDeque<IncomingCall<Transport>>,
    /// How many calls were taken out of the queue so far.
    taken: u64,
    /// Followers; the last one fell asleep last.
    sleeping: Vec<Arc<Sleeper>>,
    /// Threads that were woken or started and have not looked around yet.
    waking: usize,
    running: usize,
    waiting: usize,
    /// Handlers that wait, at their desks, and would lead these pollers meanwhile.
    heirs: Vec<(usize, Arc<Poller>, Waker)>,
    threads: usize,
    stopped: bool,
    /// The connections whose calls are run, and since which look, by the threads that run them.
    desks: Slab<Option<(Arc<Link<Transport>>, u64)>>,
    lookout: Lookout,
}

/// The thread that looks for what does not move.
#[derive(Debug, Default)]
struct Lookout {
    /// There is one, or it is on the way.
    posted: bool,
    looks: u64,
    /// How many of them saw nothing to look after.
    quiet: u32,
    /// How many of them saw nothing that was left lying.
    calm: u32,
    /// What [`Crew::backlog`] said at the last look.
    backlog: Option<u64>,
}

/// What the lookout does next.
#[derive(Debug)]
pub(crate) enum Look {
    /// Look again after this time.
    Again(Duration),
    /// Something does not move: it becomes one of the others, who helps.
    Help,
    /// There is nothing to look after.
    Rest,
}

/// A follower.
#[derive(Debug)]
pub(crate) struct Sleeper {
    thread: Thread,
    woken: AtomicBool,
    /// Woken to look out.
    looks_out: AtomicBool,
}

/// What a thread does next.
#[derive(Debug)]
pub(crate) enum Work {
    Lead(Box<Seat>),
    Run(Run),
    Sleep,
    End,
}

/// A call to be run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) call: IncomingCall<Transport>,
    /// The next call of the queue is of the same connection.
    pub(crate) more: bool,
}

/// Who has to come and help.
#[derive(Debug)]
#[must_use]
pub(crate) enum Rouse {
    Nobody,
    Wake(Arc<Sleeper>),
    /// Starts a thread; whether to look out.
    Start(bool),
}

impl Crew {
    pub(crate) fn new(sizes: Sizes, seats: impl IntoIterator<Item = Box<Seat>>) -> Self {
        Self {
            sizes,
            seats: seats.into_iter().map(|seat| (seat, 0)).collect(),
            calls: VecDeque::new(),
            taken: 0,
            sleeping: Vec::new(),
            waking: 0,
            running: 0,
            waiting: 0,
            heirs: Vec::new(),
            threads: 0,
            stopped: false,
            desks: Slab::new(),
            lookout: Lookout::default(),
        }
    }

    /// A desk for a thread that begins.
    pub(crate) fn desk(&mut self) -> usize {
        self.desks.insert(None)
    }

    /// What the thread at `desk` does next. One that was roused leads first of all; one that is up anyway runs calls, since
    /// somebody is on the way who leads.
    pub(crate) fn next(&mut self, desk: usize, roused: bool) -> Work {
        if self.stopped {
            self.end(desk);
            return Work::End;
        }
        let first = if roused { self.seats.pop() } else { None };
        if let Some((seat, _)) = first {
            return Work::Lead(seat);
        }
        if let Some(run) = self.take_call(desk) {
            return Work::Run(run);
        }
        self.desks[desk] = None;
        self.seats.pop().map_or(Work::Sleep, |(seat, _)| Work::Lead(seat))
    }

    /// The same for a thread that left its seat to an heir.
    pub(crate) fn next_call(&mut self, desk: usize) -> Work {
        if self.stopped {
            self.end(desk);
            return Work::End;
        }
        if let Some(run) = self.take_call(desk) {
            return Work::Run(run);
        }
        self.desks[desk] = None;
        Work::Sleep
    }

    fn end(&mut self, desk: usize) {
        self.threads -= 1;
        self.desks.remove(desk);
    }

    /// A thread that was roused looks around.
    pub(crate) const fn arrived(&mut self) {
        self.waking -= 1;
    }

    /// Calls came to a leader. If it gets one of them, it gives up its seat; otherwise it goes on leading.
    pub(crate) fn came(&mut self, desk: usize, calls: &mut Vec<IncomingCall<Transport>>) -> Option<Run> {
        self.calls.extend(calls.drain(..));
        self.take_call(desk)
    }

    /// Nobody leads this poller any more.
    pub(crate) fn give_up(&mut self, seat: Box<Seat>) {
        self.seats.push((seat, self.lookout.looks));
    }

    fn take_call(&mut self, desk: usize) -> Option<Run> {
        if !self.has_room() {
            return None;
        }
        let call = self.calls.pop_front()?;
        self.running += 1;
        self.taken += 1;
        let more = self.calls.front().is_some_and(|next| Arc::ptr_eq(next.link(), call.link()));
        match &mut self.desks[desk] {
            Some((link, _)) if Arc::ptr_eq(link, call.link()) => {}
            desk => *desk = Some((Arc::clone(call.link()), self.lookout.looks)),
        }
        Some(Run { call, more })
    }

    pub(crate) const fn ran(&mut self) {
        self.running -= 1;
    }

    /// A handler waits: another may run in its place. Its connection, whose output is not to wait with it.
    pub(crate) fn begin_waiting(&mut self, desk: usize) -> Option<Arc<Link<Transport>>> {
        self.running -= 1;
        self.waiting += 1;
        self.desks[desk].take().map(|(link, _)| link)
    }

    /// It goes on, at once: it may hold what others wait for.
    pub(crate) fn end_waiting(&mut self, desk: usize, link: Option<Arc<Link<Transport>>>) {
        self.waiting -= 1;
        self.running += 1;
        self.heirs.retain(|(heir, _, _)| *heir != desk);
        self.desks[desk] = link.map(|link| (link, self.lookout.looks));
    }

    /// A handler that waits leads this poller meanwhile, if nobody does; otherwise it is its heir.
    pub(crate) fn inherit(&mut self, desk: usize, poller: &Arc<Poller>, waker: &Waker) -> Option<Box<Seat>> {
        if self.stopped {
            return None;
        }
        let position = self.seats.iter().position(|(seat, _)| Arc::ptr_eq(seat.poller(), poller));
        let seat = position.map(|position| self.seats.swap_remove(position).0);
        if seat.is_none() {
            self.heirs.push((desk, Arc::clone(poller), waker.clone()));
        }
        seat
    }

    /// An heir of this poller, to be woken when its seat was given up.
    pub(crate) fn take_heir(&mut self, poller: &Arc<Poller>) -> Option<Waker> {
        let position = self.heirs.iter().position(|(_, other, _)| Arc::ptr_eq(other, poller))?;
        Some(self.heirs.swap_remove(position).2)
    }

    /// Calls came to a handler that leads while it waits. It gives up its seat, and others run them.
    pub(crate) fn came_to_heir(&mut self, calls: &mut Vec<IncomingCall<Transport>>) {
        self.calls.extend(calls.drain(..));
    }

    /// Whether calls wait that could run, and a mark of the progress that they make.
    pub(crate) fn backlog(&self) -> Option<u64> {
        let could_run = !self.calls.is_empty() && self.has_room();
        could_run.then_some(self.taken)
    }

    /// Whether one more handler may run. However many wait, a thread is left for each poller and one that looks
    /// out: what they wait for comes through those.
    const fn has_room(&self) -> bool {
        let Self { running, waiting, sizes, .. } = self;
        *running < sizes.workers && *running + *waiting + 1 < sizes.workers + SPARES_MAX
    }

    /// Whether somebody has to help: for a poller without a leader, or for calls that wait. At most one is on
    /// the way at a time, and rouses the next one. As many as there are cores run handlers without further
    /// ado; more only where the queue makes no progress, which the lookout sees, because the handlers do something
    /// else than compute.
    pub(crate) fn rouse(&mut self) -> Rouse {
        let calls = self.backlog().is_some() && self.running < self.sizes.cores;
        if self.waking > 0 || self.stopped || (self.seats.is_empty() && !calls) {
            return Rouse::Nobody;
        }
        let rouse = self.fetch(false);
        self.waking += usize::from(!matches!(rouse, Rouse::Nobody));
        rouse
    }

    /// A thread that sleeps, or a new one.
    fn fetch(&mut self, looks_out: bool) -> Rouse {
        if let Some(sleeper) = self.sleeping.pop() {
            sleeper.looks_out.store(looks_out, Ordering::Relaxed);
            sleeper.woken.store(true, Ordering::Release);
            return Rouse::Wake(sleeper);
        }
        if self.threads >= self.sizes.base() + self.waiting.min(SPARES_MAX) {
            return Rouse::Nobody;
        }
        self.threads += 1;
        Rouse::Start(looks_out)
    }

    /// No thread could be started. Those that there are go on.
    pub(crate) const fn not_started(&mut self, looks_out: bool) {
        self.threads -= 1;
        if looks_out {
            self.lookout.posted = false;
        } else {
            self.waking -= 1;
        }
    }

    // -- the lookout --

    /// Something is left lying that has to be looked after: a lookout is posted, unless there is one.
    pub(crate) fn post_lookout(&mut self) -> Rouse {
        if self.lookout.posted || self.stopped {
            return Rouse::Nobody;
        }
        let rouse = self.fetch(true);
        self.lookout.posted = !matches!(rouse, Rouse::Nobody);
        (self.lookout.quiet, self.lookout.calm) = (0, 0);
        rouse
    }

    /// What a thread leaves when it goes on: others do it at once where that is `urgent`, or the lookout looks
    /// after it. Whoever is on the way already does either.
    pub(crate) fn leave_rest(&mut self, urgent: bool) -> [Rouse; 2] {
        let rouse = if urgent { self.rouse() } else { Rouse::Nobody };
        let lies_about = !self.seats.is_empty() || self.backlog().is_some();
        let post = lies_about && self.waking == 0;
        [rouse, if post { self.post_lookout() } else { Rouse::Nobody }]
    }

    /// One look. The connections in `late` have output that nobody wrote since the last one.
    pub(crate) fn look(&mut self, late: &mut Vec<Arc<Link<Transport>>>) -> Look {
        let last = self.lookout.looks;
        self.lookout.looks += 1;
        let backlog = self.backlog();
        let stalled = backlog.is_some() && backlog == self.lookout.backlog;
        self.lookout.backlog = backlog;
        let mut quiet = self.seats.is_empty() && backlog.is_none();
        for (link, since) in self.desks.iter_mut().filter_map(|(_, desk)| desk.as_mut()) {
            if link.has_gathered() {
                quiet = false;
                if *since < last {
                    late.push(Arc::clone(link));
                }
            }
        }
        self.lookout.quiet = if quiet { self.lookout.quiet + 1 } else { 0 };
        if self.stopped || stalled || self.seats.iter().any(|(_, since)| *since < last) {
            self.lookout.posted = false;
            return Look::Help;
        }
        self.lookout.calm = if late.is_empty() { self.lookout.calm.saturating_add(1) } else { 0 };
        if self.lookout.quiet < QUIET_LOOKS {
            return Look::Again(if self.lookout.calm < CALM_LOOKS { LOOK } else { CALM_LOOK });
        }
        self.lookout.posted = false;
        Look::Rest
    }

    /// Whether a thread that sleeps is beyond the usual number, and ends after a while.
    pub(crate) fn sleep(&mut self, sleeper: &Arc<Sleeper>) -> bool {
        sleeper.woken.store(false, Ordering::Relaxed);
        self.sleeping.push(Arc::clone(sleeper));
        self.threads > self.sizes.base()
    }

    /// A thread slept for long enough: it ends, unless it was just woken or is needed.
    pub(crate) fn leave(&mut self, desk: usize, sleeper: &Arc<Sleeper>) -> bool {
        let position = self.sleeping.iter().position(|other| Arc::ptr_eq(other, sleeper));
        let Some(position) = position.filter(|_| self.threads > self.sizes.base()) else { return false };
        self.sleeping.remove(position);
        self.end(desk);
        true
    }

    /// Everybody goes home; the calls that nobody ran, and those to be woken.
    pub(crate) fn stop(&mut self) -> (VecDeque<IncomingCall<Transport>>, Vec<Arc<Sleeper>>) {
        self.stopped = true;
        self.waking += self.sleeping.len();
        for sleeper in &self.sleeping {
            sleeper.looks_out.store(false, Ordering::Relaxed);
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
        let (thread, woken) = (std::thread::current(), AtomicBool::new(false));
        Arc::new(Self { thread, woken, looks_out: AtomicBool::new(false) })
    }

    /// Whether it was woken to look out; once.
    pub(crate) fn takes_lookout(&self) -> bool {
        self.looks_out.load(Ordering::Relaxed) && self.looks_out.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    pub(crate) fn wake(&self) {
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poller::Poller;

    #[test]
    fn an_heir_takes_the_seat_that_lies_about_and_waits_for_the_one_that_is_taken() {
        let (poller, seat) = Poller::new().unwrap();
        let (other, _) = Poller::new().unwrap();
        let mut crew = Crew::new(Sizes { workers: 2, pollers: 1, cores: 1 }, [seat]);
        let (desk, waker) = (crew.desk(), Waker::noop());
        assert!(crew.inherit(desk, &other, waker).is_none());
        let seat = crew.inherit(desk, &poller, waker).expect("nobody has it");
        assert!(crew.take_heir(&poller).is_none(), "it leads already");
        assert!(crew.inherit(desk, &poller, waker).is_none());
        assert!(crew.take_heir(&poller).is_some());
        crew.give_up(seat);
        crew.stop();
        assert!(crew.inherit(desk, &poller, waker).is_none());
    }

    #[test]
    fn the_lookout_looks_less_often_while_nothing_is_left_lying_and_helps_at_the_second_look() {
        let (_poller, seat) = Poller::new().unwrap();
        let mut crew = Crew::new(Sizes { workers: 1, pollers: 1, cores: 1 }, [seat]);
        let desk = crew.desk();
        let mut late = Vec::new();
        for look in 1..2 * CALM_LOOKS {
            let Work::Lead(seat) = crew.next(desk, true) else { panic!("it was given up") };
            crew.give_up(seat);
            let Look::Again(pause) = crew.look(&mut late) else { panic!("it was taken up meanwhile") };
            assert_eq!(pause, if look < CALM_LOOKS { LOOK } else { CALM_LOOK });
        }
        assert!(matches!(crew.look(&mut late), Look::Help), "nobody took it up");
    }
}
