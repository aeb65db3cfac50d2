//! `ledger append FOLDER` adds the line of a run whose stages wrote to FOLDER; `ledger readme` puts the last
//! line's figures into the README; `ledger coverage FILE FOLDER` takes over what `cargo llvm-cov --json` said.
#![forbid(unsafe_code)]

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use sailplane_tests::ledger;
use serde_json::{Value, json};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["append", folder] => append(Path::new(folder)),
        ["readme"] => readme(),
        ["coverage", file, folder] => coverage(Path::new(file), Path::new(folder)),
        _ => Err(io::Error::other("usage: ledger append FOLDER | readme | coverage FILE FOLDER")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ledger: {error}");
            ExitCode::FAILURE
        }
    }
}

fn append(folder: &Path) -> io::Result<()> {
    let line = ledger::line(folder)?;
    let figures = ledger::figures(&line)?;
    let mut file = OpenOptions::new().create(true).append(true).open(ledger::path())?;
    writeln!(file, "{line}")?;
    println!("{line}\n\n{figures}");
    Ok(())
}

fn readme() -> io::Result<()> {
    let path = ledger::root().join("README.md");
    let text = fs::read_to_string(&path)?;
    fs::write(path, ledger::quoted(&text, &ledger::figures(&ledger::last()?)?)?)
}

/// The totals of the core's lines and regions.
fn coverage(file: &Path, folder: &Path) -> io::Result<()> {
    let report: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
    let percent = |kind: &str| {
        let found = report.pointer(&format!("/data/0/totals/{kind}/percent")).and_then(Value::as_f64);
        found.ok_or_else(|| io::Error::other(format!("no {kind} in {}", file.display())))
    };
    let stage = json!({ "lines_percent": percent("lines")?, "regions_percent": percent("regions")? });
    fs::create_dir_all(folder)?;
    fs::write(folder.join("coverage.json"), stage.to_string())?;
    println!("{stage}");
    Ok(())
}
