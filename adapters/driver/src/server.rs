//! New calls of a server, on their way to a handler.

use std::fmt;
use std::sync::Arc;

use sailplane::call::{Path, RequestHead, Status};
use sailplane::stub::driver::Driver;
use sailplane::{CallId, stub};

use crate::call::Call;
use crate::{Io, Link};

/// A new call: what handlers see of it, and the driver for its handles. Dropped unanswered, it is cancelled.
pub struct IncomingCall<I: Io> {
    id: CallId,
    link: Arc<Link<I>>,
    /// Small, since it goes through queues.
    call: Option<(stub::Call, Arc<Call<I>>)>,
}

impl<I: Io> IncomingCall<I> {
    pub(crate) fn new(link: &Arc<Link<I>>, id: CallId, head: RequestHead, driver: Arc<Call<I>>) -> Self {
        let call = stub::Call::new(head, Arc::clone(&driver) as _, id);
        Self { id, link: Arc::clone(link), call: Some((call, driver)) }
    }

    /// The call.
    #[must_use]
    pub const fn id(&self) -> CallId {
        self.id
    }

    /// The service and method.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.call.as_ref().map(|(call, _)| call.path())
    }

    /// The connection that it came on.
    #[must_use]
    pub const fn link(&self) -> &Arc<Link<I>> {
        &self.link
    }

    /// Its handler waits for more than this connection.
    pub(crate) fn make_interruptible(&self) {
        if let Some((_, driver)) = &self.call {
            driver.lock().interruptible = true;
        }
    }

    /// What a handler is given, and the driver of its handles. Whoever takes them answers the call.
    #[must_use]
    pub fn into_parts(mut self) -> Option<(stub::Call, Arc<dyn Driver>, CallId)> {
        let (call, driver) = self.call.take()?;
        Some((call, driver, self.id))
    }

    /// Answers the call without running anything.
    pub fn refuse(self, status: Status) {
        if let Some((_, driver, id)) = self.into_parts() {
            driver.respond(id, None, Err(status));
        }
    }
}

impl<I: Io> Drop for IncomingCall<I> {
    fn drop(&mut self) {
        if let Some((_, driver)) = &self.call {
            driver.release(self.id);
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
