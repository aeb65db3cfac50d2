//! From the start of a server's process to the first octet that it serves.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sailplane_benches::Error;
use sailplane_benches::recorded::Requests;

use super::Options;
use super::process::{Place, Server};
use super::row::{self, Row};

/// What takes none of that protocol is what processes and the network take.
const SERVERS: [&str; 5] = [RAW, "tonic", "tonic-all", "threads", "smol"];
const RAW: &str = "raw";
/// It takes milliseconds.
const TIMES_IN_A_ROUND: usize = 5;

/// Measures the servers in turns.
pub(crate) fn measure(options: &Options, mut tell: impl FnMut(Row)) {
    let place = Place::One;
    let id = |server| row::id("start", "first octet", server, place.name());
    let servers = SERVERS.into_iter().filter(|server| options.wants(&id(server)));
    let mut rows: Vec<_> = servers
        .map(|server| (server, Row::new("start", "first octet", server, place.name()), Vec::new()))
        .collect();
    for _ in 0..TIMES_IN_A_ROUND * options.rounds {
        for (server, row, times) in &mut rows {
            match first_octet(server, place) {
                Ok(took) => times.push(took.as_secs_f64() * 1e3),
                Err(error) => row.errors.push(error.to_string()),
            }
        }
    }
    for (_, mut row, times) in rows {
        row.figure("ms", &times);
        tell(row);
    }
}

fn first_octet(kind: &str, place: Place) -> Result<Duration, Error> {
    let started = Instant::now();
    let server = Server::start(kind, place)?;
    let mut stream = TcpStream::connect(server.address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(&opening(kind))?;
    stream.read_exact(&mut [0])?;
    Ok(started.elapsed())
}

/// What is answered at once: by the raw server, which is told the size first, the octet that follows.
fn opening(kind: &str) -> Vec<u8> {
    if kind == RAW { [&1_u64.to_be_bytes()[..], &[0]].concat() } else { Requests::opening() }
}
