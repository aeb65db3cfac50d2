//! What the tasks of a server share: its connections, and whether it shuts down.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_io::Timer;
use futures_lite::future;
use sailplane::limits::Budget;
use sailplane::{Config, End, Limits};
use sailplane_driver::Link;
use slab::Slab;
use smol::channel::{Receiver, Sender, bounded};
use smol::lock::{Semaphore, SemaphoreGuardArc};

use crate::connector::seed;
use crate::handlers::Handlers;
use crate::socket::Socket;

/// How long connections have after they were cut off, and those whose peers do not close them.
const AFTER_GRACE: Duration = Duration::from_millis(1500);

/// A server that runs.
pub(crate) struct State {
    config: Config,
    handlers: Arc<Handlers>,
    room: Arc<Semaphore>,
    /// Room for connections that have not shaken hands.
    shaking: Arc<Semaphore>,
    connections: Mutex<Connections>,
    /// Closed when the server shuts down; carries nothing.
    closing: (Sender<Infallible>, Receiver<Infallible>),
    /// Closed when the server shuts down and no connection is left; carries nothing.
    ended: Receiver<Infallible>,
}

struct Connections {
    links: Slab<Weak<Link<Socket>>>,
    /// Every guest has a clone. None: the server shuts down.
    door: Option<Sender<Infallible>>,
    grace: Duration,
}

impl State {
    pub(crate) fn new(limits: Limits, handlers: Arc<Handlers>) -> Self {
        let (door, ended) = bounded(1);
        let connections = Connections { links: Slab::new(), door: Some(door), grace: Duration::ZERO };
        let memory = Some(Budget::new(limits.server_bytes_max));
        let room = Arc::new(Semaphore::new(limits.connections_max));
        let shaking = Arc::new(Semaphore::new(limits.handshakes_max));
        Self {
            config: Config { memory, ..Config::new(limits, 0) },
            handlers,
            room,
            shaking,
            connections: Mutex::new(connections),
            closing: bounded(1),
            ended,
        }
    }

    pub(crate) const fn handlers(&self) -> &Arc<Handlers> {
        &self.handlers
    }

    pub(crate) fn config(&self, address: Option<Arc<str>>) -> Config {
        Config { seed: seed(), address, ..self.config.clone() }
    }

    /// Waits until there is room for a connection.
    pub(crate) async fn room(&self) -> SemaphoreGuardArc {
        self.room.acquire_arc().await
    }

    /// Waits until there is room for one that has not shaken hands.
    pub(crate) async fn room_to_shake(&self) -> SemaphoreGuardArc {
        self.shaking.acquire_arc().await
    }

    /// Counts a connection in. None: the server shuts down.
    pub(crate) fn enter(
        self: &Arc<Self>,
        link: &Arc<Link<Socket>>,
        room: SemaphoreGuardArc,
    ) -> Option<Guest> {
        let mut connections = self.lock();
        let door = connections.door.clone()?;
        let id = connections.links.insert(Arc::downgrade(link));
        Some(Guest { state: Arc::downgrade(self), id, _door: door, _room: room })
    }

    /// Waits until the server begins to shut down.
    pub(crate) fn closing(&self) -> impl Future<Output = ()> + use<> {
        wait(self.closing.1.clone())
    }

    /// Waits until the server has shut down and every connection has ended.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + use<> {
        wait(self.ended.clone())
    }

    /// Shuts down: no connection is accepted, none takes new calls, those that run may finish for `grace`.
    pub(crate) fn shutdown(&self, grace: Duration) {
        let door = {
            let mut connections = self.lock();
            connections.grace = grace;
            connections.door.take()
        };
        self.closing.0.close();
        for link in self.links() {
            link.shutdown(grace);
        }
        drop(door);
    }

    /// Waits until every connection has ended, and cuts off those that have not after the time they have.
    /// Once the server shuts down.
    pub(crate) async fn drain(&self) {
        let grace = self.lock().grace;
        let late = async {
            Timer::after(grace).await;
            self.each(Link::close);
            Timer::after(AFTER_GRACE).await;
            self.each(|link| link.ended(End::Failed(Arc::new(cut_off()))));
        };
        future::or(self.ended(), late).await;
    }

    fn each(&self, f: impl Fn(&Arc<Link<Socket>>)) {
        self.links().iter().for_each(f);
    }

    fn links(&self) -> Vec<Arc<Link<Socket>>> {
        self.lock().links.iter().filter_map(|(_, link)| link.upgrade()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection, as the server counts it, until it is dropped.
pub(crate) struct Guest {
    state: Weak<State>,
    id: usize,
    _room: SemaphoreGuardArc,
    _door: Sender<Infallible>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some(state) = self.state.upgrade() {
            state.lock().links.try_remove(self.id);
        }
    }
}

/// Waits until the channel is closed.
pub(crate) async fn wait(closed: Receiver<Infallible>) {
    if let Ok(never) = closed.recv().await {
        match never {}
    }
}

fn cut_off() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "the server was shut down")
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("connections", &self.lock().links.len()).finish_non_exhaustive()
    }
}
