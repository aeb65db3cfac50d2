//! A channel whose connection is a task.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use sailplane::bytes::Bytes;
use sailplane::channel::{InvalidTarget, Target};
use sailplane::{Async, Config, Limits, RawCall, Services, stub};
use sailplane_driver::{Client, now};
use smol::Executor;

use crate::connector::{Connector, Peer, seed};
use crate::spawner::Spawner;

/// A client's way to one server: one connection, made at the first call, and again at the next call after
/// it was lost. Clones are the same channel, for any number of tasks and threads.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let channel = sailplane_smol::Channel::plaintext("localhost:50051")?;
/// # Ok(())
/// # }
/// ```
///
/// The connection is a task of [`smol::spawn`], which runs on a thread of its own: a call costs three
/// switches between threads. On the executor that runs the callers, by [`on`](Self::on), it costs none.
///
/// When the last clone is dropped and the last call has ended, the connection ends.
#[derive(Clone)]
pub struct Channel {
    client: Arc<Client<Connector>>,
    authority: Bytes,
}

impl Channel {
    /// A channel without encryption to `localhost:50051`, `unix:/run/greeter.sock`, … Nothing is resolved or
    /// connected before the first call.
    ///
    /// # Errors
    /// What is wrong with the target.
    pub fn plaintext(target: impl AsRef<str>) -> Result<Self, InvalidTarget> {
        let target: Target = target.as_ref().parse()?;
        Ok(Self::new(Peer::Target(target), Arc::default(), Spawner::global()))
    }

    /// A channel to services in this process. Calls are serialised like any other; the handlers run where
    /// the connection does.
    #[must_use]
    pub fn in_process(services: Services) -> Self {
        Self::new(Peer::Services(services), Arc::default(), Spawner::global())
    }

    /// The same channel on an executor of yours, best the one that runs the callers: a new one, without a
    /// connection yet. The executor is not kept alive; when it is dropped, calls end UNAVAILABLE.
    #[must_use]
    pub fn on(&self, executor: &Arc<Executor<'static>>) -> Self {
        let connector = self.client.connector();
        Self::new(connector.peer.clone(), Arc::clone(&connector.limits), Spawner::new(executor))
    }

    /// The same channel with other limits: a new one, without a connection yet.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        let connector = self.client.connector();
        Self::new(connector.peer.clone(), Arc::new(limits), connector.spawner.clone())
    }

    fn new(peer: Peer, limits: Arc<Limits>, spawner: Spawner) -> Self {
        let authority = match &peer {
            Peer::Target(target) => target.authority().clone(),
            Peer::Services(_) => Bytes::from_static(b"localhost"),
        };
        let config = Config::new(Arc::clone(&limits), seed());
        let connector = Connector { peer, limits, spawner, alarm: AtomicU64::new(u64::MAX) };
        Self { client: Client::new(connector, config), authority }
    }

    /// Ends the channel in order: no new calls, those that wait for a connection fail, and those that run
    /// may finish for the time of `grace`. Does not wait for that.
    pub fn shutdown(&self, grace: Duration) {
        self.client.shutdown(grace);
    }

    /// Ends the channel: calls that run or wait fail, and no more can be started.
    pub fn close(&self) {
        self.client.close();
    }

    /// The target as it was given; none in a process.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        match &self.client.connector().peer {
            Peer::Target(target) => Some(target),
            Peer::Services(_) => None,
        }
    }
}

impl sailplane::Channel for Channel {
    type Mode = Async;

    fn start(&self, start: stub::Start<'_>) -> RawCall {
        self.client.start_call(now(), start, &self.authority)
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target().map_or("in-process", |target| target.as_str());
        f.debug_struct("Channel").field("target", &target).finish_non_exhaustive()
    }
}
