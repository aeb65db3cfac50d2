//! Under the lock of a connection, and what is collected there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use sailplane::call::{Batch, Code, Status};
use sailplane::{CallId, Config, Connection, End, Instant, Transmit};

use crate::after::{After, Due};
use crate::state::{Change, Role, State};
use crate::turn::{Output, note_command};
use crate::{Io, Link, writer};

/// How long the rest of the output of a connection that is over may wait for a transport that is full.
const LINGER: Duration = Duration::from_secs(5);

impl<I: Io> Link<I> {
    /// Runs `f` under the lock, and collects what follows.
    pub(crate) fn run(self: &Arc<Self>, f: impl FnOnce(&mut State<I>, Instant, &mut Due<I>)) -> After<I> {
        self.command(f).1
    }

    /// [`run`](Self::run) with a result.
    pub(crate) fn command<R>(
        self: &Arc<Self>,
        f: impl FnOnce(&mut State<I>, Instant, &mut Due<I>) -> R,
    ) -> (R, After<I>) {
        Arc::clone(self).command_for(Output::Other, f)
    }

    /// [`command`](Self::command), which gives `output`.
    pub(crate) fn command_for<R>(
        self: Arc<Self>,
        output: Output,
        f: impl FnOnce(&mut State<I>, Instant, &mut Due<I>) -> R,
    ) -> (R, After<I>) {
        let now = self.io.now();
        self.command_at(now, output, f)
    }

    /// [`command_for`](Self::command_for) by somebody who just asked the clock.
    pub(crate) fn command_at<R>(
        self: Arc<Self>,
        now: Instant,
        output: Output,
        f: impl FnOnce(&mut State<I>, Instant, &mut Due<I>) -> R,
    ) -> (R, After<I>) {
        note_command(now);
        let defers = self.defers(output, now);
        let mut after = After::new(self);
        let After { link, due } = &mut after;
        let mut state = link.lock();
        let result = f(&mut state, now, due);
        link.conclude(&mut state, now, defers, due);
        drop(state);
        (result, after)
    }

    /// Queues messages where a flush is due anyway, which has not begun: then there is nothing else to do. False:
    /// nothing was done, and a command has to be run. `count` says which message of its call it is.
    pub(crate) fn add(&self, id: CallId, batch: &mut Batch, count: u8) -> bool {
        let Some(awaited) = self.awaited(count).filter(|awaited| awaited.load(Ordering::SeqCst)) else {
            return false;
        };
        let mut state = self.lock();
        awaited.load(Ordering::SeqCst)
            && !state.has_ended(id)
            && state.connection.send_batch(id, batch).is_ok()
    }

    /// The last step under the lock: events out, output out, the writer's role, the timeout.
    fn conclude(&self, state: &mut State<I>, now: Instant, defers: bool, due: &mut Due<I>) {
        loop {
            state.drain_events(&mut due.tell, &mut due.changes);
            self.poll_output(state, now, defers, due);
            if !state.connection.has_event() {
                break;
            }
        }
        due.is_all = due.writing.as_ref().is_some_and(|transmit| !transmit.is_full()) && state.lost.is_none();
        due.calls_waiting |= state.sees_more_incoming();
        let has_calls = state.connection.live_calls() > 0;
        let rests = state.pace.is_slow(has_calls, now);
        self.publish(state, now, due);
        if rests {
            state.rest();
        }
    }

    /// Takes the output along, where the role is ours or free; otherwise whoever has it does.
    pub(crate) fn poll_output(&self, state: &mut State<I>, now: Instant, defers: bool, due: &mut Due<I>) {
        if let Some(transmit) = &mut due.writing {
            self.writer.resume();
            if !state.connection.poll_transmit(now, transmit) {
                due.writing.take().into_iter().for_each(writer::keep);
                self.writer.free();
            }
        } else if self.writer.leave() {
            // It looks again before it gives the role up.
        } else if defers {
            due.kick = true;
        } else {
            let mut transmit = state.transmit.take().unwrap_or_else(writer::buffer);
            if state.connection.poll_transmit(now, &mut transmit) {
                self.writer.take();
                self.written.store(now.as_nanos(), Ordering::Relaxed);
                due.writing = Some(transmit);
            } else {
                writer::keep(transmit);
            }
        }
    }

    /// Shows what changed to those who do not lock.
    fn publish(&self, state: &mut State<I>, now: Instant, due: &mut Due<I>) {
        if state.stuck && state.lost.is_some() && state.linger.is_none() {
            state.linger = Some(now.saturating_add(LINGER));
        }
        let mut at = state.connection.poll_timeout().map_or(Instant::MAX, |timeout| timeout.at);
        at = at.min(state.pace.look());
        if let Some(until) = state.linger.filter(|_| state.stuck) {
            at = at.min(until);
        }
        if let Some(at) = self.timeout.set(Some(at).filter(|at| *at != Instant::MAX)) {
            due.earlier = Some(at);
        }
        show(&self.wants_receive, state.connection.wants_receive());
        show(&self.stuck, state.stuck);
        show(&self.over, state.lost.is_some());
        if !state.finished_told && state.connection.is_finished() && self.writer.is_free() {
            state.finished_told = true;
            due.finished = true;
            self.finished.store(true, Ordering::SeqCst);
        }
    }

    /// The writer wrote everything it had.
    pub(crate) fn look_again(&self, due: &mut Due<I>) {
        let now = self.io.now();
        due.writing.iter_mut().for_each(|transmit| writer::widen(transmit));
        let mut state = self.lock();
        self.conclude(&mut state, now, false, due);
    }

    /// Writing failed.
    pub(crate) fn failed(&self, end: End, due: &mut Due<I>) {
        let now = self.io.now();
        due.is_all = false;
        let mut state = self.lock();
        state.connection.handle_end(now, end);
        state.drain_events(&mut due.tell, &mut due.changes);
    }

    /// The transport is full: the output waits here.
    pub(crate) fn stuck(&self, transmit: Option<Box<Transmit>>) {
        let mut state = self.lock();
        state.transmit = transmit;
        state.transmit.iter_mut().for_each(|transmit| writer::narrow(transmit));
        state.stuck = true;
        self.stuck.store(true, Ordering::SeqCst);
    }

    /// A writer unwound. What it did not write is written by the next one.
    pub(crate) fn give_back(&self, transmit: Box<Transmit>) {
        let mut state = self.lock();
        state.transmit = Some(transmit);
        self.writer.free();
        drop(state);
        self.io.kick();
    }

    pub(crate) fn tell_owner(&self, change: &Change) {
        if let Some(owner) = &self.owner {
            owner(change);
        }
    }

    /// After a panic under the lock: everybody who waits is told.
    pub(crate) fn recover(self: &Arc<Self>) {
        self.run(|_, _, _| ()).settle();
    }

    /// The interval between PINGs for the next connection, where the peer did not put up with this one's.
    pub(crate) fn longer_keepalive(&self) -> Option<Duration> {
        self.lock().connection.longer_keepalive()
    }

    /// The lock. Where a thread panicked under it, the connection cannot be trusted: it is replaced by one
    /// that is over.
    fn lock(&self) -> MutexGuard<'_, State<I>> {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| {
            let mut state = poisoned.into_inner();
            self.state.clear_poison();
            self.replace_broken(&mut state);
            state
        });
        state.connection.wake();
        state
    }

    fn replace_broken(&self, state: &mut State<I>) {
        let now = self.io.now();
        let mut connection = match self.role {
            Role::Client => Connection::client(now, &Config::default()),
            Role::Server => Connection::server(now, &Config::default()),
        };
        connection.handle_end(now, End::Closed);
        let status = Status::new(Code::Unavailable, "the connection ended: a thread panicked inside it");
        state.abandon(connection, status);
    }
}

/// Stores what others read without the lock, under which alone it changes. Most of the time nothing does.
fn show(shown: &AtomicBool, value: bool) {
    if shown.load(Ordering::Relaxed) != value {
        shown.store(value, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
