//! The results of a run, in a file.

use std::path::PathBuf;

use sailplane_benches::Error;
use serde_json::{Value, json};

use super::row::Row;
use super::{Options, h2load};

/// What was measured, and on what.
pub(crate) struct Results {
    pub(crate) machine: Value,
    pub(crate) run: String,
    pub(crate) rows: Vec<Row>,
}

/// A file beside the code of the benchmark.
pub(crate) fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

impl Results {
    /// No results; or, for a part of the rows, the others from before if this is the same machine.
    pub(crate) fn begin(options: &Options) -> Result<Self, Error> {
        let rounds = format!("{} rounds of {:.1} s", options.rounds, options.duration.as_secs_f64());
        let none = Self { machine: machine(), run: rounds, rows: Vec::new() };
        if options.only.is_none() {
            return Ok(none);
        }
        Ok(Self::read().filter(|before| before.machine == none.machine).unwrap_or(none))
    }

    /// The results in the file.
    pub(crate) fn read() -> Option<Self> {
        let value: Value = serde_json::from_str(&std::fs::read_to_string(file("results.json")).ok()?).ok()?;
        let rows = value.get("rows")?.as_array()?.iter().filter_map(Row::from_json).collect();
        Some(Self {
            machine: value.get("machine")?.clone(),
            run: value.get("run")?.as_str()?.to_owned(),
            rows,
        })
    }

    /// Adds a row, in place of the same one.
    pub(crate) fn put(&mut self, row: Row) {
        match self.rows.iter_mut().find(|other| other.id() == row.id()) {
            Some(other) => *other = row,
            None => self.rows.push(row),
        }
    }

    /// Writes the file.
    pub(crate) fn write(&self) -> Result<(), Error> {
        // A row on a line: changes are to be seen.
        let rows: Vec<String> = self.rows.iter().map(|row| row.to_json().to_string()).collect();
        let (machine, run, rows) = (&self.machine, json!(self.run), rows.join(",\n"));
        let text = format!("{{\"machine\": {machine},\n\"run\": {run},\n\"rows\": [\n{rows}\n]}}\n");
        Ok(std::fs::write(file("results.json"), text)?)
    }
}

/// What the figures depend on.
fn machine() -> Value {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    json!({
        "CPU": model.map_or("unknown", |(_, model)| model.trim()),
        "cores": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "rustc": crate::counts::rustc(),
        "tonic": locked("tonic"),
        "connectrpc": locked("connectrpc"),
        "h2": locked("h2"),
        "tokio": locked("tokio"),
        "h2load": h2load::version().unwrap_or_else(|| "not installed".into()),
        "sailplane": env!("CARGO_PKG_VERSION"),
    })
}

/// The version of a package in the lock file.
fn locked(package: &str) -> String {
    let lock = std::fs::read_to_string(file("../Cargo.lock")).unwrap_or_default();
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = ")).unwrap_or("unknown");
    version.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_replaces_the_same_one_only() {
        let mut results = Results { machine: Value::Null, run: String::new(), rows: Vec::new() };
        for (name, figure) in [("1x1", 1.0), ("1x100", 2.0), ("1x1", 3.0)] {
            let mut row = Row::new("unary", name, "a → b", "one core");
            row.figure("calls/s", &[figure]);
            results.put(row);
        }
        let medians: Vec<_> = results
            .rows
            .iter()
            .filter_map(|row| row.figures.get("calls/s").map(|spread| spread.median))
            .collect();
        assert_eq!(medians, [3.0, 2.0]);
    }
}
