//! The load generator of nghttp2, where it is installed.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use prost::Message as _;
use sailplane_benches::Error;
use sailplane_benches::load::Load;
use sailplane_benches::meter::Outcome;
use sailplane_benches::proto::Payload;

use super::process::{Place, run};

/// Its version, if it can be run.
pub(crate) fn version() -> Option<String> {
    let output = Command::new("h2load").arg("--version").stderr(Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Unary calls.
pub(crate) fn call(place: Place, address: SocketAddr, load: &Load) -> Result<Outcome, Error> {
    let message = Payload { body: vec![0; load.size].into() }.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len())?.to_be_bytes());
    body.extend(message);
    let replies = body.len();
    let file = std::env::temp_dir().join(format!("sailplane-benches-{}", std::process::id()));
    std::fs::write(&file, body)?;
    let mut command = Command::new("h2load");
    command.args(["-c", &load.connections.to_string(), "-m", &load.in_flight.to_string()]);
    command.arg("-D").arg(format!("{}ms", load.duration.as_millis()));
    command.args(["-H", "te: trailers", "-H", "content-type: application/grpc", "-d"]).arg(&file);
    command.arg(format!("http://{address}/bench.Bench/Unary"));
    let lines = run(&mut command, place, load.duration);
    // Nothing depends on it.
    let _ = std::fs::remove_file(&file);
    parse(&lines?, load.duration, replies)
}

/// What it printed. Requests that fail, and replies without their payload, are an error.
fn parse(lines: &[String], duration: Duration, reply: usize) -> Result<Outcome, Error> {
    let find = |start: &str| lines.iter().find_map(|line| line.strip_prefix(start));
    let requests = find("requests: ").ok_or_else(|| lines.join("\n"))?;
    let number = |what: &str| {
        let part = requests.split(", ").find_map(|part| part.strip_suffix(what));
        part.and_then(|part| part.trim().parse::<u64>().ok()).ok_or_else(|| format!("{what}: {requests}"))
    };
    let (count, failed, errored) = (number("succeeded")?, number("failed")?, number("errored")?);
    let bytes = find("traffic: ").and_then(|line| line.rsplit('(').next()?.split(')').next()?.parse().ok());
    let bytes: u64 = bytes.ok_or("no traffic")?;
    if failed + errored > 0 || count == 0 || bytes < count.saturating_mul(u64::try_from(reply)?) {
        return Err(format!("{requests}; {bytes} octets of data").into());
    }
    Ok(Outcome { count, elapsed: duration, cpu_ns: 0, total: count, p50_ns: 0, p99_ns: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "finished in 500.41ms, 9860.00 req/s, 0.99MB/s
requests: 4930 total, 4940 started, 4930 done, 4930 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 4930 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 505.20KB (517320) total, 48.35KB (49510) headers (space savings 93.0%), 110.74KB (113390) data";

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn counts_are_read() {
        let outcome = parse(&lines(PRINTED), Duration::from_millis(500), 23).expect("all is well");
        assert_eq!((outcome.count, outcome.total), (4930, 4930));
    }

    #[test]
    fn failed_calls_and_empty_replies_are_errors() {
        let failed = PRINTED.replace("0 failed", "1 failed");
        let empty = PRINTED.replace("(113390)", "(0)");
        for text in [failed.as_str(), empty.as_str(), "Could not connect"] {
            assert!(parse(&lines(text), Duration::from_millis(500), 23).is_err(), "{text}");
        }
    }
}
