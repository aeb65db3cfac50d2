//! RFC 9113, RFC 7541 and the gRPC documents as tables: bytes in, bytes and events out, in both roles.
//!
//! Each file is one area. A test names the sections that it shows to hold.
#![allow(clippy::unwrap_used, unreachable_pub, dead_code, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
mod support;

mod again;
mod fields;
mod found;
mod frames;
mod goaway;
mod grpc;
mod h2spec;
mod headers;
mod hpack;
mod identifiers;
mod observer;
mod orders;
mod requests;
mod responses;
mod settings;
mod streams;
mod table;
mod windows;
