//! A channel to a server of the simulated network.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sailplane::bytes::Bytes;
use sailplane::channel::ConnectionId;
use sailplane::{Async, Config, Instant, Limits, RawCall, Status, stub};
use sailplane_driver::{Client, Connector as _};

use crate::executor::lock;
use crate::network::Event;
use crate::socket::Socket;
use crate::world::World;

/// A client's way to one server: [`Sim::channel`](crate::Sim::channel) makes it. Clones are the same channel.
#[derive(Clone)]
pub struct Channel {
    client: Arc<Client<Connector>>,
    authority: Bytes,
}

pub(crate) struct Connector {
    pub(crate) world: Weak<World>,
    pub(crate) host: String,
}

impl Channel {
    pub(crate) fn new(world: &Arc<World>, host: &str, limits: Limits, seed: u64) -> Self {
        let connector = Connector { world: Arc::downgrade(world), host: host.to_owned() };
        let authority = Bytes::copy_from_slice(host.as_bytes());
        Self { client: Client::new(connector, Config::new(limits, seed)), authority }
    }

    /// Ends the channel in order: no new calls, those that run may finish for the time of `grace`.
    pub fn shutdown(&self, grace: Duration) {
        self.client.shutdown(grace);
    }

    /// Ends the channel: calls that run or wait fail, and no more can be started.
    pub fn close(&self) {
        self.client.close();
    }
}

impl sailplane::Channel for Channel {
    type Mode = Async;

    fn start(&self, start: stub::Start<'_>) -> RawCall {
        self.client.start_call(self.client.connector().now(), start, &self.authority)
    }
}

impl sailplane_driver::Connector for Connector {
    type Io = Socket;

    fn connect(&self, client: &Arc<Client<Self>>, id: ConnectionId) {
        let Some(world) = self.world.upgrade() else {
            return client.connect_failed(id, Status::unavailable("the simulation is over").never_ran());
        };
        let mut network = lock(&world.network);
        // There and back.
        let at = network.now + network.delay(&self.host) + network.delay(&self.host);
        network.at(at, Event::Connect { client: Arc::downgrade(client), id, late: false });
    }

    fn timeout_earlier(&self, client: &Arc<Client<Self>>, at: Instant) {
        if let Some(world) = self.world.upgrade() {
            lock(&world.network).at(at.as_nanos(), Event::Channel(Arc::downgrade(client)));
        }
    }

    fn now(&self) -> Instant {
        self.world.upgrade().map_or(Instant::MAX, |world| world.now())
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("server", &self.client.connector().host).finish_non_exhaustive()
    }
}
