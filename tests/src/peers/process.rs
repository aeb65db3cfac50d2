//! Processes that end with the test, however it ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::peers::Peers;

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(60);
/// How long a client may take for all that it does.
const CLIENT: Duration = Duration::from_secs(240);

/// A script of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Script(pub &'static str);

/// A process, killed when this is dropped.
struct Process {
    child: Child,
    _input: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("its output"));
        let mut errors = child.stderr.take().expect("its errors");
        let (tell, lines) = channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| tell.send(line))
        });
        let errors = thread::spawn(move || {
            let mut all = Vec::new();
            _ = errors.read_to_end(&mut all);
            String::from_utf8_lossy(&all).into_owned()
        });
        Self { child, _input: input, lines, errors: Some(errors) }
    }

    /// The lines that it writes until it ends, and how it ends.
    fn finish(&mut self, patience: Duration) -> (Vec<String>, Option<ExitStatus>) {
        let until = Instant::now() + patience;
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Timeout) => return (lines, None),
                // It closed its output, and has no more to do than to end.
                Err(RecvTimeoutError::Disconnected) => return (lines, self.child.wait().ok()),
            }
        }
    }

    /// What it wrote to its error output; kills it.
    fn errors(&mut self) -> String {
        _ = self.child.kill();
        self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Runs something that must succeed.
pub(crate) fn run(command: &mut Command, patience: Duration) {
    let mut process = Process::start(command);
    let (lines, status) = process.finish(patience);
    if !status.is_some_and(|status| status.success()) {
        let (output, errors) = (lines.join("\n"), process.errors());
        panic!("the peers cannot be set up: {command:?} ended with {status:?}\n{output}\n{errors}");
    }
}

/// A peer's server.
pub struct Server {
    process: Process,
    /// Where it listens.
    pub port: u16,
}

impl Server {
    /// Starts the server of a script, on any port.
    ///
    /// # Panics
    /// If it does not listen.
    #[must_use]
    pub fn start(peers: &Peers, script: Script) -> Self {
        let mut process = Process::start(peers.command(script.0).arg("0"));
        let line = process.lines.recv_timeout(START);
        let port = line.iter().find_map(|line| line.strip_prefix("port ")?.parse().ok());
        let Some(port) = port else {
            let errors = process.errors();
            panic!("{} said {line:?} instead of its port\n{errors}", script.0);
        };
        Self { process, port }
    }

    /// As a channel's target.
    #[must_use]
    pub fn target(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// What it wrote to its error output; ends it.
    pub fn errors(&mut self) -> String {
        self.process.errors()
    }
}

/// A peer's client.
pub struct Client;

impl Client {
    /// Runs a script that has this port as its argument; what it printed.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn output(peers: &Peers, script: Script, port: u16) -> String {
        let mut process = Process::start(peers.command(script.0).arg(port.to_string()));
        let (lines, status) = process.finish(CLIENT);
        let output = lines.join("\n");
        if !status.is_some_and(|status| status.success()) {
            let errors = process.errors();
            panic!("{} ended with {status:?}\n{output}\n{errors}", script.0);
        }
        output
    }

    /// Runs a script that checks the server at this port. All checks must be there, and have passed.
    ///
    /// # Panics
    /// With those that have not.
    pub fn check(peers: &Peers, script: Script, port: u16, checks: &[&str]) {
        let mut command = peers.command(script.0);
        let mut process = Process::start(command.arg(format!("localhost:{port}")).args(checks));
        let (lines, status) = process.finish(CLIENT);
        let reports: Vec<Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let mut failures = Vec::new();
        for check in checks {
            match reports.iter().find(|report| report["check"] == **check) {
                Some(report) if report["ok"] == true => {}
                Some(report) => {
                    failures.push(format!("{check}: {}", report["error"].as_str().unwrap_or("failed")));
                }
                None => failures.push(format!("{check}: it said nothing of it")),
            }
        }
        if !failures.is_empty() || !status.is_some_and(|status| status.success()) {
            let (failures, errors) = (failures.join("\n"), process.errors());
            panic!("{} ended with {status:?}\n{failures}\n{errors}", script.0);
        }
    }
}
