//! A program that has servers and clients of one implementation, each to be run as a process.
//!
//! `PROGRAM server KIND` prints its address, answers each line `cpu` on its standard input with its CPU time in
//! ns, and ends with its input: it cannot outlive who started it. `PROGRAM client KIND ADDRESS LOAD` prints an
//! [`Outcome`](crate::meter::Outcome).

use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use crate::Error;
use crate::load::Load;
use crate::meter::Meter;
use crate::usage::cpu_ns;

/// A server that a process can be.
pub trait ServerKind: Sync {
    /// What it is called on the command line.
    fn name(&self) -> &'static str;

    /// Serves [`Bench`](crate::proto::Bench) on a port of 127.0.0.1 of its choice, and tells `listening` where.
    ///
    /// # Errors
    /// It cannot serve.
    fn serve(&self, listening: &dyn Fn(SocketAddr)) -> Result<(), Error>;
}

/// A client that a process can be.
pub trait ClientKind: Sync {
    /// What it is called on the command line.
    fn name(&self) -> &'static str;

    /// Calls until the process ends, and counts on `meter`.
    ///
    /// # Errors
    /// A call failed.
    fn run(&self, address: SocketAddr, load: &Load, meter: &Arc<Meter>) -> Result<(), Error>;
}

/// Runs the server or client that the arguments name.
pub fn main(servers: &[&'static dyn ServerKind], clients: &[&'static dyn ClientKind]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [role, kind] if role == "server" => serve(servers, kind),
        [role, kind, address, load @ ..] if role == "client" => call(clients, kind, address, load),
        _ => Err("usage: server KIND | client KIND ADDRESS LOAD".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", arguments.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn serve(servers: &[&'static dyn ServerKind], kind: &str) -> Result<(), Error> {
    let server = servers.iter().find(|server| server.name() == kind).ok_or("no such server")?;
    server.serve(&|address| {
        println!("{address}");
        std::thread::spawn(control);
    })
}

/// Answers the process that started this one, and ends with it.
fn control() {
    for line in std::io::stdin().lock().lines() {
        if line.is_ok_and(|line| line == "cpu") {
            println!("{}", cpu_ns());
        }
    }
    std::process::exit(0);
}

fn call(clients: &[&'static dyn ClientKind], kind: &str, at: &str, load: &[String]) -> Result<(), Error> {
    let client = *clients.iter().find(|client| client.name() == kind).ok_or("no such client")?;
    let (address, load, meter) = (at.parse()?, Load::from_arguments(load)?, Arc::new(Meter::default()));
    let counting = Arc::clone(&meter);
    std::thread::spawn(move || {
        if let Err(error) = client.run(address, &load, &counting) {
            eprintln!("{error}");
            counting.fail();
        }
    });
    let outcome = meter.measure(load.duration)?;
    println!("{}", outcome.line());
    std::io::stdout().flush()?;
    // The calls that run end with the process.
    std::process::exit(0);
}
