//! How a client's call comes onto a connection.

use std::sync::Arc;

use sailplane::call::Replay;
use sailplane::channel::Record;
use sailplane::{Instant, Refused, RefusedReason, Start};

use crate::call::{Call, Owner};
use crate::local::Place;
use crate::turn::Output;
use crate::{Io, Link};

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
    pub(crate) fn place_on(
        self: &Arc<Self>,
        link: &Arc<Link<I>>,
        record: Record,
    ) -> Result<(), Box<(Record, RefusedReason)>> {
        let (wakers, after, backlog) = {
            let mut local = self.lock();
            if !matches!(local.place, Place::Waiting(_)) {
                return Ok(());
            }
            let Record {
                call: Replay { head, mut messages, finished, never_sent },
                wait_for_ready,
                repetitions,
            } = record;
            let finished = finished || local.finished;
            let message = messages.pop_front();
            let start = Start { head, message, finished: finished && messages.is_empty() };
            let (started, after) = link.command(|state, now, _| {
                let id = state.connection.start_call(now, start)?;
                state.attach(id, Owner::Client(Arc::clone(self)));
                Ok::<_, Box<Refused>>(id)
            });
            match started {
                Ok(id) => local.place_at(link, id),
                Err(refused) => {
                    let Refused { start, reason } = *refused;
                    if let Some(message) = start.message {
                        messages.push_front(message);
                    }
                    let call = Replay { head: start.head, messages, finished, never_sent };
                    drop(local);
                    after.settle();
                    return Err(Box::new((Record { call, wait_for_ready, repetitions }, reason)));
                }
            }
            let more = !messages.is_empty();
            local.finished = finished;
            if more {
                local.extra().backlog = messages;
            }
            let backlog = if more { self.flush_backlog(&mut local) } else { None };
            let wakers = local.placed();
            (wakers, after, backlog)
        };
        wakers.wake();
        after.settle();
        if let Some(backlog) = backlog {
            backlog.settle();
        }
        Ok(())
    }
}
