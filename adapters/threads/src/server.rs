//! The server as an application sees it.

use std::fmt;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use sailplane::limits::Budget;
use sailplane::{AnyService, Config, Limits, Services};

use crate::LocalAddress;
use crate::crew::Sizes;
use crate::pool::Pool;
use crate::seed;
use crate::socket::Listener;
use crate::trust::Trust;

/// Handlers that run at once, at least, where the application does not say.
const WORKERS_DEFAULT: usize = 16;

/// Serves services on threads of its own.
///
/// Handlers block as they like: each has a thread while it runs. Async services are served as well; a handler
/// then runs on its thread until it is ready.
#[derive(Clone, Debug, Default)]
#[must_use = "it serves nothing before `serve` or `bind`"]
pub struct Server {
    services: Services,
    inline: Vec<&'static str>,
    limits: Limits,
    workers: Option<usize>,
    pollers: Option<usize>,
}

impl Server {
    /// A server without services.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service, blocking or async, in place of one of the same name.
    pub fn service(mut self, service: impl Into<AnyService>) -> Self {
        self.services = self.services.service(service);
        self
    }

    /// Adds a service as [`service`](Self::service) does, whose handlers compute and do not block: no other thread
    /// is asked to stand by while they run, and the replies to all calls that one read brought on a connection
    /// leave in one write. What waits in our handles (for a message, for room to send) is no blocking.
    ///
    /// The same is found out by itself for methods that return within microseconds. The promise is for those
    /// that take longer, or not always as long. A handler that breaks it delays the others by a few
    /// milliseconds.
    pub fn inline(mut self, service: impl Into<AnyService>) -> Self {
        let service = service.into();
        self.inline.push(service.info().name);
        self.service(service)
    }

    /// Serves these services and no others.
    pub fn services(mut self, services: Services) -> Self {
        self.services = services;
        self
    }

    /// The bounds of each connection.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How many handlers run at once, at least 1; the calls beyond wait. A handler that waits in our handles
    /// (for a message, for room to send, for a call of its own on a [`Channel`](crate::Channel)) does not count:
    /// up to 1,023 threads stand in for such handlers, and calls wait once all of them do.
    ///
    /// Default: two for each core, 16 at least.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers.max(1));
        self
    }

    /// How many threads wait for sockets, at least 1, each for its share of the connections.
    ///
    /// Default: one for two cores.
    pub fn pollers(mut self, pollers: usize) -> Self {
        self.pollers = Some(pollers.max(1));
        self
    }

    /// Serves at `address`, `host:port` or `unix:path`, and does not return.
    ///
    /// # Errors
    /// The address cannot be had, or the system has no thread.
    pub fn serve(self, address: impl AsRef<str>) -> io::Result<()> {
        self.bind(address)?.run()
    }

    /// Serves at `address` until `stop` returns, which runs on a thread of its own, and then shuts down: what
    /// runs may finish for the time of `grace`.
    ///
    /// # Errors
    /// The address cannot be had, the system has no thread, or handlers do not return (see [`Bound::run`]).
    pub fn serve_until(
        self,
        address: impl AsRef<str>,
        stop: impl FnOnce() + Send + 'static,
        grace: Duration,
    ) -> io::Result<()> {
        let bound = self.bind(address)?;
        let handle = bound.handle();
        let stop = move || {
            stop();
            handle.shutdown(grace);
        };
        let stopper = std::thread::Builder::new().name("sailplane stop".into()).spawn(stop)?;
        // Where that fails, the other thread is left behind: what it waits for may never come.
        bound.pool.start()?;
        let result = bound.pool.supervise();
        // It is about to end: nobody else has a handle.
        let _ = stopper.join();
        result
    }

    /// Listens at `address`, `host:port` or `unix:path`. Connections are accepted once it runs.
    ///
    /// # Errors
    /// The address cannot be had.
    pub fn bind(self, address: impl AsRef<str>) -> io::Result<Bound> {
        let listener = Listener::bind(crate::address::parse(address.as_ref())?)?;
        let address = listener.address()?;
        Ok(Bound { pool: self.pool(Some(listener))?, address })
    }

    pub(crate) fn pool(self, listener: Option<Listener>) -> io::Result<Arc<Pool>> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let workers = self.workers.unwrap_or_else(|| WORKERS_DEFAULT.max(2 * cores));
        let pollers = self.pollers.unwrap_or_else(|| (cores / 2).max(1));
        let sizes = Sizes { workers, pollers, cores };
        let memory = Some(Budget::new(self.limits.server_bytes_max));
        let config = Config { memory, ..Config::new(self.limits, seed()) };
        Pool::new(self.services, Trust::new(self.inline), config, sizes, listener)
    }
}

/// A server that listens.
#[must_use = "it accepts nothing before `run`"]
pub struct Bound {
    pool: Arc<Pool>,
    address: LocalAddress,
}

impl Bound {
    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> &LocalAddress {
        &self.address
    }

    /// What shuts it down.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { pool: Arc::clone(&self.pool) }
    }

    /// Serves until somebody [shuts it down](Handle::shutdown). Its threads have ended when it returns.
    ///
    /// # Errors
    /// `TimedOut`: handlers did not return within five seconds of being cancelled. Their threads are left
    /// behind, and end when they do. That of the system, where it gives no first thread.
    pub fn run(self) -> io::Result<()> {
        self.pool.start()?;
        self.pool.supervise()
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Shuts a server down, from anywhere. Clones belong to the same server.
#[derive(Clone)]
pub struct Handle {
    pool: Arc<Pool>,
}

impl Handle {
    /// Begins the end and returns at once; [`Bound::run`] returns when it is complete.
    ///
    /// The listener closes. Clients are told (GOAWAY, in two steps), so that none of their calls is lost. Calls
    /// that run may finish for the time of `grace`; then they are cancelled, and connections close.
    pub fn shutdown(&self, grace: Duration) {
        self.pool.shutdown(grace);
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("pool", &self.pool).finish()
    }
}
