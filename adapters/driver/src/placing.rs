//! How a client's call comes onto a connection.

use std::sync::Arc;

use sailplane::call::Replay;
use sailplane::channel::Record;
use sailplane::{Instant, Refused, RefusedReason, Start};

use crate::after::After;
use crate::call::{Call, Owner, settle};
use crate::local::{Place, Wakers};
use crate::turn::Output;
use crate::{Io, Link};

/// A call is on the connection, or its record is back, with the reason.
type Placed = Result<(), Box<(Record, RefusedReason)>>;

impl<I: Io> Call<I> {
    /// Starts a new call on `link`.
    pub(crate) fn start_on(
        self: &Arc<Self>,
        link: &Arc<Link<I>>,
        now: Instant,
        start: Start,
    ) -> Result<(), Box<Refused>> {
        let (result, after) = {
            let mut local = self.lock();
            let (result, after) = Arc::clone(link).command_at(now, Output::Other, |state, now, _| {
                let id = state.connection.start_call(now, start)?;
                state.attach(id, Owner::Client(Arc::clone(self)));
                Ok(id)
            });
            (result.map(|id| local.place_at(link, id)), after)
        };
        after.settle();
        result
    }

    /// Starts a call that waited on `link`. One that is over by then is dropped.
    pub(crate) fn place_on(self: &Arc<Self>, link: &Arc<Link<I>>, record: Record) -> (Placed, Landed<I>) {
        let mut local = self.lock();
        if !matches!(local.place, Place::Waiting(_)) {
            return (Ok(()), Landed::default());
        }
        let Record { call: Replay { head, mut messages, finished, never_sent }, wait_for_ready, repetitions } =
            record;
        let finished = finished || local.finished;
        let message = messages.pop_front();
        let start = Start { head, message, finished: finished && messages.is_empty() };
        let (started, after) = link.command(|state, now, _| {
            let id = state.connection.start_call(now, start)?;
            state.attach(id, Owner::Client(Arc::clone(self)));
            Ok::<_, Box<Refused>>(id)
        });
        let mut landed = Landed { after: Some(after), ..Landed::default() };
        match started {
            Ok(id) => local.place_at(link, id),
            Err(refused) => {
                let Refused { start, reason } = *refused;
                if let Some(message) = start.message {
                    messages.push_front(message);
                }
                let call = Replay { head: start.head, messages, finished, never_sent };
                let record = Record { call, wait_for_ready, repetitions };
                return (Err(Box::new((record, reason))), landed);
            }
        }
        local.finished = finished;
        if !messages.is_empty() {
            local.extra().backlog = messages;
            landed.backlog = self.flush_backlog(&mut local);
        }
        landed.wakers = local.placed();
        (Ok(()), landed)
    }
}

/// What follows from an attempt to place a call. [`settle`](Self::settle)d with nothing locked, and once the next
/// call has its turn: to write may take as long as the peer likes.
#[must_use]
pub(crate) struct Landed<I: Io> {
    pub(crate) wakers: Wakers,
    after: Option<After<I>>,
    backlog: Option<After<I>>,
}

impl<I: Io> Default for Landed<I> {
    fn default() -> Self {
        Self { wakers: Wakers::default(), after: None, backlog: None }
    }
}

impl<I: Io> Landed<I> {
    /// Wakes and writes.
    pub(crate) fn settle(self) {
        self.wakers.wake();
        settle(self.after);
        settle(self.backlog);
    }
}
