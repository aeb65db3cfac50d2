//! Output of several commands in one write.
//!
//! A thread that knows that more output of a connection is about to come takes a [`Turn`] on it: its commands
//! leave their output in the connection, and the end of the turn writes it together.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sailplane::Instant;

use crate::{Io, Link};

/// A message of a stream that follows other output within this time waits for what follows itself: so long, and
/// for eight messages, may a handler that does nothing but send delay one. One that comes alone leaves at once.
const CLOSE: Duration = Duration::from_micros(100);

/// What a turn leaves to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gather {
    /// All output. For a loop that runs nothing that waits.
    All,
    /// Answers, and messages that follow other output closely.
    Answers,
    /// Messages that follow other output closely. An answer is written at once, with all that came before.
    Messages,
}

/// What a command gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// The last of a call.
    Answer,
    /// One of many, maybe.
    Message,
    Other,
    /// All there is, now.
    Flush,
}

thread_local! {
    /// The transport whose connection has its turn on this thread, by its address.
    static TURN: Cell<(usize, Gather)> = const { Cell::new((0, Gather::All)) };
    /// What the clock said at the last command of this thread, in nanoseconds.
    static COMMAND: Cell<u64> = const { Cell::new(0) };
}

/// When this thread gave a connection its last command: asking the clock once more is dear.
#[must_use]
pub fn last_command() -> Instant {
    Instant::from_nanos(COMMAND.get())
}

/// A command begins.
pub(crate) fn note_command(now: Instant) {
    COMMAND.set(now.as_nanos());
}

/// Whether the connection of this transport has its turn on this thread.
pub fn is_in_turn<I: Io>(io: &I) -> bool {
    TURN.get().0 == address(io)
}

/// A transport does not move: its connection holds it.
fn address<I: Io>(io: &I) -> usize {
    std::ptr::from_ref(io).addr()
}

impl<I: Io> Link<I> {
    /// Begins a turn on this thread. Inside another one, that one is interrupted.
    pub fn turn(self: &Arc<Self>, gather: Gather) -> Turn<I> {
        Turn { link: Arc::clone(self), outer: TURN.replace((address(&self.io), gather)) }
    }

    /// Whether this command leaves its output where it is.
    pub(crate) fn defers(&self, output: Output, now: Instant) -> bool {
        let (turn, gather) = TURN.get();
        if output == Output::Flush {
            return false;
        }
        if turn != address(&self.io) {
            return self.io.defers();
        }
        match (gather, output) {
            (Gather::Messages, Output::Answer) => false,
            (Gather::Answers | Gather::Messages, Output::Message) => {
                now.saturating_duration_since(self.last_write()) < CLOSE
            }
            _ => true,
        }
    }

    /// What says whether a message that this thread queues waits for a flush that is to come anyway and has not
    /// begun; none where it does not wait. Under the connection's lock it is certain: who flushes says so first, and
    /// takes the lock then. Where a message waits for those that follow it closely, only the clock can say, which is
    /// asked for one in eight: `count`.
    pub(crate) fn awaited(&self, count: u8) -> Option<&AtomicBool> {
        let (turn, gather) = TURN.get();
        if turn != address(&self.io) {
            return Some(&self.kicked);
        }
        let is_close = || self.io.now().saturating_duration_since(self.last_write()) < CLOSE;
        (gather == Gather::All || count % 8 != 0 || is_close()).then_some(&self.output)
    }

    /// A command left output where it is.
    pub(crate) fn left_output(&self) {
        if is_in_turn(&self.io) {
            if !self.output.load(Ordering::Relaxed) {
                self.output.store(true, Ordering::SeqCst);
                self.io.gathers();
            }
        } else if !self.kicked.load(Ordering::SeqCst) {
            // Before the kick, for the flush that it asks for ends it. One that was asked for and has not begun
            // takes the lock later than this command did.
            self.kicked.store(true, Ordering::SeqCst);
            self.io.kick();
        }
    }
}

/// A turn, until it is dropped. What it gathered is then still there: [`flush`](Self::flush) it before.
#[must_use]
pub struct Turn<I: Io> {
    link: Arc<Link<I>>,
    /// The turn that was interrupted: a handler may run an executor of its own, or call another connection.
    outer: (usize, Gather),
}

impl<I: Io> Turn<I> {
    /// The connection.
    #[must_use]
    pub const fn link(&self) -> &Arc<Link<I>> {
        &self.link
    }

    /// From here on gathers as `gather` says.
    pub fn set_gather(&self, gather: Gather) {
        TURN.set((address(&self.link.io), gather));
    }

    /// Whether output may wait for [`flush`](Self::flush).
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.link.has_gathered()
    }

    /// Writes what was gathered.
    pub fn flush(&self) {
        self.link.flush_gathered();
    }
}

impl<I: Io> Link<I> {
    /// Writes what a turn gathered, if it did.
    pub fn flush_gathered(self: &Arc<Self>) {
        if self.has_gathered() {
            self.output.store(false, Ordering::SeqCst);
            self.flush();
        }
    }

    /// Whether a turn gathered output that is not written yet.
    #[must_use]
    pub fn has_gathered(&self) -> bool {
        self.output.load(Ordering::SeqCst)
    }

    /// When the last write began.
    fn last_write(&self) -> Instant {
        Instant::from_nanos(self.written.load(Ordering::Relaxed))
    }

    /// There may be output, whether or not a command in a turn left it.
    pub fn expect_output(&self) {
        self.output.store(true, Ordering::Relaxed);
    }
}

impl<I: Io> Drop for Turn<I> {
    fn drop(&mut self) {
        TURN.set(self.outer);
    }
}

impl<I: Io> fmt::Debug for Turn<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("link", &self.link).finish_non_exhaustive()
    }
}
