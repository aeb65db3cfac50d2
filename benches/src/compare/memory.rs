//! Memory of a server for each connection and each stream on which nothing happens.
//!
//! It is the growth of the server's proportional set size (`Pss` of `/proc/PID/smaps_rollup`) with what its
//! allocator keeps, after it has settled; what the kernel holds for sockets is not in it. The clients are in this
//! process.

use std::time::Duration;

use sailplane_benches::Error;
use sailplane_benches::plain::Client;

use super::Options;
use super::measure::float;
use super::process::{Place, Server};
use super::row::{self, Row};

const CONNECTIONS: usize = 10_000;
/// For streams: so many connections with so many streams each, which is our default bound.
const CONNECTIONS_OF_STREAMS: usize = 1_000;
const STREAMS: u32 = 100;
/// A server that is still growing then is taken as it is.
const SETTLED_AFTER: u32 = 50;

/// Measures connections and streams, for each server.
pub(crate) fn measure(options: &Options, mut tell: impl FnMut(Row)) {
    for server in ["tonic", "connect", "threads", "smol"] {
        let place = Place::All.name();
        if options.wants(&row::id("memory", "idle connection", server, place)) {
            let mut idle = Row::new("memory", "idle connection", server, place);
            let mut used = Row::new("memory", "idle connection after a call", server, place);
            match connections(server) {
                Ok((before, after)) => {
                    idle.figure("B each", &[before]);
                    used.figure("B each", &[after]);
                }
                Err(error) => idle.errors.push(error.to_string()),
            }
            tell(idle);
            tell(used);
        }
        if options.wants(&row::id("memory", "idle stream", server, place)) {
            let mut open = Row::new("memory", "idle stream", server, place);
            match streams(server) {
                Ok(each) => open.figure("B each", &[each]),
                Err(error) => open.errors.push(error.to_string()),
            }
            tell(open);
        }
    }
}

/// Bytes for a connection after its handshake, and after a call.
fn connections(kind: &str) -> Result<(f64, f64), Error> {
    allow_descriptors()?;
    let server = Server::start(kind, Place::All)?;
    // What the first connection of all makes is not to be counted.
    Client::connect(server.address)?.call(1)?;
    let none = settled(&server)?;
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::connect(server.address)?);
    }
    let idle = settled(&server)?;
    for client in &mut clients {
        client.call(1)?;
    }
    let used = settled(&server)?;
    let each = |bytes: u64| float(bytes.saturating_sub(none)) / 1e4;
    Ok((each(idle), each(used)))
}

/// Bytes for a stream that is open.
fn streams(kind: &str) -> Result<f64, Error> {
    allow_descriptors()?;
    let server = Server::start(kind, Place::All)?;
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS_OF_STREAMS {
        let mut client = Client::connect(server.address)?;
        client.call(1)?;
        clients.push(client);
    }
    let none = settled(&server)?;
    for client in &mut clients {
        client.open(STREAMS)?;
    }
    Ok(float(settled(&server)?.saturating_sub(none)) / 1e5)
}

/// As many descriptors as there may be.
fn allow_descriptors() -> Result<(), Error> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    if limit.maximum.is_some_and(|most| most < 10_100) {
        return Err("a process may not have 10,000 descriptors".into());
    }
    Ok(())
}

/// Memory of the server in bytes, when it does not change any more.
fn settled(server: &Server) -> Result<u64, Error> {
    let mut before = 0;
    for _ in 0..SETTLED_AFTER {
        std::thread::sleep(Duration::from_millis(100));
        let bytes = proportional(server.id())?;
        if bytes == before {
            break;
        }
        before = bytes;
    }
    Ok(before)
}

fn proportional(process: u32) -> Result<u64, Error> {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    pss(&text).ok_or_else(|| "no Pss".into())
}

fn pss(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_size_is_read_in_bytes() {
        assert_eq!(pss("Rss:      99 kB\nPss:      12 kB\nPss_Dirty:  3 kB\n"), Some(12 * 1024));
        assert_eq!(pss("Rss: 99 kB\n"), None);
    }
}
