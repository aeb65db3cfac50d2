//! A server, from its services to its end.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_lite::future;
use sailplane::stub::BoxFuture;
use sailplane::{AnyService, Limits, Services};
use smol::Executor;

use crate::LocalAddress;
use crate::accept::accept;
use crate::address::Listener;
use crate::handlers::Handlers;
use crate::spawner::Spawner;
use crate::state::{State, wait};

/// Serves services, async and blocking ones, on all cores.
///
/// A connection is a task. Async handlers run in it until they first wait, and then become tasks; they are
/// dropped when their call is cancelled. Blocking handlers run on the threads of [`smol::unblock`]. A
/// handler that panics ends its call with UNKNOWN, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Server {
    services: Services,
    limits: Limits,
    threads: Option<usize>,
}

impl Server {
    /// A server without services.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service, in place of one of the same name.
    #[must_use]
    pub fn service(mut self, service: impl Into<AnyService>) -> Self {
        self.services = self.services.service(service);
        self
    }

    /// Serves these services, in place of those that it had.
    #[must_use]
    pub fn services(mut self, services: Services) -> Self {
        self.services = services;
        self
    }

    /// Holds each connection to these limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Runs on so many threads; the one that serves is the first. One for each core if this is not called.
    #[must_use]
    pub const fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Listens on `address` and serves for ever: `[::]:50051`, `localhost:50051`, `unix:/run/greeter.sock`.
    ///
    /// # Errors
    /// The address cannot be listened on, or a thread cannot be started.
    pub async fn serve(self, address: impl Display) -> io::Result<()> {
        self.bind(address).await?.run().await
    }

    /// Serves until `stop` is ready, then shuts down as [`Handle::shutdown`] does.
    ///
    /// # Errors
    /// The address cannot be listened on, or a thread cannot be started.
    pub async fn serve_until(
        self,
        address: impl Display,
        stop: impl Future<Output = ()>,
        grace: Duration,
    ) -> io::Result<()> {
        let bound = self.bind(address).await?;
        let handle = bound.handle();
        let stop = async {
            stop.await;
            drop(handle.shutdown(grace));
            future::pending().await
        };
        future::or(bound.run(), stop).await
    }

    /// Listens on `address`. Connections wait until the server [runs](Bound::run).
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn bind(self, address: impl Display) -> io::Result<Bound> {
        self.binding(address.to_string()).await
    }

    /// On the heap, as [`Bound::running`] is: what it calls is compiled here, and not in each program anew.
    #[inline(never)]
    fn binding(self, address: String) -> BoxFuture<'static, io::Result<Bound>> {
        Box::pin(async move {
            let listener = Listener::bind(&address).await?;
            let address = listener.local_addr()?;
            let executor = Arc::new(Executor::new());
            let handlers = Handlers::new(self.services, Spawner::new(&executor));
            let state = Arc::new(State::new(self.limits, Arc::new(handlers)));
            let all = || thread::available_parallelism().map_or(1, NonZero::get);
            let threads = self.threads.unwrap_or_else(all);
            Ok(Bound { listener, address, executor, state, threads })
        })
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Bound {
    listener: Listener,
    address: LocalAddress,
    executor: Arc<Executor<'static>>,
    state: Arc<State>,
    threads: usize,
}

impl Bound {
    /// Where it listens. The text of this is a target for a channel.
    #[must_use]
    pub const fn local_addr(&self) -> &LocalAddress {
        &self.address
    }

    /// Ends the server from elsewhere.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { state: Arc::clone(&self.state) }
    }

    /// Serves until a [`Handle`] shuts the server down. Dropping the future ends the server, and every
    /// connection with it, as soon as its other threads have finished what they are at.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub async fn run(self) -> io::Result<()> {
        self.running().await
    }

    #[inline(never)]
    fn running(self) -> BoxFuture<'static, io::Result<()>> {
        Box::pin(async move {
            let Self { listener, executor, state, threads, .. } = self;
            // Dropped with this future, which ends the threads. The channel carries nothing.
            let (_running, over) = smol::channel::bounded::<Infallible>(1);
            for _ in 1..threads {
                let (executor, over) = (Arc::clone(&executor), wait(over.clone()));
                let work = move || async_io::block_on(run(&executor, Box::pin(over)));
                thread::Builder::new().name("sailplane-smol".into()).spawn(work)?;
            }
            let spawner = Spawner::new(&executor);
            let accept: BoxFuture<'static, ()> = Box::pin(accept(listener, Arc::clone(&state), spawner));
            let accepting = executor.spawn(accept);
            // Until the server shuts down. Then the listener is closed, whichever thread ran the task.
            let end = async {
                accepting.await;
                state.drain().await;
            };
            run(&executor, Box::pin(end)).await;
            Ok(())
        })
    }
}

/// Ends a server. Clones are for the same one.
#[derive(Clone, Debug)]
pub struct Handle {
    state: Arc<State>,
}

impl Handle {
    /// Shuts the server down, at once and whether or not the future is awaited: the listener closes,
    /// clients are told to start no more calls here, and those that run may finish for the time of `grace`;
    /// then they are cancelled. The future is ready when every connection has ended, not much later than
    /// `grace`.
    pub fn shutdown(&self, grace: Duration) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.state.shutdown(grace);
        let state = Arc::clone(&self.state);
        async move { state.drain().await }
    }
}

/// Runs tasks until `until` is ready: for whatever that is by one piece of code, which is large.
async fn run(executor: &Executor<'static>, until: BoxFuture<'_, ()>) {
    executor.run(until).await;
}
