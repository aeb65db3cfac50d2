//! gRPC as a pure state machine: no sockets, no clock, no threads, no executor.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod call;
pub mod connection;
pub mod error;
pub mod hpack;
pub mod limits;
pub mod stream;
pub mod time;
pub mod transmit;
pub mod wire;

pub use call::{CallId, Code, Metadata, Origin, Path, Result, ResultExt, Status, Value};
pub use connection::{Config, Connection, End, Ended, Event, Received, Refused, RefusedReason, Start};
pub use limits::Limits;
pub use time::{Instant, Timeout};
pub use transmit::Transmit;
