//! The loads that are compared: which client, which server, which calls, where.

use sailplane_benches::load::LoadKind;

use super::process::Place;

/// A load that is measured for a client and a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) group: &'static str,
    pub(crate) client: &'static str,
    pub(crate) server: &'static str,
    pub(crate) place: Place,
    pub(crate) kind: LoadKind,
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) size: usize,
}

/// Octets of a small payload.
pub(crate) const SMALL: usize = 16;
/// Connections and calls on each.
const SHAPES: [(usize, usize); 4] = [(1, 1), (1, 100), (10, 10), (100, 10)];
const MIB: usize = 1024 * 1024;
/// Clients and servers of the same stack.
const PAIRS: [(&str, &str); 3] = [("tonic", "tonic"), ("blocking", "threads"), ("smol", "smol")];

/// One more peer, for streams and for one unary load.
const CONNECT: (&str, &str) = ("connect", "connect");

/// The client that is not of any stack compared.
pub(crate) const H2LOAD: &str = "h2load";

impl Cell {
    pub(crate) fn name(&self) -> String {
        let Self { connections, in_flight, .. } = self;
        let size = match self.size {
            size if size >= MIB => format!("{} MiB", size / MIB),
            size if size >= 1024 => format!("{} KiB", size / 1024),
            size => format!("{size} B"),
        };
        match self.group {
            "unary" | "payload" => format!("{connections}x{in_flight}, {size}"),
            _ => size,
        }
    }

    pub(crate) fn subject(&self) -> String {
        format!("{} → {}", self.client, self.server)
    }
}

/// All cells. Those that are to be compared are neighbours, and run in turns.
pub(crate) fn cells(h2load: bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    if h2load {
        unary_by_h2load(&mut cells);
    }
    unary(&mut cells);
    latency(&mut cells);
    streams(&mut cells);
    cells
}

fn unary_by_h2load(cells: &mut Vec<Cell>) {
    for (connections, in_flight) in SHAPES {
        let cell = |server, place| Cell {
            group: "unary",
            client: H2LOAD,
            server,
            place,
            kind: LoadKind::Unary,
            connections,
            in_flight,
            size: SMALL,
        };
        for place in [Place::One, Place::Two] {
            cells.extend(["tonic", "threads", "smol"].map(|server| cell(server, place)));
            if in_flight == 1 {
                cells.push(cell("blocking", place));
            }
        }
        cells.extend(["tonic-all", "threads", "smol-all"].map(|server| cell(server, Place::All)));
        if (connections, in_flight) == (10, 10) {
            let servers = ["tonic", "threads", "smol"];
            cells.extend(servers.map(|server| Cell {
                group: "payload",
                size: 1024,
                ..cell(server, Place::One)
            }));
        }
    }
}

fn unary(cells: &mut Vec<Cell>) {
    for (connections, in_flight) in SHAPES {
        let pairs =
            [("tonic", "tonic"), CONNECT, ("smol", "smol"), ("smol", "threads"), ("threads", "threads")];
        for place in [Place::One, Place::Two] {
            for (client, server) in pairs {
                let elsewhere = (connections, in_flight) != (1, 100) || place != Place::One;
                if (client, server) == CONNECT && elsewhere {
                    continue;
                }
                // A thread for each of a thousand calls is not what such a client is for.
                let too_many = client == "threads" && connections * in_flight > 100;
                if too_many || (place == Place::Two && in_flight != 100) {
                    continue;
                }
                let (group, kind, size) = ("unary", LoadKind::Unary, SMALL);
                cells.push(Cell { group, client, server, place, kind, connections, in_flight, size });
            }
        }
    }
}

/// The median and the 99th percentile of one call at a time, each kind of client at each kind of server.
fn latency(cells: &mut Vec<Cell>) {
    let cell = |client, server, place, size, group| Cell {
        group,
        client,
        server,
        place,
        kind: LoadKind::Latency,
        connections: 1,
        in_flight: 1,
        size,
    };
    cells.push(cell("raw", "raw", Place::One, SMALL, "latency"));
    for client in ["blocking", "threads", "smol", "tonic"] {
        for server in ["blocking", "threads", "smol", "tonic"] {
            cells.push(cell(client, server, Place::One, SMALL, "latency"));
        }
    }
    for (client, server) in [("raw", "raw")].into_iter().chain(PAIRS) {
        cells.push(cell(client, server, Place::Two, SMALL, "latency"));
    }
    for place in [Place::One, Place::Two] {
        for (client, server) in [("raw", "raw")].into_iter().chain(PAIRS) {
            cells.push(cell(client, server, place, MIB, "echo"));
        }
    }
}

fn streams(cells: &mut Vec<Cell>) {
    let kinds = [
        ("download", LoadKind::Download, &[16, 1024, 64 * 1024, MIB][..]),
        ("upload", LoadKind::Upload, &[16, 1024, 64 * 1024, MIB]),
        ("chat", LoadKind::Chat, &[64, 1024]),
    ];
    for (group, kind, sizes) in kinds {
        for &size in sizes {
            for (client, server) in [CONNECT].into_iter().chain(PAIRS) {
                let (connections, in_flight, place) = (1, 1, Place::One);
                cells.push(Cell { group, client, server, place, kind, connections, in_flight, size });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_cell_is_measured_twice() {
        let name =
            |cell: &Cell| format!("{} {} {} {:?}", cell.group, cell.name(), cell.subject(), cell.place);
        let cells = cells(true);
        let names: BTreeSet<String> = cells.iter().map(name).collect();
        assert_eq!(names.len(), cells.len());
    }

    #[test]
    fn without_h2load_our_own_clients_are_left() {
        let cells = cells(false);
        assert!(cells.iter().all(|cell| cell.client != H2LOAD));
        for group in ["unary", "latency", "echo", "download", "upload", "chat"] {
            assert!(cells.iter().any(|cell| cell.group == group), "{group}");
        }
    }

    #[test]
    fn connectrpc_takes_turns_with_the_others_in_one_unary_load_and_all_streams() {
        let cells = cells(true);
        let load = |cell: &Cell| (cell.group, cell.name(), cell.place);
        let mut of_connect = Vec::new();
        for turns in cells.chunk_by(|a, b| load(a) == load(b)) {
            if turns.iter().any(|cell| (cell.client, cell.server) == CONNECT) {
                assert!(turns.iter().any(|cell| (cell.client, cell.server) == ("tonic", "tonic")));
                of_connect.extend(turns.first().map(load));
            }
        }
        let streams = cells.iter().filter(|cell| ["download", "upload", "chat"].contains(&cell.group));
        let mut expected: Vec<_> = streams.map(load).collect();
        expected.dedup();
        expected.insert(0, ("unary", "1x100, 16 B".into(), Place::One));
        assert_eq!(of_connect, expected);
        assert_eq!(
            cells.iter().filter(|cell| cell.client == "connect" || cell.server == "connect").count(),
            11
        );
    }
}
