//! Fuzz targets: one plain function each, which panics where a property does not hold.
//!
//! `cargo +nightly fuzz run TARGET -s none` fuzzes one (`-s none`: there is no unsafe code to watch), and
//! `cargo run -p sailplane-fuzz --example campaign` all of them for a while. `cargo test -p sailplane-fuzz`
//! replays `corpus/` and `regressions/`. Without libFuzzer a target runs the files that it is given:
//! `cargo run -p sailplane-fuzz --bin TARGET -- FILE …`.
#![forbid(unsafe_code)]

mod connection;
mod frames;
mod generated;
mod hpack;
mod input;
mod messages;
mod metadata;
pub mod oracle;
mod pair;
mod peer;
mod rig;
mod texts;
mod written;

pub use connection::{client_connection, server_connection};
pub use frames::frame_reader;
pub use generated::generated_code;
pub use hpack::{hpack_decode, hpack_round_trip};
pub use input::Input;
pub use messages::grpc_message;
pub use metadata::metadata;
pub use pair::pair;
pub use texts::texts;

/// A target: its name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 10] = [
    ("hpack_decode", hpack_decode),
    ("hpack_round_trip", hpack_round_trip),
    ("frame_reader", frame_reader),
    ("server_connection", server_connection),
    ("client_connection", client_connection),
    ("pair", pair),
    ("grpc_message", grpc_message),
    ("texts", texts),
    ("metadata", metadata),
    ("generated_code", generated_code),
];

/// Runs a target on the files that the command line names.
///
/// # Panics
/// If a file cannot be read, and where the target does.
pub fn replay_arguments(target: fn(&[u8])) {
    for path in std::env::args().skip(1) {
        let data = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        target(&data);
        println!("{path}: {} octets, fine", data.len());
    }
}
