//! Who leads the poller of a channel: a thread that waits for a call, or one in the background.
//!
//! A caller that waits takes the seat if it is free, and is then as cheap as one with a socket of its own;
//! otherwise it sleeps until the leader brings its reply, or the seat becomes free. The thread in the
//! background takes the seat when nobody had it for a while, and gives it up at the next call: it is never in
//! the way of callers that come one after the other, and never wakes while nothing happens.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use sailplane::Instant;
use sailplane_driver::{Interrupt, Link, now};

use crate::poller::Poller;
use crate::pool::lock;
use crate::seat::{Seat, Turn};
use crate::transport::Transport;

/// How long the seat is free before the thread in the background takes it: once to twice this time.
const QUIET: Duration = Duration::from_millis(100);
/// What came is taken in before a call, if nobody looked for so long.
const FRESH: Duration = Duration::from_millis(10);

/// The seat of a channel's poller, and those who wait for it.
#[derive(Debug)]
pub(crate) struct Chair {
    poller: Arc<Poller>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    seat: Option<Box<Seat>>,
    /// How often it was taken.
    taken: u64,
    given_back: Instant,
    waiting: VecDeque<Waker>,
    /// The thread in the background, while it sleeps until the seat is given back.
    sleeping: Option<Thread>,
    /// The background ends with the last connection.
    closing: bool,
    stopped: bool,
}

impl Chair {
    /// A poller, its seat, and the thread in the background.
    pub(crate) fn new() -> io::Result<(Arc<Self>, Background)> {
        let (poller, seat) = Poller::new()?;
        let state = State {
            seat: Some(seat),
            taken: 0,
            given_back: now(),
            waiting: VecDeque::new(),
            sleeping: None,
            closing: false,
            stopped: false,
        };
        let chair = Arc::new(Self { poller, state: Mutex::new(state) });
        let this = Arc::downgrade(&chair);
        chair.poller.on_removed(move || this.upgrade().iter().for_each(|chair| chair.removed()));
        let this = Arc::clone(&chair);
        let builder = std::thread::Builder::new().name("sailplane channel".into());
        let thread = builder.spawn(move || this.watch())?;
        let background = Background { chair: Arc::clone(&chair), thread: Some(thread) };
        Ok((chair, background))
    }

    pub(crate) const fn poller(&self) -> &Arc<Poller> {
        &self.poller
    }

    /// The seat; or `waker` is woken when it is free. A thread that waited [leaves](Self::leave).
    pub(crate) fn take_or_wait(&self, waker: &Waker) -> Option<Box<Seat>> {
        let mut state = lock(&self.state);
        let position = state.waiting.iter().position(|waiting| waiting.will_wake(waker));
        let Some(seat) = state.take() else {
            if position.is_none() {
                state.waiting.push_back(waker.clone());
            }
            return None;
        };
        let removed = position.and_then(|position| state.waiting.remove(position));
        drop(state);
        drop(removed);
        Some(seat)
    }

    /// The seat is free for the next one.
    pub(crate) fn give_back(&self, seat: Box<Seat>) {
        let (next, sleeping) = {
            let mut state = lock(&self.state);
            state.seat = Some(seat);
            state.given_back = now();
            (state.waiting.pop_front(), state.sleeping.take())
        };
        if let Some(waker) = next {
            waker.wake();
        }
        if let Some(thread) = sleeping {
            thread.unpark();
        }
    }

    /// The thread of `waker` waits no longer. If it was woken for the seat and has no use for it, another is.
    pub(crate) fn leave(&self, waker: &Waker) {
        let (removed, next) = {
            let mut state = lock(&self.state);
            let position = state.waiting.iter().position(|waiting| waiting.will_wake(waker));
            let removed = position.and_then(|position| state.waiting.remove(position));
            let next = if state.seat.is_some() { state.waiting.pop_front() } else { None };
            (removed, next)
        };
        drop(removed);
        if let Some(waker) = next {
            waker.wake();
        }
    }

    /// Takes in what came while nobody looked, so that a call does not go to a server that has left.
    pub(crate) fn freshen(&self) {
        let seat = {
            let mut state = lock(&self.state);
            let now = now();
            if now.saturating_duration_since(state.given_back) < FRESH {
                return;
            }
            state.take()
        };
        if let Some(mut seat) = seat {
            _ = seat.wait(Some(now()), None);
            seat.turn(&mut Receive);
            self.give_back(seat);
        }
    }

    /// The channel is closed: the background ends with its last connection.
    pub(crate) fn close(&self) {
        lock(&self.state).closing = true;
        self.removed();
    }

    fn removed(&self) {
        if lock(&self.state).closing && self.poller.links().is_empty() {
            self.stop();
        }
    }

    /// The background ends.
    fn stop(&self) {
        let sleeping = {
            let mut state = lock(&self.state);
            state.stopped = true;
            state.sleeping.take()
        };
        if let Some(thread) = sleeping {
            thread.unpark();
        }
        // Also if it is not asleep yet.
        self.poller.interrupt();
    }

    /// The thread in the background.
    fn watch(&self) {
        let mut seen = 0;
        loop {
            let mut state = lock(&self.state);
            if state.stopped {
                return;
            }
            let quiet = state.taken == seen;
            seen = state.taken;
            if !quiet || !state.waiting.is_empty() {
                drop(state);
                std::thread::park_timeout(QUIET);
            } else if let Some(seat) = state.take() {
                drop(state);
                self.lead_in_background(seat);
            } else {
                // The same thread leads for long: it says when it stops.
                state.sleeping = Some(std::thread::current());
                drop(state);
                std::thread::park();
            }
        }
    }

    /// Leads until somebody wants the seat.
    fn lead_in_background(&self, mut seat: Box<Seat>) {
        loop {
            _ = seat.wait(None, None);
            seat.turn(&mut Receive);
            let state = lock(&self.state);
            if state.stopped || !state.waiting.is_empty() {
                drop(state);
                return self.give_back(seat);
            }
        }
    }
}

impl State {
    fn take(&mut self) -> Option<Box<Seat>> {
        let seat = self.seat.take()?;
        self.taken += 1;
        Some(seat)
    }
}

/// Takes in what comes.
pub(crate) struct Receive;

impl Turn for Receive {
    fn received(&mut self, link: &Arc<Link<Transport>>, bytes: &mut [u8]) {
        link.received(bytes);
    }
}

/// The thread in the background, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Background {
    chair: Arc<Chair>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Background {
    fn drop(&mut self) {
        self.chair.stop();
        let here = std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != here) {
            // It does not panic; if it did, it told so already.
            let _ = thread.join();
        }
        self.chair.poller.clear();
    }
}
