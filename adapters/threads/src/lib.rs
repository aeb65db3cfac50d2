//! gRPC on std threads: a server that serves many connections with a pool of threads, and a channel that
//! many threads share.
//!
//! ```
//! use sailplane_threads::Server;
//!
//! let bound = Server::new().workers(10).bind("127.0.0.1:0")?; // .service(GreeterBlockingServer::new(MyGreeter))
//! let handle = bound.handle();
//! let server = std::thread::spawn(move || bound.run());
//! handle.shutdown(std::time::Duration::from_secs(10));
//! server.join().unwrap()?;
//! # Ok::<_, std::io::Error>(())
//! ```
//!
//! How a server works: each connection belongs to one of a few pollers for life. One thread at a time leads a
//! poller: it waits, reads, and takes in. When calls come, it gives the poller up to another thread, runs one of
//! them itself and queues the rest. So a call does not change threads while there is little to do, and no
//! handler keeps others from being read. Whoever makes a reply writes it.
//!
//! Methods that return within microseconds, each time, cost less: the thread runs what it read, writes the
//! replies of a connection together, and reads on; the others sleep, but for one that looks every few
//! milliseconds whether a handler takes its time after all, and then does the rest of the work. A handler that
//! sends one message after the other has them written together as well; one that comes alone leaves at once.
//!
//! ```text
//!   Server ─▶ Pool ── Crew: who leads, runs, sleeps        Channel ─▶ Wanted: connections on demand
//!              │ worker: a thread's loop                                │ Chair: who leads
//!              └──────────────▶ Seat: the leader's half of a Poller ◀───┘
//!                                 │ Transport: one socket
//! ```
#![forbid(unsafe_code)]

mod accept;
mod address;
mod chair;
mod channel;
mod connect;
mod crew;
mod poller;
mod pool;
mod seat;
mod server;
mod socket;
mod transport;
mod trust;
mod wanted;
mod worker;

pub use channel::Channel;
pub use sailplane_driver::LocalAddress;
pub use server::{Bound, Handle, Server};

/// A number that a peer cannot guess.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}
