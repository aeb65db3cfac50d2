//! A client, a server, and what is between them.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use sailplane::Limits;
use smol::{Executor, block_on};

use crate::behaviour::server::{Running, Settings, Thread, services};
use crate::behaviour::socket::{Stream, fresh_address};
use crate::behaviour::stage::{Stage, until};
use crate::behaviour::weather::Weather;
use crate::behaviour::{AnyClient, Cable};

/// Who drives the machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adapter {
    /// `sailplane-blocking`.
    Blocking,
    /// `sailplane-threads`.
    Threads,
    /// `sailplane-smol`.
    Smol,
}

/// What carries the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// A Unix socket.
    Unix,
    /// Nothing: both ends are in one channel.
    InProcess,
}

/// Who talks to whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pairing {
    /// The client's adapter.
    pub client: Adapter,
    /// The server's.
    pub server: Adapter,
    /// What is between them.
    pub transport: Transport,
}

impl fmt::Display for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} to {:?} over {:?}", self.client, self.server, self.transport)
    }
}

/// What a scenario lives in. The server starts when it is needed. Nothing is left of it when it is dropped.
pub struct World {
    /// Who talks to whom.
    pub pairing: Pairing,
    /// Shared with the server's handlers.
    pub stage: Stage,
    /// What goes over the network goes through this.
    pub(crate) weather: Option<Weather>,
    /// What is between clients and the server, where there is weather.
    cable: OnceCell<Cable>,
    client_limits: RefCell<Limits>,
    settings: RefCell<Settings>,
    server: RefCell<Option<Running>>,
    executor: OnceCell<Home>,
}

impl World {
    /// A world of this pairing.
    #[must_use]
    pub fn new(pairing: Pairing) -> Self {
        Self::under(pairing, None)
    }

    /// A world in which bytes go through this weather.
    #[must_use]
    pub fn under(pairing: Pairing, weather: Option<Weather>) -> Self {
        Self {
            pairing,
            stage: Stage::default(),
            weather,
            cable: OnceCell::new(),
            client_limits: RefCell::default(),
            settings: RefCell::default(),
            server: RefCell::default(),
            executor: OnceCell::new(),
        }
    }

    /// Connections that are made from here on last.
    pub fn clear_up(&self) {
        if let Some(weather) = &self.weather {
            weather.clear_up();
        }
    }

    /// Sets the bounds of clients that are made later.
    pub fn limit_client(&self, change: impl FnOnce(Limits) -> Limits) {
        let limits = self.client_limits.take();
        *self.client_limits.borrow_mut() = change(limits);
    }

    /// Sets the bounds of the server, before it is started.
    pub fn limit_server(&self, change: impl FnOnce(Limits) -> Limits) {
        let settings = self.settings.take();
        let limits = change(settings.limits.clone());
        *self.settings.borrow_mut() = Settings { limits, ..settings };
    }

    /// Sets how many handlers the server runs at once.
    pub fn limit_workers(&self, workers: usize) {
        self.settings.borrow_mut().workers = workers;
    }

    /// A new channel to the server, and a client on it.
    #[must_use]
    pub fn client(&self) -> AnyClient {
        match self.pairing.transport {
            Transport::InProcess => self.in_process(),
            _ if self.weather.is_some() => {
                let cable = self.cable.get_or_init(|| Cable::new(self, &[]));
                self.client_of(cable.target())
            }
            _ => self.client_of(&self.target()),
        }
    }

    /// A new channel to `target`, and a client on it.
    #[must_use]
    pub fn client_of(&self, target: &str) -> AnyClient {
        self.client_on(self.pairing.client, target)
    }

    /// A new channel on `adapter` to `target`, and a client on it.
    ///
    /// # Panics
    /// If that is no target.
    #[must_use]
    pub fn client_on(&self, adapter: Adapter, target: &str) -> AnyClient {
        let limits = self.client_limits.borrow().clone();
        match adapter {
            Adapter::Blocking => AnyClient::blocking(
                sailplane_blocking::Channel::with_limits(target, limits).expect("a target"),
            ),
            Adapter::Threads => AnyClient::blocking(
                sailplane_threads::Channel::with_limits(target, limits).expect("a target"),
            ),
            Adapter::Smol => {
                let channel = sailplane_smol::Channel::plaintext(target).expect("a target");
                AnyClient::asynchronous(channel.with_limits(limits).on(self.executor()))
            }
        }
    }

    fn in_process(&self) -> AnyClient {
        let services = services(self.pairing.server, &self.stage);
        let limits = self.client_limits.borrow().clone();
        match self.pairing.client {
            Adapter::Smol => {
                let channel = sailplane_smol::Channel::in_process(services);
                AnyClient::asynchronous(channel.with_limits(limits).on(self.executor()))
            }
            Adapter::Threads => AnyClient::blocking(sailplane_threads::Channel::in_process(services)),
            Adapter::Blocking => AnyClient::blocking(sailplane_blocking::Channel::in_process(services)),
        }
    }

    /// The executor of the clients on smol, which has a thread.
    fn executor(&self) -> &Arc<Executor<'static>> {
        &self.executor.get_or_init(Home::new).executor
    }

    /// Where the server listens. Starts it.
    #[must_use]
    pub fn target(&self) -> String {
        let mut server = self.server.borrow_mut();
        let start = || {
            let address = fresh_address(self.pairing.transport);
            self.start(self.pairing.server, &address, &self.stage).expect("the server's address")
        };
        server.get_or_insert_with(start).target().to_owned()
    }

    /// Starts one more server, of any adapter, with handlers that share `stage`.
    #[must_use]
    pub fn start_other(&self, adapter: Adapter, stage: &Stage) -> Running {
        self.start(adapter, &fresh_address(self.transport()), stage).expect("the server's address")
    }

    fn start(&self, adapter: Adapter, address: &str, stage: &Stage) -> io::Result<Running> {
        Running::start(adapter, address, services(adapter, stage), &self.settings.borrow())
    }

    /// What is between a handler and the next server.
    fn transport(&self) -> Transport {
        match self.pairing.transport {
            Transport::InProcess => Transport::Tcp,
            other => other,
        }
    }

    /// Ends the server at once; nobody listens when this returns.
    pub fn kill(&self) {
        if let Some(mut server) = self.server.borrow_mut().take() {
            server.kill();
            until("nobody listens", || match Stream::connect(server.target()) {
                Ok(_) => Err("somebody does".into()),
                Err(_) => Ok(()),
            });
        }
    }

    /// Starts it once more, where it was, as soon as the one before no longer listens; which that was.
    pub fn start_at(&self, target: &str) -> Option<Running> {
        let start =
            || self.start(self.pairing.server, target, &self.stage).map_err(|error| error.to_string());
        let server = until("the server starts where another was", start);
        self.server.replace(Some(server))
    }

    /// Begins to shut the server down.
    pub fn shutdown(&self, grace: Duration) {
        if let Some(server) = &*self.server.borrow() {
            server.shutdown(grace);
        }
    }

    /// Waits until it is.
    #[track_caller]
    pub fn join(&self) {
        if let Some(server) = &mut *self.server.borrow_mut() {
            server.join();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stage.set_next(None);
        self.stage.open_all();
        self.cable.take();
        self.server.take();
    }
}

/// An executor and its thread.
struct Home {
    executor: Arc<Executor<'static>>,
    stop: smol::channel::Sender<()>,
    thread: Thread,
}

impl Home {
    fn new() -> Self {
        let executor = Arc::new(Executor::new());
        let (stop, stopped) = smol::channel::bounded::<()>(1);
        let thread = Thread::spawn({
            let executor = Arc::clone(&executor);
            move || _ = block_on(executor.run(stopped.recv()))
        });
        Self { executor, stop, thread }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.stop.close();
        self.thread.try_join();
    }
}

/// How long a scenario may take before it counts as hung. The waits of its steps are shorter.
const SCENARIO_MAX: Duration = Duration::from_secs(60);

/// Runs a scenario.
///
/// # Panics
/// If the scenario does, or hangs.
pub fn run(pairing: Pairing, weather: Option<Weather>, name: &str, scenario: fn(&World)) {
    let (tell, over) = mpsc::channel();
    let (show, stage) = mpsc::channel();
    thread::spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| {
            let world = World::under(pairing, weather);
            _ = show.send(world.stage.clone());
            scenario(&world);
        }));
        _ = tell.send(result);
    });
    match over.recv_timeout(SCENARIO_MAX) {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => {
            let log = stage.recv().ok();
            panic!("hung: {name}, {pairing}; the log of the handlers: {log:?}");
        }
    }
}
