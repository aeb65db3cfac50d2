//! One socket in blocking mode: written without waiting, read by whoever waits for a call.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, recv, send, sendmsg, shutdown};
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use sailplane::{End, Instant, Transmit};
use sailplane_driver::{Blocked, Interrupt, Io, Link, last_command, now, write_pieces};

use crate::turn;

/// What is read at once: the window of a stream, and what frames add to it.
const READ_BYTES: usize = 65 * 1024;
/// After this time without reading, what came meanwhile is read before the next call.
pub(crate) const IDLE: Duration = Duration::from_secs(1);
/// How long the output of a connection that is over may wait for a peer that does not read.
const LINGER: Duration = Duration::from_secs(5);
/// How often a thread that waits for room in the socket looks whether another one still reads.
const LOOK: Duration = Duration::from_millis(10);
/// To wake so seldom without need, in microseconds, is cheaper than to set the time.
const RARELY: u64 = 1 << 22;
/// The longest receive timeout that is set: two to the power of 30 microseconds, eighteen minutes.
const TIMEOUT_EXPONENT_MAX: u32 = 30;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The transport of one connection.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    /// The receive timeout that is set, in microseconds; zero for none.
    timeout: AtomicU64,
    /// When something was read last.
    read_at: AtomicU64,
    bell: OnceLock<Arc<Bell>>,
    failure: Mutex<Option<io::Error>>,
    calls_waiting: AtomicBool,
}

/// What became of an attempt to read.
pub(crate) enum Readiness {
    /// There may be more.
    Bytes,
    /// Nothing came within the time.
    Nothing,
    /// The byte stream ended.
    Ended,
}

impl Socket {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self {
            fd,
            timeout: AtomicU64::new(0),
            read_at: AtomicU64::new(now().as_nanos()),
            bell: OnceLock::new(),
            failure: Mutex::new(None),
            calls_waiting: AtomicBool::new(false),
        }
    }

    /// Whether nothing was read for a while.
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        let read_at = Instant::from_nanos(self.read_at.load(Ordering::Relaxed));
        now.saturating_duration_since(read_at) > IDLE
    }

    /// Everything that had come at `now` was read.
    pub(crate) fn touch(&self, now: Instant) {
        self.read_at.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// As if nothing had been read for ages.
    #[cfg(test)]
    pub(crate) fn forget_reading(&self) {
        self.read_at.store(0, Ordering::Relaxed);
    }

    /// Why reading failed, where it did.
    pub(crate) fn take_failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether new calls are in the connection that a read did not hand out; once.
    pub(crate) fn take_calls_waiting(&self) -> bool {
        self.calls_waiting.load(Ordering::SeqCst) && self.calls_waiting.swap(false, Ordering::SeqCst)
    }

    /// Reads once, waiting until `until` at the longest where it is `now`, and gives `sink` what came. Only with the
    /// reader's role.
    pub(crate) fn read(
        &self,
        link: &Arc<Link<Self>>,
        (now, until): (Instant, Option<Instant>),
        sink: impl FnOnce(&mut [u8]),
    ) -> Readiness {
        let Some(timeout) = timeout_for(now, until) else { return Readiness::Nothing };
        if !serves(self.timeout.load(Ordering::Relaxed), timeout) {
            self.timeout.store(timeout, Ordering::Relaxed);
            let duration = (timeout > 0).then(|| Duration::from_micros(timeout));
            if let Err(error) = set_socket_timeout(&self.fd, Timeout::Recv, duration) {
                return self.failed(link, error);
            }
        }
        self.receive(link, RecvFlags::empty(), sink)
    }

    /// Reads once without waiting.
    pub(crate) fn read_now(&self, link: &Arc<Link<Self>>, sink: impl FnOnce(&mut [u8])) -> Readiness {
        self.receive(link, RecvFlags::DONTWAIT, sink)
    }

    /// Waits until there is something to read, until `until`, or until the bell rings.
    pub(crate) fn wait_readable(&self, bell: &Bell, until: Option<Instant>) {
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN), PollFd::new(&bell.listen, PollFlags::IN)];
        // An error shows again, and is reported, when the socket is read.
        let _ = poll(&mut fds, timespec(until).as_ref());
        if !fds[1].revents().is_empty() {
            bell.drain();
        }
    }

    /// Waits until the socket takes bytes, or until `until`.
    pub(crate) fn wait_for_room(&self, until: Option<Instant>) {
        // An error shows again, and is reported, when the socket is written.
        let _ = poll(&mut [PollFd::new(&self.fd, PollFlags::OUT)], timespec(until).as_ref());
    }

    /// What ends a wait in [`wait_readable`](Self::wait_readable); none if the system has no more descriptors.
    pub(crate) fn bell(&self) -> Option<&Arc<Bell>> {
        if self.bell.get().is_none() {
            let bell = Bell::new().ok()?;
            let _ = self.bell.set(Arc::new(bell));
        }
        self.bell.get()
    }

    fn receive(&self, link: &Arc<Link<Self>>, flags: RecvFlags, sink: impl FnOnce(&mut [u8])) -> Readiness {
        // A handler that runs inside a read has a buffer of its own.
        let mut buffer = BUFFER.with(RefCell::take);
        if buffer.is_empty() {
            // Not `resize`: what is not read into is not touched.
            buffer = vec![0; READ_BYTES];
        }
        let readiness = match recv(&self.fd, &mut buffer[..], flags) {
            Ok((_, 0)) => {
                link.ended(End::Closed);
                Readiness::Ended
            }
            Ok((_, count)) => {
                sink(&mut buffer[..count.min(READ_BYTES)]);
                // The connection was just told, and asked for the time.
                self.touch(last_command());
                Readiness::Bytes
            }
            Err(Errno::AGAIN | Errno::INTR) => Readiness::Nothing,
            Err(error) => self.failed(link, error),
        };
        BUFFER.with(|spare| spare.replace(buffer));
        readiness
    }

    fn failed(&self, link: &Arc<Link<Self>>, error: Errno) -> Readiness {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.into());
        link.ended(End::Failed(Arc::new(io::Error::from(error))));
        Readiness::Ended
    }
}

impl Io for Socket {
    fn write(&self, transmit: &mut Transmit) -> io::Result<()> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        write_pieces(transmit, |slices| match slices {
            [slice] => Ok(send(&self.fd, slice, flags)?),
            _ => Ok(sendmsg(&self.fd, slices, &mut SendAncillaryBuffer::default(), flags)?),
        })
    }

    /// Waits in the place where it would block, and reads meanwhile if nobody else does.
    fn wait_writable(&self, link: &Arc<Link<Self>>) -> bool {
        let (mut reading, mut give_up) = (None, None);
        loop {
            let now = now();
            reading = reading.or_else(|| link.try_read());
            // Whoever reads may leave, and the peer may write until it is read before it reads what is written here.
            let look = reading.is_none().then(|| now.saturating_add(LOOK));
            if link.timeout().is_some_and(|at| at <= now) {
                link.timed_out();
            }
            if link.is_over() && now >= *give_up.get_or_insert_with(|| now.saturating_add(LINGER)) {
                // The next write fails, which ends the matter.
                let _ = shutdown(&self.fd, Shutdown::Both);
                return true;
            }
            let reads = reading.is_some() && link.wants_receive() && !link.is_over();
            let interest = if reads { PollFlags::IN | PollFlags::OUT } else { PollFlags::OUT };
            let mut fds = [PollFd::new(&self.fd, interest)];
            let until = [link.timeout(), give_up, look].into_iter().flatten().min();
            if poll(&mut fds, timespec(until).as_ref()).is_err() {
                continue;
            }
            let ready = fds[0].revents();
            if reads && ready.contains(PollFlags::IN) {
                self.read_now(link, |bytes| link.received(bytes));
            }
            if ready.intersects(PollFlags::OUT | PollFlags::ERR | PollFlags::HUP) {
                return true;
            }
        }
    }

    fn calls_waiting(&self) {
        self.calls_waiting.store(true, Ordering::SeqCst);
    }

    fn finished(&self) {
        // Wakes whoever reads. An error means that it is closed already.
        let _ = shutdown(&self.fd, Shutdown::Both);
    }

    fn block(&self, blocked: &mut Blocked<'_, Self>) {
        turn::block(blocked);
    }
}

/// Ends a wait on the socket from another thread.
#[derive(Debug)]
pub(crate) struct Bell {
    listen: UnixStream,
    ring: UnixStream,
}

impl Bell {
    fn new() -> io::Result<Self> {
        let (listen, ring) = UnixStream::pair()?;
        listen.set_nonblocking(true)?;
        ring.set_nonblocking(true)?;
        Ok(Self { listen, ring })
    }

    fn drain(&self) {
        let mut bytes = [0; 64];
        while (&self.listen).read(&mut bytes).is_ok_and(|count| count == bytes.len()) {}
    }
}

impl Interrupt for Bell {
    fn interrupt(&self) {
        // Full means that it rings already.
        let _ = (&self.ring).write(&[0]);
    }
}

/// The receive timeout for a wait until `until`, in microseconds: a power of two, so that it is rarely
/// changed. Waking early does no harm. Zero: wait for ever. None: the time has passed.
fn timeout_for(now: Instant, until: Option<Instant>) -> Option<u64> {
    let Some(until) = until else { return Some(0) };
    let left = until.saturating_duration_since(now);
    if left.is_zero() {
        return None;
    }
    let microseconds = u64::try_from(left.as_micros()).unwrap_or(u64::MAX).max(1);
    Some(1 << microseconds.ilog2().min(TIMEOUT_EXPONENT_MAX))
}

/// Whether the receive timeout that is set will do where another is wanted: it is not longer, and so long that
/// the thread wakes rarely for nothing. Zero stands for none.
const fn serves(set: u64, wanted: u64) -> bool {
    set == wanted || (set >= RARELY && (wanted == 0 || set < wanted))
}

fn timespec(until: Option<Instant>) -> Option<Timespec> {
    let left = until?.saturating_duration_since(now());
    // Rounded up: a wait that ends early would be repeated at once.
    let left = left.saturating_add(Duration::from_nanos(999));
    Timespec::try_from(left).ok()
}

impl AsFd for Socket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_that_is_set_serves_for_longer_ones_unless_it_wakes_often() {
        assert!(serves(0, 0));
        assert!(serves(RARELY, 0) && serves(RARELY, RARELY) && serves(RARELY, 2 * RARELY));
        assert!(!serves(0, RARELY), "for ever is too long");
        assert!(!serves(2 * RARELY, RARELY));
        assert!(!serves(1024, 0) && !serves(1024, 2048));
        assert!(serves(1024, 1024));
    }
}
