//! What is counted.

use super::adapters::Asked;
use super::clients::Asking;
use super::{chat, core_pair, typed};
use sailplane_benches::recorded::Recorded;

/// Something whose cost is counted for each call or message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Calls or messages of the smaller run; the larger has three times as many.
    pub(crate) calls: u64,
    pub(crate) what: What,
}

/// How it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// In this process: the same instructions every time.
    Here(fn(u64)),
    /// In this process, with a reactor in it.
    Reactor(fn(u64)),
    /// A client's process.
    Client(Asking),
    /// A server's process.
    Server(Asked),
}

/// All of them.
pub(crate) const SCENARIOS: [Scenario; 31] = [
    here("pair-1", 3_000, |calls| core_pair::pair(calls, 1, false)),
    here("pair-100", 3_000, |calls| core_pair::pair(calls, 100, false)),
    here("pair-1-metadata", 3_000, |calls| core_pair::pair(calls, 1, true)),
    here("server-1", 3_000, |calls| core_pair::server(calls, 1, Recorded::Ours)),
    here("server-100", 3_000, |calls| core_pair::server(calls, 100, Recorded::Ours)),
    here("server-1-h2load", 3_000, |calls| core_pair::server(calls, 1, Recorded::H2load)),
    here("server-100-h2load", 3_000, |calls| core_pair::server(calls, 100, Recorded::H2load)),
    here("server-1-tonic", 3_000, |calls| core_pair::server(calls, 1, Recorded::Tonic)),
    here("server-100-tonic", 3_000, |calls| core_pair::server(calls, 100, Recorded::Tonic)),
    here("typed-1", 3_000, typed::unary),
    reactor("typed-100", 3_000, |calls| typed::unary_async(calls, 100)),
    here("stream-64", 20_000, |messages| core_pair::stream(messages, 64)),
    here("stream-1k", 5_000, |messages| core_pair::stream(messages, 1024)),
    here("stream-64k", 500, |messages| core_pair::stream(messages, 64 * 1024)),
    here("chat-64", 20_000, |messages| chat::echo(messages, 64)),
    here("chat-1k", 5_000, |messages| chat::echo(messages, 1024)),
    here("beside-1-stream", 3_000, |calls| core_pair::beside_open_streams(calls, 1)),
    here("beside-100-streams", 3_000, |calls| core_pair::beside_open_streams(calls, 100)),
    here("beside-10000-streams", 3_000, |calls| core_pair::beside_open_streams(calls, 10_000)),
    client("client-blocking-1", "blocking", 1),
    client("client-threads-1", "threads", 1),
    client("client-smol-1", "smol", 1),
    client("client-smol-100", "smol", 100),
    server("blocking-1", "blocking", 1, 0),
    server("threads-1", "threads", 1, 0),
    server("threads-100", "threads", 100, 0),
    server("smol-1", "smol", 1, 0),
    server("smol-100", "smol", 100, 0),
    server("threads-1-beside-1000", "threads", 1, 1_000),
    server("smol-1-beside-100", "smol", 1, 100),
    server("smol-1-beside-1000", "smol", 1, 1_000),
];

const fn here(name: &'static str, calls: u64, play: fn(u64)) -> Scenario {
    Scenario { name, calls, what: What::Here(play) }
}

const fn reactor(name: &'static str, calls: u64, play: fn(u64)) -> Scenario {
    Scenario { name, calls, what: What::Reactor(play) }
}

const fn client(name: &'static str, client: &'static str, in_flight: u64) -> Scenario {
    Scenario { name, calls: 2_000, what: What::Client(Asking { client, in_flight }) }
}

const fn server(name: &'static str, server: &'static str, in_flight: u32, idle: usize) -> Scenario {
    Scenario { name, calls: 2_000, what: What::Server(Asked { server, in_flight, idle }) }
}
