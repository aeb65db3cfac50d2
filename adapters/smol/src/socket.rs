//! The transport of one connection, as its lock sees it: written by whoever has something to write, or by
//! the connection's task at the end of its turn.

use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};

use sailplane::{Instant, Transmit};
use sailplane_driver::{Alarm, Io, is_in_turn, write_pieces};

use crate::stream::Stream;

/// Octets of one turn that are more than a message, as a rule.
const BURST: usize = 4 * 1024;

/// Whether a turn that read so many octets read several messages.
pub(crate) const fn is_burst(octets: usize) -> bool {
    octets >= BURST
}

/// The transport of one connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Stream,
    /// The connection's task will have a turn that has not begun.
    kicked: AtomicBool,
    /// The connection has new calls that it did not hand out before.
    calls_waiting: AtomicBool,
    /// Somebody wrote outside of a turn since the last one. The second who has something leaves it to the
    /// next turn, which comes after all tasks that are about to add to it.
    written: AtomicBool,
    /// The last turn read so much that several messages were in it: what answers them is left to the next turn.
    burst: AtomicBool,
    /// When the task's timer goes off.
    armed: Alarm,
    waker: Mutex<Option<Waker>>,
}

impl Socket {
    pub(crate) const fn new(stream: Stream) -> Self {
        Self {
            stream,
            kicked: AtomicBool::new(true),
            calls_waiting: AtomicBool::new(false),
            written: AtomicBool::new(false),
            burst: AtomicBool::new(false),
            armed: Alarm::new(),
            waker: Mutex::new(None),
        }
    }

    pub(crate) const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// A turn of the connection's task begins; whether somebody asked for it, because there is output, say.
    pub(crate) fn begin_turn(&self, cx: &Context<'_>) -> bool {
        let replaced = {
            let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
            match &mut *waker {
                Some(waker) if waker.will_wake(cx.waker()) => None,
                waker => waker.replace(cx.waker().clone()),
            }
        };
        drop(replaced);
        if self.written.load(Ordering::Relaxed) {
            self.written.store(false, Ordering::Relaxed);
        }
        self.kicked.load(Ordering::SeqCst) && self.kicked.swap(false, Ordering::SeqCst)
    }

    /// A turn ends that read so many octets.
    pub(crate) fn end_turn(&self, octets: usize) {
        let burst = is_burst(octets);
        if self.burst.load(Ordering::Relaxed) != burst {
            self.burst.store(burst, Ordering::Relaxed);
        }
    }

    /// Whether there are new calls that were not handed out before.
    pub(crate) fn has_calls_waiting(&self) -> bool {
        self.calls_waiting.load(Ordering::SeqCst)
    }

    /// Whether new calls can be taken that came before, which the caller does.
    pub(crate) fn take_calls_waiting(&self) -> bool {
        self.has_calls_waiting() && self.calls_waiting.swap(false, Ordering::SeqCst)
    }

    /// When the task's timer goes off.
    pub(crate) fn armed(&self) -> Option<Instant> {
        self.armed.get()
    }

    pub(crate) fn set_armed(&self, at: Option<Instant>) {
        self.armed.set(at);
    }

    fn wake(&self) {
        if self.kicked.swap(true, Ordering::SeqCst) {
            return;
        }
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Io for Socket {
    fn write(&self, transmit: &mut Transmit) -> io::Result<()> {
        write_pieces(transmit, |slices| self.stream.write_vectored(slices))?;
        if !is_in_turn(self) {
            self.written.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn want_writable(&self) {
        self.kick();
    }

    fn timeout_earlier(&self, at: Instant) {
        if !is_in_turn(self) && self.armed.get().is_none_or(|armed| at < armed) {
            self.wake();
        }
    }

    fn defers(&self) -> bool {
        self.written.load(Ordering::Relaxed) || self.burst.load(Ordering::Relaxed)
    }

    fn kick(&self) {
        if !is_in_turn(self) {
            self.wake();
        }
    }

    fn calls_waiting(&self) {
        self.calls_waiting.store(true, Ordering::SeqCst);
        self.kick();
    }

    fn finished(&self) {
        self.stream.shutdown(Shutdown::Write);
        self.kick();
    }
}
