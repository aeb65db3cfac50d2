//! gRPC in Python (sync and asyncio) and Node, against our servers and clients, over real sockets.
//!
//! `cargo test -p sailplane-tests --test peers -- --ignored`; needs Python with venv, Node with npm, and a
//! registry for each. What they install is in `target/peers`.

#[path = "peers/greeter.rs"]
mod greeter;
#[path = "peers/our_client.rs"]
mod our_client;
#[path = "peers/our_server.rs"]
mod our_server;

use sailplane_tests::peers::Peers;

/// The peers, set up.
fn peers() -> Peers {
    Peers::set_up(env!("CARGO_TARGET_TMPDIR"))
}
