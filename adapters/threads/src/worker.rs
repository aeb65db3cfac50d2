//! What a thread of a server does all day.

use std::cell::RefCell;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sailplane::Instant;
use sailplane_driver::{IncomingCall, Job, Link, now};

use crate::crew::{Sleeper, Work};
use crate::pool::Pool;
use crate::seat::{Seat, Turn};
use crate::transport::Transport;

/// How long a thread beyond the usual number sleeps before it ends.
const SPARE_LINGERS: Duration = Duration::from_secs(5);
/// How long a queue of calls may make no progress before another thread takes one.
const STALL: Duration = Duration::from_millis(1);

thread_local! {
    /// The pool whose handler runs on this thread.
    static POOL: RefCell<Weak<Pool>> = const { RefCell::new(Weak::new()) };
}

/// A thread, from its start to its end.
pub(crate) fn work(pool: &Arc<Pool>) {
    POOL.set(Arc::downgrade(pool));
    let me = Sleeper::current();
    let (mut roused, mut ran) = (true, false);
    loop {
        let (work, spare) = {
            let mut crew = pool.crew();
            if roused {
                crew.arrived();
            }
            if ran {
                crew.ran();
            }
            let work = crew.next(roused);
            let spare = matches!(work, Work::Sleep).then(|| crew.sleep(&me));
            let rouse = crew.rouse(false);
            drop(crew);
            pool.apply(rouse);
            (work, spare)
        };
        if ran {
            pool.tell();
        }
        (roused, ran) = (false, false);
        match work {
            Work::Run(call) => {
                run(pool, call);
                ran = true;
            }
            Work::Lead(seat) => {
                if let Some(call) = lead(pool, seat) {
                    run(pool, call);
                    ran = true;
                }
            }
            Work::Sleep => {
                if !sleep(pool, &me, spare == Some(true)) {
                    break;
                }
                roused = true;
            }
            Work::End => break,
        }
    }
    pool.tell();
}

/// Sleeps as a follower until somebody has work; false if this thread is not needed any more.
fn sleep(pool: &Pool, me: &Arc<Sleeper>, spare: bool) -> bool {
    let until = spare.then(|| now().saturating_add(SPARE_LINGERS));
    while !me.is_woken() {
        let Some(until) = until else {
            std::thread::park();
            continue;
        };
        let left = until.saturating_duration_since(now());
        if !left.is_zero() {
            std::thread::park_timeout(left);
        } else if pool.crew().leave(me) {
            return false;
        } else {
            // It is on the way, or it is needed after all.
            return sleep(pool, me, false);
        }
    }
    true
}

/// Leads a poller until a call comes that this thread has to run, or until the end.
fn lead(pool: &Arc<Pool>, mut seat: Seat) -> Option<IncomingCall<Transport>> {
    let accepts = pool.accepts(seat.poller());
    let mut calls = Vec::new();
    let mut backlog = pool.crew().backlog();
    loop {
        let hurry = backlog.map(|_| now().saturating_add(STALL));
        let paused = if accepts { pool.accept.paused() } else { None };
        seat.wait([hurry, paused].into_iter().flatten().min());
        seat.turn(&mut Collect(&mut calls));
        if accepts {
            accept(pool, &mut seat, paused);
        }
        let mut crew = pool.crew();
        if crew.is_stopped() {
            crew.give_up(seat);
            return None;
        }
        let mine = if calls.is_empty() { None } else { crew.came(&mut calls) };
        if let Some(call) = mine {
            crew.give_up(seat);
            let rouse = crew.rouse(false);
            drop(crew);
            pool.apply(rouse);
            return Some(call);
        }
        let stalled = backlog.is_some() && backlog == crew.backlog();
        backlog = crew.backlog();
        let rouse = crew.rouse(stalled);
        drop(crew);
        pool.apply(rouse);
    }
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

/// Runs a handler. A panic ends in there.
fn run(pool: &Pool, call: IncomingCall<Transport>) {
    if call.link().is_over() {
        // It was cancelled while it waited for a thread.
        return;
    }
    match call.route(&pool.services) {
        Some(Job::Blocking(job)) => job.run(),
        Some(Job::Async(job)) => job.block(),
        None => {}
    }
}

/// What a leader reads.
struct Collect<'a>(&'a mut Vec<IncomingCall<Transport>>);

impl Turn for Collect<'_> {
    fn received(&mut self, link: &Arc<Link<Transport>>, bytes: &mut [u8]) {
        if link.received_calls(bytes, self.0) {
            self.take_calls(link);
        }
    }

    fn take_calls(&mut self, link: &Arc<Link<Transport>>) {
        while link.take_calls(self.0) {}
    }
}

/// Says that the calling thread waits, if it is a server's that runs a handler: another may run meanwhile.
pub(crate) fn waiting() -> Option<Waiting> {
    let pool = POOL.with_borrow(Weak::upgrade)?;
    let rouse = {
        let mut crew = pool.crew();
        crew.begin_waiting();
        crew.rouse(false)
    };
    pool.apply(rouse);
    Some(Waiting(pool))
}

/// A handler that waits.
pub(crate) struct Waiting(Arc<Pool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.crew().end_waiting();
    }
}
