//! Servers and clients of tonic: see `sailplane_benches::program`.
#![forbid(unsafe_code)]

mod calls;
mod servers;

/// The generated code of the same proto.
#[allow(warnings, clippy::all, clippy::allow_attributes_without_reason, reason = "tonic generates it so")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/tonic/bench.rs"));
}

fn main() -> std::process::ExitCode {
    sailplane_benches::program::main(&[&servers::TONIC, &servers::TONIC_ALL], &[&calls::Tonic])
}
