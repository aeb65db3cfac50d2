//! The ledger, `tests/ledger.jsonl`: one line for each full run of `.ci/run`, with what it counted.
//!
//! A stage that counts something (seeds, executions, peak bytes) writes a JSON object to
//! `$SAILPLANE_LEDGER/STAGE.json`. [`line()`] gathers them; [`figures`] turns the last line into the sentence of
//! the README, which a test compares, so that no figure stands there that no run produced.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};

/// What a full run has: a ledger line without one of them is of a partial run, and is refused.
pub const STAGES: [&str; 7] = ["attacks", "coverage", "exhaustive", "fuzz", "oracles", "sim", "transcripts"];

/// Where the README quotes the ledger.
const BEGIN: &str = "<!-- ledger: begin -->\n";
const END: &str = "<!-- ledger: end -->";

/// The workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf()
}

/// The ledger itself.
#[must_use]
pub fn path() -> PathBuf {
    root().join("tests/ledger.jsonl")
}

/// The line of a run: the commit, the compiler, and what each stage wrote to `folder`.
///
/// # Errors
/// A stage is missing, or wrote what is no JSON; or git does not say the commit.
pub fn line(folder: &Path) -> io::Result<Value> {
    let mut stages = Map::new();
    for stage in STAGES {
        let file = folder.join(format!("{stage}.json"));
        let text = fs::read_to_string(&file)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
        stages.insert(stage.to_owned(), serde_json::from_str(&text)?);
    }
    let mut line = Map::new();
    line.insert("commit".to_owned(), said_by("git", &["rev-parse", "HEAD"])?.into());
    line.insert("date".to_owned(), said_by("git", &["show", "-s", "--format=%cs", "HEAD"])?.into());
    line.insert("rustc".to_owned(), said_by("rustc", &["--version"])?.into());
    line.insert("bugs".to_owned(), bugs()?.into());
    line.insert("stages".to_owned(), Value::Object(stages));
    Ok(Value::Object(line))
}

/// Bugs that these stages found, each with its seed or input and its test: the rows of `tests/bugs.md`.
fn bugs() -> io::Result<usize> {
    let text = fs::read_to_string(root().join("tests/bugs.md"))?;
    // A table's head is two lines.
    Ok(text.lines().filter(|line| line.starts_with('|')).count().saturating_sub(2))
}

fn said_by(program: &str, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(program).args(arguments).current_dir(root()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{program}: {}", String::from_utf8_lossy(&output.stderr))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The last line of the ledger.
///
/// # Errors
/// There is none, or it is no JSON.
pub fn last() -> io::Result<Value> {
    let text = fs::read_to_string(path())?;
    let line = text.lines().last().ok_or_else(|| io::Error::other("an empty ledger"))?;
    Ok(serde_json::from_str(line)?)
}

/// The README's sentences of a ledger line.
///
/// # Errors
/// A figure is missing.
pub fn figures(line: &Value) -> io::Result<String> {
    let count = |pointer: &str| {
        let found = line.pointer(pointer).map(total);
        found.filter(|count| *count > 0).ok_or_else(|| io::Error::other(format!("no figure at {pointer}")))
    };
    let text = |pointer: &str| {
        let found = line.pointer(pointer).and_then(Value::as_str);
        found.ok_or_else(|| io::Error::other(format!("no text at {pointer}")))
    };
    let lines = line.pointer("/stages/coverage/lines_percent").and_then(Value::as_f64);
    let lines = lines.ok_or_else(|| io::Error::other("no coverage"))?;
    let commit: String = text("/commit")?.chars().take(10).collect();
    Ok(format!(
        "One run of `.ci/run` (commit {commit}, {date}): {seeds} seeds of the simulation with {calls} calls and \
         {faults} injected faults; {executions} fuzz executions; {inputs} HPACK inputs and {headers} frame headers \
         exhaustively; {splits} replays of transcripts split or disturbed at every octet; {blocks} header blocks \
         and {scripts} connection scripts compared with other implementations; {attacks} attacks with their \
         peak memory; {lines:.1} % of the core's lines covered; no failure. {bugs} bugs that this work found \
         are listed in [tests/bugs.md](tests/bugs.md), each with its test.\n",
        date = text("/date")?,
        seeds = grouped(count("/stages/sim/seeds")?),
        calls = grouped(count("/stages/sim/calls")?),
        faults = grouped(count("/stages/sim/faults")?),
        executions = grouped(count("/stages/fuzz/executions")?),
        inputs = grouped(count("/stages/exhaustive/hpack_inputs")?),
        headers = grouped(count("/stages/exhaustive/frame_headers")?),
        splits = grouped(count("/stages/transcripts")?),
        blocks = grouped(count("/stages/oracles/blocks")?),
        scripts = grouped(count("/stages/oracles/scripts")?),
        attacks = line.pointer("/stages/attacks/peak_bytes").and_then(Value::as_object).map_or(0, Map::len),
        bugs = count("/bugs")?,
    ))
}

/// The sum of all whole numbers in a value.
fn total(value: &Value) -> u64 {
    match value {
        Value::Number(number) => number.as_u64().unwrap_or(0),
        Value::Array(values) => values.iter().map(total).sum(),
        Value::Object(values) => values.values().map(total).sum(),
        _ => 0,
    }
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The README with these sentences in their place.
///
/// # Errors
/// It has no such place.
pub fn quoted(readme: &str, figures: &str) -> io::Result<String> {
    let missing = || io::Error::other("README.md has no place for the ledger's figures");
    let (before, rest) = readme.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}{figures}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_summed_however_deep_and_grouped() {
        let value: Value =
            serde_json::from_str(r#"{"a": 1000000, "b": {"c": [200, 34], "d": "x"}}"#).unwrap();
        assert_eq!(grouped(total(&value)), "1,000,234");
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(123_456), "123,456");
    }

    #[test]
    fn the_place_in_the_readme_is_replaced_and_nothing_else() {
        let readme = format!("a\n{BEGIN}old\n{END}\nb");
        assert_eq!(quoted(&readme, "new\n").unwrap(), format!("a\n{BEGIN}new\n{END}\nb"));
        assert!(quoted("nothing", "new").is_err());
    }

    #[test]
    fn a_line_without_a_stage_is_refused() {
        let folder = std::env::temp_dir().join("sailplane-ledger-of-nothing");
        let error = line(&folder).unwrap_err().to_string();
        assert!(error.contains("attacks.json"), "{error}");
    }

    #[test]
    fn a_figure_that_was_not_counted_is_not_quoted() {
        let line: Value = serde_json::from_str(
            r#"{"commit": "0", "date": "d", "bugs": 1, "stages": {"coverage": {"lines_percent": 95.0}}}"#,
        )
        .unwrap();
        assert!(figures(&line).unwrap_err().to_string().contains("/stages/sim/seeds"));
    }
}
