//! The threads of a server, and what they share.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use sailplane::{Config, Instant, Services};
use sailplane_driver::{Interrupt, Link, now};

use crate::accept::Accept;
use crate::crew::{Crew, Rouse, Sizes};
use crate::poller::{Poller, Request};
use crate::socket::{Listener, Stream};
use crate::trust::Trust;
use crate::worker;

/// How long handlers that were cancelled may take to return.
const RETURN_TIME: Duration = Duration::from_secs(5);

/// A connection that has not shaken hands.
struct Shaking(Weak<Pool>);

impl Drop for Shaking {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            if pool.accept.shaken() {
                pool.ask_to_accept();
            }
        }
    }
}

/// The threads of a server, and what they share.
pub(crate) struct Pool {
    pub(crate) services: Services,
    pub(crate) accept: Accept,
    pub(crate) trust: Trust,
    /// Whether somebody looks for output that waits.
    pub(crate) has_lookout: AtomicBool,
    /// Whether somebody looks at the time for pollers whose leaders sleep.
    pub(crate) watched: AtomicBool,
    config: Config,
    pollers: Vec<Arc<Poller>>,
    /// The poller of the next connection.
    next: AtomicUsize,
    crew: Mutex<Crew>,
    handles: Mutex<Vec<JoinHandle<()>>>,
    /// When running calls must have ended, once the server shuts down.
    draining: Mutex<Option<Instant>>,
    /// Whether it does.
    ending: AtomicBool,
    /// Something changed that a shutdown waits for.
    changed: Condvar,
}

impl Pool {
    /// A pool without threads; the first ones are started by [`start`](Self::start).
    pub(crate) fn new(
        services: Services,
        trust: Trust,
        config: Config,
        sizes: Sizes,
        listener: Option<Listener>,
    ) -> io::Result<Arc<Self>> {
        let fd = listener.as_ref().map(AsRawFd::as_raw_fd);
        let (mut pollers, mut seats) = (Vec::new(), Vec::new());
        for _ in 0..sizes.pollers {
            let (poller, seat) = Poller::new()?;
            pollers.push(poller);
            seats.push(seat);
        }
        let pool = Arc::new(Self {
            services,
            accept: Accept::new(listener, &config.limits),
            trust,
            has_lookout: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            config,
            pollers,
            next: AtomicUsize::new(0),
            crew: Mutex::new(Crew::new(sizes, seats)),
            handles: Mutex::default(),
            draining: Mutex::default(),
            ending: AtomicBool::new(false),
            changed: Condvar::new(),
        });
        for poller in &pool.pollers {
            let pool = Arc::downgrade(&pool);
            poller.on_removed(move || pool.upgrade().iter().for_each(|pool| pool.removed()));
        }
        if let (Some(fd), Some(poller)) = (fd, pool.pollers.first()) {
            poller.register_listener(fd)?;
        }
        Ok(pool)
    }

    /// Starts the first thread; others follow as they are needed.
    ///
    /// # Errors
    /// The system gives none. Then this is over: nobody would be there to ask for another.
    pub(crate) fn start(self: &Arc<Self>) -> io::Result<()> {
        let rouse = self.crew().rouse();
        let started = self.try_apply(rouse);
        if started.is_err() {
            self.abort();
        }
        started
    }

    /// Takes a connection in.
    ///
    /// # Errors
    /// The connection is closed: the system has no room for it, or its peer has left.
    pub(crate) fn adopt(self: &Arc<Self>, stream: Stream, address: Option<Arc<str>>) -> io::Result<()> {
        let stream = stream.prepared()?;
        let poller = &self.pollers[self.next.fetch_add(1, Ordering::Relaxed) % self.pollers.len()];
        let config = Config { address, ..self.config.clone() };
        self.accept.added();
        let permit = Shaking(Arc::downgrade(self));
        let link = match poller.add(stream, |io| Link::server_with_permit(io, &config, permit)) {
            Ok(link) => link,
            Err(error) => {
                self.removed();
                return Err(error);
            }
        };
        link.flush();
        if let Some(until) = *lock(&self.draining) {
            link.shutdown(until.saturating_duration_since(now()));
        }
        Ok(())
    }

    /// Ends naps that last until `at` or shorter; all without.
    pub(crate) fn end_naps(&self, at: Option<Instant>) {
        self.pollers.iter().for_each(|poller| poller.end_nap(at));
    }

    /// Whether the leader of `poller` accepts.
    pub(crate) fn accepts(&self, poller: &Arc<Poller>) -> bool {
        self.pollers.first().is_some_and(|first| Arc::ptr_eq(first, poller))
    }

    /// Connections wait that could be accepted.
    pub(crate) fn ask_to_accept(&self) {
        if let Some(poller) = self.pollers.first() {
            poller.request(Request::Accept);
        }
    }

    fn removed(&self) {
        if self.accept.removed() {
            self.ask_to_accept();
        }
        self.tell();
    }

    // -- threads --

    pub(crate) fn crew(&self) -> MutexGuard<'_, Crew> {
        lock(&self.crew)
    }

    /// Does what the crew decided; with nothing locked. Where no thread can be had, those that there are go on.
    pub(crate) fn apply(self: &Arc<Self>, rouse: Rouse) {
        let _ = self.try_apply(rouse);
    }

    fn try_apply(self: &Arc<Self>, rouse: Rouse) -> io::Result<()> {
        match rouse {
            Rouse::Nobody => {}
            Rouse::Wake(sleeper) => sleeper.wake(),
            Rouse::Start(looks_out) => {
                let pool = Arc::clone(self);
                let builder = std::thread::Builder::new().name("sailplane".into());
                match builder.spawn(move || worker::work(&pool, looks_out)) {
                    Ok(handle) => {
                        let mut handles = lock(&self.handles);
                        handles.retain(|handle| !handle.is_finished());
                        handles.push(handle);
                    }
                    Err(error) => {
                        self.crew().not_started(looks_out);
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// Wakes whoever waits for the end, if somebody does.
    pub(crate) fn tell(&self) {
        if self.ending.load(Ordering::SeqCst) {
            // Not between the look of the one that waits and its sleep.
            drop(lock(&self.draining));
            self.changed.notify_all();
        }
    }

    // -- the end --

    /// Begins the end: no new connections, no new calls; those that run may finish for the time of `grace`.
    pub(crate) fn shutdown(&self, grace: Duration) {
        self.accept.close();
        let until = now().saturating_add(grace);
        {
            let mut draining = lock(&self.draining);
            *draining = Some(draining.map_or(until, |earlier| earlier.min(until)));
            self.ending.store(true, Ordering::SeqCst);
        }
        self.changed.notify_all();
        for link in self.links() {
            link.shutdown(grace);
        }
    }

    /// Waits until somebody [shuts down](Self::shutdown), and then for the end, which is bounded.
    ///
    /// # Errors
    /// `TimedOut`: there are handlers that do not return. Their threads are left behind.
    pub(crate) fn supervise(&self) -> io::Result<()> {
        let mut draining = lock(&self.draining);
        while draining.is_none() {
            draining = self.changed.wait(draining).unwrap_or_else(PoisonError::into_inner);
        }
        drop(draining);
        self.wait_while(None, || self.accept.connections() > 0);
        for link in self.links() {
            link.close();
        }
        let limit = Some(now().saturating_add(RETURN_TIME));
        self.wait_while(limit, || self.accept.connections() > 0 || !self.crew().is_idle());
        self.stop();
        self.wait_while(limit, || self.crew().threads() > 0);
        self.clear();
        if self.crew().threads() > 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "handlers do not return"));
        }
        for handle in std::mem::take(&mut *lock(&self.handles)) {
            // Threads do not panic; if one did, it told so already.
            let _ = handle.join();
        }
        Ok(())
    }

    /// All threads go home.
    pub(crate) fn stop(&self) {
        let (calls, sleeping) = self.crew().stop();
        drop(calls);
        for sleeper in sleeping {
            sleeper.wake();
        }
        for poller in &self.pollers {
            poller.interrupt();
        }
    }

    /// Ends now: connections close, handlers are cancelled. Nobody waits for them.
    pub(crate) fn abort(&self) {
        self.accept.close();
        for link in self.links() {
            link.close();
        }
        self.stop();
        self.clear();
    }

    fn clear(&self) {
        for poller in &self.pollers {
            poller.clear();
        }
    }

    /// Waits while `busy`, until `limit` or else until what is draining must have ended.
    fn wait_while(&self, limit: Option<Instant>, busy: impl Fn() -> bool) {
        let mut draining = lock(&self.draining);
        loop {
            // Whoever changes what `busy` looks at takes this lock before it tells.
            let until = limit.or(*draining).unwrap_or_else(now);
            let left = until.saturating_duration_since(now());
            if left.is_zero() || !busy() {
                return;
            }
            let waited = self.changed.wait_timeout(draining, left);
            draining = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn links(&self) -> Vec<Arc<Link<crate::transport::Transport>>> {
        self.pollers.iter().flat_map(|poller| poller.links()).collect()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("connections", &self.accept.connections()).finish_non_exhaustive()
    }
}
