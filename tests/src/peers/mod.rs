//! gRPC in other languages, against ours: how they are set up, run, and asked.

mod checks;
mod process;
mod python_node;
mod server;
mod service;
mod wait;

pub use checks::{ALL_CHECKS, check_server};
pub use process::{Client, Script, Server};
pub use python_node::{Peers, install, python_with};
pub use server::{Adapter, OurServer};
pub use wait::Wait;
