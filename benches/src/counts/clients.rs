//! The clients of the adapters, each a process under callgrind that asks a server outside of it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use sailplane::Stub as _;
use sailplane_benches::Error;
use sailplane_benches::proto::BenchClient;

use super::adapters::Ended;
use super::{callgrind, typed};

/// A client, and how it asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    /// Its kind.
    pub(crate) client: &'static str,
    /// Calls at a time.
    pub(crate) in_flight: u64,
}

impl Asking {
    /// User instructions of the client's process, for so many calls.
    pub(crate) fn instructions(&self, calls: u64) -> Result<u64, Error> {
        callgrind::instructions(&self.run(callgrind::command, calls)?)
    }

    /// What the client's process told, run by what `counts` makes of its program.
    pub(super) fn run(&self, counts: fn(&Path) -> Command, calls: u64) -> Result<Output, Error> {
        let mut command = Command::new(crate::compare::program("threads")?);
        command.args(["server", "threads"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = Ended(command.spawn()?);
        let mut address = String::new();
        let output = server.0.stdout.take().ok_or("no output")?;
        BufReader::new(output).read_line(&mut address)?;
        let mut command = counts(&std::env::current_exe()?);
        command.args(["ask", self.client, address.trim(), &self.in_flight.to_string(), &calls.to_string()]);
        Ok(command.output()?)
    }
}

/// Asks the server at `address`: what runs under callgrind.
pub(crate) fn ask(client: &str, address: &str, in_flight: &str, calls: &str) -> ExitCode {
    match asked(client, address, in_flight, calls) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn asked(client: &str, address: &str, in_flight: &str, calls: &str) -> Result<(), Error> {
    const TIMEOUT: Duration = Duration::from_secs(60);
    let (in_flight, calls) = (in_flight.parse()?, calls.parse()?);
    match client {
        "blocking" => {
            let channel = sailplane_blocking::Channel::plaintext(address)?;
            typed::ask_blocking(&BenchClient::new(channel).with_timeout(TIMEOUT), calls);
        }
        "threads" => {
            let channel = sailplane_threads::Channel::plaintext(address)?;
            typed::ask_blocking(&BenchClient::new(channel).with_timeout(TIMEOUT), calls);
        }
        "smol" => {
            let executor = Arc::new(smol::Executor::new());
            let channel = sailplane_smol::Channel::plaintext(address)?.on(&executor);
            typed::ask_async(&BenchClient::new(channel).with_timeout(TIMEOUT), &executor, calls, in_flight);
        }
        _ => return Err("no such client".into()),
    }
    Ok(())
}
