//! The servers and clients of this project, and raw TCP: see `sailplane_benches::program`.
#![forbid(unsafe_code)]

mod calls;
mod calls_blocking;
mod raw;
mod servers;

fn main() -> std::process::ExitCode {
    sailplane_benches::program::main(
        &[&servers::Blocking, &servers::Threads, &servers::SMOL, &servers::SMOL_ALL, &raw::Raw],
        &[&calls_blocking::BLOCKING, &calls_blocking::THREADS, &calls::Smol, &raw::Raw],
    )
}
