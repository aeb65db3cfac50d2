//! Known attacks on HTTP/2 and gRPC endpoints, each by its name: no panic, memory within its bound, an end
//! or the wait for more, and the documented code.
//!
//! Attacks on compressed messages are none as long as there is no compression: the flag is refused.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod control_frames;
mod grpc_framing;
mod headers;
mod memory;
mod meter;
mod resets;
mod slow_peers;
#[path = "../support/mod.rs"]
mod support;
