//! Sailplane: gRPC as a pure state machine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod error;
pub mod hpack;
pub mod time;
pub mod transmit;
pub mod wire;
