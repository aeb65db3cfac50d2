//! New calls of a server, on their way to a handler.

use std::fmt;
use std::sync::Arc;

use sailplane::CallId;
use sailplane::call::{Path, Status};
use sailplane::stub::{self, Driver, Served};

use crate::call::Call;
use crate::{Io, Link};

/// A new call: what handlers see of it, and the driver for its handles. Dropped unanswered, it is cancelled.
pub struct IncomingCall<I: Io> {
    id: CallId,
    link: Arc<Link<I>>,
    /// Small, since it goes through queues.
    call: Option<Arc<Served<Call<I>>>>,
}

impl<I: Io> IncomingCall<I> {
    pub(crate) const fn new(link: Arc<Link<I>>, id: CallId, call: Arc<Served<Call<I>>>) -> Self {
        Self { id, link, call: Some(call) }
    }

    /// The call.
    #[must_use]
    pub const fn id(&self) -> CallId {
        self.id
    }

    /// The service and method.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.call.as_ref().map(|call| call.path())
    }

    /// The connection that it came on.
    #[must_use]
    pub const fn link(&self) -> &Arc<Link<I>> {
        &self.link
    }

    /// Its handler waits for more than this connection.
    pub(crate) fn make_interruptible(&self) {
        if let Some(call) = &self.call {
            call.driver().lock().interruptible = true;
        }
    }

    /// What a handler is given. Whoever takes it answers the call.
    #[must_use]
    pub fn into_call(mut self) -> Option<stub::Call> {
        self.call.take().map(stub::Call::from)
    }

    /// Answers the call without running anything.
    pub fn refuse(self, status: Status) {
        if let Some(call) = self.into_call() {
            let (driver, id) = call.parts();
            driver.respond(id, None, Err(status));
        }
    }
}

impl<I: Io> Drop for IncomingCall<I> {
    fn drop(&mut self) {
        if let Some(call) = &self.call {
            call.driver().release(self.id);
        }
    }
}

impl<I: Io> fmt::Debug for IncomingCall<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingCall")
            .field("id", &self.id)
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}
