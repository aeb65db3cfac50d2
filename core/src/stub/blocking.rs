//! Blocking twins of the async handles: the same protocol, on the thread that waits.

use alloc::sync::Arc;
use bytes::Bytes;
use core::borrow::Borrow;
use core::fmt;
use core::task::{Context, Poll, Waker};

use crate::call::{Batch, CallId, Metadata, Result, Status};
use crate::stub::driver::Driver;
use crate::stub::raw::{Handle, Link};
use crate::stub::receive::Single;
use crate::stub::sender::SendError;
use crate::stub::service::{Reply, ServiceInfo, poll_request};
use crate::stub::{Call, Method};
use crate::time::Instant;

/// What drives a call, kept while a poll function has its handle.
enum Parked {
    Client(Arc<dyn Driver>, CallId),
    Server(Call),
    Nobody,
}

impl Parked {
    fn new<H: Borrow<Handle>>(link: &Link<H>) -> Self {
        match link {
            Link::Client(handle) => {
                let Handle { driver, call, .. } = handle.borrow();
                Self::Client(Arc::clone(driver), *call)
            }
            Link::Server(call) => Self::Server(call.clone()),
            Link::Failed(_) | Link::Over => Self::Nobody,
        }
    }

    /// Runs `poll` until it is ready. Without a driver it is ready at once.
    fn run<T>(&self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<Result<T>>) -> Result<T> {
        let mut result = None;
        let mut step = |cx: &mut Context<'_>| poll(cx).map(|ready| result = Some(ready));
        match self {
            Self::Client(driver, call) => driver.block(*call, &mut step),
            Self::Server(call) => {
                let (driver, call) = call.parts();
                driver.block(call, &mut step);
            }
            Self::Nobody => _ = step(&mut Context::from_waker(Waker::noop())),
        }
        result.unwrap_or_else(|| Err(Status::internal("the driver stopped waiting for a call")))
    }
}

/// Sends what is in `batch`; waits only where there is no room for it.
fn send<H: Borrow<Handle>>(link: &Link<H>, batch: &mut Batch) -> Result<()> {
    match link.poll_send(batch, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(sent) => sent,
        Poll::Pending => Parked::new(link).run(|cx| link.poll_send(batch, cx)),
    }
}

/// The driver's clock.
fn now<H: Borrow<Handle>>(link: &Link<H>) -> Instant {
    link.parts().map_or(Instant::from_nanos(0), |(driver, _)| driver.now())
}

/// Waits for a unary call.
pub(crate) fn unary<Q, R>(link: Link<Handle>, method: &Method<Q, R>) -> Result<R> {
    wait(Single::new(link)).and_then(method.reply_decoder())
}

fn wait(mut reply: Single) -> Result<Bytes> {
    Parked::new(reply.link()).run(|cx| reply.poll(cx))
}

/// Receives messages, as an iterator. All that arrived come first, then how the call ended.
///
/// On a client, dropping it before its end cancels the call; on a server it does nothing.
#[must_use = "dropping a client's Streaming cancels the call"]
pub struct Streaming<T>(crate::stub::Streaming<T>);

impl<T> Streaming<T> {
    /// Waits for the next message; `None` after the last one of a call that succeeded.
    ///
    /// # Errors
    /// How the call failed, once; afterwards `None`. A message that cannot be decoded is INTERNAL, and
    /// cancels a client's call.
    pub fn message(&mut self) -> Result<Option<T>> {
        let receive = &mut self.0.receive;
        let next = match receive.next_here() {
            Some(message) => Ok(Some(message)),
            None => Parked::new(receive.link()).run(|cx| receive.poll_next(cx)),
        };
        self.0.decode(next)
    }

    /// Waits for initial metadata. On a server: those of the request.
    ///
    /// # Errors
    /// The status of a call that failed without any; [`message`](Self::message) says it, too.
    pub fn headers(&mut self) -> Result<&Metadata> {
        let receive = &mut self.0.receive;
        Parked::new(receive.link()).run(|cx| receive.poll_headers(cx))?;
        receive.settle();
        Ok(receive.headers())
    }

    /// Trailing metadata; on a client, after the end.
    #[must_use]
    pub const fn trailers(&self) -> Option<&Metadata> {
        self.0.trailers()
    }

    /// Ends the call, unless it has ended already. What arrived can still be read.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

impl<T> Iterator for Streaming<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        self.message().transpose()
    }
}

impl<T> From<crate::stub::Streaming<T>> for Streaming<T> {
    fn from(streaming: crate::stub::Streaming<T>) -> Self {
        Self(streaming)
    }
}

impl<T> fmt::Debug for Streaming<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Sends messages.
///
/// On a client, dropping it without [`finish`](Self::finish) cancels the call: what was interrupted never
/// looks complete. On a server the handler's result ends the stream; neither is needed.
#[must_use = "dropping a client's Sender cancels the call"]
pub struct Sender<T>(crate::stub::Sender<T>);

impl<T> Sender<T> {
    /// Sends a message; waits until there is room for it.
    ///
    /// # Errors
    /// The call is over.
    pub fn send(&mut self, message: &T) -> Result<(), SendError> {
        let crate::stub::Sender { outgoing, encoder } = &mut self.0;
        outgoing.note(send(outgoing.link(), encoder.one(message)))
    }

    /// Sends messages one after the other; small ones leave together, where the iterator says that it has more
    /// ([`Iterator::size_hint`]) and gives it without delay. Does not [`finish`](Self::finish).
    ///
    /// # Errors
    /// The call is over; the messages that were not sent are dropped.
    pub fn send_all<I>(&mut self, messages: I) -> Result<(), SendError>
    where
        I: IntoIterator<Item: Borrow<T>>,
    {
        let crate::stub::Sender { outgoing, encoder } = &mut self.0;
        let mut messages = messages.into_iter();
        while let Some(batch) = encoder.some_fast(&mut messages, || now(outgoing.link())) {
            outgoing.note(send(outgoing.link(), batch))?;
        }
        Ok(())
    }

    /// Says that nothing will follow. On a server without effect: its answer says so.
    pub fn finish(self) {
        self.0.finish();
    }

    /// Ends the call, unless it has ended already.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

impl<T> From<crate::stub::Sender<T>> for Sender<T> {
    fn from(sender: crate::stub::Sender<T>) -> Self {
        Self(sender)
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A client-streaming call that runs. Dropping it cancels, unless [`finish`](Self::finish) has returned.
#[must_use = "dropping a call cancels it"]
pub struct ClientStreamingCall<Q, R>(crate::stub::ClientStreamingCall<Q, R>);

impl<Q, R> ClientStreamingCall<Q, R> {
    /// Sends a message; waits until there is room for it.
    ///
    /// # Errors
    /// The call is over; [`finish`](Self::finish) says how it ended, perhaps with a reply.
    pub fn send(&mut self, message: &Q) -> Result<(), SendError> {
        send(self.0.reply.link(), self.0.encoder.one(message)).map_err(SendError::new)
    }

    /// Says that nothing will follow, and waits for the reply.
    ///
    /// # Errors
    /// The call's status.
    pub fn finish(self) -> Result<R> {
        self.0.reply.link().finish_sending();
        wait(self.0.reply).and_then(self.0.decode)
    }

    /// Sends everything, and waits for the reply. A server that answers early stops the sending.
    ///
    /// # Errors
    /// The call's status.
    pub fn finish_with<I>(mut self, messages: I) -> Result<R>
    where
        I: IntoIterator<Item: Borrow<Q>>,
    {
        let mut messages = messages.into_iter();
        let crate::stub::ClientStreamingCall { reply, encoder, .. } = &mut self.0;
        while let Some(batch) = encoder.some_fast(&mut messages, || now(reply.link())) {
            if send(reply.link(), batch).is_err() {
                break;
            }
        }
        drop(messages);
        self.finish()
    }

    /// Ends the call, unless it has ended already.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

impl<Q, R> From<crate::stub::ClientStreamingCall<Q, R>> for ClientStreamingCall<Q, R> {
    fn from(call: crate::stub::ClientStreamingCall<Q, R>) -> Self {
        Self(call)
    }
}

impl<Q, R> fmt::Debug for ClientStreamingCall<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A service whose handlers block. Generated code implements it.
pub trait Service: Send + Sync + 'static {
    /// What it is.
    fn info(&self) -> &'static ServiceInfo;

    /// Answers a call of the method with this index.
    ///
    /// # Errors
    /// The status of the call.
    fn serve(&self, method: usize, rpc: &ServerCall) -> Result<Reply>;
}

/// A call to be answered: what [`Service::serve`] gets requests from and makes a reply with.
pub struct ServerCall(pub(crate) Call);

impl ServerCall {
    /// What a handler is given.
    #[must_use]
    pub const fn call(&self) -> &Call {
        &self.0
    }

    /// Waits for the only request.
    ///
    /// # Errors
    /// UNIMPLEMENTED where the client sent none, or more than one; INTERNAL where it cannot be decoded;
    /// the reason where the call was cancelled.
    pub fn request<Q, R>(&self, method: &Method<Q, R>) -> Result<Q> {
        let mut first = None;
        let mut poll = |cx: &mut Context<'_>| poll_request(&self.0, &mut first, cx);
        // As a rule it came as a whole, and then nobody waits.
        let request = match poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(request) => request,
            Poll::Pending => Parked::Server(self.0.clone()).run(poll),
        };
        request.and_then(method.request_decoder())
    }

    /// The stream of requests.
    pub fn streaming<Q, R>(&self, method: &Method<Q, R>) -> Streaming<Q> {
        crate::stub::Streaming::new(Link::Server(self.0.clone()), method.request_decoder()).into()
    }

    /// The stream of replies.
    pub fn sender<Q, R>(&self, method: &Method<Q, R>) -> Sender<R> {
        crate::stub::Sender::new(Link::Server(self.0.clone()), method.reply_encoder()).into()
    }

    /// The only reply. It leaves with trailers and status.
    ///
    /// # Errors
    /// None now.
    pub fn reply<Q, R>(&self, method: &Method<Q, R>, reply: &R) -> Result<Reply> {
        Ok(Reply::Message(method.encode_reply(reply)))
    }
}

impl fmt::Debug for ServerCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerCall").field(&self.0).finish()
    }
}
