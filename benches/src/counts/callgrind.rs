//! Instructions of a process, by callgrind.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use sailplane_benches::Error;

/// `program` under callgrind; what it needs of its arguments is to be added.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    command.stderr(Stdio::piped());
    command
}

/// The user instructions that callgrind counted, from what it printed.
pub(crate) fn instructions(output: &Output) -> Result<u64, Error> {
    collected(&String::from_utf8_lossy(&output.stderr))
}

fn collected(text: &str) -> Result<u64, Error> {
    let total = text.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    total.ok_or_else(|| format!("callgrind: {text}").into())
}

/// The version, for the file of the baseline.
pub(crate) fn version() -> Result<String, Error> {
    let output = Command::new("valgrind").arg("--version").output();
    let output =
        output.map_err(|error| format!("valgrind: {error}; install it: apt-get install valgrind"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        let text = "==7== \n==7== Events    : Ir\n==7== Collected : 123456\n==7== \n";
        assert_eq!(collected(text).expect("it is there"), 123_456);
        assert!(collected("valgrind: bad executable").is_err());
    }
}
