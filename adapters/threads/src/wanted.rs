//! How a channel gets its connections, and what a thread does that waits for a call.

use std::fmt;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, OnceLock};

use sailplane::channel::{ConnectionId, Target};
use sailplane::{Instant, Services};
use sailplane_driver::{
    Blocked, Client, ConnectFailure, Connector, Link, cannot_connect, connect_first, now,
};

use crate::Server;
use crate::chair::{Background, Chair, Receive};
use crate::connect::open;
use crate::pool::{Pool, lock};
use crate::seat::Seat;
use crate::socket::Stream;
use crate::transport::Transport;
use crate::worker;

/// A channel's way to connections: the one that it asks for is made by a thread that waits for it.
pub(crate) struct Wanted {
    pub(crate) target: Target,
    /// The server of a channel that stays in the process.
    inside: Option<Inside>,
    connection: Mutex<Option<ConnectionId>>,
    /// Made for the first connection.
    chair: OnceLock<Arc<Chair>>,
    background: Mutex<Option<Background>>,
}

struct Inside {
    services: Services,
    pool: Mutex<Option<Arc<Pool>>>,
}

impl Wanted {
    pub(crate) fn new(target: Target, services: Option<Services>) -> Self {
        Self {
            target,
            inside: services.map(|services| Inside { services, pool: Mutex::default() }),
            connection: Mutex::default(),
            chair: OnceLock::new(),
            background: Mutex::default(),
        }
    }

    pub(crate) fn chair(&self) -> Option<&Arc<Chair>> {
        self.chair.get()
    }

    /// Makes the connection that is wanted, if one is and nobody does yet; until `deadline`.
    pub(crate) fn connect_if_wanted(&self, client: &Arc<Client<Self>>, deadline: Option<Instant>) -> bool {
        let Some(id) = lock(&self.connection).take() else { return false };
        let mut attempt = Attempt { client, id: Some(id) };
        let made =
            self.make(deadline).and_then(|(stream, address)| self.take_in(client, id, stream, address));
        match made {
            Ok(link) => {
                attempt.id = None;
                // Those who wait for a connection wait for the seat from here on.
                client.wake_waiting();
                client.connected(&link);
            }
            Err(ConnectFailure::Failed(status)) => {
                attempt.id = None;
                client.connect_failed(id, status);
            }
            Err(ConnectFailure::OutOfTime) => {}
        }
        true
    }

    fn make(&self, deadline: Option<Instant>) -> Result<(Stream, Arc<str>), ConnectFailure> {
        let Some(inside) = &self.inside else { return connect_first(&self.target, deadline, open) };
        let stream = UnixStream::pair().and_then(|(ours, theirs)| {
            inside.pool()?.adopt(Stream::Unix(theirs), Some("in-process".into()))?;
            Stream::Unix(ours).prepared()
        });
        let failed =
            |error| ConnectFailure::Failed(cannot_connect(&self.target, vec![("in-process".into(), error)]));
        Ok((stream.map_err(failed)?, "in-process".into()))
    }

    fn take_in(
        &self,
        client: &Arc<Client<Self>>,
        id: ConnectionId,
        stream: Stream,
        address: Arc<str>,
    ) -> Result<Arc<Link<Transport>>, ConnectFailure> {
        let text = address.to_string();
        let failed = |error| ConnectFailure::Failed(cannot_connect(&self.target, vec![(text, error)]));
        let chair = {
            let mut background = lock(&self.background);
            match self.chair.get() {
                Some(chair) => Ok(chair),
                None => Chair::new().map(|(chair, thread)| {
                    *background = Some(thread);
                    self.chair.get_or_init(|| chair)
                }),
            }
        };
        let link =
            chair.and_then(|chair| chair.poller().add(stream, |io| client.link(id, io, Some(address))));
        link.map_err(failed)
    }

    fn lead(
        &self,
        chair: &Chair,
        seat: Box<Seat>,
        client: &Arc<Client<Self>>,
        blocked: &mut Blocked<'_, Transport>,
    ) {
        let interrupt = seat.interrupt();
        let mut leading = Leading { chair, seat: Some(seat) };
        let Some(seat) = &mut leading.seat else { return };
        while !blocked.is_notified() {
            let until = client.timeout();
            if blocked.parker().sleep(&interrupt, || _ = seat.wait(until, None)) {
                // The sleep took the notification.
                blocked.parker().waker().wake_by_ref();
            }
            seat.turn(&mut Receive);
            expire(client);
        }
    }
}

impl Connector for Wanted {
    type Io = Transport;

    /// Leaves the work to a thread that waits for a call: the caller, or one that is woken.
    fn connect(&self, client: &Arc<Client<Self>>, id: ConnectionId) {
        *lock(&self.connection) = Some(id);
        client.wake_waiting();
    }

    /// The thread whose attempt failed may leave; one that stays has to look at the clock in its place.
    fn timeout_earlier(&self, client: &Arc<Client<Self>>, _: Instant) {
        client.wake_waiting();
    }

    fn block(&self, client: &Arc<Client<Self>>, blocked: &mut Blocked<'_, Transport>) {
        if blocked.poll() {
            return;
        }
        let _waiting = worker::waiting();
        let mut waited = None;
        loop {
            if blocked.link().is_none() && self.connect_if_wanted(client, blocked.deadline()) {
                // It has one, or its failure.
            } else if let Some(chair) = self.chair() {
                match chair.take_or_wait(blocked.parker().waker()) {
                    Some(seat) => self.lead(chair, seat, client, blocked),
                    None => {
                        waited = Some(chair);
                        blocked.park_until(now(), client.timeout());
                    }
                }
            } else {
                blocked.park_until(now(), client.timeout());
            }
            expire(client);
            if blocked.poll() {
                break;
            }
        }
        if let Some(chair) = waited {
            chair.leave(blocked.parker().waker());
        }
    }
}

fn expire(client: &Arc<Client<Wanted>>) {
    if client.timeout().is_some_and(|at| at <= now()) {
        client.timed_out();
    }
}

impl Inside {
    fn pool(&self) -> std::io::Result<Arc<Pool>> {
        let mut pool = lock(&self.pool);
        if let Some(pool) = &*pool {
            return Ok(Arc::clone(pool));
        }
        let made = Server::new().services(self.services.clone()).pollers(1).pool(None)?;
        made.start()?;
        Ok(Arc::clone(pool.insert(made)))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(pool) = lock(&self.pool).take() {
            pool.abort();
        }
    }
}

/// An attempt to connect. Dropped without a result, on unwind or when its caller has no more time, it is
/// left to another caller.
struct Attempt<'a> {
    client: &'a Arc<Client<Wanted>>,
    id: Option<ConnectionId>,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.client.connect_abandoned(id);
        }
    }
}

/// Gives the seat back, also on unwind.
struct Leading<'a> {
    chair: &'a Chair,
    seat: Option<Box<Seat>>,
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        if let Some(seat) = self.seat.take() {
            self.chair.give_back(seat);
        }
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted").field("target", &self.target).finish_non_exhaustive()
    }
}
