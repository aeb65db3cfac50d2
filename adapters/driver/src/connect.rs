//! Which address is tried next, and what a caller is told when there is no connection to be had. The sockets
//! are the adapters'.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use sailplane::Instant;
use sailplane::call::{Code, Phase, Status};
use sailplane::channel::{Endpoint, Target};

use crate::now;

/// How long one address is tried (gRPC's connection-backoff.md).
const ATTEMPT_MAX: Duration = Duration::from_secs(20);

/// An address to be tried.
#[derive(Clone, Copy, Debug)]
pub enum Candidate<'a> {
    /// A TCP address, for no longer than this.
    Tcp(SocketAddr, Duration),
    /// The path of a Unix socket.
    Unix(&'a str),
}

/// Why there is no connection.
#[derive(Debug)]
pub enum ConnectFailure {
    /// The time of the caller was over.
    OutOfTime,
    /// All addresses were tried.
    Failed(Status),
}

/// Has the first address of `target` opened that answers, on the calling thread, until `deadline`; what was
/// opened, and its address.
///
/// # Errors
/// [`ConnectFailure`].
pub fn connect_first<S>(
    target: &Target,
    deadline: Option<Instant>,
    mut open: impl FnMut(Candidate<'_>) -> io::Result<S>,
) -> Result<(S, Arc<str>), ConnectFailure> {
    let addresses: Vec<SocketAddr> = match target.endpoint() {
        Endpoint::Unix(path) => {
            return match open(Candidate::Unix(path)) {
                Ok(opened) => Ok((opened, path.as_str().into())),
                Err(error) => {
                    Err(ConnectFailure::Failed(cannot_connect(target, vec![(path.clone(), error)])))
                }
            };
        }
        Endpoint::Addresses(addresses) => addresses.clone(),
        Endpoint::Name { host, port } => match (host.as_str(), *port).to_socket_addrs() {
            Ok(addresses) => addresses.collect(),
            Err(error) => return Err(ConnectFailure::Failed(cannot_resolve(target, error))),
        },
        _ => return Err(ConnectFailure::Failed(Status::internal("this kind of target is not known here"))),
    };
    let mut failures = Vec::new();
    for address in addresses {
        let left = deadline.map_or(ATTEMPT_MAX, |at| at.saturating_duration_since(now()));
        if left.is_zero() {
            return Err(ConnectFailure::OutOfTime);
        }
        match open(Candidate::Tcp(address, left.min(ATTEMPT_MAX))) {
            Ok(opened) => return Ok((opened, address.to_string().into())),
            Err(_) if deadline.is_some_and(|at| at <= now()) => return Err(ConnectFailure::OutOfTime),
            Err(error) => failures.push((address.to_string(), error)),
        }
    }
    Err(ConnectFailure::Failed(cannot_connect(target, failures)))
}

/// The status of a connection attempt that failed at every address of `target`; the last error is its source.
///
/// `UNAVAILABLE: cannot connect to localhost:50051: 127.0.0.1:50051 refused the connection`
#[must_use]
pub fn cannot_connect(target: &Target, failures: Vec<(String, io::Error)>) -> Status {
    let list: Vec<String> = failures.iter().map(|(address, error)| describe(address, error)).collect();
    let text = format!("cannot connect to {target}: {}", list.join(", "));
    let status = Status::transport(Code::Unavailable, Phase::Connect, text).never_ran();
    match failures.into_iter().last() {
        Some((address, error)) => status.with_address(address).with_source(source(error)),
        None => status,
    }
}

/// The status of a target whose name has no address.
///
/// `UNAVAILABLE: cannot resolve nowhere.invalid:50051: failed to lookup address information: …`
#[must_use]
pub fn cannot_resolve(target: &Target, error: io::Error) -> Status {
    let text = format!("cannot resolve {target}: {error}");
    Status::transport(Code::Unavailable, Phase::Resolve, text).never_ran().with_source(source(error))
}

fn describe(address: &str, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => format!("{address} refused the connection"),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => format!("{address} timed out"),
        ErrorKind::NotFound => format!("{address} does not exist"),
        ErrorKind::PermissionDenied => format!("{address}: permission denied"),
        _ => format!("{address}: {error}"),
    }
}

fn source(error: io::Error) -> Arc<dyn Error + Send + Sync> {
    Arc::new(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_target_address_and_reason_and_keeps_the_error() {
        let target: Target = "localhost:50051".parse().unwrap();
        let refused = io::Error::from(ErrorKind::ConnectionRefused);
        let timed_out = io::Error::from(ErrorKind::TimedOut);
        let status = cannot_connect(
            &target,
            vec![("[::1]:50051".into(), timed_out), ("127.0.0.1:50051".into(), refused)],
        );
        assert_eq!(
            status.to_string(),
            "UNAVAILABLE: cannot connect to localhost:50051: [::1]:50051 timed out, 127.0.0.1:50051 refused the connection"
        );
        assert_eq!(status.source().unwrap().to_string(), "connection refused");
        assert!(!status.may_have_run());
    }
}
