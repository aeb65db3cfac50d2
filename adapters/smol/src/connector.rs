//! How a channel gets its connections, and its alarm clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use async_io::{Async, Timer};
use sailplane::channel::{ConnectionId, Target};
use sailplane::{Config, Instant, Limits, Services, Status};
use sailplane_driver::{Client, Link, now};

use crate::connect::{Connected, connect};
use crate::connection;
use crate::handlers::Handlers;
use crate::socket::Socket;
use crate::spawner::Spawner;
use crate::stream::Stream;

/// Makes connections in tasks.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) peer: Peer,
    pub(crate) limits: Arc<Limits>,
    pub(crate) spawner: Spawner,
    /// When the alarm goes off, in nanoseconds; `u64::MAX` for never.
    pub(crate) alarm: AtomicU64,
}

/// Where a channel goes.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// To a server.
    Target(Target),
    /// To services in this process.
    Services(Services),
}

impl sailplane_driver::Connector for Connector {
    type Io = Socket;

    fn connect(&self, client: &Arc<Client<Self>>, id: ConnectionId) {
        let attempt = Attempt { client: Arc::downgrade(client), id: Some(id) };
        let (peer, limits, spawner) = (self.peer.clone(), self.limits.clone(), self.spawner.clone());
        self.spawner.spawn(Box::pin(async move {
            let connected = match &peer {
                Peer::Target(target) => connect(target).await,
                Peer::Services(services) => pair(services.clone(), limits, spawner),
            };
            if let Some(link) = attempt.finish(connected) {
                connection::serve(link, None).await;
            }
        }));
    }

    fn timeout_earlier(&self, client: &Arc<Client<Self>>, at: Instant) {
        let before = self.alarm.fetch_min(at.as_nanos(), Ordering::SeqCst);
        if at.as_nanos() < before {
            self.spawner.spawn(Box::pin(ring(Arc::downgrade(client), at)));
        }
    }
}

/// Tells the channel when its timeouts pass, as long as it has any.
async fn ring(client: Weak<Client<Connector>>, mut at: Instant) {
    loop {
        Timer::after(at.saturating_duration_since(now())).await;
        let Some(client) = client.upgrade() else { return };
        let alarm = &client.connector().alarm;
        // Another alarm that was set later goes off earlier, and looks after all.
        if alarm.compare_exchange(at.as_nanos(), u64::MAX, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return;
        }
        if client.timeout().is_some_and(|at| at <= now()) {
            client.timed_out();
        }
        let Some(next) = client.timeout() else { return };
        if next.as_nanos() >= alarm.fetch_min(next.as_nanos(), Ordering::SeqCst) {
            return;
        }
        at = next;
    }
}

/// Both ends of a connection inside this process; the server's is served by a task.
fn pair(services: Services, limits: Arc<Limits>, spawner: Spawner) -> Result<Connected, Status> {
    let (client, server) = Async::<std::os::unix::net::UnixStream>::pair()
        .map_err(|error| Status::unavailable(format!("cannot connect inside the process: {error}")))?;
    let address: Arc<str> = "in-process".into();
    let config = Config { address: Some(Arc::clone(&address)), ..Config::new(limits, seed()) };
    let link = Link::server(Socket::new(Stream::Unix(server)), &config);
    let handlers = Arc::new(Handlers::new(services, spawner.clone()));
    spawner.spawn(Box::pin(connection::serve(link, Some(handlers))));
    Ok((Stream::Unix(client), address))
}

/// An attempt to connect. Dropped without a result, with the executor, it has failed.
struct Attempt {
    client: Weak<Client<Connector>>,
    id: Option<ConnectionId>,
}

impl Attempt {
    fn finish(mut self, connected: Result<Connected, Status>) -> Option<Arc<Link<Socket>>> {
        let (id, client) = self.id.take().zip(self.client.upgrade())?;
        match connected {
            Ok((stream, address)) => {
                let link = client.link(id, Socket::new(stream), Some(address));
                client.connected(&link);
                Some(link)
            }
            Err(status) => {
                client.connect_failed(id, status);
                None
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some((id, client)) = self.id.take().zip(self.client.upgrade()) {
            let status = Status::unavailable("the executor of the channel was dropped");
            client.connect_failed(id, status.never_ran());
        }
    }
}

/// A number that a peer cannot guess.
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0)
}
