//! The transport of one connection: a socket that a poller watches.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sailplane::{Instant, Transmit};
use sailplane_driver::{Blocked, Io, write_pieces};

use crate::poller::{Poller, Request};
use crate::socket::Stream;
use crate::worker;

/// The poller has no timer for the connection.
const NEVER: u64 = u64::MAX;

/// The transport of one connection.
pub(crate) struct Transport {
    stream: Stream,
    poller: Arc<Poller>,
    token: usize,
    /// The earliest time at which the poller will look at the connection's timeout, in nanoseconds.
    timer: AtomicU64,
    /// Reading stopped for want of room in the connection: the next write asks for it again.
    paused: AtomicBool,
}

impl Transport {
    pub(crate) const fn new(stream: Stream, poller: Arc<Poller>, token: usize) -> Self {
        let (timer, paused) = (AtomicU64::new(NEVER), AtomicBool::new(false));
        Self { stream, poller, token, timer, paused }
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }

    pub(crate) fn shut(&self) {
        self.stream.shut();
    }

    pub(crate) const fn token(&self) -> usize {
        self.token
    }

    /// The poller has to look at the timeout at `at`, unless it will look earlier.
    pub(crate) fn watch(&self, at: Option<Instant>) {
        if let Some(at) = at.map(Instant::as_nanos).filter(|at| self.sets_timer(*at)) {
            self.poller.request(Request::Timer { token: self.token, at });
        }
    }

    /// Whether the poller needs a timer at `at`, which it then has.
    pub(crate) fn sets_timer(&self, at: u64) -> bool {
        self.timer.load(Ordering::SeqCst) > at && self.timer.fetch_min(at, Ordering::SeqCst) > at
    }

    /// Whether the timer at `at`, which just went off, is the one that counts. There is none afterwards.
    pub(crate) fn takes_timer(&self, at: u64) -> bool {
        self.timer.compare_exchange(at, NEVER, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Reading stops until something was written.
    pub(crate) fn pause(&self) {
        self.paused.store(true, Ordering::SeqCst);
    }

    /// Room in the socket is not waited for any more.
    pub(crate) fn forget_writable(&self) {
        self.poller.watch_writable(self.stream.as_raw_fd(), self.token, false);
    }
}

impl Io for Transport {
    fn write(&self, transmit: &mut Transmit) -> io::Result<()> {
        // The connection has room again before the bytes that made room are written, hence before this.
        if self.paused.load(Ordering::SeqCst) && self.paused.swap(false, Ordering::SeqCst) {
            self.poller.request(Request::Read(self.token));
        }
        write_pieces(transmit, |slices| self.stream.write(slices))
    }

    fn want_writable(&self) {
        self.poller.watch_writable(self.stream.as_raw_fd(), self.token, true);
    }

    fn timeout_earlier(&self, at: Instant) {
        self.watch(Some(at));
    }

    fn kick(&self) {
        self.poller.request(Request::Flush(self.token));
    }

    fn gathers(&self) {
        worker::gathers();
    }

    fn calls_waiting(&self) {
        self.poller.request(Request::Calls(self.token));
    }

    fn finished(&self) {
        self.stream.shut();
        self.poller.remove(self.token);
    }

    fn block(&self, blocked: &mut Blocked<'_, Self>) {
        // An async handler runs inside `poll`: only while the thread sleeps, another may run in its place.
        while !blocked.poll() {
            worker::wait(blocked, &self.poller);
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("token", &self.token).field("stream", &self.stream).finish()
    }
}
