//! Our clients of the peers' servers.

use sailplane::Limits;
use sailplane_tests::peers::{ALL_CHECKS, Script, Server, check_server};

use crate::peers;

const SYNC: Script = Script("behaviour_server.py");
const ASYNC: Script = Script("async_behaviour_server.py");
const NODE: Script = Script("behaviour_server.js");

fn limits() -> Limits {
    Limits::default().message_bytes_max(5 * 1024 * 1024)
}

/// All checks, but for those that a peer cannot do.
fn checks(script: Script) -> Vec<&'static str> {
    let without: &[&str] = if script == NODE { &["panic"] } else { &[] };
    ALL_CHECKS.iter().copied().filter(|check| !without.contains(check)).collect()
}

fn checked(script: Script, check: impl FnOnce(&str, &[&str]) -> Result<(), String>) {
    let mut server = Server::start(&peers(), script);
    if let Err(failures) = check(&server.target(), &checks(script)) {
        panic!("{script:?}: {failures}\n{}", server.errors());
    }
}

fn smol(script: Script) {
    checked(script, |target, checks| {
        let channel = sailplane_smol::Channel::plaintext(target).expect("a target");
        check_server(channel.with_limits(limits()), checks)
    });
}

fn threads(script: Script) {
    checked(script, |target, checks| {
        let channel = sailplane_threads::Channel::with_limits(target, limits()).expect("a target");
        check_server(channel, checks)
    });
}

fn blocking(script: Script) {
    checked(script, |target, checks| {
        let channel = sailplane_blocking::Channel::with_limits(target, limits()).expect("a target");
        check_server(channel, checks)
    });
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn smol_client_of_grpcio() {
    smol(SYNC);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn smol_client_of_grpc_aio() {
    smol(ASYNC);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn smol_client_of_grpc_js() {
    smol(NODE);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn blocking_client_of_grpcio() {
    blocking(SYNC);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn blocking_client_of_grpc_aio() {
    blocking(ASYNC);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn blocking_client_of_grpc_js() {
    blocking(NODE);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn threads_client_of_grpcio() {
    threads(SYNC);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn threads_client_of_grpc_aio() {
    threads(ASYNC);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn threads_client_of_grpc_js() {
    threads(NODE);
}
