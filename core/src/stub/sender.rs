//! The sending half of a stream.

use core::borrow::Borrow;
use core::error::Error;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, ready};

use crate::call::{Batch, Result, Status};
use crate::stub::encoder::Encoder;
use crate::stub::raw::Half;
use crate::stub::unary::CANCELLED;

/// Sending failed because the call is over. By `?` it becomes the call's [`Status`].
#[derive(Clone, Debug)]
pub struct SendError(Status);

impl SendError {
    pub(crate) const fn new(status: Status) -> Self {
        Self(status)
    }

    /// Why the call is over. For a call that was answered OK early it is CANCELLED.
    #[must_use]
    pub const fn status(&self) -> &Status {
        &self.0
    }
}

impl From<SendError> for Status {
    fn from(error: SendError) -> Self {
        error.0
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the call is over: {}", self.0)
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Sends messages, without types.
#[derive(Debug)]
pub(crate) struct Outgoing {
    link: Half,
    finished: bool,
}

impl Outgoing {
    pub(crate) const fn link(&self) -> &Half {
        &self.link
    }

    #[inline]
    pub(crate) fn poll_send(
        &mut self,
        batch: &mut Batch,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        let sent = ready!(self.link.poll_send(batch, cx));
        Poll::Ready(self.note(sent))
    }

    /// A call that is over needs no cancelling.
    #[inline]
    pub(crate) fn note(&mut self, sent: Result<()>) -> Result<(), SendError> {
        self.finished |= sent.is_err();
        sent.map_err(SendError)
    }

    pub(crate) fn finish(&mut self) {
        self.link.finish_sending();
        self.finished = true;
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if !self.finished {
            self.link.abandon("Sender dropped without finish()");
        }
    }
}

/// Sends messages.
///
/// On a client, dropping it without [`finish`](Self::finish) cancels the call: what was interrupted never
/// looks complete. On a server the handler's result ends the stream; neither is needed.
#[must_use = "dropping a client's Sender cancels the call"]
pub struct Sender<T> {
    pub(crate) outgoing: Outgoing,
    pub(crate) encoder: Encoder<T>,
}

impl<T> Sender<T> {
    pub(crate) const fn new(link: Half, encode: fn(&T, &mut Batch)) -> Self {
        Self { outgoing: Outgoing { link, finished: false }, encoder: Encoder::new(encode) }
    }

    /// Sends a message, as soon as there is room for it. Dropping the future sends all of it or nothing.
    ///
    /// # Errors
    /// The call is over.
    #[inline]
    pub fn send(&mut self, message: &T) -> impl Future<Output = Result<(), SendError>> + Send + use<'_, T> {
        let Self { outgoing, encoder } = self;
        let batch = encoder.one(message);
        poll_fn(move |cx| outgoing.poll_send(batch, cx))
    }

    /// Sends messages one after the other; small ones leave together, as far as the iterator does not wait.
    /// Does not [`finish`](Self::finish).
    ///
    /// # Errors
    /// The call is over; the messages that were not sent are dropped.
    pub async fn send_all<I>(&mut self, messages: I) -> Result<(), SendError>
    where
        I: IntoIterator<Item: Borrow<T>>,
    {
        let mut messages = messages.into_iter();
        let Self { outgoing, encoder } = self;
        while let Some(batch) = encoder.some(&mut messages) {
            poll_fn(|cx| outgoing.poll_send(batch, cx)).await?;
        }
        Ok(())
    }

    /// Says that nothing will follow. On a server without effect: its answer says so.
    pub fn finish(mut self) {
        self.outgoing.finish();
    }

    /// Ends the call, unless it has ended already.
    pub fn cancel(&self) {
        self.outgoing.link().cancel(Status::cancelled(CANCELLED));
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(self.outgoing.link()).finish()
    }
}
