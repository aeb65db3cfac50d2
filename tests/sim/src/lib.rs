//! Clients and servers of the real core on a virtual clock and simulated networks, one seed each run.
//!
//! ```text
//!   calls ─▶ channel::Machine ─▶ Connection ═ frames ═▶ proxy ─▶ pipe ─▶ Connection ─▶ handlers
//!            (one a client)       (client)      │                         (server)
//!                                             watch: may this be sent?
//! ```
//!
//! A seed decides how many there are, which faults are on and how strong ([`options`], [`faults`]), and then
//! everything else. A run has phases: faults; a good network, on which every call must end; a new call of
//! each client; rest, in which nothing may be left; shutdown. The oracles know nothing of the core: what
//! each call is to do and what each side saw of it ([`model`]), and what an end may put on the wire, judged
//! from the frames alone ([`watch`]).
//!
//! What a failure names:
//!
//! | | |
//! |---|---|
//! | I1 | each call ends once on each side that saw it, and nothing is told of it afterwards |
//! | I2 | messages and metadata arrive in order, whole, unchanged, once |
//! | I3 | OK for the client: one handler ran to its end and said so |
//! | I4 | stream identifiers are new, odd and ascending; nothing is sent on what is closed, or after GOAWAY |
//! | I5 | no window is exceeded, none is given back twice, and at rest each is whole |
//! | I6 | no handler runs twice for a call; nothing is repeated that may have been processed |
//! | I7 | a call ends at its deadline and no later, with DEADLINE_EXCEEDED |
//! | I8 | at rest nothing is left: calls, octets, timers |
//! | I9 | nobody is busy for ever, and whoever sleeps has nothing to do |
//! | I10 | on a good network every call ends, and new ones succeed |
//! | I12 | no panic; honest ends do not accuse each other, and no call fails without a reason |
//! | I13 | streams and handlers stay below the limits of whoever has them |
#![forbid(unsafe_code)]
#![expect(clippy::missing_panics_doc, reason = "a broken invariant is a panic here")]

pub mod campaign;
mod channel;
mod checks;
pub mod client;
pub mod faults;
pub mod frames;
pub mod link;
pub mod model;
pub mod mutants;
pub mod options;
pub mod pipe;
pub mod proxy;
pub mod rng;
pub mod run;
pub mod server;
pub mod trace;
pub mod trouble;
mod turn;
pub mod watch;
pub mod world;
