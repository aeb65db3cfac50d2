//! Workers in Python: batches of requests in, batches of answers out.

use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use sailplane_tests::peers::{install, python_with};

/// How long a batch may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A Python that has what the workers need.
#[derive(Clone, Debug)]
pub struct Python {
    python: PathBuf,
}

impl Python {
    /// Sets it up beside `tmp`, which is `CARGO_TARGET_TMPDIR`, if that was not done yet.
    ///
    /// # Panics
    /// With what went wrong.
    #[must_use]
    pub fn set_up(tmp: &str) -> Self {
        Self { python: python_with(tmp, "oracles", &scripts().join("requirements.txt")) }
    }

    /// As [`set_up`](Self::set_up), with libnghttp2 of the system.
    ///
    /// # Panics
    /// With what went wrong.
    #[must_use]
    pub fn with_nghttp2(tmp: &str) -> Self {
        let python = Self::set_up(tmp);
        let mut load = Command::new(&python.python);
        load.args(["-c", "import ctypes; ctypes.CDLL('libnghttp2.so.14')"]);
        if !load.stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
            install(&["libnghttp2-14"]);
            assert!(load.stderr(Stdio::inherit()).status().is_ok_and(|status| status.success()));
        }
        python
    }

    /// A command that runs a script.
    #[must_use]
    pub fn command(&self, script: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(scripts().join(script)).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// Starts a worker.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn worker(&self, script: &'static str, arguments: &[&str]) -> Worker {
        let mut command = self.command(script);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot run {script}: {error}"));
        let (input, output) = (child.stdin.take().expect("its input"), child.stdout.take());
        let mut output = BufReader::new(output.expect("its output"));
        let (tell, answers) = channel();
        thread::spawn(move || {
            loop {
                let mut length = [0; 4];
                output.read_exact(&mut length).ok()?;
                let mut answer = vec![0; u32::from_be_bytes(length) as usize];
                output.read_exact(&mut answer).ok()?;
                tell.send(answer).ok()?;
            }
            #[expect(unreachable_code, reason = "says what the closure returns")]
            Some(())
        });
        Worker { script, child, input, answers }
    }
}

/// A process that answers.
#[derive(Debug)]
pub struct Worker {
    script: &'static str,
    child: Child,
    input: ChildStdin,
    answers: Receiver<Vec<u8>>,
}

impl Worker {
    /// Asks one thing.
    ///
    /// # Panics
    /// If no answer comes.
    pub fn ask(&mut self, request: &[u8]) -> Vec<u8> {
        let length = u32::try_from(request.len()).expect("a batch of this size");
        let sent = self.input.write_all(&length.to_be_bytes()).and_then(|()| self.input.write_all(request));
        let answer = self.answers.recv_timeout(PATIENCE);
        assert!(sent.is_ok() && answer.is_ok(), "{} does not answer: {sent:?}, {:?}", self.script, answer);
        answer.unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Reads what a worker wrote.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a>(pub &'a [u8]);

impl<'a> Answer<'a> {
    /// An octet.
    ///
    /// # Panics
    /// If there is none.
    pub fn octet(&mut self) -> u8 {
        self.octets(1)[0]
    }

    /// A number of four octets.
    ///
    /// # Panics
    /// If there is none.
    pub fn number(&mut self) -> u32 {
        u32::from_be_bytes(self.octets(4).try_into().expect("four of them"))
    }

    /// What has its length before it.
    ///
    /// # Panics
    /// If it is not there.
    pub fn string(&mut self) -> &'a [u8] {
        let length = self.number();
        self.octets(length as usize)
    }

    fn octets(&mut self, count: usize) -> &'a [u8] {
        let (octets, rest) = self.0.split_at(count);
        self.0 = rest;
        octets
    }
}

/// Writes what a worker reads.
pub fn put_number(out: &mut Vec<u8>, number: usize) {
    out.extend(u32::try_from(number).expect("a small number").to_be_bytes());
}

/// Writes octets with their length before them.
pub fn put_string(out: &mut Vec<u8>, octets: &[u8]) {
    put_number(out, octets.len());
    out.extend_from_slice(octets);
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}
