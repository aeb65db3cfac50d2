//! RFC 9113 §5.1: every state of a stream with every frame that a peer may send on it, and with every
//! command of this side, on a real connection in both roles, as printed tables.

use std::fmt::Write;

use crate::support::wire::{END_HEADERS, OK, Peer, REQUEST, RESPONSE, Sent};
use crate::table::{Bench, golden};
use bytes::Bytes;
use core::time::Duration;
use sailplane::error::ErrorCode;
use sailplane::{Limits, Metadata, Status};

type Frame = (&'static str, for<'a> fn(&'a mut Peer, u32) -> &'a mut Peer);
type State = (&'static str, u32, fn() -> Bench);

const FRAMES: [Frame; 18] = [
    ("DATA", |peer, stream| peer.data(stream, &[0; 5], false)),
    ("DATA END", |peer, stream| peer.data(stream, &[0; 5], true)),
    ("DATA empty END", |peer, stream| peer.data(stream, b"", true)),
    ("HEADERS", |peer, stream| peer.headers(stream, &[("x", "y")], false)),
    ("HEADERS END", |peer, stream| peer.headers(stream, &OK, true)),
    ("HEADERS request", |peer, stream| peer.headers(stream, &REQUEST, false)),
    ("HEADERS response", |peer, stream| peer.headers(stream, &RESPONSE, false)),
    ("HEADERS only", |peer, stream| peer.headers(stream, &[RESPONSE[0], RESPONSE[1], OK[0]], true)),
    ("PRIORITY", |peer, stream| peer.frame(2, 0, stream, &[0; 5])),
    ("PRIORITY of 4", |peer, stream| peer.frame(2, 0, stream, &[0; 4])),
    ("RST_STREAM", |peer, stream| peer.rst(stream, ErrorCode::CANCEL)),
    ("PUSH_PROMISE", |peer, stream| peer.frame(5, END_HEADERS, stream, &[0, 0, 0, 2])),
    ("WINDOW_UPDATE", |peer, stream| peer.window_update(stream, 1)),
    ("WINDOW_UPDATE 0", |peer, stream| peer.window_update(stream, 0)),
    ("WINDOW_UPDATE max", |peer, stream| peer.window_update(stream, 0x7fff_ffff)),
    ("CONTINUATION", |peer, stream| peer.frame(9, END_HEADERS, stream, b"")),
    ("unknown", |peer, stream| peer.frame(0xfe, 0xff, stream, b"x")),
    ("nothing", |peer, _| peer),
];

/// What an answer comes down to.
fn cell(bench: &mut Bench) -> String {
    let before = bench.wrote().len();
    let text = bench.answer();
    let wrote = bench.wrote().split_off(before);
    let find = |goaway: bool| {
        wrote.iter().find_map(|frame| match frame {
            Sent::GoAway { code, .. } if goaway => Some(*code),
            Sent::Rst { code, .. } if !goaway => Some(*code),
            _ => None,
        })
    };
    let status = wrote.iter().find_map(|frame| match frame {
        Sent::Headers { fields, end: true, .. } => fields.iter().find(|(name, _)| name == "grpc-status"),
        _ => None,
    });
    match (find(true), find(false), status) {
        (Some(code), ..) => format!("!{}", short(code)),
        (None, Some(code), _) => short(code),
        (None, None, Some((_, status))) => format!("status {status}"),
        _ if text.is_empty() => ".".into(),
        _ => "taken".into(),
    }
}

fn short(code: ErrorCode) -> String {
    code.to_string().trim_start_matches("NO_").trim_end_matches("_ERROR").replace("ERROR", "NO_ERROR")
}

fn print(states: &[State]) -> String {
    let mut table = format!("{:<18}", "");
    for (name, ..) in states {
        write!(table, "{name:<16}").unwrap();
    }
    for (name, write) in FRAMES {
        write!(table, "\n{name:<18}").unwrap();
        for (_, stream, bench) in states {
            let mut bench = bench();
            bench.answer();
            write(&mut bench.peer, *stream);
            let cell = cell(&mut bench);
            write!(table, "{cell:<16}").unwrap();
            let over = cell.starts_with('!');
            assert!(over || bench.is_alive(), "{name} on {stream}: neither alive nor over");
        }
    }
    table
}

/// A server after this, with its first call answered or cancelled if there is one.
fn server(script: impl FnOnce(&mut Peer) -> &mut Peer, then: impl FnOnce(&mut Bench)) -> Bench {
    let mut bench = Bench::server_with(Limits::default().concurrent_calls_max(101));
    script(&mut bench.peer);
    bench.answer();
    then(&mut bench);
    bench.answer();
    bench
}

fn respond(bench: &mut Bench) {
    let call = bench.calls()[0];
    bench.end().connection.respond(call, None, Metadata::new(), Ok(())).unwrap();
}

fn cancel(bench: &mut Bench) {
    let call = bench.calls()[0];
    bench.end().connection.cancel(call, Status::cancelled("")).unwrap();
}

fn nothing(_: &mut Bench) {}

const SERVER: [State; 12] = [
    ("idle odd", 5, || server(|peer| peer.request(1), nothing)),
    ("idle even", 2, || server(|peer| peer.request(1), nothing)),
    ("skipped", 1, || server(|peer| peer.request(3), nothing)),
    ("open", 1, || server(|peer| peer.request(1), nothing)),
    ("half remote", 1, || server(|peer| peer.headers(1, &REQUEST, true), nothing)),
    ("END both", 1, || server(|peer| peer.headers(1, &REQUEST, true), respond)),
    ("answered early", 1, || server(|peer| peer.request(1), respond)),
    ("our RST", 1, || server(|peer| peer.request(1), cancel)),
    ("our RST, half", 1, || server(|peer| peer.headers(1, &REQUEST, true), cancel)),
    ("peer's RST", 1, || {
        server(
            |peer| peer.request(1),
            |bench| {
                bench.peer.rst(1, ErrorCode::CANCEL);
            },
        )
    }),
    ("malformed", 1, || server(|peer| peer.headers(1, &[("x", "y")], false), nothing)),
    ("beyond GOAWAY", 5, || {
        server(
            |peer| peer.request(1),
            |bench| {
                let now = bench.pair.now;
                bench.end().connection.shutdown(now, Duration::from_secs(10));
                bench.deliver();
                bench.peer.frame(6, 1, 0, b"sailplan").request(5);
            },
        )
    }),
];

fn client(script: impl FnOnce(&mut Peer) -> &mut Peer, then: impl FnOnce(&mut Bench)) -> Bench {
    let mut bench = Bench::client(1);
    then(&mut bench);
    bench.answer();
    script(&mut bench.peer);
    bench
}

fn finish(bench: &mut Bench) {
    let call = bench.calls()[0];
    bench.end().connection.finish_sending(call).unwrap();
}

const CLIENT: [State; 10] = [
    ("idle odd", 5, || client(|peer| peer, nothing)),
    ("idle even", 2, || client(|peer| peer, nothing)),
    ("open, no head", 1, || client(|peer| peer, nothing)),
    ("open", 1, || client(|peer| peer.headers(1, &RESPONSE, false), nothing)),
    ("half, no head", 1, || client(|peer| peer, finish)),
    ("half local", 1, || client(|peer| peer.headers(1, &RESPONSE, false), finish)),
    ("END both", 1, || client(|peer| peer.headers(1, &RESPONSE, false).headers(1, &OK, true), finish)),
    ("answered early", 1, || client(|peer| peer.headers(1, &RESPONSE, false).headers(1, &OK, true), nothing)),
    ("our RST", 1, || client(|peer| peer, cancel)),
    ("peer's RST", 1, || client(|peer| peer.rst(1, ErrorCode::CANCEL), nothing)),
];

/// RFC 9113 §5.1, §5.1.1, §6.1, §6.2, §6.3, §6.4, §6.6, §6.9, §6.10. `!` ends the connection, a code alone
/// the stream; "taken" is told to the call, "." leads to nothing that the peer or the call sees.
#[test]
fn every_state_with_every_frame() {
    golden(&print(&SERVER), include_str!("streams_server.txt"));
    golden(&print(&CLIENT), include_str!("streams_client.txt"));
}

type Command = (&'static str, fn(&mut Bench));

const COMMANDS: [Command; 6] = [
    ("send_headers", |bench| {
        let call = bench.calls()[0];
        let _ = bench.end().connection.send_headers(call, Metadata::new());
    }),
    ("send_message", |bench| {
        let call = bench.calls()[0];
        let _ = bench.end().connection.send_message(call, Bytes::from_static(b"x"));
    }),
    ("finish_sending", |bench| {
        let call = bench.calls()[0];
        let _ = bench.end().connection.finish_sending(call);
    }),
    ("respond", |bench| {
        let call = bench.calls()[0];
        let _ = bench.end().connection.respond(call, None, Metadata::new(), Ok(()));
    }),
    ("cancel", |bench| {
        let call = bench.calls()[0];
        let _ = bench.end().connection.cancel(call, Status::cancelled(""));
    }),
    ("release", |bench| {
        let call = bench.calls()[0];
        bench.end().connection.release(call);
    }),
];

fn print_commands(states: &[State]) -> String {
    let mut table = String::new();
    for (state, stream, bench) in states {
        let mut probe = bench();
        probe.answer();
        if probe.calls().is_empty() || *stream != 1 || *state == "skipped" {
            continue;
        }
        writeln!(table, "{state}:").unwrap();
        for (name, command) in COMMANDS {
            let mut bench = bench();
            bench.answer();
            command(&mut bench);
            let before = bench.wrote().len();
            bench.answer();
            let wrote: Vec<_> = bench.wrote()[before..].iter().map(name_of).collect();
            writeln!(table, "  {name:<16}{}", if wrote.is_empty() { ".".into() } else { wrote.join(" ") })
                .unwrap();
        }
    }
    table
}

fn name_of(sent: &Sent) -> String {
    match sent {
        Sent::Data { end, .. } => if *end { "DATA/END" } else { "DATA" }.into(),
        Sent::Headers { end, .. } => if *end { "HEADERS/END" } else { "HEADERS" }.into(),
        Sent::Rst { code, .. } => format!("RST/{code}"),
        other => format!("{other:?}"),
    }
}

/// RFC 9113 §5.1: "An endpoint MUST NOT send frames other than PRIORITY on a closed stream", and on a
/// half-closed (local) one none but WINDOW_UPDATE, PRIORITY and RST_STREAM.
#[test]
fn every_state_with_every_command() {
    golden(&print_commands(&SERVER), include_str!("commands_server.txt"));
    golden(&print_commands(&CLIENT), include_str!("commands_client.txt"));
}
