//! A channel whose calls are driven by the threads that wait for them.

use bytes::Bytes;
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sailplane::channel::{ConnectionId, InvalidTarget, Target};
use sailplane::stub::Start;
use sailplane::{Blocking, Config, Instant, Limits, RawCall, Services};
use sailplane_driver::{Blocked, Client, ConnectFailure, Connector, Link, Parker, connect_first, now};

use crate::connect::open;
use crate::in_process::Local;
use crate::socket::{Readiness, Socket};
use crate::turn;

/// A client's way to one server: one connection, made at the first call and again after it was lost.
///
/// There is no thread behind it. The thread that waits for a reply reads the socket, for all others that
/// wait as well; the thread that has something to send writes it. Clones are the same channel.
#[derive(Clone)]
pub struct Channel(Kind);

#[derive(Clone)]
enum Kind {
    Socket(Arc<Client<Wanted>>),
    InProcess(Arc<Client<Local>>),
}

impl Channel {
    /// A channel without encryption. Nothing is resolved or connected before the first call.
    ///
    /// # Errors
    /// What is wrong with the target.
    pub fn plaintext(target: impl AsRef<str>) -> Result<Self, InvalidTarget> {
        Self::with_limits(target, Limits::default())
    }

    /// [`plaintext`](Self::plaintext) with other limits.
    ///
    /// # Errors
    /// What is wrong with the target.
    pub fn with_limits(target: impl AsRef<str>, limits: Limits) -> Result<Self, InvalidTarget> {
        let target: Target = target.as_ref().parse()?;
        let config = Config::new(limits, seed());
        let wanted = Wanted { target, connection: Mutex::new(None) };
        Ok(Self(Kind::Socket(Client::new(wanted, config))))
    }

    /// A channel to `services` in this very process: no socket, no port, and everything else as it is over a
    /// network, serialised like any other call. Handlers of unary methods run on the thread that waits for
    /// them, other handlers have a thread each while they run.
    #[must_use]
    pub fn in_process(services: Services) -> Self {
        let config = Config { seed: seed(), ..Config::default() };
        Self(Kind::InProcess(Client::new(Local { services }, config)))
    }

    /// Serves the connection for `timeout` without waiting for a call: answers pings, notices that the
    /// server goes away. Returns at once where there is no connection.
    pub fn drive(&self, timeout: Duration) {
        let Kind::Socket(client) = &self.0 else { return };
        let until = now().saturating_add(timeout);
        let parker = Parker::current();
        while let Some(link) = client.current() {
            let now = now();
            if now >= until || link.is_over() {
                return;
            }
            let next = link.timeout().map_or(until, |at| at.min(until));
            match link.read_or_wait(parker.waker()) {
                Some(_reading) => {
                    link.io().read(&link, (now, Some(next)), |bytes| link.received(bytes));
                }
                None => {
                    parker.park(Some(next.saturating_duration_since(now)));
                    link.leave(parker.waker());
                }
            }
            turn::expire(&link);
        }
    }

    /// Ends the channel: calls that run or wait fail, and no more can be started.
    pub fn close(&self) {
        match &self.0 {
            Kind::Socket(client) => client.close(),
            Kind::InProcess(client) => client.close(),
        }
    }

    /// The target, as it was given; none in process.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        match &self.0 {
            Kind::Socket(client) => Some(&client.connector().target),
            Kind::InProcess(_) => None,
        }
    }
}

impl sailplane::Channel for Channel {
    type Mode = Blocking;

    /// Starts a call: connects on this thread if it must, and writes.
    fn start(&self, start: Start<'_>) -> RawCall {
        let now = now();
        let client = match &self.0 {
            Kind::Socket(client) => client,
            Kind::InProcess(client) => {
                return client.start_call(now, start, &Bytes::from_static(b"in-process"));
            }
        };
        if let Some(link) = client.current() {
            freshen(&link, now);
        }
        let wanted = client.connector();
        let deadline = start.options.deadline_at(now);
        let call = client.start_call(now, start, wanted.target.authority());
        wanted.connect_if_wanted(client, deadline);
        call
    }
}

/// Takes in what came while nobody waited, so that a call does not go to a server that has left.
fn freshen(link: &Arc<Link<Socket>>, now: Instant) {
    let socket = link.io();
    if !socket.is_idle(now) {
        return;
    }
    turn::expire(link);
    let Some(_reading) = link.try_read() else { return };
    while let Readiness::Bytes = socket.read_now(link, |bytes| link.received(bytes)) {}
    socket.touch(now);
}

/// The connection that the channel asks for, until a thread makes it.
struct Wanted {
    target: Target,
    connection: Mutex<Option<ConnectionId>>,
}

impl Wanted {
    /// Makes the connection that is wanted, if one is and nobody does yet; until `deadline`.
    fn connect_if_wanted(&self, client: &Arc<Client<Self>>, deadline: Option<Instant>) -> bool {
        let Some(id) = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return false;
        };
        let mut attempt = Attempt { client, id: Some(id) };
        match connect_first(&self.target, deadline, open) {
            Ok((fd, address)) => attempt.succeeded(fd, address),
            Err(ConnectFailure::Failed(status)) => {
                attempt.id = None;
                client.connect_failed(id, status);
            }
            Err(ConnectFailure::OutOfTime) => {}
        }
        true
    }
}

/// An attempt to connect. Dropped without a result, on unwind or when its caller has no more time, it is
/// left to another caller.
struct Attempt<'a> {
    client: &'a Arc<Client<Wanted>>,
    id: Option<ConnectionId>,
}

impl Attempt<'_> {
    fn succeeded(&mut self, fd: OwnedFd, address: Arc<str>) {
        if let Some(id) = self.id.take() {
            let link = self.client.link(id, Socket::new(fd), Some(address));
            self.client.connected(&link);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.client.connect_abandoned(id);
        }
    }
}

impl Connector for Wanted {
    type Io = Socket;

    /// Leaves the work to a thread that waits for a call: the caller, or one that is woken.
    fn connect(&self, client: &Arc<Client<Self>>, id: ConnectionId) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
        client.wake_waiting();
    }

    /// Those who wait set themselves a new time.
    fn timeout_earlier(&self, client: &Arc<Client<Self>>, _: Instant) {
        client.wake_waiting();
    }

    fn block(&self, client: &Arc<Client<Self>>, blocked: &mut Blocked<'_, Socket>) {
        while !blocked.poll() {
            if let Some(link) = blocked.link() {
                turn::turn(&link, blocked);
                continue;
            }
            if self.connect_if_wanted(client, blocked.deadline()) {
                continue;
            }
            blocked.park_until(now(), client.timeout());
            if client.timeout().is_some_and(|at| at <= now()) {
                client.timed_out();
            }
        }
    }
}

/// A number that a peer cannot guess.
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target().map(Target::as_str);
        f.debug_struct("Channel").field("target", &target).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
