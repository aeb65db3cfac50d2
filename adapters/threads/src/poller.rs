//! What all threads know of a poller: its connections, and how to reach the thread that leads it.

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use slab::Slab;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use sailplane::Instant;
use sailplane_driver::{Interrupt, Link};

use crate::seat::Seat;
use crate::socket::Stream;
use crate::transport::Transport;

/// Events of the listener.
pub(crate) const LISTENER: Token = Token(usize::MAX - 1);
/// Somebody has a request, or wants the leader to look up.
pub(crate) const WAKER: Token = Token(usize::MAX);

/// Not asleep.
const AWAKE: u64 = 0;
/// Without an end.
const NEVER: u64 = u64::MAX;

/// What the leader is asked to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request {
    /// Look at the connection's timeout at this time.
    Timer { token: usize, at: u64 },
    /// The connection takes bytes again.
    Read(usize),
    /// Nobody writes what there is to write.
    Flush(usize),
    /// There are calls to take.
    Calls(usize),
    /// There is room for another connection.
    Accept,
}

/// One epoll, shared by all threads. Its other half, the [`Seat`], belongs to the thread that leads it.
pub(crate) struct Poller {
    registry: Registry,
    waker: mio::Waker,
    /// By token; none while a connection is being made.
    links: Mutex<Slab<Option<Arc<Link<Transport>>>>>,
    requests: Mutex<Vec<Request>>,
    has_requests: AtomicBool,
    /// When the leader will wake at the latest, in nanoseconds; [`AWAKE`] unless it sleeps.
    sleeps_until: AtomicU64,
    /// The same where the leader sleeps without a timer; [`NEVER`] otherwise.
    naps_until: AtomicU64,
    /// Told of every connection that is gone.
    removed: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Poller {
    /// A poller without connections, and what a thread leads it with.
    pub(crate) fn new() -> io::Result<(Arc<Self>, Box<Seat>)> {
        let poll = mio::Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = mio::Waker::new(&registry, WAKER)?;
        let poller = Arc::new(Self {
            registry,
            waker,
            links: Mutex::default(),
            requests: Mutex::default(),
            has_requests: AtomicBool::new(false),
            sleeps_until: AtomicU64::new(AWAKE),
            naps_until: AtomicU64::new(NEVER),
            removed: OnceLock::new(),
        });
        let seat = Box::new(Seat::new(Arc::clone(&poller), poll));
        Ok((poller, seat))
    }

    /// `tell` is told of every connection that is gone. To be called once.
    pub(crate) fn on_removed(&self, tell: impl Fn() + Send + Sync + 'static) {
        let _ = self.removed.set(Box::new(tell));
    }

    /// Takes a connection in; `link` makes it of its transport.
    pub(crate) fn add(
        self: &Arc<Self>,
        stream: Stream,
        link: impl FnOnce(Transport) -> Arc<Link<Transport>>,
    ) -> io::Result<Arc<Link<Transport>>> {
        let token = self.lock().insert(None);
        let fd = stream.as_raw_fd();
        let link = link(Transport::new(stream, Arc::clone(self), token));
        self.lock()[token] = Some(Arc::clone(&link));
        if let Err(error) = self.registry.register(&mut SourceFd(&fd), Token(token), Interest::READABLE) {
            let removed = self.lock().try_remove(token);
            drop(removed);
            return Err(error);
        }
        link.io().watch(link.timeout());
        Ok(link)
    }

    /// Forgets a connection.
    pub(crate) fn remove(&self, token: usize) {
        let removed = self.lock().try_remove(token);
        if removed.is_some() {
            if let Some(tell) = self.removed.get() {
                tell();
            }
        }
    }

    /// Forgets all connections, whose sockets are shut. A connection and its poller keep each other otherwise.
    pub(crate) fn clear(&self) {
        let links = std::mem::take(&mut *self.lock());
        for (_, link) in links {
            if let Some(link) = link {
                link.io().shut();
            }
        }
    }

    pub(crate) fn link(&self, token: usize) -> Option<Arc<Link<Transport>>> {
        self.lock().get(token).cloned().flatten()
    }

    /// All connections.
    pub(crate) fn links(&self) -> Vec<Arc<Link<Transport>>> {
        self.lock().iter().filter_map(|(_, link)| link.clone()).collect()
    }

    pub(crate) fn register_listener(&self, fd: RawFd) -> io::Result<()> {
        self.registry.register(&mut SourceFd(&fd), LISTENER, Interest::READABLE)
    }

    /// Waits for room in a socket as well, or no longer. If there is room already, the leader is told so.
    pub(crate) fn watch_writable(&self, fd: RawFd, token: usize, writable: bool) {
        let interest = if writable { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        // Refused only where the socket is closed, and then nobody waits for it.
        let _ = self.registry.reregister(&mut SourceFd(&fd), Token(token), interest);
    }

    /// Asks the leader, now or later, to do something.
    pub(crate) fn request(&self, request: Request) {
        let before = match request {
            Request::Timer { at, .. } => at,
            _ => AWAKE,
        };
        {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            requests.push(request);
            self.has_requests.store(true, Ordering::SeqCst);
        }
        if self.sleeps_until.load(Ordering::SeqCst) > before {
            self.wake();
        }
    }

    /// Makes the leader look up, if it sleeps.
    pub(crate) fn wake(&self) {
        if self.sleeps_until.swap(AWAKE, Ordering::SeqCst) != AWAKE {
            // The counter cannot overflow: it is reset at each wake-up.
            let _ = self.waker.wake();
        }
    }

    /// The leader is about to sleep until `until`; false if it must not.
    pub(crate) fn fall_asleep(&self, until: Option<Instant>) -> bool {
        let until = until.map_or(NEVER, Instant::as_nanos);
        self.sleeps_until.store(until, Ordering::SeqCst);
        let may = !self.has_requests.load(Ordering::SeqCst);
        if !may {
            self.wake_up();
        }
        may
    }

    /// The leader is awake.
    pub(crate) fn wake_up(&self) {
        self.sleeps_until.store(AWAKE, Ordering::SeqCst);
        if self.naps_until.load(Ordering::Relaxed) != NEVER {
            self.naps_until.store(NEVER, Ordering::SeqCst);
        }
    }

    /// Whether the leader, which is about to sleep until `until`, may do so without a timer. Who watches says so
    /// in `watched`; when it stops, it takes that back before it [ends all naps](Self::end_nap): it finds this
    /// mark, or is not relied on.
    pub(crate) fn naps(&self, until: Instant, watched: &AtomicBool) -> bool {
        self.naps_until.store(until.as_nanos(), Ordering::SeqCst);
        let naps = watched.load(Ordering::SeqCst);
        if !naps {
            self.naps_until.store(NEVER, Ordering::SeqCst);
        }
        naps
    }

    /// Wakes the leader if it sleeps without a timer until `at` or earlier; `None`: however long.
    pub(crate) fn end_nap(&self, at: Option<Instant>) {
        let until = self.naps_until.load(Ordering::SeqCst);
        if until != NEVER && at.is_none_or(|at| until <= at.as_nanos()) {
            self.wake();
        }
    }

    /// Everything that was asked for.
    pub(crate) fn take_requests(&self) -> Vec<Request> {
        if !self.has_requests.load(Ordering::SeqCst) {
            return Vec::new();
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_requests.store(false, Ordering::SeqCst);
        std::mem::take(&mut *requests)
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Option<Arc<Link<Transport>>>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interrupt for Poller {
    fn interrupt(&self) {
        // Also before it sleeps: the event is kept.
        let _ = self.waker.wake();
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").field("connections", &self.lock().len()).finish_non_exhaustive()
    }
}
