//! A thread that waits for a call.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use sailplane::Instant;

use crate::call::Call;
use crate::{Io, Link, Parker};

/// A thread that waits for a call, as an adapter sees it: what is waited for, and the means to sleep.
///
/// The simplest adapter calls [`park`](Self::park). One that lets the thread do the connection's work loops:
/// [`poll`](Self::poll), then either the reader's role ([`Link::read_or_wait`]) and [`Link::received`] until it
/// [is notified](Self::is_notified), or sleep.
pub struct Blocked<'a, I: Io> {
    call: &'a Call<I>,
    poll: &'a mut dyn FnMut(&mut Context<'_>) -> Poll<()>,
    parker: Parker,
}

impl<'a, I: Io> Blocked<'a, I> {
    pub(crate) fn new(call: &'a Call<I>, poll: &'a mut dyn FnMut(&mut Context<'_>) -> Poll<()>) -> Self {
        Self { call, poll, parker: Parker::current() }
    }

    /// Polls what is waited for; true: the thread may go. Before, a notification is cleared.
    pub fn poll(&mut self) -> bool {
        self.parker.clear();
        (self.poll)(&mut self.parker.context()).is_ready()
    }

    /// Something happened for the call since [`poll`](Self::poll).
    #[must_use]
    pub fn is_notified(&self) -> bool {
        self.parker.is_notified()
    }

    /// The connection that the call is on; none while it waits for one, or when it is over.
    #[must_use]
    pub fn link(&self) -> Option<Arc<Link<I>>> {
        self.call.link()
    }

    /// Whether the wait may end by something that is not on the connection: another thread cancels the call, or
    /// what is waited for has other sources. The thread must then sleep so that its waker wakes it.
    #[must_use]
    pub fn is_interruptible(&self) -> bool {
        self.call.lock().interruptible
    }

    /// The deadline of the call, while it is a client's.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.call.lock().deadline()
    }

    /// Where the thread sleeps.
    #[must_use]
    pub const fn parker(&self) -> &Parker {
        &self.parker
    }

    /// Parks until what is waited for is ready.
    pub fn park(&mut self) {
        while !self.poll() {
            self.parker.park(None);
        }
    }

    /// Parks until something happened for the call, or until `at` on the clock that says it is `now`.
    pub fn park_until(&self, now: Instant, at: Option<Instant>) -> bool {
        self.parker.park(at.map(|at| at.saturating_duration_since(now)))
    }
}

impl<I: Io> fmt::Debug for Blocked<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocked").field("parker", &self.parker).finish_non_exhaustive()
    }
}
