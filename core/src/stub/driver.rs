//! What a call handle drives: the seam between typed handles and an adapter.

use alloc::sync::Arc;
use bytes::Bytes;
use core::task::{Context, Poll};

use crate::call::{Batch, CallId, Messages, Metadata, Outcome, ResponseHead, Result, Status};
use crate::time::Instant;

/// What [`Driver::poll_receive`] found.
#[derive(Debug)]
pub enum Incoming {
    /// A message, and perhaps more. Those that [are the last](Messages::is_last) are followed by [`End`](Self::End).
    Messages(Messages),
    /// No message will follow. Client: [`Driver::poll_outcome`] says how the call ended, at once or soon.
    End,
    /// Server: the call ended before the peer's messages were complete (cancelled, deadline, connection lost).
    Ended(Status),
}

/// A call's connection, behind whatever lock and I/O an adapter gives it.
///
/// Handles are `(Arc<dyn Driver>, CallId)`. Every `poll_` registers the waker of `cx` when it returns
/// `Pending`: one for the sending half ([`poll_send`](Self::poll_send)), one for the receiving half
/// (headers, messages, outcome), one for cancellation; a later poll of the same half replaces it. Wakers
/// are woken, and dropped, outside the driver's lock: a waker may call the driver. Blocking handles run
/// the same polls through [`block`](Self::block), so there is one implementation of each.
///
/// No method may be called with a lock held that another needs. An id that was released behaves like a
/// cancelled call: polls are ready, commands have no effect.
pub trait Driver: Send + Sync {
    /// Client: initial metadata, once; `None` when the call ended without, or they were taken.
    fn poll_headers(&self, call: CallId, cx: &mut Context<'_>) -> Poll<Option<ResponseHead>>;

    /// The next message of the peer, perhaps with some that are there behind it. After [`Incoming::End`] the answer stays the same.
    fn poll_receive(&self, call: CallId, cx: &mut Context<'_>) -> Poll<Incoming>;

    /// Client: how the call ended, once. Unread messages stay readable only before this is taken.
    fn poll_outcome(&self, call: CallId, cx: &mut Context<'_>) -> Poll<Outcome>;

    /// Takes all messages out of `batch` as soon as there is room for them. `Pending` leaves there what there is no
    /// room for.
    ///
    /// # Errors
    /// The call is over: its status, where that is a failure. A client whose call was answered OK before
    /// it had sent everything gets CANCELLED. The outcome stays there to be taken.
    fn poll_send(&self, call: CallId, batch: &mut Batch, cx: &mut Context<'_>) -> Poll<Result<()>>;

    /// Client: half-closes.
    fn finish_sending(&self, call: CallId);

    /// Ends the call on this side with `status`, unless it has ended: its outcome is then `status`.
    fn cancel(&self, call: CallId, status: Status);

    /// Server: adds fields to the initial metadata, which are kept in the call's slot and leave with
    /// [`send_headers`](Self::send_headers), the first message or the status, whichever is first.
    ///
    /// # Errors
    /// They were sent already, or the call is over.
    fn add_headers(&self, call: CallId, metadata: Metadata) -> Result<()>;

    /// Server: adds fields to the trailing metadata, which are kept in the call's slot until
    /// [`respond`](Self::respond).
    fn add_trailers(&self, call: CallId, metadata: Metadata);

    /// Server: sends the initial metadata that were added, now; without any, empty ones.
    ///
    /// # Errors
    /// They were sent already, or the call is over.
    fn send_headers(&self, call: CallId) -> Result<()>;

    /// Server: the initial metadata if they were not sent, perhaps one last message, then trailers and
    /// status, all in one write where they fit. The trailing metadata are those that were added, followed
    /// by [`Status::metadata`]. Only the first has an effect, and none on a call that is over. Of the message
    /// is nothing sent where `status` is an error. The call is released with it.
    fn respond(&self, call: CallId, message: Option<Bytes>, status: Result<()>);

    /// Server: ready with the reason once the call was cancelled, its deadline passed or its connection
    /// was lost; then ready for ever. A call that this side answered is not cancelled until it is released.
    fn poll_cancelled(&self, call: CallId, cx: &mut Context<'_>) -> Poll<Status>;

    /// The other side's address, where it is known. A client's call has one while it is on a
    /// connection, and keeps the last one when it has ended.
    fn peer(&self, call: CallId) -> Option<Arc<str>>;

    /// The last handle is gone: the id becomes free, and its wakers are dropped. Cancels the call where it
    /// has not ended; a server's response that is complete is still delivered. Called once for each call, but not
    /// for one that was [responded](Self::respond) to.
    fn release(&self, call: CallId);

    /// The driver's clock.
    fn now(&self) -> Instant;

    /// Runs `poll` until it is ready, blocking this thread in the driver's own way: parked, or driving
    /// the connection. `poll` calls this driver, but does not release the call.
    fn block(&self, call: CallId, poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>);
}
