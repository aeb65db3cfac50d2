//! The transport of one connection, as its lock sees it: written by whoever has something to write, or by
//! the connection's task at the end of its turn.

use sailplane::bytes::Buf as _;
use std::cell::Cell;
use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};

use sailplane::{Instant, Transmit};
use sailplane_driver::{Alarm, Io};

use crate::stream::Stream;

/// Pieces of one write.
const SLICES: usize = 16;

thread_local! {
    /// The address of the socket whose connection has its turn on this thread.
    static TURN: Cell<usize> = const { Cell::new(0) };
}

/// The transport of one connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Stream,
    /// The connection's task will have a turn that has not begun.
    kicked: AtomicBool,
    /// The turn has something to write at its end.
    output: AtomicBool,
    /// The connection has new calls that it did not hand out before.
    calls_waiting: AtomicBool,
    /// Somebody wrote outside of a turn since the last one. The second who has something leaves it to the
    /// next turn, which comes after all tasks that are about to add to it.
    written: AtomicBool,
    /// When the task's timer goes off.
    armed: Alarm,
    waker: Mutex<Option<Waker>>,
}

impl Socket {
    pub(crate) const fn new(stream: Stream) -> Self {
        Self {
            stream,
            kicked: AtomicBool::new(false),
            output: AtomicBool::new(true),
            calls_waiting: AtomicBool::new(false),
            written: AtomicBool::new(false),
            armed: Alarm::new(),
            waker: Mutex::new(None),
        }
    }

    pub(crate) const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Begins a turn of the connection's task on this thread: commands leave their output to its end.
    pub(crate) fn begin_turn(&self, cx: &Context<'_>) -> Turn {
        let replaced = {
            let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
            match &mut *waker {
                Some(waker) if waker.will_wake(cx.waker()) => None,
                waker => waker.replace(cx.waker().clone()),
            }
        };
        drop(replaced);
        self.kicked.store(false, Ordering::SeqCst);
        self.written.store(false, Ordering::Relaxed);
        self.output.store(true, Ordering::Relaxed);
        Turn { outer: TURN.replace(self.address()) }
    }

    /// Whether the turn has something to do before it ends.
    pub(crate) fn has_work(&self) -> bool {
        self.output.load(Ordering::Relaxed) || self.calls_waiting.load(Ordering::SeqCst)
    }

    /// Whether there may be output, which the caller writes. At the beginning of a turn there may always be.
    pub(crate) fn take_output(&self) -> bool {
        self.output.swap(false, Ordering::Relaxed)
    }

    /// Whether new calls can be taken that came before, which the caller does.
    pub(crate) fn take_calls_waiting(&self) -> bool {
        self.calls_waiting.swap(false, Ordering::SeqCst)
    }

    /// When the task's timer goes off.
    pub(crate) fn armed(&self) -> Option<Instant> {
        self.armed.get()
    }

    pub(crate) fn set_armed(&self, at: Option<Instant>) {
        self.armed.set(at);
    }

    fn is_in_turn(&self) -> bool {
        TURN.get() == self.address()
    }

    /// A socket does not move: its connection holds it.
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
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

/// A turn, until it is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Turn {
    /// The turn that was interrupted: a handler may run an executor of its own.
    outer: usize,
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURN.set(self.outer);
    }
}

impl Io for Socket {
    fn write(&self, transmit: &mut Transmit) -> io::Result<()> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = transmit.chunks_vectored(&mut slices);
        let written = self.stream.write_vectored(&slices[..count])?;
        if written == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        transmit.advance(written);
        if !self.is_in_turn() {
            self.written.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn want_writable(&self) {
        self.kick();
    }

    fn timeout_earlier(&self, at: Instant) {
        if !self.is_in_turn() && self.armed.get().is_none_or(|armed| at < armed) {
            self.wake();
        }
    }

    fn defers(&self) -> bool {
        self.is_in_turn() || self.written.load(Ordering::Relaxed)
    }

    fn kick(&self) {
        if self.is_in_turn() {
            self.output.store(true, Ordering::Relaxed);
        } else {
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
