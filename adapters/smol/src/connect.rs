//! Making a connection.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use async_io::{Async, Timer};
use futures_lite::future;
use sailplane::Status;
use sailplane::channel::{Endpoint, Target};
use sailplane_driver::{cannot_connect, cannot_resolve};

use crate::stream::Stream;

/// How long one address is tried.
const ATTEMPT_MAX: Duration = Duration::from_secs(20);

/// A stream and the address of its other end.
pub(crate) type Connected = (Stream, Arc<str>);

/// Connects to the first address of `target` that answers.
pub(crate) async fn connect(target: &Target) -> Result<Connected, Status> {
    match target.endpoint() {
        Endpoint::Unix(path) => match bounded(Async::<UnixStream>::connect(path)).await {
            Ok(stream) => Ok((Stream::Unix(stream), path.as_str().into())),
            Err(error) => Err(cannot_connect(target, vec![(path.clone(), error)])),
        },
        Endpoint::Addresses(addresses) => tcp(target, addresses).await,
        Endpoint::Name { host, port } => match smol::net::resolve((host.as_str(), *port)).await {
            Ok(addresses) if addresses.is_empty() => {
                Err(cannot_resolve(target, io::Error::new(ErrorKind::NotFound, "it has no address")))
            }
            Ok(addresses) => tcp(target, &addresses).await,
            Err(error) => Err(cannot_resolve(target, error)),
        },
        _ => Err(Status::internal("this kind of target is not known here")),
    }
}

async fn tcp(target: &Target, addresses: &[SocketAddr]) -> Result<Connected, Status> {
    let mut failures = Vec::new();
    for address in addresses {
        let stream = bounded(Async::<TcpStream>::connect(*address)).await;
        match stream.and_then(Stream::tcp) {
            Ok(stream) => return Ok((stream, address.to_string().into())),
            Err(error) => failures.push((address.to_string(), error)),
        }
    }
    Err(cannot_connect(target, failures))
}

async fn bounded<T>(attempt: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = async {
        Timer::after(ATTEMPT_MAX).await;
        Err(ErrorKind::TimedOut.into())
    };
    future::or(attempt, late).await
}
