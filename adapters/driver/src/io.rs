//! The seam between a connection's lock and what an adapter has below it: a socket, a clock, a loop.

use std::io;
use std::sync::Arc;

use sailplane::{Instant, Transmit};

use crate::{Blocked, Link};

/// The process's monotonic clock on the core's scale.
#[must_use]
pub fn now() -> Instant {
    Instant::from(std::time::Instant::now())
}

/// The transport of one connection. Nothing here is ever called with a lock held.
///
/// An adapter that has a loop for the connection reads in it and calls [`Link::received`],
/// [`Link::ended`], [`Link::timed_out`] and [`Link::writable`]. Everything else (commands of handles, on
/// whatever thread) comes to the adapter through these hooks.
pub trait Io: Send + Sync + Sized + 'static {
    /// Writes what the transport takes without waiting, and advances `transmit` by it. Called until
    /// nothing remains, by one thread at a time.
    ///
    /// # Errors
    /// `WouldBlock` where the transport takes nothing; any other error ends the connection.
    fn write(&self, transmit: &mut Transmit) -> io::Result<()>;

    /// The transport would block. An adapter without a loop waits here, reading meanwhile if nobody else
    /// does, and answers true: the same thread writes on. False, the default: [`want_writable`](Self::want_writable)
    /// follows.
    fn wait_writable(&self, link: &Arc<Link<Self>>) -> bool {
        let _ = link;
        false
    }

    /// The transport would block: the adapter's loop has to wait for it and then call [`Link::writable`].
    fn want_writable(&self) {}

    /// The timeout of the connection became earlier: its loop must not sleep longer than until `at`.
    fn timeout_earlier(&self, at: Instant) {
        let _ = at;
    }

    /// True: the caller's command leaves its bytes in the connection, and after unlocking calls
    /// [`kick`](Self::kick). For a loop that would rather gather the output of several commands. Not asked
    /// where the thread has its own [turn](Link::turn) on the connection.
    fn defers(&self) -> bool {
        false
    }

    /// There may be output that nobody writes: the loop has to call [`Link::flush`].
    fn kick(&self) {}

    /// A [turn](Link::turn) on this thread has output from here on, which its end writes. If what runs in the
    /// turn may wait for something else, somebody else has to write it after a while
    /// ([`Link::flush_gathered`]).
    fn gathers(&self) {}

    /// Server: calls can be taken ([`Link::take_calls`]) that [`Link::received_calls`] did not hand out: a
    /// handler ended and made room for them.
    fn calls_waiting(&self) {}

    /// The connection is over and nothing is left to write: close the transport, end the loop. Called once.
    fn finished(&self);

    /// The clock.
    fn now(&self) -> Instant {
        now()
    }

    /// Blocks the calling thread, which waits for a call of this connection: parked, unless an adapter knows
    /// something better to do with it.
    fn block(&self, blocked: &mut Blocked<'_, Self>) {
        blocked.park();
    }
}
