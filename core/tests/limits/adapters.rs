//! Rows that adapters keep: each that accepts connections has a test of the same name.

use std::fs;
use std::path::Path;

fn is_tested_by_adapters(row: &str) {
    let adapters = Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters");
    for adapter in ["smol", "threads"] {
        let text = fs::read_to_string(adapters.join(adapter).join("tests/limits.rs")).unwrap();
        assert!(text.contains(&format!("\n#[test]\nfn {row}()")), "{adapter} has no test of {row}");
    }
}

pub(crate) fn connections_max() {
    is_tested_by_adapters("connections_max");
}

pub(crate) fn handshakes_max() {
    is_tested_by_adapters("handshakes_max");
}
