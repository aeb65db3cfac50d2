//! A client and its server in one process: two state machines and a buffer between them, and no socket.
//!
//! Whoever waits carries the bytes, for everybody. Handlers of unary methods run on such a thread; every
//! other handler has a thread of its own, for as long as it runs.

use bytes::Buf;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Waker;

use sailplane::channel::ConnectionId;
use sailplane::{Config, End as Ending, Instant, MethodKind, Services, Transmit};
use sailplane_driver::{Blocked, Client, Connector, IncomingCall, Io, Job, Link, now};

use crate::channel::seed;
use crate::turn::expire;

/// Makes connections to services in this process.
pub(crate) struct Local {
    pub(crate) services: Services,
}

impl Connector for Local {
    type Io = End;

    fn connect(&self, client: &Arc<Client<Self>>, id: ConnectionId) {
        let hub = Arc::new(Hub { services: self.services.clone(), ..Hub::default() });
        let end = |side| End { hub: Arc::clone(&hub), side, server: OnceLock::new() };
        let server = Link::server(end(Side::Server), &Config { seed: seed(), ..Config::default() });
        let link = client.link(id, end(Side::Client), Some("in-process".into()));
        // Set once, here.
        let _ = hub.server.set(Arc::downgrade(&server));
        let _ = hub.client.set(Arc::downgrade(&link));
        server.flush();
        let _ = link.io().server.set(server);
        client.connected(&link);
    }

    fn block(&self, _: &Arc<Client<Self>>, blocked: &mut Blocked<'_, End>) {
        block(blocked);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// One end of the connection. The client's keeps the server's alive.
pub(crate) struct End {
    hub: Arc<Hub>,
    side: Side,
    server: OnceLock<Arc<Link<Self>>>,
}

/// What both ends share.
#[derive(Default)]
struct Hub {
    services: Services,
    client: OnceLock<Weak<Link<End>>>,
    server: OnceLock<Weak<Link<End>>>,
    to_client: Mutex<Vec<u8>>,
    to_server: Mutex<Vec<u8>>,
    calls_waiting: AtomicBool,
    /// The thread that carries bytes, and may sleep because there are none.
    carrier: Mutex<Option<Waker>>,
}

impl Io for End {
    /// Flow control bounds what is under way.
    fn write(&self, transmit: &mut Transmit) -> io::Result<()> {
        {
            let mut bytes = match self.side {
                Side::Client => lock(&self.hub.to_server),
                Side::Server => lock(&self.hub.to_client),
            };
            while transmit.has_remaining() {
                let chunk = transmit.chunk();
                bytes.extend_from_slice(chunk);
                let count = chunk.len();
                transmit.advance(count);
            }
        }
        self.hub.wake();
        Ok(())
    }

    fn calls_waiting(&self) {
        self.hub.calls_waiting.store(true, Ordering::SeqCst);
        self.hub.wake();
    }

    fn timeout_earlier(&self, _: Instant) {
        self.hub.wake();
    }

    fn finished(&self) {
        self.hub.wake();
    }

    fn block(&self, blocked: &mut Blocked<'_, Self>) {
        block(blocked);
    }
}

impl Hub {
    fn wake(&self) {
        let carrier = lock(&self.carrier).take();
        if let Some(carrier) = carrier {
            carrier.wake();
        }
    }

    /// Carries what there is, once in each direction; whether there was anything. New calls are added to
    /// `calls`.
    fn carry(
        &self,
        client: Option<&Arc<Link<End>>>,
        server: &Arc<Link<End>>,
        calls: &mut Vec<IncomingCall<End>>,
    ) -> bool {
        let mut up = std::mem::take(&mut *lock(&self.to_server));
        let mut down = std::mem::take(&mut *lock(&self.to_client));
        let mut more = self.calls_waiting.swap(false, Ordering::SeqCst);
        if !up.is_empty() {
            more |= server.received_calls(&mut up, calls);
        }
        while more {
            more = server.take_calls(calls);
        }
        let Some(client) = client else {
            if !server.is_over() {
                server.ended(Ending::Closed);
            }
            return false;
        };
        if !down.is_empty() {
            client.received(&mut down);
        }
        if client.is_finished() && !server.is_over() {
            server.ended(Ending::Closed);
        }
        if server.is_finished() && !client.is_over() {
            client.ended(Ending::Closed);
        }
        !(up.is_empty() && down.is_empty())
    }

    /// Runs handlers, with nothing held: one here at the most, for others that came with it must not wait
    /// until it returns.
    fn run(&self, calls: &mut Vec<IncomingCall<End>>) {
        let alone = calls.len() == 1;
        for call in calls.drain(..) {
            let route = call.path().and_then(|path| self.services.route(path));
            let inline = alone && route.is_some_and(|route| route.info.kind == MethodKind::Unary);
            let Some(job) = call.route(&self.services) else { continue };
            let run = move || match job {
                Job::Blocking(job) => job.run(),
                Job::Async(job) => job.block(),
            };
            if inline {
                run();
            } else {
                // Without a thread the job is dropped, and with it the call.
                let _ = std::thread::Builder::new().name("sailplane handler".into()).spawn(run);
            }
        }
    }
}

/// Carries bytes and runs handlers until the thread has what it waits for.
fn block(blocked: &mut Blocked<'_, End>) {
    let mut calls = Vec::new();
    while !blocked.poll() {
        let Some(link) = blocked.link() else {
            blocked.parker().park(None);
            continue;
        };
        let hub = Arc::clone(&link.io().hub);
        let (client, server) = (upgrade(&hub.client), upgrade(&hub.server));
        drop(link);
        if let Some(server) = server {
            turn(&hub, client.as_ref(), &server, blocked, &mut calls);
            hub.run(&mut calls);
        }
    }
}

fn turn(
    hub: &Hub,
    client: Option<&Arc<Link<End>>>,
    server: &Arc<Link<End>>,
    blocked: &mut Blocked<'_, End>,
    calls: &mut Vec<IncomingCall<End>>,
) {
    let waker = blocked.parker().waker().clone();
    let timeouts = [client.and_then(|client| client.timeout()), server.timeout()];
    let until = timeouts.into_iter().flatten().min();
    // The server's end lives as long as any call does: its reader's role stands for both directions.
    if let Some(_reading) = server.read_or_wait(&waker) {
        let before = lock(&hub.carrier).replace(waker);
        drop(before);
        let busy = hub.carry(client, server, calls);
        if !busy && calls.is_empty() && !blocked.is_notified() {
            blocked.park_until(now(), until);
        }
    } else {
        blocked.park_until(now(), until);
        server.leave(&waker);
    }
    expire(server);
    if let Some(client) = client {
        expire(client);
    }
}

fn upgrade(link: &OnceLock<Weak<Link<End>>>) -> Option<Arc<Link<End>>> {
    link.get().and_then(Weak::upgrade)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
