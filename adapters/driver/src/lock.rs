//! Under the lock of a connection, and what is collected there.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use sailplane::call::{Code, Status};
use sailplane::{Config, Connection, End, Instant, Transmit};

use crate::after::After;
use crate::state::{Change, Role, State};
use crate::{Io, Link};

/// How long the rest of the output of a connection that is over may wait for a transport that is full.
const LINGER: Duration = Duration::from_secs(5);

impl<I: Io> Link<I> {
    /// Runs `f` under the lock, and collects what follows.
    pub(crate) fn run(self: &Arc<Self>, f: impl FnOnce(&mut State<I>, Instant, &mut After<I>)) -> After<I> {
        self.command(f).1
    }

    /// [`run`](Self::run) with a result.
    pub(crate) fn command<R>(
        self: &Arc<Self>,
        f: impl FnOnce(&mut State<I>, Instant, &mut After<I>) -> R,
    ) -> (R, After<I>) {
        self.command_with(self.io.defers(), f)
    }

    pub(crate) fn command_with<R>(
        self: &Arc<Self>,
        defers: bool,
        f: impl FnOnce(&mut State<I>, Instant, &mut After<I>) -> R,
    ) -> (R, After<I>) {
        let now = self.io.now();
        let mut after = After::new(Arc::clone(self));
        let mut state = self.lock();
        let result = f(&mut state, now, &mut after);
        self.conclude(&mut state, now, defers, &mut after);
        drop(state);
        (result, after)
    }

    /// The last step under the lock: events out, output out, the writer's role, the timeout.
    fn conclude(&self, state: &mut State<I>, now: Instant, defers: bool, after: &mut After<I>) {
        loop {
            state.drain_events(&mut after.tell, &mut after.changes);
            if let Some(transmit) = &mut after.writing {
                if !state.connection.poll_transmit(now, transmit) {
                    state.transmit = after.writing.take().unwrap_or_default();
                    state.writing = false;
                }
            } else if defers {
                after.kick = !state.writing;
            } else if !state.writing && state.connection.poll_transmit(now, &mut state.transmit) {
                state.writing = true;
                after.writing = Some(std::mem::take(&mut state.transmit));
            }
            if !state.connection.has_event() {
                break;
            }
        }
        after.calls_waiting |= state.sees_more_incoming();
        self.publish(state, now, after);
    }

    /// Shows what changed to those who do not lock.
    fn publish(&self, state: &mut State<I>, now: Instant, after: &mut After<I>) {
        if state.stuck && state.lost.is_some() && state.linger.is_none() {
            state.linger = Some(now.saturating_add(LINGER));
        }
        let timeout = state.connection.poll_timeout().map(|timeout| timeout.at);
        let linger = if state.stuck { state.linger } else { None };
        if let Some(at) = self.timeout.set([timeout, linger].into_iter().flatten().min()) {
            after.earlier = Some(at);
        }
        self.wants_receive.store(state.connection.wants_receive(), Ordering::SeqCst);
        self.stuck.store(state.stuck, Ordering::SeqCst);
        self.over.store(state.lost.is_some(), Ordering::SeqCst);
        if !state.finished_told && !state.writing && state.connection.is_finished() {
            state.finished_told = true;
            after.finished = true;
            self.finished.store(true, Ordering::SeqCst);
        }
    }

    /// The writer wrote everything it had.
    pub(crate) fn look_again(&self, after: &mut After<I>) {
        let now = self.io.now();
        let mut state = self.lock();
        self.conclude(&mut state, now, false, after);
    }

    /// Writing failed.
    pub(crate) fn failed(&self, end: End, after: &mut After<I>) {
        let now = self.io.now();
        let mut state = self.lock();
        state.connection.handle_end(now, end);
        state.drain_events(&mut after.tell, &mut after.changes);
    }

    /// The transport is full: the output waits here.
    pub(crate) fn stuck(&self, transmit: Option<Transmit>) {
        let mut state = self.lock();
        state.transmit = transmit.unwrap_or_default();
        state.stuck = true;
        self.stuck.store(true, Ordering::SeqCst);
    }

    /// A writer unwound. What it did not write is written by the next one.
    pub(crate) fn give_back(&self, transmit: Transmit) {
        let mut state = self.lock();
        state.transmit = transmit;
        state.writing = false;
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

    /// The lock. Where a thread panicked under it, the connection cannot be trusted: it is replaced by one
    /// that is over.
    fn lock(&self) -> MutexGuard<'_, State<I>> {
        self.state.lock().unwrap_or_else(|poisoned| {
            let mut state = poisoned.into_inner();
            self.state.clear_poison();
            self.replace_broken(&mut state);
            state
        })
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

#[cfg(test)]
mod tests;
