//! A driver without a connection: the two ends of one call, joined by queues.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crate::channel::wait;
use bytes::Bytes;
use sailplane::call::{Batch, Outcome, ResponseHead};
use sailplane::stub::Incoming;
use sailplane::{CallId, Driver, Instant, Metadata, Result, Status};

/// Messages that fit into a queue.
const ROOM: usize = 2;
pub(crate) const CALL: CallId = CallId::new(7, 1);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) requests: VecDeque<Bytes>,
    pub(crate) finished: bool,
    pub(crate) headers: Metadata,
    pub(crate) headers_sent: bool,
    headers_taken: bool,
    pub(crate) replies: VecDeque<Bytes>,
    trailers: Metadata,
    pub(crate) outcome: Option<Outcome>,
    /// What the client cancelled with.
    pub(crate) cancelled: Option<Status>,
    pub(crate) ended: bool,
    pub(crate) responses: usize,
    pub(crate) client_releases: usize,
    pub(crate) server_releases: usize,
    wakers: Vec<Waker>,
}

/// One call.
#[derive(Default)]
pub(crate) struct Wire(Mutex<State>);

pub(crate) struct ClientEnd(pub(crate) Arc<Wire>);
pub(crate) struct ServerEnd(pub(crate) Arc<Wire>);

impl Wire {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Changes something and wakes everybody, outside the lock.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        result
    }

    fn poll<T>(&self, cx: &Context<'_>, poll: impl FnOnce(&mut State) -> Option<T>) -> Poll<T> {
        let mut state = self.state();
        match poll(&mut state) {
            Some(found) => {
                let wakers = std::mem::take(&mut state.wakers);
                drop(state);
                wakers.into_iter().for_each(Waker::wake);
                Poll::Ready(found)
            }
            None => {
                state.wakers.push(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(crate) fn respond(&self, message: Option<Bytes>, status: Result<()>) {
        self.change(|state| {
            state.responses += 1;
            if state.ended {
                return;
            }
            state.headers_sent |= message.is_some() || status.is_ok();
            state.replies.extend(message);
            let mut trailers = std::mem::take(&mut state.trailers);
            if let Err(status) = &status {
                trailers.extend(status.metadata());
            }
            state.outcome = Some(Outcome { status, trailers, replay: None });
            state.ended = true;
        });
    }
}

impl Driver for ClientEnd {
    fn poll_headers(&self, _: CallId, cx: &mut Context<'_>) -> Poll<Option<ResponseHead>> {
        self.0.poll(cx, |state| {
            if state.headers_sent && !std::mem::replace(&mut state.headers_taken, true) {
                let metadata = state.headers.clone();
                return Some(Some(ResponseHead { metadata, ..ResponseHead::default() }));
            }
            (state.headers_taken || state.ended).then_some(None)
        })
    }

    fn poll_receive(&self, _: CallId, cx: &mut Context<'_>) -> Poll<Incoming> {
        self.0.poll(cx, |state| match state.replies.pop_front() {
            Some(message) => Some(Incoming::Messages(message.into())),
            None => state.ended.then_some(Incoming::End),
        })
    }

    fn poll_outcome(&self, _: CallId, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.0.poll(cx, |state| state.outcome.take())
    }

    fn poll_send(&self, _: CallId, batch: &mut Batch, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.0.poll(cx, |state| {
            if state.ended {
                let status = state.outcome.as_ref().and_then(|outcome| outcome.status.clone().err());
                return Some(Err(status.unwrap_or_else(|| Status::cancelled("answered early"))));
            }
            if state.requests.len() == ROOM {
                return None;
            }
            state.requests.extend(batch.drain());
            Some(Ok(()))
        })
    }

    fn finish_sending(&self, _: CallId) {
        self.0.change(|state| state.finished = true);
    }

    fn cancel(&self, _: CallId, status: Status) {
        self.0.change(|state| {
            if !state.ended {
                state.ended = true;
                state.cancelled = Some(status.clone());
                state.outcome =
                    Some(Outcome { status: Err(status), trailers: Metadata::new(), replay: None });
            }
        });
    }

    fn peer(&self, _: CallId) -> Option<Arc<str>> {
        Some("server:1".into())
    }

    fn release(&self, call: CallId) {
        self.cancel(call, Status::cancelled("released"));
        self.0.change(|state| state.client_releases += 1);
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(1000)
    }

    fn block(&self, _: CallId, poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) {
        wait(poll);
    }

    fn add_headers(&self, _: CallId, _: Metadata) -> Result<()> {
        unreachable!()
    }
    fn add_trailers(&self, _: CallId, _: Metadata) {
        unreachable!()
    }
    fn send_headers(&self, _: CallId) -> Result<()> {
        unreachable!()
    }
    fn respond(&self, _: CallId, _: Option<Bytes>, _: Result<()>) {
        unreachable!()
    }
    fn poll_cancelled(&self, _: CallId, _: &mut Context<'_>) -> Poll<Status> {
        unreachable!()
    }
}

impl Driver for ServerEnd {
    fn poll_receive(&self, _: CallId, cx: &mut Context<'_>) -> Poll<Incoming> {
        self.0.poll(cx, |state| {
            if state.cancelled.is_some() {
                return Some(Incoming::Ended(Status::cancelled("the client cancelled")));
            }
            match state.requests.pop_front() {
                Some(message) => Some(Incoming::Messages(message.into())),
                None => state.finished.then_some(Incoming::End),
            }
        })
    }

    fn poll_send(&self, _: CallId, batch: &mut Batch, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.0.poll(cx, |state| {
            if state.ended {
                return Some(Err(Status::cancelled("the client cancelled")));
            }
            if state.replies.len() == ROOM {
                return None;
            }
            state.headers_sent = true;
            state.replies.extend(batch.drain());
            Some(Ok(()))
        })
    }

    fn cancel(&self, _: CallId, status: Status) {
        self.0.respond(None, Err(status));
    }

    fn add_headers(&self, _: CallId, metadata: Metadata) -> Result<()> {
        let mut state = self.0.state();
        if state.headers_sent {
            return Err(Status::internal("headers were sent"));
        }
        state.headers.extend(&metadata);
        Ok(())
    }

    fn add_trailers(&self, _: CallId, metadata: Metadata) {
        self.0.state().trailers.extend(&metadata);
    }

    fn send_headers(&self, _: CallId) -> Result<()> {
        self.0.change(|state| state.headers_sent = true);
        Ok(())
    }

    fn respond(&self, call: CallId, message: Option<Bytes>, status: Result<()>) {
        self.0.respond(message, status);
        self.release(call);
    }

    fn poll_cancelled(&self, _: CallId, cx: &mut Context<'_>) -> Poll<Status> {
        self.0.poll(cx, |state| {
            let over = state.cancelled.is_some() || state.server_releases > 0;
            over.then(|| Status::cancelled("the client cancelled"))
        })
    }

    fn peer(&self, _: CallId) -> Option<Arc<str>> {
        Some("client:1".into())
    }

    fn release(&self, _: CallId) {
        self.0.change(|state| state.server_releases += 1);
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(1000)
    }

    fn block(&self, _: CallId, poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) {
        wait(poll);
    }

    fn finish_sending(&self, _: CallId) {
        unreachable!("a server's messages end with its answer")
    }
    fn poll_headers(&self, _: CallId, _: &mut Context<'_>) -> Poll<Option<ResponseHead>> {
        unreachable!()
    }
    fn poll_outcome(&self, _: CallId, _: &mut Context<'_>) -> Poll<Outcome> {
        unreachable!()
    }
}
