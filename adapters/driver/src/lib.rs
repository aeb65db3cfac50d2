//! What all adapters of [`sailplane`] share and none of its machines may have: locks.
//!
//! Applications do not use this crate; an adapter (blocking, threads, smol, or one of your own) does.
//!
//! ```text
//!   handles (Sender, Streaming, UnaryCall …)         adapter's loop
//!        │  dyn Driver                                   │ received, ended, timed_out, writable, flush
//!        ▼                                               ▼
//!   one call: its wakers, what was           ┌──▶ Link: Mutex { Connection, slots, writer's flag }
//!   taken for it, where it is ───────────────┘           │ Io: write, want_writable, kick, …
//!        │ not placed yet                                ▼
//!        ▼                                            socket
//!   Client: Mutex { channel::Machine } ──Connector──▶ connect
//! ```
//!
//! - Three kinds of locks, taken in this order where more than one is held: a call's own, then the
//!   channel's *or* a connection's. The last two are never held together. Who has a connection's may try a
//!   call's own, and does not wait for it: so a reader that waits finds what came without the connection's.
//! - Under a connection's lock a machine is told something and asked for its events and output, and nothing
//!   else. What follows (writing, waking, telling the channel) is collected, and done when nothing is locked.
//! - The thread that produces bytes writes them: whoever finds the writer's flag free takes the output along.
//! - A server asks [`Link::received`] for new calls and runs them ([`IncomingCall`]); a client starts calls
//!   at a [`Client`].
#![forbid(unsafe_code)]

mod address;
mod after;
mod alarm;
mod block;
mod call;
mod client;
mod connect;
mod driver;
mod io;
mod job;
mod link;
mod local;
mod lock;
mod parker;
mod placing;
mod reader;
mod rest;
mod server;
mod state;
#[cfg(test)]
mod testing;
mod turn;
mod writer;

pub use address::LocalAddress;
pub use alarm::Alarm;
pub use block::Blocked;
pub use client::{Client, Connector, StartOptions};
pub use connect::{Candidate, ConnectFailure, cannot_connect, cannot_resolve, connect_first};
pub use io::{Io, now};
pub use job::{AsyncJob, BlockingJob, Job};
pub use link::Link;
pub use parker::{Interrupt, Parker};
pub use reader::Reading;
pub use server::IncomingCall;
pub use turn::{Gather, Turn, is_in_turn, last_command};
pub use writer::write_pieces;
