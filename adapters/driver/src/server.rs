//! New calls of a server, on their way to a handler.

use std::fmt;
use std::sync::Arc;

use sailplane::CallId;
use sailplane::call::{RequestHead, Status};
use sailplane::stub::driver::Driver;

use crate::call::Call;
use crate::local::Local;
use crate::state::Role;
use crate::{Io, Link};

/// A new call: its head, and the driver for its handles. Dropped unanswered, it is cancelled.
pub struct IncomingCall<I: Io> {
    id: CallId,
    head: Option<RequestHead>,
    link: Arc<Link<I>>,
    call: Option<Arc<Call<I>>>,
}

impl<I: Io> IncomingCall<I> {
    pub(crate) fn new(link: &Arc<Link<I>>, id: CallId, head: RequestHead, local: Local<I>) -> Self {
        let call = Call::new(Role::Server, None, local);
        Self { id, head: Some(head), link: Arc::clone(link), call: Some(call) }
    }

    /// The call.
    #[must_use]
    pub const fn id(&self) -> CallId {
        self.id
    }

    /// What the client sent first.
    #[must_use]
    pub const fn head(&self) -> Option<&RequestHead> {
        self.head.as_ref()
    }

    /// The connection that it came on.
    #[must_use]
    pub const fn link(&self) -> &Arc<Link<I>> {
        &self.link
    }

    /// Its handler waits for more than this connection.
    pub(crate) fn make_interruptible(&self) {
        if let Some(call) = &self.call {
            call.lock().interruptible = true;
        }
    }

    /// The parts of which handles are made. Whoever takes them releases the call.
    #[must_use]
    pub fn into_parts(mut self) -> Option<(RequestHead, Arc<dyn Driver>, CallId)> {
        let (head, call) = (self.head.take()?, self.call.take()?);
        Some((head, call, self.id))
    }

    /// Answers the call without running anything.
    pub fn refuse(self, status: Status) {
        if let Some((_, driver, id)) = self.into_parts() {
            driver.respond(id, None, Err(status));
            driver.release(id);
        }
    }
}

impl<I: Io> Drop for IncomingCall<I> {
    fn drop(&mut self) {
        if let Some(call) = &self.call {
            call.release(self.id);
        }
    }
}

impl<I: Io> fmt::Debug for IncomingCall<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingCall").field("id", &self.id).field("head", &self.head).finish_non_exhaustive()
    }
}
