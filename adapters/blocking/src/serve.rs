//! The server side of one connection, on the calling thread.

use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::getpeername;
use rustix::net::sockopt::set_tcp_nodelay;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use sailplane::{Config, Instant, Limits, Services};
use sailplane_driver::{IncomingCall, Io, Job, Link, Parker, last_command, now};

use crate::channel::seed;
use crate::socket::{Readiness, Socket};
use crate::turn;

/// Serves one connection until it ends: reads calls, runs their handlers on this thread, one after the
/// other, and writes the replies. `stream` is a `TcpStream`, a `UnixStream`, or a descriptor of a stream
/// socket.
///
/// The client is told to have one call open at a time; a handler that runs cannot learn that its call was
/// cancelled, except where it sends or receives messages. For more than one client, give each a thread.
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// let services = sailplane::Services::new();
/// let listener = std::net::TcpListener::bind("127.0.0.1:50051")?;
/// for stream in listener.incoming() {
///     sailplane_blocking::serve_connection(stream?, &services)?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What went wrong with the socket. A client that leaves in the middle of a call is no error.
pub fn serve_connection(stream: impl Into<OwnedFd>, services: &Services) -> io::Result<()> {
    serve_with_limits(stream, services, Limits::default())
}

/// [`serve_connection`] with other limits. The number of concurrent calls is one in any case.
///
/// # Errors
/// As [`serve_connection`].
pub fn serve_with_limits(stream: impl Into<OwnedFd>, services: &Services, limits: Limits) -> io::Result<()> {
    let fd = stream.into();
    ioctl_fionbio(&fd, false)?;
    match set_tcp_nodelay(&fd, true) {
        // Not TCP.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOPROTOOPT | Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    let address = getpeername(&fd).ok().flatten().and_then(|peer| SocketAddr::try_from(peer).ok());
    let config = Config {
        address: address.map(|address| address.to_string().into()),
        ..Config::new(limits.concurrent_calls_max(1), seed())
    };
    let link = Link::server(Socket::new(fd), &config);
    // Also on unwind, so that the client does not wait for a server that is gone.
    let _closing = Closing(&link);
    link.flush();
    run(&link, services);
    match link.io().take_failure() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn run(link: &Arc<Link<Socket>>, services: &Services) {
    let parker = Parker::current();
    let mut calls: Vec<IncomingCall<Socket>> = Vec::new();
    while !link.is_over() {
        let ran = !calls.is_empty();
        for call in calls.drain(..) {
            match call.route(services) {
                Some(Job::Blocking(job)) => job.run(),
                Some(Job::Async(job)) => job.block(),
                None => {}
            }
        }
        // A handler made room for them, or read them.
        if link.io().take_calls_waiting() {
            while link.take_calls(&mut calls) {}
        }
        if calls.is_empty() {
            // Calls are answered, and the answer asked for the time.
            let now = if ran { last_command() } else { now() };
            read_turn(link, &parker, now, &mut calls);
        }
    }
}

/// Reads once, or waits while another thread, which has handles of a call, does.
fn read_turn(link: &Arc<Link<Socket>>, parker: &Parker, now: Instant, calls: &mut Vec<IncomingCall<Socket>>) {
    if let Some(_reading) = link.read_or_wait(parker.waker()) {
        if link.wants_receive() {
            let mut more = false;
            let until = (now, link.timeout());
            let read = link.io().read(link, until, |bytes| more = link.received_calls(bytes, calls));
            if more || matches!(read, Readiness::Ended) {
                while link.take_calls(calls) {}
            }
            if matches!(read, Readiness::Bytes) {
                return turn::expire_at(link, last_command());
            }
        } else {
            link.io().wait_for_room(link.timeout());
            link.flush();
            std::thread::yield_now();
        }
    } else {
        let timeout = link.timeout().map(|at| at.saturating_duration_since(now));
        parker.park(timeout);
        link.leave(parker.waker());
    }
    turn::expire(link);
}

/// Closes the connection.
struct Closing<'a>(&'a Arc<Link<Socket>>);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
        self.0.io().finished();
    }
}
