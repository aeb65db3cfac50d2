//! Our servers, on each adapter.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sailplane::{Limits, Services};
use sailplane_examples_protos::helloworld::{GreeterBlockingServer, GreeterServer};

use crate::pb::{BehaviourBlockingServer, BehaviourServer};
use crate::peers::service::{Ledger, MyGreeter, Peer, Wanted};

/// How long a server that shuts down lets its calls finish.
const GRACE: Duration = Duration::from_secs(30);
/// How long a server may take to end, or to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who drives the machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adapter {
    /// `sailplane-blocking`: a thread for each connection.
    Blocking,
    /// `sailplane-threads`, with blocking handlers.
    Threads,
    /// `sailplane-smol`, with async handlers.
    Smol,
}

/// Room for what the checks ask for: messages of 4 MiB and a little more, metadata of 8 KiB and more.
pub(crate) fn limits() -> Limits {
    Limits::default().message_bytes_max(5 * 1024 * 1024)
}

/// A server of ours that does what the peers' servers do. Dropped, it is gone.
pub struct OurServer {
    /// Where it listens.
    pub port: u16,
    keeper: Sender<Wanted>,
    thread: Option<JoinHandle<()>>,
    over: Receiver<()>,
}

/// One server, until it has ended.
struct Serving {
    port: u16,
    shutdown: Box<dyn Fn(Duration) + Send>,
    over: Receiver<()>,
}

impl OurServer {
    /// Starts a server on any port.
    ///
    /// # Panics
    /// If it cannot listen.
    #[must_use]
    pub fn start(adapter: Adapter) -> Self {
        let (keeper, wanted) = channel();
        let peer = Peer { ledger: Arc::new(Ledger::default()), keeper: keeper.clone() };
        let services = match adapter {
            Adapter::Smol => {
                Services::new().service(BehaviourServer::new(peer)).service(GreeterServer::new(MyGreeter))
            }
            _ => Services::new()
                .service(BehaviourBlockingServer::new(peer))
                .service(GreeterBlockingServer::new(MyGreeter)),
        };
        let first = serve(adapter, &services, 0).expect("a server");
        let port = first.port;
        let (tell, over) = channel();
        let thread = thread::spawn(move || {
            keep(adapter, &services, first, &wanted);
            _ = tell.send(());
        });
        Self { port, keeper, thread: Some(thread), over }
    }
}

/// Replaces the server as often as it is wanted, and in the end shuts all of them down.
fn keep(adapter: Adapter, services: &Services, first: Serving, wanted: &Receiver<Wanted>) {
    let (mut old, mut current) = (Vec::new(), first);
    while let Ok(Wanted::Replacement(begun)) = wanted.recv() {
        (current.shutdown)(GRACE);
        _ = begun.send(());
        let next = again(adapter, services, current.port);
        old.push(std::mem::replace(&mut current, next));
    }
    old.push(current);
    for serving in old {
        (serving.shutdown)(Duration::ZERO);
        serving.over.recv_timeout(PATIENCE).expect("a server that is shut down ends");
    }
}

/// Starts a server where one has just stopped, as soon as its listener is closed.
fn again(adapter: Adapter, services: &Services, port: u16) -> Serving {
    let until = Instant::now() + PATIENCE;
    loop {
        match serve(adapter, services, port) {
            Ok(serving) => return serving,
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < until => {
                thread::yield_now();
            }
            Err(error) => panic!("no server in the place of another: {error}"),
        }
    }
}

fn serve(adapter: Adapter, services: &Services, port: u16) -> io::Result<Serving> {
    let address = format!("localhost:{port}");
    let (tell, over) = channel();
    match adapter {
        Adapter::Smol => {
            let server = sailplane_smol::Server::new().services(services.clone()).limits(limits());
            let bound = smol::block_on(server.bind(address))?;
            let (port, handle) = (bound.local_addr().port().expect("a port"), bound.handle());
            thread::spawn(move || {
                smol::block_on(bound.run()).expect("threads");
                _ = tell.send(());
            });
            Ok(Serving { port, shutdown: Box::new(move |grace| drop(handle.shutdown(grace))), over })
        }
        Adapter::Threads => {
            let server = sailplane_threads::Server::new().services(services.clone()).limits(limits());
            let bound = server.workers(16).bind(address)?;
            let (port, handle) = (bound.local_addr().port().expect("a port"), bound.handle());
            thread::spawn(move || {
                bound.run().expect("threads");
                _ = tell.send(());
            });
            Ok(Serving { port, shutdown: Box::new(move |grace| handle.shutdown(grace)), over })
        }
        Adapter::Blocking => {
            let listener = TcpListener::bind(address)?;
            let port = listener.local_addr()?.port();
            let connections = Arc::new(Connections::default());
            let (accepting, services) = (Arc::clone(&connections), services.clone());
            thread::spawn(move || {
                accepting.accept(&listener, &services);
                _ = tell.send(());
            });
            let shutdown = move |_| connections.end(port);
            Ok(Serving { port, shutdown: Box::new(shutdown), over })
        }
    }
}

/// The connections of a server that has a thread for each.
#[derive(Default)]
struct Connections {
    ending: AtomicBool,
    open: Mutex<HashMap<usize, TcpStream>>,
}

impl Connections {
    fn accept(self: &Arc<Self>, listener: &TcpListener, services: &Services) {
        thread::scope(|threads| {
            for (number, stream) in listener.incoming().enumerate() {
                let stream = stream.expect("a connection");
                if self.ending.load(Ordering::SeqCst) {
                    break;
                }
                let other = stream.try_clone().expect("a descriptor");
                self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(number, other);
                threads.spawn(move || {
                    let served = sailplane_blocking::serve_with_limits(stream, services, limits());
                    self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
                    served
                });
            }
        });
    }

    fn end(&self, port: u16) {
        self.ending.store(true, Ordering::SeqCst);
        // Wakes the one who accepts.
        drop(TcpStream::connect(("localhost", port)));
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).values() {
            _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for OurServer {
    fn drop(&mut self) {
        _ = self.keeper.send(Wanted::End);
        let ended = self.over.recv_timeout(2 * PATIENCE);
        if thread::panicking() {
            return;
        }
        assert!(ended.is_ok(), "the server did not end");
        if let Some(thread) = self.thread.take() {
            thread.join().expect("an orderly end");
        }
    }
}
