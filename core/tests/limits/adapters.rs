//! Rows that adapters keep: those that accept connections are tested together, over loopback.

use std::fs;
use std::path::Path;

fn is_tested_by_adapters(row: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tests/hostile_peers.rs");
    let text = fs::read_to_string(file).unwrap();
    let (_, pools) = text.split_once("[at_threads Threads, at_smol Smol]:").unwrap();
    assert!(pools.split_whitespace().any(|name| name == row), "no adapter has a test of {row}");
}

pub(crate) fn connections_max() {
    is_tested_by_adapters("connections_max");
}

pub(crate) fn handshakes_max() {
    is_tested_by_adapters("handshakes_max");
}
