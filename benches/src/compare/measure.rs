//! Measures loads in alternated rounds: what else the machine does then meets all of them.

use std::time::Duration;

use sailplane_benches::Error;
use sailplane_benches::load::{Load, LoadKind};

use super::loads::{Cell, H2LOAD, SMALL};
use super::process::{Server, call};
use super::row::Row;
use super::{Options, h2load};

/// What a small call takes on the wire each way: HEADERS and DATA, then HEADERS, DATA and HEADERS.
const SMALL_FRAMED: usize = 64;

/// What a round gave.
struct Sample {
    per_second: f64,
    server_cpu_us: f64,
    client_cpu_us: Option<f64>,
    percentiles_us: Option<(f64, f64)>,
}

/// Measures `cells`, the ones of a group and name in turns, and tells of each row when it is there.
pub(crate) fn measure(cells: &[Cell], options: &Options, mut tell: impl FnMut(Row)) {
    for cells in cells.chunk_by(|a, b| (a.group, a.name(), a.place) == (b.group, b.name(), b.place)) {
        let mut samples: Vec<Vec<Result<Sample, Error>>> = cells.iter().map(|_| Vec::new()).collect();
        for _ in 0..options.rounds {
            for (cell, samples) in cells.iter().zip(&mut samples) {
                samples.push(sample(cell, options.duration));
            }
        }
        for (cell, samples) in cells.iter().zip(samples) {
            tell(row(cell, samples));
        }
    }
}

fn sample(cell: &Cell, duration: Duration) -> Result<Sample, Error> {
    let Cell { kind, connections, in_flight, .. } = *cell;
    // Raw octets stand for those of a call, with its frames.
    let size = if cell.client == "raw" && cell.size == SMALL { SMALL_FRAMED } else { cell.size };
    let load = Load { kind, connections, in_flight, size, duration };
    let mut server = Server::start(cell.server, cell.place)?;
    let before = server.cpu_ns()?;
    let outcome = if cell.client == H2LOAD {
        h2load::call(cell.place, server.address, &load)?
    } else {
        call(cell.client, cell.place, server.address, &load)?
    };
    let server_cpu = server.cpu_ns()?.saturating_sub(before);
    let timed = kind == LoadKind::Latency;
    Ok(Sample {
        per_second: float(outcome.count) / outcome.elapsed.as_secs_f64(),
        server_cpu_us: float(server_cpu) / 1e3 / float(outcome.total),
        client_cpu_us: (outcome.cpu_ns > 0).then(|| float(outcome.cpu_ns) / 1e3 / float(outcome.count)),
        percentiles_us: timed.then(|| (f64::from(outcome.p50_ns) / 1e3, f64::from(outcome.p99_ns) / 1e3)),
    })
}

fn row(cell: &Cell, samples: Vec<Result<Sample, Error>>) -> Row {
    let mut row = Row::new(cell.group, &cell.name(), &cell.subject(), cell.place.name());
    let mut good = Vec::new();
    for (index, sample) in samples.into_iter().enumerate() {
        match sample {
            Ok(sample) => good.push(sample),
            Err(error) => row.errors.push(format!("round {}: {error}", index + 1)),
        }
    }
    let all = |figure: fn(&Sample) -> Option<f64>| good.iter().filter_map(figure).collect::<Vec<f64>>();
    row.figure("per second", &all(|sample| Some(sample.per_second)));
    row.figure("server CPU µs", &all(|sample| Some(sample.server_cpu_us)));
    row.figure("client CPU µs", &all(|sample| sample.client_cpu_us));
    row.figure("p50 µs", &all(|sample| sample.percentiles_us.map(|(p50, _)| p50)));
    row.figure("p99 µs", &all(|sample| sample.percentiles_us.map(|(_, p99)| p99)));
    row
}

/// Counts are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}
