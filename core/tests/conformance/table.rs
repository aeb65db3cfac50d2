//! The runner of the tables: one row is what a peer writes, and what must come of it.

use std::fmt::Write;

use crate::support::wire::{Peer, Sent, framed, parse};
use crate::support::{End, Pair, streaming};
use sailplane::connection::Received;
use sailplane::{CallId, Event, Limits};

/// Name, section, what the peer writes after a sound opening, what is written and told in answer.
///
/// The answer is a list: the frames in the order in which they were written, then what the calls were
/// told, by letters in the order of the calls. `GOAWAY` has the last stream and the code, `RST` the stream
/// and the code, `HEADERS` the stream, the HTTP status and the gRPC status.
pub struct Row(pub &'static str, pub &'static str, pub Script, pub &'static str);

/// What a peer writes.
pub type Script = for<'a> fn(&'a mut Peer) -> &'a mut Peer;

/// One endpoint with a peer by hand.
pub struct Bench {
    pub pair: Pair,
    pub peer: Peer,
    is_server: bool,
    calls: Vec<CallId>,
    seen: usize,
}

impl Bench {
    pub fn server() -> Self {
        Self::server_with(Limits::default())
    }

    pub fn server_with(limits: Limits) -> Self {
        Self::begin(Pair::with(Limits::default(), limits), Peer::client(), true)
    }

    /// A client with calls on streams 1, 3, …, whose requests are not complete.
    pub fn client(calls: usize) -> Self {
        Self::client_with(calls, Limits::default())
    }

    pub fn client_with(calls: usize, limits: Limits) -> Self {
        let mut pair = Pair::with(limits, Limits::default());
        let calls = (0..calls).map(|_| pair.start(streaming())).collect();
        let mut bench = Self::begin(pair, Peer::server(), false);
        bench.calls = calls;
        bench
    }

    fn begin(mut pair: Pair, peer: Peer, is_server: bool) -> Self {
        let end = if is_server { &mut pair.server } else { &mut pair.client };
        end.drain(pair.now);
        let mut bench = Self { pair, peer, is_server, calls: Vec::new(), seen: 0 };
        bench.deliver();
        assert_eq!(bench.end().take_events(), [Event::Ready]);
        bench.seen = bench.wrote().len();
        bench
    }

    pub fn end(&mut self) -> &mut End {
        if self.is_server { &mut self.pair.server } else { &mut self.pair.client }
    }

    /// The calls so far, in the order in which they were told.
    pub fn calls(&self) -> &[CallId] {
        &self.calls
    }

    pub fn wrote(&mut self) -> Vec<Sent> {
        let from_client = !self.is_server;
        parse(from_client, &self.end().written)
    }

    /// The endpoint receives what the peer wrote, and writes all it has.
    pub fn deliver(&mut self) {
        let bytes = self.peer.take();
        let now = self.pair.now;
        let end = self.end();
        end.receive(now, &bytes);
        end.drain(now);
    }

    /// The endpoint receives what the peer wrote in pieces of one octet, and writes nothing meanwhile.
    pub fn deliver_octets(&mut self) {
        let bytes = self.peer.take();
        let now = self.pair.now;
        bytes.chunks(1).for_each(|octet| self.end().receive(now, octet));
    }

    /// What was written and told since the last time.
    pub fn answer(&mut self) -> String {
        self.deliver();
        let mut list = Vec::new();
        let wrote = self.wrote();
        list.extend(wrote[self.seen..].iter().map(frame));
        self.seen = wrote.len();
        for event in self.end().take_events() {
            self.tell(event, &mut list);
        }
        if list.iter().any(|item| item.starts_with("GOAWAY") && !item.ends_with("NO_ERROR")) {
            // With the connection every call has ended, and nothing else needs to be said of it.
            for call in &self.calls {
                let connection = if self.is_server { &self.pair.server } else { &self.pair.client };
                assert_ne!(connection.connection.has_ended(*call), Some(false));
            }
            let by_connection = if self.is_server { " Cancelled" } else { " Unavailable" };
            list.retain(|item| !item.ends_with(by_connection));
        }
        list.join(", ")
    }

    fn tell(&mut self, event: Event, list: &mut Vec<String>) {
        let call = match event {
            Event::Call(call) => {
                self.calls.push(call);
                call
            }
            Event::Headers(call) | Event::Message(call) | Event::Writable(call) | Event::Ended(call) => call,
            Event::Draining => return list.push("draining".into()),
            Event::Room => return list.push("room".into()),
            // GOAWAY says it.
            Event::Closed(_) => return,
            other => return list.push(format!("{other:?}")),
        };
        let at = self.calls.iter().position(|other| *other == call).unwrap();
        let name = char::from(b'a' + u8::try_from(at).unwrap());
        match event {
            Event::Call(_) => list.push(format!("{name} call")),
            Event::Headers(_) => list.push(format!("{name} head")),
            Event::Writable(_) => list.push(format!("{name} writable")),
            Event::Message(_) => loop {
                match self.end().connection.receive_message(call).unwrap() {
                    Received::Message(message) => list.push(format!("{name} message {}", message.len())),
                    Received::Pending => break,
                    Received::End => {
                        list.push(format!("{name} end"));
                        break;
                    }
                }
            },
            _ => {
                let status = self.end().connection.take_outcome(call).map(|outcome| outcome.status);
                list.push(match status {
                    Some(Ok(())) => format!("{name} OK"),
                    Some(Err(status)) => format!("{name} {:?}", status.code()),
                    None => format!("{name} ended without an outcome"),
                });
            }
        }
    }

    /// Whether the connection lives on: it answers a PING.
    pub fn is_alive(&mut self) -> bool {
        self.peer.ping(u64::MAX);
        self.answer().starts_with("PING ACK")
    }
}

fn frame(sent: &Sent) -> String {
    let mut out = String::new();
    let outcome = match sent {
        Sent::Data { stream, octets, end } => {
            write!(out, "DATA {stream} {octets}{}", if *end { " END" } else { "" })
        }
        Sent::Headers { stream, end, fields } => {
            let value =
                |name| fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
            let values = [value(":method"), value(":status"), value("grpc-status")];
            let text: Vec<_> = values.into_iter().flatten().collect();
            write!(out, "HEADERS {stream} {}{}", text.join(" "), if *end { " END" } else { "" })
        }
        Sent::Rst { stream, code } => write!(out, "RST {stream} {code}"),
        Sent::Settings(_) => write!(out, "SETTINGS"),
        Sent::SettingsAck => write!(out, "SETTINGS ACK"),
        Sent::Ping { ack, .. } => write!(out, "PING{}", if *ack { " ACK" } else { "" }),
        Sent::GoAway { last, code, .. } => write!(out, "GOAWAY {last} {code}"),
        Sent::Window { stream, increment } => write!(out, "WINDOW {stream} {increment}"),
    };
    outcome.unwrap();
    out
}

/// Runs every row on a server that has no call.
pub fn on_server(rows: &[Row]) {
    run("server", rows, Bench::server);
}

/// Runs every row on a client with two calls, on the streams 1 and 3.
pub fn on_client(rows: &[Row]) {
    run("client", rows, || Bench::client(2));
}

/// Runs every row on both: what does not depend on the role.
pub fn on_both(rows: &[Row]) {
    on_server(rows);
    on_client(rows);
}

/// Runs every row on a fresh endpoint, as a whole and octet by octet, and names all that fail at once.
pub fn run(role: &str, rows: &[Row], bench: impl Fn() -> Bench) {
    let mut failed = String::new();
    for Row(name, section, script, expected) in rows {
        let mut slow = bench();
        script(&mut slow.peer);
        slow.deliver_octets();
        let found = slow.answer();
        if found != *expected {
            writeln!(failed, "{role}: {name} ({section}), octet by octet\n  {found}").unwrap();
        }
        let mut bench = bench();
        script(&mut bench.peer);
        let found = bench.answer();
        bench.end().auditor.check(&format!("the {role} at {name}"));
        if found != *expected {
            writeln!(failed, "{role}: {name} ({section})\n  expected: {expected}\n  found:    {found}")
                .unwrap();
        }
        if !found.contains("GOAWAY") && !bench.is_alive() {
            writeln!(failed, "{role}: {name} ({section}): the connection does not live on").unwrap();
        }
    }
    assert!(failed.is_empty(), "\n{failed}");
}

/// A table that is written down: the first line names the columns.
pub fn golden(found: &str, expected: &str) {
    let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert!(lines(found) == lines(expected), "found:\n{found}\nexpected:\n{expected}");
}

/// DATA with a message of so many octets.
pub fn message(octets: usize) -> Vec<u8> {
    framed(&vec![7; octets])
}
