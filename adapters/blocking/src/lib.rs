//! gRPC on one blocking socket, driven by the calling thread: no runtime, no background thread.
#![forbid(unsafe_code)]

mod channel;
mod connect;
mod in_process;
mod serve;
mod socket;
mod turn;

pub use channel::Channel;
pub use serve::{serve_connection, serve_with_limits};
