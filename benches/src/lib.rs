//! What the programs of the benchmark share: the service, the loads, and how a server and a client run as
//! processes of their own.
//!
//! `sailplane-benches` counts and compares; it starts `bench-sailplane`, `bench-tonic` and `bench-connect`, which
//! have the servers and clients, and share [`program`].
#![forbid(unsafe_code)]

pub mod load;
pub mod meter;
pub mod plain;
pub mod program;
pub mod recorded;
pub mod service;
#[cfg(feature = "peers")]
pub mod tasks;
pub mod usage;

/// The generated code of `proto/bench.proto`.
pub mod proto {
    sailplane::include_proto!("bench");
}

/// Errors of these programs: they are told and end a process, nothing more.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
