//! A client's channel: the machine of the channel behind its lock, and the way from a call to a connection.

mod queue;

use bytes::Bytes;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use sailplane::call::{Batch, Replay, Status};
use sailplane::channel::{self, ConnectionId, Machine, Record, Ticket};
use sailplane::stub::{self, Driver, RawCall};
use sailplane::{CallId, Config, Instant, Limits, Start};

use crate::call::{Call, Home};
use crate::local::{Local, News, Place};
use crate::state::Change;
use crate::{Alarm, Blocked, Io, Link};
use queue::refused_for_good;

/// How an adapter makes the connections of a channel. Nothing here is ever called with a lock held.
pub trait Connector: Send + Sync + Sized + 'static {
    /// The transport of a connection.
    type Io: Io;

    /// A connection is wanted. Make one, here or elsewhere, and answer with [`Client::connected`],
    /// [`Client::connect_failed`] or [`Client::connect_abandoned`].
    fn connect(&self, client: &Arc<Client<Self>>, id: ConnectionId);

    /// [`Client::timed_out`] must be called at `at` and no later: earlier than what was said before.
    fn timeout_earlier(&self, client: &Arc<Client<Self>>, at: Instant) {
        let _ = (client, at);
    }

    /// Blocks the calling thread, which waits for a call. [`Blocked::link`] says where the call is; it has no
    /// connection before it is placed. Parked, unless an adapter knows something better.
    fn block(&self, client: &Arc<Client<Self>>, blocked: &mut Blocked<'_, Self::Io>) {
        let _ = client;
        blocked.park();
    }

    /// The clock.
    fn now(&self) -> Instant {
        crate::now()
    }
}

/// What a call asks of its channel.
#[derive(Clone, Copy, Debug, Default)]
pub struct StartOptions {
    /// It waits while there is no connection, until its deadline.
    pub wait_for_ready: bool,
    /// It may be cancelled, or continued, by another thread while one waits for it.
    pub interruptible: bool,
}

/// One channel: calls in, connections out.
pub struct Client<C: Connector> {
    connector: C,
    config: Config,
    this: Weak<Self>,
    state: Mutex<State<C>>,
    /// What `poll_timeout` said last.
    timeout: Alarm,
}

struct State<C: Connector> {
    machine: Machine,
    /// The connection that takes calls.
    current: Option<Arc<Link<C::Io>>>,
    /// The interval between PINGs that servers put up with, where they did not with the one that was asked for.
    keepalive: Option<Duration>,
    /// Calls that wait.
    calls: HashMap<Ticket, Arc<Call<C::Io>>>,
}

impl<C: Connector> Client<C> {
    /// A channel that connects at the first call.
    #[must_use]
    pub fn new(connector: C, config: Config) -> Arc<Self> {
        let machine = Machine::new(channel::Config::new(&config.limits, config.seed));
        let state = State { machine, current: None, keepalive: None, calls: HashMap::new() };
        Arc::new_cyclic(|this| Self {
            connector,
            config,
            this: Weak::clone(this),
            state: Mutex::new(state),
            timeout: Alarm::new(),
        })
    }

    /// The adapter's half.
    pub const fn connector(&self) -> &C {
        &self.connector
    }

    /// Starts a call, `now`. Returns at once: it is on its way, waits for a connection, or has failed; its handles
    /// find out. The id that they pass is of no importance.
    pub fn start(self: &Arc<Self>, now: Instant, start: Start, options: StartOptions) -> Arc<dyn Driver> {
        let StartOptions { wait_for_ready, interruptible } = options;
        let mut local = Local::new(Place::Moving);
        local.set_deadline(start.head.deadline);
        local.wait_for_ready = wait_for_ready;
        local.interruptible = interruptible;
        local.finished = start.finished;
        let home: Arc<dyn Home<C::Io>> = Arc::clone(self) as _;
        let call = Call::client(home, local);
        let ready = {
            let state = self.lock();
            state.machine.ready().zip(state.current.clone())
        };
        let Some((place, link)) = ready else {
            self.wait(&call, record(start, wait_for_ready));
            return call;
        };
        if let Err(refused) = call.start_on(&link, now, start) {
            let refused = *refused;
            self.refused(refused.reason, place);
            match refused_for_good(refused.reason) {
                Some(status) => call.fail(status),
                None => self.wait(&call, record(refused.start, wait_for_ready)),
            }
        }
        call
    }

    /// Starts a call that a stub asks for, `now`, with `authority` in its head.
    pub fn start_call(self: &Arc<Self>, now: Instant, call: stub::Start<'_>, authority: &Bytes) -> RawCall {
        let head = match call.head(now, authority.clone()) {
            Ok(head) => head,
            Err(status) => return RawCall::failed(status),
        };
        let options = StartOptions {
            wait_for_ready: call.options.wait_for_ready(),
            interruptible: !call.finished || call.options.is_cancellable(),
        };
        let stub::Start { message, finished, .. } = call;
        RawCall::new(self.start(now, Start { head, message, finished }, options), CallId::new(0, 0))
    }

    // -- what happened: the adapter --

    /// The client side of a connection over `io`, for the attempt `id`. It takes calls after
    /// [`connected`](Self::connected).
    #[must_use]
    pub fn link(
        self: &Arc<Self>,
        id: ConnectionId,
        io: C::Io,
        address: Option<Arc<str>>,
    ) -> Arc<Link<C::Io>> {
        let client = Arc::downgrade(self);
        let owner = move |change: &Change| {
            if let Some(client) = client.upgrade() {
                client.changed(id, change);
            }
        };
        let mut config = Config { address, ..self.config.clone() };
        if let Some(interval) = self.lock().keepalive {
            let limits = Limits::clone(&config.limits).client_keepalive(Some(interval));
            config.limits = Arc::new(limits);
        }
        Link::client(io, &config, id, Box::new(owner))
    }

    /// The connection takes calls; those that wait are placed on it, and its output is written.
    pub fn connected(self: &Arc<Self>, link: &Arc<Link<C::Io>>) {
        let now = self.connector.now();
        if let Some(id) = link.id() {
            let mut state = self.lock();
            state.machine.handle_connected(now, id);
            state.current = Some(Arc::clone(link));
        }
        self.pump();
        link.flush();
    }

    /// The attempt `id` failed.
    pub fn connect_failed(self: &Arc<Self>, id: ConnectionId, status: Status) {
        let now = self.connector.now();
        self.lock().machine.handle_connect_failed(now, id, status);
        self.pump();
    }

    /// Nobody pursues the attempt `id` any more. If calls wait, [`Connector::connect`] is called anew.
    pub fn connect_abandoned(self: &Arc<Self>, id: ConnectionId) {
        let now = self.connector.now();
        self.lock().machine.handle_connect_abandoned(now, id);
        self.pump();
    }

    /// The timeout may have passed.
    pub fn timed_out(self: &Arc<Self>) {
        let now = self.connector.now();
        self.lock().machine.handle_timeout(now);
        self.pump();
    }

    /// When [`timed_out`](Self::timed_out) must be called at the latest. No lock is taken.
    #[must_use]
    pub fn timeout(&self) -> Option<Instant> {
        self.timeout.get()
    }

    /// The connection that takes calls, if there is one.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Link<C::Io>>> {
        self.lock().current.clone()
    }

    /// Has every call that waits look again: there is something that one of their threads has to do.
    pub fn wake_waiting(&self) {
        let calls: Vec<_> = self.lock().calls.values().cloned().collect();
        for call in calls {
            call.news(News { receive: true, send: true, ended: false });
        }
    }

    /// Ends in order: no new calls, those that wait fail, those that run may finish for the time of `grace`.
    pub fn shutdown(self: &Arc<Self>, grace: Duration) {
        let current = self.close_machine();
        if let Some(link) = current {
            link.shutdown(grace);
        }
    }

    /// Ends now.
    pub fn close(self: &Arc<Self>) {
        let current = self.close_machine();
        if let Some(link) = current {
            link.close();
        }
    }

    // -- inside --

    fn close_machine(&self) -> Option<Arc<Link<C::Io>>> {
        let current = {
            let mut state = self.lock();
            state.machine.close();
            state.current.take()
        };
        self.pump();
        current
    }

    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self, id: ConnectionId, change: &Change) {
        let forgotten = {
            let mut state = self.lock();
            match change {
                Change::Ready => None,
                Change::Room => {
                    state.machine.handle_room(id);
                    None
                }
                Change::Draining => {
                    state.machine.handle_draining(id);
                    state.forget(id)
                }
                Change::Closed => {
                    state.machine.handle_lost(id);
                    state.forget(id)
                }
            }
        };
        if let Some(interval) = forgotten.and_then(|link| link.longer_keepalive()) {
            self.lock().keepalive = Some(interval);
        }
        self.pump();
    }

    /// Puts a call into the queue.
    fn wait(&self, call: &Arc<Call<C::Io>>, record: Record) {
        let now = self.connector.now();
        let queued = {
            let mut local = call.lock();
            if matches!(local.place, Place::Over(_)) {
                return;
            }
            let mut record = record;
            record.call.finished |= local.finished;
            let mut state = self.lock();
            state.machine.start(now, record).map(|ticket| {
                state.calls.insert(ticket, Arc::clone(call));
                local.place = Place::Waiting(ticket);
                local.queued()
            })
        };
        match queued {
            Ok(wakers) => wakers.wake(),
            Err(status) => call.fail(status),
        }
        self.pump();
    }
}

impl<C: Connector> State<C> {
    fn forget(&mut self, id: ConnectionId) -> Option<Arc<Link<C::Io>>> {
        self.current.take_if(|link| link.id() == Some(id))
    }
}

impl<C: Connector> Home<C::Io> for Client<C> {
    fn place_again(&self, call: &Arc<Call<C::Io>>, record: Record) {
        self.wait(call, record);
    }

    fn append(&self, ticket: Ticket, batch: &mut Batch) -> bool {
        let max = self.config.limits.unsent_call_bytes_max;
        let mut state = self.lock();
        let Some(record) = state.machine.record_mut(ticket) else { return false };
        let held: usize = record.call.messages.iter().map(Bytes::len).sum();
        if held > max && !record.call.messages.is_empty() {
            return false;
        }
        record.call.messages.extend(batch.drain());
        true
    }

    fn finish(&self, ticket: Ticket) {
        if let Some(record) = self.lock().machine.record_mut(ticket) {
            record.call.finished = true;
        }
    }

    fn withdraw(&self, ticket: Ticket) {
        let withdrawn = {
            let mut state = self.lock();
            (state.machine.withdraw(ticket), state.calls.remove(&ticket))
        };
        drop(withdrawn);
    }

    fn block(&self, blocked: &mut Blocked<'_, C::Io>) {
        match self.this.upgrade() {
            Some(this) => self.connector.block(&this, blocked),
            None => blocked.park(),
        }
    }

    fn now(&self) -> Instant {
        self.connector.now()
    }
}

fn record(start: Start, wait_for_ready: bool) -> Record {
    let Start { head, message, finished } = start;
    let messages = message.into_iter().collect();
    let call = Replay { head, messages, finished, never_sent: true };
    Record { call, wait_for_ready, repetitions: 0 }
}

impl<C: Connector> Drop for Client<C> {
    /// Neither a call nor a channel is left: the connection ends in order.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = state.current.take() {
            link.close();
        }
    }
}

impl<C: Connector> fmt::Debug for Client<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("timeout", &self.timeout()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
