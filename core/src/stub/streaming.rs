//! The receiving half of a stream.

use bytes::Bytes;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, ready};

use crate::call::{Metadata, Result, Status};
use crate::stub::raw::Half;
use crate::stub::receive::Receive;
use crate::stub::unary::CANCELLED;

/// Receives messages. All that arrived come first, then how the call ended.
///
/// On a client, dropping it before its end cancels the call; on a server it does nothing.
#[must_use = "dropping a client's Streaming cancels the call"]
pub struct Streaming<T> {
    pub(crate) receive: Receive,
    pub(crate) decode: fn(Bytes) -> Result<T>,
}

impl<T> Streaming<T> {
    pub(crate) const fn new(link: Half, decode: fn(Bytes) -> Result<T>) -> Self {
        Self { receive: Receive::new(link), decode }
    }

    /// The next message; `None` after the last one of a call that succeeded. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    /// How the call failed, once; afterwards `None`. A message that cannot be decoded is INTERNAL, and
    /// cancels a client's call.
    pub async fn message(&mut self) -> Result<Option<T>> {
        poll_fn(|cx| self.poll_message(cx)).await
    }

    /// [`message`](Self::message) as a poll function.
    ///
    /// # Errors
    /// Those of [`message`](Self::message).
    #[inline]
    pub fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>>> {
        let next = ready!(self.receive.poll_next(cx));
        Poll::Ready(self.decode(next))
    }

    /// What is made of the next message, once it is there.
    #[inline]
    pub(crate) fn decode(&mut self, next: Result<Option<Bytes>>) -> Result<Option<T>> {
        let Ok(Some(bytes)) = next else {
            self.receive.settle();
            return next.map(|_| None);
        };
        match (self.decode)(bytes) {
            Ok(message) => Ok(Some(message)),
            Err(status) => {
                self.receive.fail(&status);
                Err(status)
            }
        }
    }

    /// Initial metadata, as soon as they are there. On a server: those of the request.
    ///
    /// # Errors
    /// The status of a call that failed without any; [`message`](Self::message) says it, too.
    pub async fn headers(&mut self) -> Result<&Metadata> {
        poll_fn(|cx| self.receive.poll_headers(cx)).await?;
        self.receive.settle();
        Ok(self.receive.headers())
    }

    /// Trailing metadata; on a client, after the end.
    #[must_use]
    pub const fn trailers(&self) -> Option<&Metadata> {
        self.receive.trailers()
    }

    /// Ends the call, unless it has ended already. What arrived can still be read.
    pub fn cancel(&self) {
        self.receive.link().cancel(Status::cancelled(CANCELLED));
    }
}

impl<T> fmt::Debug for Streaming<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Streaming").field(self.receive.link()).finish()
    }
}

#[cfg(feature = "futures-core")]
impl<T> futures_core::Stream for Streaming<T> {
    type Item = Result<T>;

    fn poll_next(mut self: core::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_message(cx).map(Result::transpose)
    }
}
