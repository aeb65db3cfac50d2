//! A server of each adapter, with default limits.

use std::net::{SocketAddr, TcpListener};

use sailplane::Services;
use sailplane_benches::Error;
use sailplane_benches::program::ServerKind;
use sailplane_benches::proto::{BenchBlockingServer, BenchServer};
use sailplane_benches::service::Echo;

/// A thread for each connection.
pub(crate) struct Blocking;

impl ServerKind for Blocking {
    fn name(&self) -> &'static str {
        "blocking"
    }

    fn serve(&self, listening: &dyn Fn(SocketAddr)) -> Result<(), Error> {
        let services = Services::new().service(BenchBlockingServer::new(Echo));
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listening(listener.local_addr()?);
        for stream in listener.incoming() {
            let (stream, services) = (stream?, services.clone());
            std::thread::spawn(move || sailplane_blocking::serve_connection(stream, &services));
        }
        Ok(())
    }
}

/// A pool of threads.
pub(crate) struct Threads;

impl ServerKind for Threads {
    fn name(&self) -> &'static str {
        "threads"
    }

    fn serve(&self, listening: &dyn Fn(SocketAddr)) -> Result<(), Error> {
        let server = sailplane_threads::Server::new().service(BenchBlockingServer::new(Echo));
        let bound = server.bind("127.0.0.1:0")?;
        listening(bound.local_addr().to_string().parse()?);
        Ok(bound.run()?)
    }
}

/// An async server.
pub(crate) struct Smol {
    name: &'static str,
    threads: Option<usize>,
}

/// On one thread.
pub(crate) const SMOL: Smol = Smol { name: "smol", threads: Some(1) };
/// On a thread for each core.
pub(crate) const SMOL_ALL: Smol = Smol { name: "smol-all", threads: None };

impl ServerKind for Smol {
    fn name(&self) -> &'static str {
        self.name
    }

    fn serve(&self, listening: &dyn Fn(SocketAddr)) -> Result<(), Error> {
        let mut server = sailplane_smol::Server::new().service(BenchServer::new(Echo));
        if let Some(threads) = self.threads {
            server = server.threads(threads);
        }
        let bound = smol::block_on(server.bind("127.0.0.1:0"))?;
        listening(bound.local_addr().to_string().parse()?);
        Ok(smol::block_on(bound.run())?)
    }
}
