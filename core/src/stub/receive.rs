//! The protocol of the receiving half, without types: every step once, as a poll function.

use alloc::boxed::Box;
use bytes::Bytes;
use core::task::{Context, Poll, ready};

use crate::call::{CallId, Messages, Metadata, Result, Status};
use crate::stub::driver::{Driver, Incoming};
use crate::stub::raw::{Half, Handle, Link};

/// Receives messages until the end.
#[derive(Debug)]
pub(crate) struct Receive {
    link: Half,
    /// What came, once something did.
    came: Option<Box<Came>>,
}

/// Apart: while nothing comes, a handler's future is small.
#[derive(Debug, Default)]
struct Came {
    /// What the driver gave and nobody asked for yet.
    messages: Messages,
    headers: Option<Metadata>,
    trailers: Option<Metadata>,
    end: Option<Result<()>>,
    /// The reader was told of the end.
    told: bool,
}

impl Receive {
    pub(crate) const fn new(link: Half) -> Self {
        Self { link, came: None }
    }

    pub(crate) const fn link(&self) -> &Half {
        &self.link
    }

    /// The next message, if it is here.
    #[inline]
    pub(crate) fn next_here(&mut self) -> Option<Bytes> {
        self.came.as_mut()?.messages.next()
    }

    /// The next message; after them the outcome: a failure once, otherwise `None`.
    #[inline]
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        match self.next_here() {
            Some(message) => Poll::Ready(Ok(Some(message))),
            None => self.poll_more(cx),
        }
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        if !self.has_ended() {
            if let Some(message) = ready!(self.poll_incoming(cx)) {
                if self.has_no_headers() && self.link.has_info() {
                    self.take_headers(cx);
                }
                return Poll::Ready(Ok(Some(message)));
            }
        }
        let Came { end, told, .. } = &mut **self.came.get_or_insert_default();
        let told = core::mem::replace(told, true);
        match end {
            Some(Err(status)) if !told => Poll::Ready(Err(status.clone())),
            _ => Poll::Ready(Ok(None)),
        }
    }

    fn end(&mut self, end: Result<()>) {
        self.came.get_or_insert_default().end = Some(end);
    }

    fn has_ended(&self) -> bool {
        self.came.as_ref().is_some_and(|came| came.end.is_some())
    }

    /// A message, or nothing once the end is known.
    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let incoming = match self.link.parts() {
            Ok((driver, call)) => ready!(driver.poll_receive(call, cx)),
            Err(status) => Incoming::Ended(status),
        };
        match incoming {
            Incoming::Messages(messages) => {
                let came = self.came.get_or_insert_default();
                came.messages = messages;
                return Poll::Ready(came.messages.next());
            }
            Incoming::End if self.link.is_server() => self.end(Ok(())),
            Incoming::End => ready!(self.poll_outcome(cx)),
            Incoming::Ended(status) => self.end(Err(status)),
        }
        Poll::Ready(None)
    }

    /// Client: waits for the outcome, after the last message.
    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let outcome = match self.link.parts() {
            Ok((driver, call)) => ready!(driver.poll_outcome(call, cx)),
            Err(status) => {
                self.end(Err(status));
                return Poll::Ready(());
            }
        };
        if self.has_no_headers() {
            self.take_headers(cx);
        }
        self.link.tell_trailers(&outcome.trailers);
        let came = self.came.get_or_insert_default();
        (came.trailers, came.end) = (Some(outcome.trailers), Some(outcome.status));
        Poll::Ready(())
    }

    /// Client: waits for initial metadata, which [`headers`](Self::headers) then gives.
    pub(crate) fn poll_headers(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.has_no_headers() && !self.has_ended() && !self.link.is_server() {
            if let Ok((driver, call)) = self.link.parts() {
                match ready!(driver.poll_headers(call, cx)) {
                    Some(head) => self.keep_headers(head.metadata),
                    None => ready!(self.poll_outcome(cx)),
                }
            }
        }
        let came = self.came.as_ref().map_or((None, None), |came| (came.headers.as_ref(), came.end.as_ref()));
        Poll::Ready(match (came, &self.link) {
            ((None, Some(Err(status))), _) | ((None, None), Link::Failed(status)) => Err(status.clone()),
            _ => Ok(()),
        })
    }

    /// Initial metadata, or what a server was sent.
    pub(crate) fn headers(&self) -> &Metadata {
        static NONE: Metadata = Metadata::new();
        match (self.came.as_ref().and_then(|came| came.headers.as_ref()), &self.link) {
            (Some(headers), _) => headers,
            (None, Link::Server(call)) => call.metadata(),
            (None, _) => &NONE,
        }
    }

    pub(crate) const fn trailers(&self) -> Option<&Metadata> {
        match &self.came {
            Some(came) => came.trailers.as_ref(),
            None => None,
        }
    }

    /// A message could not be decoded: nothing more is wanted.
    pub(crate) fn fail(&mut self, status: &Status) {
        if !self.link.is_server() {
            self.link.cancel(status.clone());
        }
        let came = self.came.get_or_insert_default();
        came.messages = Messages::default();
        (came.end, came.told) = (Some(Err(status.clone())), true);
        self.settle();
    }

    /// Lets go of a client's call that has ended.
    pub(crate) fn settle(&mut self) {
        if self.has_ended() && !self.link.is_server() {
            self.link = Link::Over;
        }
    }

    /// Takes initial metadata that have arrived.
    fn take_headers(&mut self, cx: &mut Context<'_>) {
        let Ok((driver, call)) = self.link.parts() else { return };
        if let Poll::Ready(Some(head)) = driver.poll_headers(call, cx) {
            self.keep_headers(head.metadata);
        }
    }

    fn keep_headers(&mut self, headers: Metadata) {
        self.link.tell_headers(&headers);
        self.came.get_or_insert_default().headers = Some(headers);
    }

    fn has_no_headers(&self) -> bool {
        self.came.as_ref().is_none_or(|came| came.headers.is_none())
    }
}

impl Drop for Receive {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.link.abandon("Streaming dropped before its end");
        }
    }
}

/// Client: receives exactly one message, and the outcome.
#[derive(Debug)]
pub(crate) struct Single {
    link: Link<Handle>,
    first: Option<Bytes>,
    done: bool,
}

impl Single {
    pub(crate) const fn new(link: Link<Handle>) -> Self {
        Self { link, first: None, done: false }
    }

    pub(crate) const fn link(&self) -> &Link<Handle> {
        &self.link
    }

    /// The reply. A failure of the call wins over a message.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        let result = ready!(self.poll_outcome(cx));
        self.done = true;
        Poll::Ready(result)
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        let (driver, call) = self.link.parts()?;
        if let Err(status) = ready!(poll_single(driver, call, &mut self.first, cx)) {
            driver.cancel(call, status.clone());
            return Poll::Ready(Err(status));
        }
        let outcome = ready!(driver.poll_outcome(call, cx));
        if self.link.has_info() {
            if let Poll::Ready(Some(head)) = driver.poll_headers(call, cx) {
                self.link.tell_headers(&head.metadata);
            }
            self.link.tell_trailers(&outcome.trailers);
        }
        let reply = self.first.take();
        Poll::Ready(
            outcome.status.and_then(|()| {
                reply.ok_or_else(|| Status::unimplemented("the call succeeded without a reply"))
            }),
        )
    }

    /// Lets go of a call that has ended.
    pub(crate) fn settle(&mut self) {
        if self.done {
            self.link = Link::Over;
        }
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        if !self.done {
            self.link.abandon("the call was dropped before its end");
        }
    }
}

/// Receives until the end into `first`, which takes one message and no more.
pub(crate) fn poll_single(
    driver: &dyn Driver,
    call: CallId,
    first: &mut Option<Bytes>,
    cx: &mut Context<'_>,
) -> Poll<Result<()>> {
    loop {
        let mut messages = match ready!(driver.poll_receive(call, cx)) {
            Incoming::Messages(messages) => messages,
            Incoming::End => return Poll::Ready(Ok(())),
            Incoming::Ended(status) => return Poll::Ready(Err(status)),
        };
        if first.is_some() {
            return Poll::Ready(Err(more_than_one()));
        }
        *first = messages.next();
        if !messages.is_empty() {
            return Poll::Ready(Err(more_than_one()));
        }
        if messages.is_last() {
            return Poll::Ready(Ok(()));
        }
    }
}

fn more_than_one() -> Status {
    Status::unimplemented("more than one message where one is allowed")
}
