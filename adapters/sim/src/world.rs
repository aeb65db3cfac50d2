//! The simulation: its clock, its servers, and the loop that runs everything.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use sailplane::channel::ConnectionId;
use sailplane::limits::Budget;
use sailplane::{AnyService, Config, End, Instant, Limits, Services, Status};
use sailplane_driver::{Client, IncomingCall, Job, Link};

use crate::channel::{Channel, Connector};
use crate::executor::{Executor, lock};
use crate::network::{Arrival, At, CLIENT, Connection, Event, Host, Network, Pipe, SERVER};
use crate::socket::Socket;

/// The clock at the beginning.
const START: u64 = 1_000_000_000;
/// How long nothing is heard of an address before an attempt to connect fails (connection-backoff.md).
const CONNECT_TIMEOUT: u64 = 20_000_000_000;
/// Before octets that nobody wants are offered once more.
const OFFER_AGAIN: u64 = 100_000;
/// Things that may happen at one time: more go on for ever.
const STILL_MAX: u64 = 10_000_000;

pub(crate) struct World {
    pub(crate) network: Mutex<Network>,
    executor: Executor,
}

impl World {
    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(lock(&self.network).now)
    }
}

/// A world of servers, channels, a network and a clock. Clones are the same world. A service or a task that
/// holds one keeps the world alive until the process ends, which in a test is soon.
#[derive(Clone)]
pub struct Sim {
    world: Arc<World>,
}

impl Sim {
    /// An empty world. `seed` decides everything that chance does: latencies between their bounds.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let network = Mutex::new(Network::new(seed, START));
        Self { world: Arc::new(World { network, executor: Executor::default() }) }
    }

    /// A server at `name`, which may be any text, with default limits. A server that had that name is replaced.
    pub fn serve(&self, name: &str, services: Services) -> Server {
        self.serve_with(name, services, Limits::default())
    }

    /// A server at `name` with other limits.
    pub fn serve_with(&self, name: &str, services: Services, limits: Limits) -> Server {
        let mut network = lock(&self.world.network);
        let memory = Budget::new(limits.server_bytes_max);
        let latency = network.latency;
        let limits = Arc::new(limits);
        let host = Host { services, limits, memory, is_up: true, is_partitioned: false, latency };
        let replaced = network.hosts.insert(name.to_owned(), host);
        drop(network);
        drop(replaced);
        Server { sim: self.clone(), name: name.to_owned() }
    }

    /// A channel to the server at `name`, which need not be there yet. It connects at the first call.
    #[must_use]
    pub fn channel(&self, name: &str) -> Channel {
        self.channel_with(name, Limits::default())
    }

    /// A channel with other limits.
    #[must_use]
    pub fn channel_with(&self, name: &str, limits: Limits) -> Channel {
        let seed = lock(&self.world.network).random();
        Channel::new(&self.world, name, limits, seed)
    }

    /// How long octets are on their way, to servers that are added from now on. 1 ms where nothing is said.
    pub fn set_latency(&self, least: Duration, most: Duration) {
        lock(&self.world.network).latency = (least, most.max(least));
    }

    /// The clock, as deadlines have it.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.world.now()
    }

    /// Virtual time since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now().saturating_duration_since(Instant::from_nanos(START))
    }

    /// Waits for some virtual time.
    pub fn sleep(&self, time: Duration) -> Sleep {
        let until = self.now().saturating_add(time);
        Sleep { world: Arc::clone(&self.world), until }
    }

    /// Runs a future beside the others, as long as somebody calls [`run`](Self::run).
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.world.executor.spawn(future);
    }

    /// Runs the world until `future` is ready. Where nothing can run, time jumps to what happens next.
    ///
    /// # Panics
    /// If nothing will ever happen and `future` still waits: it would do so for ever. If things go on for ever
    /// without any time passing.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let waker = self.world.executor.main();
        let mut still = (0, 0);
        loop {
            if self.world.executor.take_main() {
                if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return value;
                }
            }
            let now = lock(&self.world.network).now;
            still = if still.0 == now { (now, still.1 + 1) } else { (now, 0) };
            assert!(still.1 < STILL_MAX, "things happen for ever, and no time passes");
            if self.world.executor.run_one() || self.world.executor.is_main_woken() {
                continue;
            }
            let event = lock(&self.world.network).next();
            let Some(event) = event else {
                panic!("everybody waits, and nothing will ever happen");
            };
            self.happen(event);
        }
    }

    fn happen(&self, event: Event) {
        match event {
            Event::Arrive(at) => self.arrive(at),
            Event::Writable(at) => self.with_link(at, Link::writable),
            Event::Timeout(at) => self.time_out(at),
            Event::Calls(at) => self.with_link(at, |link| self.hand_out(at, link)),
            Event::Connect { client, id, late } => {
                if let Some(client) = client.upgrade() {
                    self.connect(&client, id, late);
                }
            }
            Event::Channel(client) => {
                let Some(client) = client.upgrade() else { return };
                if client.timeout().is_some_and(|at| at <= self.now()) {
                    client.timed_out();
                }
                if let Some(at) = client.timeout() {
                    let event = Event::Channel(Arc::downgrade(&client));
                    lock(&self.world.network).at(at.as_nanos(), event);
                }
            }
            Event::Wake(waker) => waker.wake(),
        }
    }

    fn with_link(&self, at: At, f: impl FnOnce(&Arc<Link<Socket>>)) {
        let link = lock(&self.world.network).link(at);
        if let Some(link) = link {
            f(&link);
        }
    }

    fn time_out(&self, at: At) {
        self.with_link(at, |link| {
            if link.timeout().is_some_and(|at| at <= self.now()) {
                link.timed_out();
            }
            if let Some(next) = link.timeout() {
                lock(&self.world.network).at(next.as_nanos(), Event::Timeout(at));
            }
        });
    }

    fn arrive(&self, at: At) {
        let Some(link) = lock(&self.world.network).link(at) else { return };
        if !link.wants_receive() {
            if !link.is_over() {
                let mut network = lock(&self.world.network);
                let later = network.now + OFFER_AGAIN;
                network.at(later, Event::Arrive(at));
            }
            return;
        }
        let arrival = lock(&self.world.network).take(at);
        match arrival {
            Arrival::Octets(mut octets) if at.side == CLIENT => link.received(&mut octets),
            Arrival::Octets(mut octets) => {
                let mut calls = Vec::new();
                let more = link.received_calls(&mut octets, &mut calls);
                self.start(at, calls, more);
            }
            Arrival::End => link.ended(End::Closed),
            Arrival::Later(later) => lock(&self.world.network).at(later, Event::Arrive(at)),
            Arrival::Nothing => {}
        }
    }

    fn hand_out(&self, at: At, link: &Arc<Link<Socket>>) {
        let mut calls = Vec::new();
        let more = link.take_calls(&mut calls);
        self.start(at, calls, more);
    }

    /// Starts the handlers of new calls, as tasks.
    fn start(&self, at: At, calls: Vec<IncomingCall<Socket>>, more: bool) {
        let services = {
            let mut network = lock(&self.world.network);
            if more {
                let now = network.now;
                network.at(now, Event::Calls(at));
            }
            let host = network.connections.get(&at.connection).map(|connection| connection.host.clone());
            host.and_then(|host| network.hosts.get(&host)).map(|host| host.services.clone())
        };
        for call in calls {
            let Some(services) = &services else { return };
            let route = call.path().and_then(|path| services.route(path));
            if matches!(route.map(|route| route.service), Some(AnyService::Blocking(_))) {
                call.refuse(Status::unimplemented("a blocking service would stop simulated time"));
                continue;
            }
            if let Some(Job::Async(job)) = call.route(services) {
                self.spawn(job);
            }
        }
    }

    fn connect(&self, client: &Arc<Client<Connector>>, id: ConnectionId, late: bool) {
        let name = client.connector().host.clone();
        let mut network = lock(&self.world.network);
        if network.is_partitioned(&name) && !late {
            let at = network.now + CONNECT_TIMEOUT;
            return network.at(at, Event::Connect { client: Arc::downgrade(client), id, late: true });
        }
        if network.is_partitioned(&name) {
            drop(network);
            let text = format!("cannot connect to {name}: nothing was heard of it for 20 s");
            return client.connect_failed(id, Status::unavailable(text).never_ran());
        }
        let Some(host) = network.hosts.get(&name).filter(|host| host.is_up) else {
            drop(network);
            let text = format!("cannot connect to {name}: it refused the connection");
            return client.connect_failed(id, Status::unavailable(text).never_ran());
        };
        let mut config = Config::new(Arc::clone(&host.limits), 0);
        config.memory = Some(host.memory.clone());
        config.address = Some("client".into());
        config.seed = network.random();
        let number = network.next_connection;
        network.next_connection += 1;
        let pipes = [Pipe::default(), Pipe::default()];
        network.connections.insert(number, Connection { host: name.clone(), links: [None, None], pipes });
        drop(network);
        let socket =
            |side| Socket { world: Arc::downgrade(&self.world), at: At { connection: number, side } };
        let links =
            [client.link(id, socket(CLIENT), Some(name.into())), Link::server(socket(SERVER), &config)];
        let mut network = lock(&self.world.network);
        if let Some(connection) = network.connections.get_mut(&number) {
            connection.links = links.clone().map(Some);
        }
        for (side, link) in links.iter().enumerate() {
            if let Some(at) = link.timeout() {
                network.at(at.as_nanos(), Event::Timeout(At { connection: number, side }));
            }
        }
        drop(network);
        let [client_link, server_link] = &links;
        server_link.flush();
        client.connected(client_link);
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}

/// Waits for some virtual time: [`Sim::sleep`].
#[must_use = "it waits only when it is polled"]
pub struct Sleep {
    world: Arc<World>,
    until: Instant,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut network = lock(&self.world.network);
        if network.now >= self.until.as_nanos() {
            return Poll::Ready(());
        }
        network.at(self.until.as_nanos(), Event::Wake(cx.waker().clone()));
        Poll::Pending
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("until", &self.until).finish_non_exhaustive()
    }
}

/// A server of the simulated network, and what can happen to it. Dropping this changes nothing.
#[derive(Clone, Debug)]
pub struct Server {
    sim: Sim,
    name: String,
}

impl Server {
    /// How long octets are on their way to and from this server, from now on.
    pub fn set_latency(&self, least: Duration, most: Duration) {
        self.change(|host| host.latency = (least, most.max(least)));
    }

    /// Every connection to this server is reset. New ones can be made.
    pub fn cut(&self) {
        let links = lock(&self.sim.world.network).cut(&self.name);
        for link in links {
            let error = io::Error::from(io::ErrorKind::ConnectionReset);
            link.ended(End::Failed(Arc::new(error)));
        }
    }

    /// The server is gone: connections are reset, and new ones are refused until it [restarts](Self::restart).
    /// Its handlers are cancelled.
    pub fn crash(&self) {
        self.change(|host| host.is_up = false);
        self.cut();
    }

    /// The server accepts connections again.
    pub fn restart(&self) {
        self.change(|host| host.is_up = true);
    }

    /// The server shuts down in order: it accepts no connection, tells its clients to start no more calls, and
    /// lets those that run finish for the time of `grace`.
    pub fn shutdown(&self, grace: Duration) {
        self.change(|host| host.is_up = false);
        for link in self.links(SERVER) {
            link.shutdown(grace);
        }
    }

    /// Nothing reaches this server and nothing comes from it until the network [heals](Self::heal). Nobody is
    /// told: octets wait, and attempts to connect are not answered.
    pub fn partition(&self) {
        self.change(|host| host.is_partitioned = true);
    }

    /// The network carries what waited.
    pub fn heal(&self) {
        self.change(|host| host.is_partitioned = false);
        let mut network = lock(&self.sim.world.network);
        let now = network.now;
        let numbers: Vec<u64> = network
            .connections
            .iter()
            .filter(|(_, connection)| connection.host == self.name)
            .map(|(number, _)| *number)
            .collect();
        for connection in numbers {
            for side in [CLIENT, SERVER] {
                network.at(now, Event::Arrive(At { connection, side }));
            }
        }
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.links(SERVER).len()
    }

    fn links(&self, side: usize) -> Vec<Arc<Link<Socket>>> {
        let network = lock(&self.sim.world.network);
        let mine = network.connections.values().filter(|connection| connection.host == self.name);
        mine.filter_map(|connection| connection.links[side].clone()).collect()
    }

    fn change(&self, change: impl FnOnce(&mut Host)) {
        if let Some(host) = lock(&self.sim.world.network).hosts.get_mut(&self.name) {
            change(host);
        }
    }
}
