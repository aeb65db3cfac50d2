//! Figures of a run, for whoever collects them.

use std::env;
use std::fs::{self, File};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};

/// Puts a figure into `oracles.json`, in the folder that `SAILPLANE_LEDGER` names, if it names one.
///
/// # Panics
/// If that cannot be written.
pub fn record(group: &str, name: &str, figure: u64) {
    let Some(folder) = env::var_os("SAILPLANE_LEDGER") else { return };
    let folder = Path::new(&folder);
    fs::create_dir_all(folder).expect("the ledger's folder");
    let lock = File::create(folder.join("oracles.lock")).expect("the ledger's lock");
    flock(&lock, FlockOperation::LockExclusive).expect("the ledger's lock");
    let path = folder.join("oracles.json");
    let mut all: Value = match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).expect("what was written there before"),
        Err(_) => json!({}),
    };
    all[group][name] = figure.into();
    let differences = all["differences_by_peer"].as_object();
    let sum: u64 = differences.map_or(0, |of| of.values().filter_map(Value::as_u64).sum());
    all["differences"] = sum.into();
    fs::write(&path, format!("{all:#}\n")).expect("the ledger");
}
