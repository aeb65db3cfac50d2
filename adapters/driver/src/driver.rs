//! What the handles of a call ask for: [`Driver`], for calls of either side.

use bytes::Bytes;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use sailplane::call::{Batch, Metadata, Outcome, ResponseHead, Result, Status};
use sailplane::stub::driver::{Driver, Incoming};
use sailplane::{CallId, Instant};

use crate::call::{Call, Sent, settle};
use crate::local::{News, Place, register};
use crate::state::Role;
use crate::turn::Output;
use crate::{Blocked, Io};

const EARLY: &str = "the server completed the call before the client finished sending";

impl<I: Io> Driver for Call<I> {
    fn poll_headers(&self, _: CallId, cx: &mut Context<'_>) -> Poll<Option<ResponseHead>> {
        self.poll(
            cx,
            |local| &mut local.receive_waker,
            |local| {
                if let Some(head) = local.take_head() {
                    local.head_taken = true;
                    return Some(Some(head));
                }
                (local.head_taken || local.is_over()).then_some(None)
            },
        )
    }

    fn poll_receive(&self, _: CallId, cx: &mut Context<'_>) -> Poll<Incoming> {
        self.poll(
            cx,
            |local| &mut local.receive_waker,
            |local| {
                if let Some(messages) = local.messages.pop() {
                    return Some(Incoming::Messages(messages));
                }
                match self.role() {
                    Role::Client if local.complete || matches!(local.place, Place::Over(_)) => {
                        Some(Incoming::End)
                    }
                    Role::Server if local.messages_ended => Some(Incoming::End),
                    Role::Server if local.is_over() => {
                        Some(Incoming::Ended(local.reason("the call has ended")))
                    }
                    _ => None,
                }
            },
        )
    }

    fn poll_outcome(&self, _: CallId, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.poll(
            cx,
            |local| &mut local.receive_waker,
            |local| {
                if let Some(outcome) = local.take_outcome() {
                    return Some(outcome);
                }
                matches!(local.place, Place::Over(_)).then(|| Outcome {
                    status: Err(local.reason("the outcome of the call was taken")),
                    trailers: Metadata::new(),
                    replay: None,
                })
            },
        )
    }

    fn poll_send(&self, _: CallId, batch: &mut Batch, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            let mut replaced = None;
            let mut local = self.lock();
            if self.add(&mut local, batch) {
                return Poll::Ready(Ok(()));
            }
            let mut again = Self::repeat(&mut local);
            let (sent, after) = match again {
                Some(_) => (Sent::Wait, None),
                None => self.try_send(&mut local, batch),
            };
            again = again.or_else(|| Self::repeat(&mut local));
            let result = match sent {
                _ if again.is_some() => None,
                Sent::Done => Some(Poll::Ready(Ok(()))),
                Sent::Over => Some(Poll::Ready(Err(local.reason(EARLY)))),
                Sent::Misused(text) => Some(Poll::Ready(Err(Status::internal(text)))),
                Sent::Wait => {
                    replaced = register(&mut local.send_waker, cx);
                    Some(Poll::Pending)
                }
            };
            drop(local);
            drop(replaced);
            settle(after);
            if let Some(result) = result {
                return result;
            }
            self.place_again(again);
        }
    }

    fn finish_sending(&self, _: CallId) {
        let after = {
            let mut local = self.lock();
            local.finished = true;
            match &local.place {
                Place::Waiting(ticket) => {
                    if let Some(home) = &self.home {
                        home.finish(*ticket);
                    }
                    None
                }
                Place::Placed(..) => self.flush_backlog(&mut local),
                Place::Moving | Place::Over(_) => None,
            }
        };
        settle(after);
    }

    fn cancel(&self, _: CallId, status: Status) {
        let (wakers, after) = {
            let mut local = self.lock();
            match &local.place {
                Place::Over(_) => return,
                Place::Placed(link, id) => {
                    let (link, id) = (Arc::clone(link), *id);
                    if let Some(extra) = &mut local.extra {
                        extra.backlog.clear();
                    }
                    local.cancelled = true;
                    local.look = true;
                    let after = link.run(|state, _, _| {
                        // Refused only where there is nothing to cancel.
                        let _ = state.connection.cancel(id, status);
                    });
                    (None, Some(after))
                }
                Place::Moving => (Some(local.fail(status)), None),
                Place::Waiting(ticket) => {
                    if let Some(home) = &self.home {
                        home.withdraw(*ticket);
                    }
                    (Some(local.fail(status)), None)
                }
            }
        };
        if let Some(wakers) = wakers {
            wakers.wake();
        }
        settle(after);
    }

    fn add_headers(&self, _: CallId, metadata: Metadata) -> Result<()> {
        let mut local = self.lock();
        if local.head_taken || matches!(local.place, Place::Over(_)) {
            return Err(headers_sent());
        }
        local.add_headers(&metadata);
        Ok(())
    }

    fn add_trailers(&self, _: CallId, metadata: Metadata) {
        self.lock().add_trailers(&metadata);
    }

    fn send_headers(&self, _: CallId) -> Result<()> {
        let sent = self.placed(|state, id, local| {
            let headers = local.take_headers();
            local.head_taken = true;
            state.connection.send_headers(id, headers)
        });
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(headers_sent()),
        }
    }

    fn respond(&self, _: CallId, message: Option<Bytes>, status: Result<()>) {
        let (after, released, wakers) = {
            let mut local = self.lock();
            let Place::Placed(link, id) = local.leave() else { return };
            let headers = local.take_headers();
            let trailers = local.take_trailers();
            let message = message.filter(|_| status.is_ok());
            let (released, after) = link.command_for(Output::Answer, |state, _, _| {
                if !headers.is_empty() {
                    // Refused only where they were sent or the call is over.
                    let _ = state.connection.send_headers(id, headers);
                }
                let _ = state.connection.respond(id, message, trailers, status);
                state.answered(id, &local)
            });
            if !local.is_over() {
                local.set_over(Ok(()));
            }
            let cancel = local.cancel_waker.take();
            (after, (released, cancel), local.wakers(News { receive: true, send: true, ended: false }))
        };
        after.settle();
        drop(released);
        wakers.wake();
    }

    fn poll_cancelled(&self, _: CallId, cx: &mut Context<'_>) -> Poll<Status> {
        self.poll(
            cx,
            |local| &mut local.cancel_waker,
            |local| {
                let ended = || Status::cancelled("the call has ended");
                local.is_over().then(|| local.failure().cloned().unwrap_or_else(ended))
            },
        )
    }

    fn peer(&self, _: CallId) -> Option<Arc<str>> {
        self.lock().peer()
    }

    fn release(&self, _: CallId) {
        let (released, wakers, after) = {
            let mut local = self.lock();
            let wakers = local.wakers(News { receive: true, send: true, ended: true });
            let (released, after) = match local.leave() {
                Place::Placed(link, id) => {
                    let (released, after) = link.command(|state, _, _| state.release(id));
                    (released, Some(after))
                }
                Place::Waiting(ticket) => {
                    if let Some(home) = &self.home {
                        home.withdraw(ticket);
                    }
                    (None, None)
                }
                Place::Moving | Place::Over(_) => (None, None),
            };
            (released, wakers, after)
        };
        drop(released);
        drop(wakers);
        settle(after);
    }

    fn now(&self) -> Instant {
        match &self.home {
            Some(home) => home.now(),
            None => self.link().map_or_else(crate::now, |link| link.io().now()),
        }
    }

    fn block(&self, _: CallId, poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) {
        // A request that came whole is there already, and then nobody has to be woken.
        if self.role() == Role::Server && poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        let mut blocked = Blocked::new(self, poll);
        if let Some(home) = &self.home {
            home.block(&mut blocked);
        } else if let Some(link) = self.link() {
            link.io().block(&mut blocked);
        } else {
            blocked.park();
        }
    }
}

fn headers_sent() -> Status {
    Status::failed_precondition("the initial metadata were sent already")
}
