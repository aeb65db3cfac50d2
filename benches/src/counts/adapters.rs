//! The servers of the adapters, each a process under callgrind that a plain client asks.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use sailplane_benches::Error;
use sailplane_benches::plain::Client;

use super::{callgrind, per_call};

/// A server, and what it is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Its kind, for its program.
    pub(crate) server: &'static str,
    /// Calls at a time, in one write.
    pub(crate) in_flight: u32,
    /// Connections beside, on which nothing happens.
    pub(crate) idle: usize,
}

impl Asked {
    /// User instructions of the server's process for one call, start-up apart.
    pub(crate) fn each(&self, calls: u64) -> Result<f64, Error> {
        Ok(per_call(self.instructions(calls)?, self.instructions(3 * calls)?, calls))
    }

    /// User instructions of the server's process, for so many calls.
    pub(crate) fn instructions(&self, calls: u64) -> Result<u64, Error> {
        callgrind::instructions(&self.run(callgrind::command, calls)?)
    }

    /// What the server's process told on its standard error, run by what `counts` makes of its program.
    pub(super) fn run(&self, counts: fn(&Path) -> Command, calls: u64) -> Result<Output, Error> {
        let mut command = counts(&crate::compare::program(self.server)?);
        command.args(["server", self.server]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = Ended(command.spawn()?);
        let mut address = String::new();
        let output = server.0.stdout.take().ok_or("no output")?;
        BufReader::new(output).read_line(&mut address)?;
        let address = address.trim().parse().map_err(|_| format!("{}: no address", self.server))?;
        let idle = (0..self.idle).map(|_| Client::connect(address)).collect::<Result<Vec<_>, _>>()?;
        let mut client = Client::connect(address)?;
        for _ in 0..calls / u64::from(self.in_flight) {
            client.call(self.in_flight)?;
        }
        // The server ends with its input, and before its clients.
        drop(server.0.stdin.take());
        let mut text = Vec::new();
        server.0.stderr.take().ok_or("no output")?.read_to_end(&mut text)?;
        drop(idle);
        let status = server.0.wait()?;
        Ok(Output { status, stdout: Vec::new(), stderr: text })
    }
}

/// A process that ends with its handle.
pub(super) struct Ended(pub(super) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
