//! Instructions of whole servers that the gate leaves out: of another stack, and beside ten thousand connections.

use super::Options;
use super::process::Place;
use super::row::{self, Row};
use crate::counts::Asked;

/// With the connection that calls, ten thousand: what a server of ours takes by default.
const MANY: usize = 9_999;
const CALLS: u64 = 2_000;

/// Counts N and 3N calls, and takes the difference.
pub(crate) fn measure(options: &Options, mut tell: impl FnMut(Row)) {
    let alone = ["tonic", "threads", "smol"].map(|server| (server, 0));
    for (server, idle) in alone.into_iter().chain([("threads", MANY), ("smol", MANY)]) {
        for in_flight in [1, 100] {
            let name = match idle {
                0 => format!("server process, {in_flight} in flight"),
                idle => format!("server process, {in_flight} in flight, beside {idle} connections"),
            };
            let place = Place::All.name();
            let skipped = idle > 0 && in_flight > 1;
            if skipped || !options.wants(&row::id("instructions", &name, server, place)) {
                continue;
            }
            let mut row = Row::new("instructions", &name, server, place);
            match (Asked { server, in_flight, idle }).each(CALLS) {
                Ok(each) => row.figure("each", &[each]),
                Err(error) => row.errors.push(error.to_string()),
            }
            tell(row);
        }
    }
}
