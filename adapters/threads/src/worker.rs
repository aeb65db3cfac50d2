//! What a thread of a server does all day.

use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sailplane::Instant;
use sailplane_driver::{Blocked, Gather, IncomingCall, Job, Link, Turn, last_command, now};

use crate::crew::{self, Look, Rouse, Run, Sleeper, Work};
use crate::poller::Poller;
use crate::pool::Pool;
use crate::seat::{self, Seat};
use crate::transport::Transport;

/// How long a thread beyond the usual number sleeps before it ends.
const SPARE_LINGERS: Duration = Duration::from_secs(5);
/// How long before its end the lookout ends a nap of a leader, which then sets a timer.
const EARLY: Duration = Duration::from_millis(25);
/// How long a thread runs calls of methods that return quickly before another helps it.
const ALONE: Duration = Duration::from_micros(250);
/// So often in a row has a handler to wait again within that time before it leads while it waits.
const STEADY: u8 = 16;

thread_local! {
    /// When the handler on this thread went on last, and how often in a row it waited again soon after.
    static STEADINESS: Cell<(Instant, u8)> = const { Cell::new((Instant::ZERO, 0)) };
    /// The pool whose handler runs on this thread, and the thread's desk.
    static POOL: RefCell<(Weak<Pool>, usize)> = const { RefCell::new((Weak::new(), 0)) };
}

/// A thread, from its start to its end.
pub(crate) fn work(pool: &Arc<Pool>, looks_out: bool) {
    let desk = pool.crew().desk();
    POOL.set((Arc::downgrade(pool), desk));
    let mut worker = Worker {
        pool,
        desk,
        me: Sleeper::current(),
        turn: None,
        since: now(),
        clock: None,
        trusts: false,
        calls: Vec::new(),
    };
    let mut roused = Roused::new(looks_out);
    while let Some(next) = worker.step(roused) {
        roused = next;
    }
    pool.tell();
}

/// Why a thread looks around.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Roused {
    /// It ran a call.
    Ran,
    /// Somebody woke it, or started it.
    Woken,
    /// To look out.
    Lookout,
    /// It looked out, and saw what did not move.
    Helps,
    /// It left its seat to a handler that waits.
    Yielded,
}

impl Roused {
    const fn new(looks_out: bool) -> Self {
        if looks_out { Self::Lookout } else { Self::Woken }
    }
}

/// To what a thread led.
enum Led {
    To(Run),
    ToAnHeir,
    ToTheEnd,
}

struct Worker<'a> {
    pool: &'a Arc<Pool>,
    desk: usize,
    me: Arc<Sleeper>,
    /// On the connection whose calls it runs.
    turn: Option<Turn<Transport>>,
    /// When it began to run calls.
    since: Instant,
    /// What time it is, if it was just asked for.
    clock: Option<Instant>,
    /// The handler that it ran last is trusted to return quickly.
    trusts: bool,
    /// What it reads as a leader, for a moment.
    calls: Vec<IncomingCall<Transport>>,
}

impl Worker<'_> {
    /// One thing after the other; none: the thread is not needed any more.
    fn step(&mut self, roused: Roused) -> Option<Roused> {
        let pool = self.pool;
        if roused == Roused::Lookout {
            return self.look_out();
        }
        let (work, spare) = {
            let mut crew = pool.crew();
            match roused {
                Roused::Ran => crew.ran(),
                Roused::Woken => crew.arrived(),
                Roused::Lookout | Roused::Helps | Roused::Yielded => {}
            }
            let urgent = !matches!(roused, Roused::Ran | Roused::Yielded);
            let work = if roused == Roused::Yielded {
                crew.next_call(self.desk)
            } else {
                crew.next(self.desk, urgent)
            };
            let spare = matches!(work, Work::Sleep).then(|| crew.sleep(&self.me));
            // With a call to run, the rest is left once it is known how long that may take.
            let leaves = roused != Roused::Ran || !matches!(work, Work::Run(_));
            let rest = leaves.then(|| crew.leave_rest(urgent));
            drop(crew);
            rest.into_iter().flatten().for_each(|rouse| pool.apply(rouse));
            (work, spare)
        };
        if roused == Roused::Ran {
            pool.tell();
        }
        match work {
            Work::Run(run) => {
                self.run(run);
                Some(Roused::Ran)
            }
            Work::Lead(seat) => {
                self.end_turn();
                Some(match self.lead(seat) {
                    Led::To(run) => {
                        self.run(run);
                        Roused::Ran
                    }
                    Led::ToTheEnd => Roused::Helps,
                    Led::ToAnHeir => Roused::Yielded,
                })
            }
            Work::Sleep => {
                self.end_turn();
                self.sleep(spare == Some(true))
            }
            Work::End => None,
        }
    }

    /// Leads a poller until a call comes that this thread has to run, a handler would lead that has nothing else to
    /// do at the moment, or until the end. Where it is likely to
    /// lead on at once, it runs what one connection brought before it reads the next.
    fn lead(&mut self, mut seat: Box<Seat>) -> Led {
        let (pool, mut waited) = (self.pool, false);
        let accepts = pool.accepts(seat.poller());
        loop {
            let paused = if accepts { pool.accept.paused() } else { None };
            waited |= seat.wait(paused, Some(&pool.watched));
            seat.turn(&mut Collect { calls: &mut self.calls, one: self.trusts });
            if accepts {
                accept(pool, &mut seat, paused);
            }
            let mut crew = pool.crew();
            if crew.is_stopped() {
                crew.give_up(seat);
                return Led::ToTheEnd;
            }
            let mine = if self.calls.is_empty() { None } else { crew.came(self.desk, &mut self.calls) };
            if let Some(run) = mine {
                crew.give_up(seat);
                drop(crew);
                let now = now();
                self.clock = Some(now);
                if waited {
                    self.since = now;
                }
                return Led::To(run);
            }
            if let Some(heir) = crew.take_heir(seat.poller()) {
                crew.give_up(seat);
                drop(crew);
                // What is left lying until it leads is looked after from here on.
                self.leave_rest(false);
                heir.wake();
                return Led::ToAnHeir;
            }
            let rest = crew.leave_rest(true);
            drop(crew);
            rest.into_iter().for_each(|rouse| pool.apply(rouse));
        }
    }

    fn sleep(&mut self, spare: bool) -> Option<Roused> {
        if !sleep(self.pool, self.desk, &self.me, spare) {
            return None;
        }
        self.since = now();
        Some(Roused::new(self.me.takes_lookout()))
    }

    /// Runs a handler. A panic ends in there.
    fn run(&mut self, Run { call, more }: Run) {
        let pool = self.pool;
        if call.link().is_over() {
            // It was cancelled while it waited for a thread.
            return;
        }
        let link = Arc::clone(call.link());
        let Some(job) = call.route(&pool.services) else { return };
        let method = job.method();
        let promised = pool.trust.is_promised(method);
        let trusted = promised || pool.trust.has(method);
        let gather = if trusted && more { Gather::Answers } else { Gather::Messages };
        match &self.turn {
            Some(turn) if Arc::ptr_eq(turn.link(), &link) => turn.set_gather(gather),
            _ => {
                self.end_turn();
                self.turn = Some(link.turn(gather));
            }
        }
        self.trusts = trusted;
        let mut begun = self.clock.take().unwrap_or_else(now);
        if !trusted || begun.saturating_duration_since(self.since) > ALONE {
            // This thread may be busy for a while: what was answered leaves, and others do what there is to do.
            self.flush();
            self.since = begun;
            self.leave_rest(true);
            // To wake somebody takes longer than many a handler.
            begun = now();
        } else if !pool.has_lookout.load(Ordering::SeqCst) {
            self.leave_rest(false);
        }
        STEADINESS.set((Instant::ZERO, 0));
        match job {
            Job::Blocking(job) => job.run(),
            Job::Async(job) => job.block(),
        }
        // The answer was its last command. While it is written, its reader may run in this thread's place.
        let ended = Some(last_command()).filter(|at| *at > begun).unwrap_or_else(now);
        if !promised {
            pool.trust.note(method, ended.saturating_duration_since(begun));
        }
        if gather == Gather::Messages {
            self.flush();
        } else {
            self.clock = Some(ended);
        }
    }

    fn leave_rest(&self, urgent: bool) {
        let rest = self.pool.crew().leave_rest(urgent);
        rest.into_iter().for_each(|rouse| self.pool.apply(rouse));
    }

    fn flush(&self) {
        if let Some(turn) = &self.turn {
            turn.flush();
        }
    }

    /// What was gathered is written.
    fn end_turn(&mut self) {
        self.flush();
        self.turn = None;
    }

    /// Looks out until something does not move, or for as long as there is something to look after.
    fn look_out(&mut self) -> Option<Roused> {
        let (mut late, mut pause) = (Vec::new(), crew::LOOK);
        let pool = self.pool;
        let watch = Watch(pool);
        loop {
            pool.watched.store(true, Ordering::SeqCst);
            pool.has_lookout.store(true, Ordering::SeqCst);
            std::thread::park_timeout(pause);
            // Whoever leaves output from here on posts a lookout; what was left before is seen.
            pool.has_lookout.store(false, Ordering::SeqCst);
            let mut crew = pool.crew();
            let look = crew.look(&mut late);
            let spare = matches!(look, Look::Rest).then(|| crew.sleep(&self.me));
            drop(crew);
            late.drain(..).for_each(|link| link.flush_gathered());
            match (look, spare) {
                (Look::Again(next), _) => pause = next,
                (Look::Help, _) => return Some(Roused::Helps),
                (Look::Rest, spare) => {
                    drop(watch);
                    return self.sleep(spare == Some(true));
                }
            }
            pool.end_naps(Some(now().saturating_add(EARLY)));
        }
    }
}

/// Until it is dropped, leaders need not look at the time.
struct Watch<'a>(&'a Pool);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.watched.store(false, Ordering::SeqCst);
        self.0.end_naps(None);
    }
}

/// Sleeps as a follower until somebody has work; false if this thread is not needed any more.
fn sleep(pool: &Pool, desk: usize, me: &Arc<Sleeper>, spare: bool) -> bool {
    let until = spare.then(|| now().saturating_add(SPARE_LINGERS));
    while !me.is_woken() {
        let Some(until) = until else {
            std::thread::park();
            continue;
        };
        let left = until.saturating_duration_since(now());
        if !left.is_zero() {
            std::thread::park_timeout(left);
        } else if pool.crew().leave(desk, me) {
            return false;
        } else {
            // It is on the way, or it is needed after all.
            return sleep(pool, desk, me, false);
        }
    }
    true
}

fn accept(pool: &Arc<Pool>, seat: &mut Seat, paused: Option<Instant>) {
    if seat.take_listener_ready() || paused.is_some_and(|until| until <= now()) {
        // A connection that cannot be served is closed; its peer learns it by that.
        let more = pool.accept.run(|stream, address| drop(pool.adopt(stream, address)));
        if more {
            pool.ask_to_accept();
        }
    }
}

/// What a leader reads.
struct Collect<'a> {
    calls: &'a mut Vec<IncomingCall<Transport>>,
    /// Of one connection only.
    one: bool,
}

impl seat::Turn for Collect<'_> {
    fn received(&mut self, link: &Arc<Link<Transport>>, bytes: &mut [u8]) {
        if link.received_calls(bytes, self.calls) {
            self.take_calls(link);
        }
    }

    fn take_calls(&mut self, link: &Arc<Link<Transport>>) {
        while link.take_calls(self.calls) {}
    }

    fn has_enough(&self) -> bool {
        self.one && !self.calls.is_empty()
    }
}

/// Says that the calling thread waits, if it is a server's that runs a handler: what the handler sent leaves, and
/// another may run meanwhile.
pub(crate) fn waiting() -> Option<Waiting> {
    let (pool, desk) = here()?;
    let (link, rest) = {
        let mut crew = pool.crew();
        (crew.begin_waiting(desk), crew.leave_rest(true))
    };
    let waiting = Waiting { pool, desk, link };
    waiting.begin(rest);
    Some(waiting)
}

/// Waits until `blocked` may have something. A handler that has waited again soon, time after time, leads the
/// poller meanwhile: what it waits for comes without a change of threads.
pub(crate) fn wait(blocked: &Blocked<'_, Transport>, poller: &Arc<Poller>) {
    let (since, count) = STEADINESS.get();
    let is_soon = now().saturating_duration_since(since) <= ALONE;
    let count = if is_soon { count.saturating_add(1).min(STEADY) } else { 0 };
    let mut steady = count == STEADY;
    let Some((pool, desk)) = here() else {
        blocked.parker().park(None);
        return;
    };
    let (link, seat, rest) = {
        let mut crew = pool.crew();
        let link = crew.begin_waiting(desk);
        let seat = if steady { crew.inherit(desk, poller, blocked.parker().waker()) } else { None };
        (link, seat, crew.leave_rest(true))
    };
    let waiting = Waiting { pool, desk, link };
    waiting.begin(rest);
    match seat {
        Some(seat) => steady = waiting.lead(seat, blocked),
        None => _ = blocked.parker().park(None),
    }
    drop(waiting);
    STEADINESS.set((now(), if steady || count < STEADY { count } else { 0 }));
}

fn here() -> Option<(Arc<Pool>, usize)> {
    POOL.with_borrow(|(pool, desk)| Some((pool.upgrade()?, *desk)))
}

/// Output waits for more: somebody has to see to it that it does not wait for long.
pub(crate) fn gathers() {
    POOL.with_borrow(|(pool, _)| {
        let Some(pool) = pool.upgrade() else { return };
        if !pool.has_lookout.load(Ordering::SeqCst) {
            let rouse = pool.crew().post_lookout();
            pool.apply(rouse);
        }
    });
}

/// A handler that waits.
pub(crate) struct Waiting {
    pool: Arc<Pool>,
    desk: usize,
    link: Option<Arc<Link<Transport>>>,
}

impl Waiting {
    fn begin(&self, rest: [Rouse; 2]) {
        self.flush();
        rest.into_iter().for_each(|rouse| self.pool.apply(rouse));
    }

    fn flush(&self) {
        if let Some(link) = &self.link {
            link.flush_gathered();
        }
    }

    /// Leads until `blocked` may have something, or there is a call that somebody else has to run; false then.
    fn lead(&self, seat: Box<Seat>, blocked: &Blocked<'_, Transport>) -> bool {
        let (pool, parker) = (&self.pool, blocked.parker());
        let (interrupt, accepts) = (seat.interrupt(), pool.accepts(seat.poller()));
        let mut leading = Leading { pool, seat: Some(seat), calls: Vec::new() };
        let Leading { seat: Some(seat), calls, .. } = &mut leading else { return false };
        while !parker.is_notified() {
            // What came gave output, which does not wait for what comes next.
            self.flush();
            let paused = if accepts { pool.accept.paused() } else { None };
            if parker.sleep(&interrupt, || _ = seat.wait(paused, Some(&pool.watched))) {
                // The sleep took the notification.
                parker.waker().wake_by_ref();
            }
            seat.turn(&mut Collect { calls, one: false });
            if accepts {
                accept(pool, seat, paused);
            }
            if !calls.is_empty() || pool.crew().is_stopped() {
                return false;
            }
        }
        true
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pool.crew().end_waiting(self.desk, self.link.take());
    }
}

/// A handler that leads while it waits: it gives its seat up, also on unwind. Nobody is woken for it, since it is
/// back soon, if not for a call.
struct Leading<'a> {
    pool: &'a Arc<Pool>,
    seat: Option<Box<Seat>>,
    calls: Vec<IncomingCall<Transport>>,
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        let Some(seat) = self.seat.take() else { return };
        let rest = {
            let mut crew = self.pool.crew();
            crew.give_up(seat);
            let urgent = !self.calls.is_empty();
            crew.came_to_heir(&mut self.calls);
            crew.leave_rest(urgent)
        };
        rest.into_iter().for_each(|rouse| self.pool.apply(rouse));
    }
}
