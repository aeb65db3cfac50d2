//! A server on any adapter, from its start to its end.

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sailplane::{Limits, Services};
use smol::block_on;

use crate::behaviour::service::Actor;
use crate::behaviour::socket::{Listener, Stream};
use crate::behaviour::stage::{PATIENCE, Stage};
use crate::behaviour::world::Adapter;
use crate::pb::{BehaviourBlockingServer, BehaviourServer};

/// The services of a server on this adapter: async where that is its nature, otherwise blocking.
#[must_use]
pub fn services(adapter: Adapter, stage: &Stage) -> Services {
    let actor = Actor(stage.clone());
    match adapter {
        Adapter::Smol => Services::new().service(BehaviourServer::new(actor)),
        Adapter::Blocking | Adapter::Threads => Services::new().service(BehaviourBlockingServer::new(actor)),
    }
}

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bounds of each connection.
    pub limits: Limits,
    /// Handlers that run at once, where the adapter has such a bound.
    pub workers: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { limits: Limits::default(), workers: 4 }
    }
}

/// A server that runs. Dropped, it is killed.
pub struct Running {
    target: String,
    end: End,
    thread: Thread,
}

enum End {
    Smol(sailplane_smol::Handle, smol::channel::Sender<()>),
    Threads(sailplane_threads::Handle),
    Blocking(Arc<Hosts>),
}

impl Running {
    /// Starts a server on `adapter` at `address`.
    ///
    /// # Errors
    /// The address cannot be had.
    pub fn start(
        adapter: Adapter,
        address: &str,
        services: Services,
        settings: &Settings,
    ) -> io::Result<Self> {
        let Settings { limits, workers } = settings.clone();
        match adapter {
            Adapter::Smol => {
                let server = sailplane_smol::Server::new().services(services).limits(limits);
                let bound = block_on(server.bind(address))?;
                let (target, handle) = (bound.local_addr().to_string(), bound.handle());
                let (kill, killed) = smol::channel::bounded::<()>(1);
                let thread = Thread::spawn(move || {
                    let killed = async {
                        _ = killed.recv().await;
                        Ok(())
                    };
                    block_on(smol::future::or(bound.run(), killed)).expect("the server runs");
                });
                Ok(Self { target, end: End::Smol(handle, kill), thread })
            }
            Adapter::Threads => {
                let server =
                    sailplane_threads::Server::new().services(services).limits(limits).workers(workers);
                let bound = server.bind(address)?;
                let (target, handle) = (bound.local_addr().to_string(), bound.handle());
                let thread = Thread::spawn(move || bound.run().expect("the server runs"));
                Ok(Self { target, end: End::Threads(handle), thread })
            }
            Adapter::Blocking => {
                let listener = Listener::bind(address)?;
                let target = listener.target();
                let hosts = Arc::new(Hosts::default());
                let thread = Thread::spawn({
                    let hosts = Arc::clone(&hosts);
                    move || hosts.accept(&listener, &services, &limits)
                });
                Ok(Self { target, end: End::Blocking(hosts), thread })
            }
        }
    }

    /// Where it listens, as a channel's target.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Begins to shut it down.
    pub fn shutdown(&self, grace: Duration) {
        match &self.end {
            End::Smol(handle, _) => drop(handle.shutdown(grace)),
            End::Threads(handle) => handle.shutdown(grace),
            End::Blocking(hosts) => hosts.end(&self.target),
        }
    }

    /// Waits for the end of a shutdown.
    ///
    /// # Panics
    /// If it takes longer than [`PATIENCE`].
    #[track_caller]
    pub fn join(&mut self) {
        self.thread.join("the server ends");
    }

    /// Ends it at once, whatever its calls do, and waits until it is gone.
    pub fn kill(&mut self) {
        self.begin_to_kill();
        self.join();
    }

    fn begin_to_kill(&self) {
        match &self.end {
            End::Smol(_, kill) => _ = kill.close(),
            End::Threads(handle) => handle.shutdown(Duration::ZERO),
            End::Blocking(hosts) => hosts.end(&self.target),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.begin_to_kill();
        if thread::panicking() {
            self.thread.try_join();
        } else {
            self.join();
        }
    }
}

/// A thread that is joined within a time.
pub(crate) struct Thread {
    over: mpsc::Receiver<()>,
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    pub(crate) fn spawn(work: impl FnOnce() + Send + 'static) -> Self {
        let (tell, over) = mpsc::channel::<()>();
        let work = move || {
            let _tell = tell;
            work();
        };
        Self { over, handle: Some(thread::spawn(work)) }
    }

    #[track_caller]
    pub(crate) fn join(&mut self, what: &str) {
        let Some(handle) = self.handle.take() else { return };
        match self.over.recv_timeout(PATIENCE) {
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("did not happen: {what}"),
            _ => handle.join().expect(what),
        }
    }

    /// Joins, unless that takes too long.
    pub(crate) fn try_join(&mut self) {
        let Some(handle) = self.handle.take() else { return };
        if let Err(mpsc::RecvTimeoutError::Disconnected) = self.over.recv_timeout(PATIENCE) {
            _ = handle.join();
        }
    }
}

/// The connections of a server on the blocking adapter, which serves one for each thread.
#[derive(Default)]
struct Hosts {
    ending: AtomicBool,
    streams: Mutex<HashMap<u64, Stream>>,
}

impl Hosts {
    fn accept(self: &Arc<Self>, listener: &Listener, services: &Services, limits: &Limits) {
        let mut threads: Vec<Thread> = Vec::new();
        for number in 0.. {
            let stream = listener.accept().expect("a connection");
            if self.ending.load(Ordering::SeqCst) {
                break;
            }
            let spare = stream.try_clone().expect("another descriptor");
            self.streams.lock().unwrap_or_else(PoisonError::into_inner).insert(number, spare);
            let (hosts, services, limits) = (Arc::clone(self), services.clone(), limits.clone());
            threads.push(Thread::spawn(move || {
                // That a client is gone in the middle of something is not the server's failure.
                _ = sailplane_blocking::serve_with_limits(stream, &services, limits);
                hosts.streams.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
            }));
        }
        self.cut();
        for mut thread in threads {
            thread.join("the connection ends");
        }
    }

    fn end(&self, target: &str) {
        if !self.ending.swap(true, Ordering::SeqCst) {
            self.cut();
            // Wakes the one who accepts.
            drop(Stream::connect(target));
        }
    }

    fn cut(&self) {
        for stream in self.streams.lock().unwrap_or_else(PoisonError::into_inner).values() {
            stream.shutdown(Shutdown::Both);
        }
    }
}
