//! gRPC as a pure state machine: no sockets, no clock, no threads, no executor.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod call;
pub mod error;
pub mod hpack;
pub mod limits;
pub mod stream;
pub mod time;
pub mod transmit;
pub mod wire;
