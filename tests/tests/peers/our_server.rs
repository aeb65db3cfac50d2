//! The peers' clients of our servers.

use sailplane_tests::peers::{Adapter, Client, OurServer, Script};

use crate::peers;

const SYNC: Script = Script("behaviour_client.py");
const ASYNC: Script = Script("async_behaviour_client.py");
const NODE: Script = Script("behaviour_client.js");

const CHECKS: &[&str] = &[
    "unary",
    "empty",
    "down",
    "down_nothing",
    "up",
    "up_nothing",
    "both",
    "both_in_turn",
    "metadata",
    "metadata_of_errors",
    "metadata_before_messages",
    "large_metadata",
    "codes",
    "messages",
    "details",
    "only_trailers",
    "panic",
    "deadline_on_the_server",
    "deadline_missed",
    "deadline_missed_in_a_stream",
    "cancelled_unary",
    "cancelled_stream",
    "cancelled_stream_that_is_read",
    "cancelled_by_the_server",
    "large_messages",
    "too_large_message",
    "flow",
    "concurrent",
    "one_after_the_other",
    "early_answer",
    "early_error",
    "unimplemented",
    "compression",
    "shutdown",
];

/// What `serve_connection` cannot do: it runs one handler at a time, which learns of a cancelled call only
/// as it sends or receives; and there is no server around it that could shut down.
const NOT_INLINE: &[&str] =
    &["metadata_before_messages", "deadline_missed", "cancelled_unary", "cancelled_stream", "shutdown"];

/// Node ends a stream in order before it resets it: a handler may be done before it is cancelled.
const NOT_NODE: &[&str] = &["cancelled_stream_that_is_read"];

fn check(adapter: Adapter, script: Script) {
    let cannot = |check: &str| {
        adapter == Adapter::Blocking && NOT_INLINE.contains(&check)
            || script == NODE && NOT_NODE.contains(&check)
    };
    let checks: Vec<&str> = CHECKS.iter().copied().filter(|check| !cannot(check)).collect();
    let (peers, server) = (peers(), OurServer::start(adapter));
    Client::check(&peers, script, server.port, &checks);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn grpcio_client_of_smol() {
    check(Adapter::Smol, SYNC);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn grpc_aio_client_of_smol() {
    check(Adapter::Smol, ASYNC);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn grpc_js_client_of_smol() {
    check(Adapter::Smol, NODE);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn grpcio_client_of_threads() {
    check(Adapter::Threads, SYNC);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn grpc_aio_client_of_threads() {
    check(Adapter::Threads, ASYNC);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn grpc_js_client_of_threads() {
    check(Adapter::Threads, NODE);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn grpcio_client_of_serve_connection() {
    check(Adapter::Blocking, SYNC);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn grpc_aio_client_of_serve_connection() {
    check(Adapter::Blocking, ASYNC);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn grpc_js_client_of_serve_connection() {
    check(Adapter::Blocking, NODE);
}
