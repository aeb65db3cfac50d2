//! System calls of a process, by strace.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use sailplane_benches::Error;

use super::per_call;
use super::scenarios::{SCENARIOS, Scenario, What};

/// Calls of the smaller run; the larger has three times as many.
const CALLS: u64 = 5_000;
/// System calls that are rarer than this for each call are not named.
const RARE: f64 = 0.005;

/// How often each was made.
type Counts = BTreeMap<String, u64>;

/// What the processes of clients and servers ask of the kernel for each call, as a table.
pub(crate) fn table() -> Result<String, Error> {
    let mut text = String::from("| what | system calls | which |\n|---|---|---|\n");
    for scenario in SCENARIOS {
        let (Some(once), Some(thrice)) = (counts(&scenario, CALLS)?, counts(&scenario, 3 * CALLS)?) else {
            continue;
        };
        text += &line(scenario.name, &once, &thrice, CALLS);
    }
    Ok(text)
}

fn line(name: &str, once: &Counts, thrice: &Counts, calls: u64) -> String {
    let each = |name: &String| {
        let [once, thrice] = [once, thrice].map(|counts| counts.get(name).copied().unwrap_or_default());
        per_call(once, thrice, calls)
    };
    let mut which: Vec<(f64, &String)> = thrice.keys().map(|name| (each(name), name)).collect();
    which.sort_by(|one, other| other.0.total_cmp(&one.0));
    let all: f64 = which.iter().map(|(each, _)| each).sum();
    let which: Vec<String> = which
        .iter()
        .filter(|(each, _)| *each >= RARE)
        .map(|(each, name)| format!("{name} {each:.2}"))
        .collect();
    format!("| {name} | {all:.2} | {} |\n", which.join(", "))
}

/// Of a scenario that is a process, and has nothing beside it.
fn counts(scenario: &Scenario, calls: u64) -> Result<Option<Counts>, Error> {
    let output = match &scenario.what {
        What::Client(asking) => asking.run(command, calls)?,
        What::Server(asked) if asked.idle == 0 => asked.run(command, calls)?,
        What::Here(_) | What::Reactor(_) | What::Server(_) => return Ok(None),
    };
    counted(&output).map(Some).map_err(|error| format!("{}: {error}", scenario.name).into())
}

/// `program` under strace; what it needs of its arguments is to be added.
fn command(program: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-c", "-U", "calls,name"]).arg(program);
    command.stderr(Stdio::piped());
    command
}

fn counted(output: &Output) -> Result<Counts, Error> {
    let text = String::from_utf8_lossy(&output.stderr);
    let counts = parsed(&text);
    if counts.is_empty() { Err(format!("strace: {text}").into()) } else { Ok(counts) }
}

/// From lines of a number and a name, between a head and a sum.
fn parsed(text: &str) -> Counts {
    let count = |line: &str| {
        let (count, name) = line.trim().split_once(' ')?;
        Some((name.trim().to_owned(), count.parse().ok()?))
    };
    text.lines().filter_map(count).filter(|(name, _)| name != "total").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONCE: &str = "    calls syscall\n--------- ----------------\n     1010 recvfrom\n        3 mmap\n\
                        --------- ----------------\n     1013 total\n";

    #[test]
    fn the_summary_is_read_without_its_head_and_sum() {
        let expected = [("mmap".to_owned(), 3), ("recvfrom".to_owned(), 1010)];
        assert_eq!(parsed(ONCE), Counts::from(expected));
        assert!(parsed("strace: test: Operation not permitted").is_empty());
    }

    #[test]
    fn what_grows_with_the_calls_is_named_with_the_most_frequent_first() {
        let thrice = "3010 recvfrom\n2500 futex\n4 mmap\n5514 total\n";
        assert_eq!(
            line("x", &parsed(ONCE), &parsed(thrice), 1_000),
            "| x | 2.25 | futex 1.25, recvfrom 1.00 |\n"
        );
    }
}
