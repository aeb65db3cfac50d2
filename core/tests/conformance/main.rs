//! RFC 9113, RFC 7541 and the gRPC documents as tables: bytes in, bytes and events out, in both roles.
//!
//! Each file is one area. A test names the sections that it shows to hold.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
mod support;

mod goaway;
mod requests;
mod responses;
mod settings;
mod windows;
