//! The typed surface, over a driver without a connection.
#![cfg(all(feature = "std", feature = "prost"))]
#![expect(clippy::unwrap_used, reason = "what helps a test fails like one")]

mod channel;
mod client;
mod echo;
mod fake;
mod greet;
mod kinds;
mod options;
mod server;
