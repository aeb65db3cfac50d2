//! One suite of behaviour for all adapters, in every pairing of a client with a server.

mod cable;
mod client;
mod exemptions;
mod plan;
mod raw;
pub mod scenarios;
mod server;
mod service;
mod socket;
mod stage;
mod weather;
mod world;

pub use cable::{Cable, Fate};
pub use client::{AnyClient, AsyncChannel, BlockingChannel, Pair, Replies, Requests, Unary, Up};
pub use exemptions::{exempt, exemption};
pub use plan::fields;
pub use raw::Raw;
pub use server::{Running, Settings, services};
pub use service::Actor;
pub use stage::{Fact, PATIENCE, Stage, until};
pub use weather::Weather;
pub use world::{Adapter, Pairing, Transport, World, run};
