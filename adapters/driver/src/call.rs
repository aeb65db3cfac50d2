//! One call, on whichever side: what its handles drive.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use sailplane::call::{Batch, Status};
use sailplane::channel::attempt::{Verdict, verdict};
use sailplane::channel::{Record, Ticket};
use sailplane::connection::SendError;
use sailplane::stub::Served;
use sailplane::{CallId, Instant};

use crate::after::After;
use crate::local::{Extra, Local, News, Place, register};
use crate::state::{Role, State};
use crate::turn::Output;
use crate::{Blocked, Io, Link};

/// Where a client's calls come from, and go back to while they have no connection.
pub(crate) trait Home<I: Io>: Send + Sync {
    /// The attempt ended, and the call may be placed once more.
    fn place_again(&self, call: &Arc<Call<I>>, record: Record);
    /// Adds messages to a record that waits; false if there is no room, or it waits no longer.
    fn append(&self, ticket: Ticket, batch: &mut Batch) -> bool;
    /// The record will not be continued.
    fn finish(&self, ticket: Ticket);
    /// The call waits no longer.
    fn withdraw(&self, ticket: Ticket);
    fn block(&self, blocked: &mut Blocked<'_, I>);
    fn now(&self) -> Instant;
}

/// One call. Handles hold it as `Arc<dyn Driver>`; the ids that they pass are not needed.
pub(crate) struct Call<I: Io> {
    /// None on a server.
    this: Weak<Self>,
    /// None on a server.
    pub(crate) home: Option<Arc<dyn Home<I>>>,
    local: Mutex<Local<I>>,
}

/// A call, as its connection knows it.
pub(crate) enum Owner<I: Io> {
    Client(Arc<Call<I>>),
    Server(Arc<Served<Call<I>>>),
}

impl<I: Io> Clone for Owner<I> {
    fn clone(&self) -> Self {
        match self {
            Self::Client(call) => Self::Client(Arc::clone(call)),
            Self::Server(served) => Self::Server(Arc::clone(served)),
        }
    }
}

impl<I: Io> Deref for Owner<I> {
    type Target = Call<I>;

    fn deref(&self) -> &Call<I> {
        match self {
            Self::Client(call) => call,
            Self::Server(served) => served.driver(),
        }
    }
}

impl<I: Io> Call<I> {
    pub(crate) fn client(home: Arc<dyn Home<I>>, local: Local<I>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self { this: Weak::clone(this), home: Some(home), local: Mutex::new(local) })
    }

    pub(crate) const fn server(local: Local<I>) -> Self {
        Self { this: Weak::new(), home: None, local: Mutex::new(local) }
    }

    /// A server's: becomes another one on the same connection.
    pub(crate) fn renew(&mut self, link: &Arc<Link<I>>, id: CallId) -> &mut Local<I> {
        let local = self.local.get_mut().unwrap_or_else(PoisonError::into_inner);
        local.renew(Place::Placed(Arc::clone(link), id));
        local
    }

    #[inline]
    pub(crate) const fn role(&self) -> Role {
        if self.home.is_some() { Role::Client } else { Role::Server }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Local<I>> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock, unless somebody has it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, Local<I>>> {
        self.local.try_lock().ok()
    }

    /// Where it is, if it is on a connection.
    pub(crate) fn link(&self) -> Option<Arc<Link<I>>> {
        match &self.lock().place {
            Place::Placed(link, _) => Some(Arc::clone(link)),
            _ => None,
        }
    }

    /// Something changed. Called with nothing locked.
    pub(crate) fn news(&self, news: News) {
        let (wakers, after) = {
            let mut local = self.lock();
            let after = if news.send && local.has_backlog() { self.flush_backlog(&mut local) } else { None };
            (local.wakers(news), after)
        };
        wakers.wake();
        settle(after);
    }

    /// The call ended before it had a connection.
    pub(crate) fn fail(&self, status: Status) {
        let wakers = self.lock().fail(status);
        wakers.wake();
    }

    /// Sends what did not fit when the call was placed.
    pub(crate) fn flush_backlog(&self, local: &mut Local<I>) -> Option<After<I>> {
        let Place::Placed(link, id) = &local.place else { return None };
        let (id, finished) = (*id, local.finished);
        let mut none = VecDeque::new();
        let backlog = local.extra.as_mut().map_or(&mut none, |extra| &mut extra.backlog);
        let after = link.run(|state, _, _| {
            while let Some(message) = backlog.front() {
                // What is not taken stays: the call may be repeated, with all that it has.
                if state.connection.send_message(id, message.clone()).is_err() {
                    return;
                }
                backlog.pop_front();
            }
            if finished {
                // Refused only where the call has ended.
                let _ = state.connection.finish_sending(id);
            }
        });
        Some(after)
    }

    /// Looks at the connection, if there may be something.
    pub(crate) fn look(&self, local: &mut Local<I>) -> Option<After<I>> {
        let Place::Placed(link, id) = &local.place else { return None };
        if !local.look {
            return None;
        }
        let (link, id) = (Arc::clone(link), *id);
        let (released, after) =
            link.command_for(Output::Other, |state, _, _| state.take(id, local, self.role()));
        // Not the last reference: a handle is asking.
        drop(released);
        Some(after)
    }

    /// What to place once more, where the attempt just ended and may be repeated.
    pub(crate) fn repeat(local: &mut Local<I>) -> Option<Record> {
        let Extra { outcome, backlog, .. } = &mut **local.extra.as_mut()?;
        let outcome = outcome.as_mut()?;
        if local.cancelled || verdict(outcome, local.repetitions) == Verdict::Over {
            outcome.replay = None;
            return None;
        }
        let mut replay = outcome.replay.take()?;
        replay.messages.append(backlog);
        local.forget_outcome();
        local.complete = false;
        local.messages_ended = false;
        local.look = false;
        local.repetitions += u32::from(!replay.never_sent);
        local.finished |= replay.finished;
        local.place = Place::Moving;
        Some(Record { call: *replay, wait_for_ready: local.wait_for_ready, repetitions: local.repetitions })
    }

    /// Asks `ready` after looking; while it has nothing, the waker of `cx` is registered.
    pub(crate) fn poll<R>(
        &self,
        cx: &Context<'_>,
        slot: fn(&mut Local<I>) -> &mut Option<std::task::Waker>,
        mut ready: impl FnMut(&mut Local<I>) -> Option<R>,
    ) -> Poll<R> {
        loop {
            let mut replaced = None;
            let mut local = self.lock();
            let (mut after, mut found) = (None, None);
            let mut again = Self::repeat(&mut local);
            if again.is_none() {
                found = ready(&mut local);
            }
            if again.is_none() && found.is_none() {
                after = self.look(&mut local);
                again = Self::repeat(&mut local);
            }
            if again.is_none() && found.is_none() {
                found = ready(&mut local);
            }
            if again.is_none() && found.is_none() {
                replaced = register(slot(&mut local), cx);
            }
            drop(local);
            drop(replaced);
            settle(after);
            if again.is_none() {
                return found.map_or(Poll::Pending, Poll::Ready);
            }
            self.place_again(again);
        }
    }

    pub(crate) fn place_again(&self, record: Option<Record>) {
        if let (Some(record), Some(home), Some(this)) = (record, &self.home, self.this.upgrade()) {
            home.place_again(&this, record);
        }
    }

    /// Runs a command where the call is on a connection.
    pub(crate) fn placed<R>(
        &self,
        command: impl FnOnce(&mut State<I>, CallId, &mut Local<I>) -> R,
    ) -> Option<R> {
        let (result, after) = {
            let mut local = self.lock();
            let Place::Placed(link, id) = &local.place else { return None };
            let (link, id) = (Arc::clone(link), *id);
            link.command(|state, _, _| command(state, id, &mut local))
        };
        after.settle();
        Some(result)
    }

    /// Adds small messages to what waits for a flush, as most are sent; false where there is more to it.
    #[inline]
    pub(crate) fn add(&self, local: &mut Local<I>, batch: &mut Batch) -> bool {
        let Place::Placed(link, id) = &local.place else { return false };
        let is_plain = !local.has_unsent_headers() && !local.has_backlog() && !local.has_outcome();
        if !is_plain || batch.octets() >= Batch::SMALL || batch.is_empty() {
            return false;
        }
        local.added = local.added.wrapping_add(1);
        let added = link.add(*id, batch, local.added);
        local.head_taken |= added && self.role() == Role::Server;
        added
    }

    pub(crate) fn try_send(&self, local: &mut Local<I>, batch: &mut Batch) -> (Sent, Option<After<I>>) {
        if batch.is_empty() {
            return (Sent::Done, None);
        }
        match &local.place {
            Place::Over(_) => (Sent::Over, None),
            Place::Moving => (Sent::Wait, None),
            Place::Waiting(ticket) => {
                let appended = self.home.as_ref().is_some_and(|home| home.append(*ticket, batch));
                (if appended { Sent::Done } else { Sent::Wait }, None)
            }
            Place::Placed(link, id) if local.has_backlog() => {
                let (link, id) = (Arc::clone(link), *id);
                let (ended, after) = link.command(|state, _, _| {
                    let ended = state.has_ended(id);
                    if ended {
                        drop(state.take(id, local, self.role()));
                    }
                    ended
                });
                (if ended { Sent::Over } else { Sent::Wait }, Some(after))
            }
            Place::Placed(link, id) => {
                let (link, id) = (Arc::clone(link), *id);
                let (sent, after) =
                    link.command_for(Output::Message, |state, _, _| self.send(state, id, local, batch));
                (sent, Some(after))
            }
        }
    }

    /// Sends, under the connection's lock.
    fn send(&self, state: &mut State<I>, id: CallId, local: &mut Local<I>, batch: &mut Batch) -> Sent {
        if state.has_ended(id) {
            drop(state.take(id, local, self.role()));
            return Sent::Over;
        }
        if local.has_unsent_headers() {
            // Refused where they were sent, which `add_headers` has told already.
            let _ = state.connection.send_headers(id, local.take_headers());
        }
        match state.connection.send_batch(id, batch) {
            Ok(()) => {
                local.head_taken |= self.role() == Role::Server;
                Sent::Done
            }
            Err(SendError::Blocked(())) => Sent::Wait,
            Err(SendError::Misuse(misuse)) => Sent::Misused(misuse.to_string()),
            Err(SendError::Ended) => {
                drop(state.take(id, local, self.role()));
                Sent::Over
            }
        }
    }
}

pub(crate) enum Sent {
    Done,
    Wait,
    Over,
    Misused(String),
}

pub(crate) fn settle<I: Io>(after: Option<After<I>>) {
    if let Some(after) = after {
        after.settle();
    }
}
