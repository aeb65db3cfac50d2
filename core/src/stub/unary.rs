//! Calls that end with one reply.

use bytes::Bytes;
use core::borrow::Borrow;
use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use crate::call::Result;
use crate::stub::Method;
use crate::stub::encoder::Encoder;
use crate::stub::raw::{Handle, Link};
use crate::stub::receive::Single;
use crate::stub::sender::SendError;

/// A unary call that runs: a future of its reply.
///
/// The call was started when this was made, not when it is first polled. Dropping it cancels.
#[must_use = "dropping a call cancels it"]
pub struct UnaryCall<R> {
    pub(crate) reply: Single,
    pub(crate) decode: fn(Bytes) -> Result<R>,
}

impl<R> UnaryCall<R> {
    pub(crate) const fn new<Q>(link: Link<Handle>, method: &Method<Q, R>) -> Self {
        Self { reply: Single::new(link), decode: method.reply_decoder() }
    }

    /// Ends the call: its result is CANCELLED, unless it has ended already.
    pub fn cancel(&self) {
        self.reply.link().abandon(CANCELLED);
    }
}

/// What a call that was cancelled by its handle says.
pub(crate) const CANCELLED: &str = "the application cancelled the call";

impl<R> Future for UnaryCall<R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<R>> {
        let reply = ready!(self.reply.poll(cx));
        self.reply.settle();
        Poll::Ready(reply.and_then(self.decode))
    }
}

impl<R> fmt::Debug for UnaryCall<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnaryCall").field(self.reply.link()).finish()
    }
}

/// A client-streaming call that runs. Dropping it cancels, unless [`finish`](Self::finish) has returned.
#[must_use = "dropping a call cancels it"]
pub struct ClientStreamingCall<Q, R> {
    pub(crate) reply: Single,
    pub(crate) encoder: Encoder<Q>,
    pub(crate) decode: fn(Bytes) -> Result<R>,
}

impl<Q, R> ClientStreamingCall<Q, R> {
    pub(crate) const fn new(link: Link<Handle>, method: &Method<Q, R>) -> Self {
        let encoder = Encoder::new(method.request_encoder());
        Self { reply: Single::new(link), encoder, decode: method.reply_decoder() }
    }

    /// Sends a message, as soon as there is room for it. Dropping the future sends all of it or nothing.
    ///
    /// # Errors
    /// The call is over; [`finish`](Self::finish) says how it ended, perhaps with a reply.
    pub fn send(
        &mut self,
        message: &Q,
    ) -> impl Future<Output = Result<(), SendError>> + Send + use<'_, Q, R> {
        let (batch, link) = (self.encoder.one(message), self.reply.link());
        poll_fn(move |cx| link.poll_send(batch, cx).map_err(SendError::new))
    }

    /// Says that nothing will follow, and waits for the reply. Dropping the future cancels the call.
    ///
    /// # Errors
    /// The call's status.
    pub async fn finish(mut self) -> Result<R> {
        self.reply.link().finish_sending();
        let reply = poll_fn(|cx| self.reply.poll(cx)).await;
        self.reply.settle();
        reply.and_then(self.decode)
    }

    /// Sends everything, and waits for the reply. A server that answers early stops the sending.
    ///
    /// # Errors
    /// The call's status.
    pub async fn finish_with<I>(mut self, messages: I) -> Result<R>
    where
        I: IntoIterator<Item: Borrow<Q>>,
    {
        let mut messages = messages.into_iter();
        while let Some(batch) = self.encoder.some(&mut messages) {
            let link = self.reply.link();
            if poll_fn(|cx| link.poll_send(batch, cx)).await.is_err() {
                break;
            }
        }
        drop(messages);
        self.finish().await
    }

    /// Ends the call, unless it has ended already.
    pub fn cancel(&self) {
        self.reply.link().abandon(CANCELLED);
    }
}

impl<Q, R> fmt::Debug for ClientStreamingCall<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientStreamingCall").field(self.reply.link()).finish()
    }
}
