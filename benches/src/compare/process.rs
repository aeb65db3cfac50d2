//! Servers and clients as processes, bounded in time and ended with their handle.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use sailplane_benches::Error;
use sailplane_benches::load::Load;
use sailplane_benches::meter::Outcome;
use sailplane_benches::usage::pinned;

/// How long a process may take to answer, what it was asked to measure apart.
const PATIENCE: Duration = Duration::from_secs(20);

/// The processors of each end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Both ends share one processor.
    One,
    /// Each end has one.
    Two,
    /// Both ends have all.
    All,
}

impl Place {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::One => "one core",
            Self::Two => "a core each",
            Self::All => "all cores",
        }
    }

    const fn server(self) -> &'static [usize] {
        match self {
            Self::One | Self::Two => &[0],
            Self::All => &[0, 1],
        }
    }

    const fn client(self) -> &'static [usize] {
        match self {
            Self::One => &[0],
            Self::Two => &[1],
            Self::All => &[0, 1],
        }
    }
}

/// The program that has a server or client of this name.
pub(crate) fn program(kind: &str) -> Result<PathBuf, Error> {
    Ok(std::env::current_exe()?.with_file_name(file_name(kind)))
}

fn file_name(kind: &str) -> &'static str {
    match kind {
        kind if kind.starts_with("tonic") => "bench-tonic",
        kind if kind.starts_with("connect") => "bench-connect",
        _ => "bench-sailplane",
    }
}

/// A process whose output is read line by line. Dropping it ends it.
pub(crate) struct Process {
    child: Child,
    /// Its end is what well-behaved programs end with.
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Process {
    /// Starts `command` on the processors `cores`.
    pub(crate) fn start(command: &mut Command, cores: &[usize]) -> Result<Self, Error> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = pinned(cores, || command.spawn())?
            .map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))?;
        let output = child.stdout.take().ok_or("no output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        Ok(Self { child, input, lines })
    }

    /// The next line, within the usual patience and `more`.
    pub(crate) fn line(&self, more: Duration) -> Result<String, Error> {
        self.lines.recv_timeout(PATIENCE + more).map_err(|error| match error {
            RecvTimeoutError::Timeout => "no answer in time".into(),
            RecvTimeoutError::Disconnected => "it ended without an answer".into(),
        })
    }

    /// All lines until its end, within the usual patience and `more`.
    pub(crate) fn rest(&self, more: Duration) -> Result<Vec<String>, Error> {
        let until = std::time::Instant::now() + PATIENCE + more;
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(std::time::Instant::now())) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Disconnected) => return Ok(lines),
                Err(RecvTimeoutError::Timeout) => return Err("it did not end in time".into()),
            }
        }
    }

    pub(crate) fn ask(&mut self, question: &str) -> Result<String, Error> {
        let input = self.input.as_mut().ok_or("no input")?;
        writeln!(input, "{question}")?;
        self.line(Duration::ZERO)
    }

    fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.input = None;
        // An error means that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that runs.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(kind: &str, place: Place) -> Result<Self, Error> {
        Self::of(Command::new(program(kind)?).args(["server", kind]), place)
    }

    /// A server that `command` starts.
    pub(crate) fn of(command: &mut Command, place: Place) -> Result<Self, Error> {
        let process = Process::start(command, place.server())?;
        let address = process.line(Duration::ZERO)?.parse()?;
        Ok(Self { process, address })
    }

    /// CPU time so far, in ns.
    pub(crate) fn cpu_ns(&mut self) -> Result<u64, Error> {
        Ok(self.process.ask("cpu")?.parse()?)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

/// Runs a client of ours or of a peer.
pub(crate) fn call(kind: &str, place: Place, address: SocketAddr, load: &Load) -> Result<Outcome, Error> {
    let mut command = Command::new(program(kind)?);
    command.args(["client", kind, &address.to_string()]).args(load.arguments());
    let process = Process::start(&mut command, place.client())?;
    let line = process.line(load.duration * 2)?;
    Outcome::from_line(&line).ok_or_else(|| line.into())
}

/// Runs a client that is not of ours to its end.
pub(crate) fn run(command: &mut Command, place: Place, duration: Duration) -> Result<Vec<String>, Error> {
    Process::start(command, place.client())?.rest(duration * 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stack_has_its_program() {
        for (kind, name) in [
            ("tonic", "bench-tonic"),
            ("tonic-all", "bench-tonic"),
            ("connect", "bench-connect"),
            ("smol-all", "bench-sailplane"),
            ("raw", "bench-sailplane"),
        ] {
            assert_eq!(file_name(kind), name, "{kind}");
        }
    }
}
