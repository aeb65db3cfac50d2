//! A server and a client of connectrpc, which speaks gRPC here: see `sailplane_benches::program`.
#![forbid(unsafe_code)]

mod calls;
mod servers;

/// The generated code of the same proto.
#[allow(warnings, clippy::all, clippy::allow_attributes_without_reason, reason = "buffa generates it so")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/connect/bench.rs"));
}

fn main() -> std::process::ExitCode {
    sailplane_benches::program::main(&[&servers::Connect], &[&calls::Connect])
}
