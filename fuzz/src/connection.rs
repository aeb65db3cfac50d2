//! One connection against a scripted peer, a scripted application and a scripted clock.

use bytes::Bytes;
use core::time::Duration;
use sailplane::call::RequestHead;
use sailplane::error::Misuse;
use sailplane::limits::Budget;
use sailplane::{
    CallId, Config, Connection, End, Instant, Limits, Metadata, Path, RefusedReason, Start, Status,
};
use std::sync::Arc;

use crate::Input;
use crate::peer::Peer;
use crate::rig::{Known, Rig};

/// A server: sound and damaged frames, commands in any order, and time.
pub fn server_connection(data: &[u8]) {
    run(data, true);
}

/// A client, likewise.
pub fn client_connection(data: &[u8]) {
    run(data, false);
}

/// Limits of which some are tiny.
pub(crate) fn limits(input: &mut Input<'_>) -> Limits {
    let mut limits = Limits::default();
    let which = input.byte();
    if which & 1 != 0 {
        limits = limits.concurrent_calls_max(1 + u32::from(input.byte() % 4));
    }
    if which & 2 != 0 {
        limits = limits.stream_window_bytes(1 + u32::from(input.short() % 5000));
    }
    if which & 4 != 0 {
        limits = limits.unread_bytes_max(usize::from(input.short() % 5000));
    }
    if which & 8 != 0 {
        limits = limits.unsent_call_bytes_max(input.below(200)).unsent_bytes_max(input.below(250) * 4);
    }
    if which & 16 != 0 {
        limits = limits.header_table_bytes(input.pick(&[0, 100, 8192]));
    }
    if which & 32 != 0 {
        limits = limits.message_bytes_max(input.below(256)).replay_bytes_max(input.below(100));
    }
    if which & 64 != 0 {
        limits = limits.queued_replies_max(1 + input.below(3)).interim_responses_max(1);
    }
    if which & 128 != 0 {
        limits = limits.connection_window_bytes(65_535 + u32::from(input.byte()));
    }
    limits
}

fn run(data: &[u8], is_server: bool) {
    let mut input = Input::new(data);
    let mut now = Instant::from_nanos(1_000_000_000);
    let mut limits = limits(&mut input);
    let mut memory = 1 << 20;
    match input.below(4) {
        3 => {
            // Budgets that empty.
            limits = limits.resets_burst(2).glitches_burst(12).continuation_frames_max(2);
            limits = limits.settings_per_frame_max(2).ping_strikes_max(1);
        }
        2 => {
            // Time that matters, and little memory.
            limits = hurried(&mut input, limits);
            memory = 1 << 14;
        }
        _ => {}
    }
    let memory = Budget::new(memory);
    let config = Config {
        limits: limits.clone().into(),
        address: Some("peer:1".into()),
        memory: Some(memory.clone()),
        ..Config::default()
    };
    let connection =
        if is_server { Connection::server(now, &config) } else { Connection::client(now, &config) };
    let mut rig = Rig::new(connection, limits, is_server);
    let mut peer = Peer::new(is_server);
    let opening = peer.opening(&mut input);
    feed(&mut rig, now, &opening, &mut input);
    while !input.is_empty() {
        step(&mut rig, &mut peer, &mut now, &mut input);
        rig.check();
    }
    end(&mut rig, now, data);
    drop(rig);
    assert_eq!(memory.used(), 0, "what it held is given back");
}

/// Times that a script reaches.
fn hurried(input: &mut Input<'_>, limits: Limits) -> Limits {
    let mut some = || input.one_in(2).then(|| Duration::from_millis(u64::from(input.byte()) * 100 + 100));
    let limits = limits.client_keepalive(some()).server_keepalive(some());
    let limits = limits.connection_idle_max(some()).connection_age_max(some());
    limits.connection_age_grace(Duration::from_secs(1)).unread_stall(Duration::from_millis(500))
}

fn step(rig: &mut Rig, peer: &mut Peer, now: &mut Instant, input: &mut Input<'_>) {
    match input.below(16) {
        0..=6 => {
            let bytes = peer.frames(input);
            feed(rig, *now, &bytes, input);
        }
        7 => drop(rig.drain(*now, |_, _| {})),
        8 => drop(rig.write(*now, input.below(200))),
        9 => drop(rig.event()),
        10 => {
            let nanoseconds = 1_u64 << (input.byte() % 37);
            let until = now.saturating_add(Duration::from_nanos(nanoseconds));
            if input.one_in(3) {
                // A clock that goes back counts as one that stands.
                rig.connection.handle_timeout(Instant::from_nanos(5));
                rig.connection.handle_timeout(until);
                *now = until;
            } else {
                rig.sleep(now, until, &mut |_, _| {});
            }
        }
        _ => command(rig, *now, input),
    }
}

/// Octets arrive in pieces; a driver leaves them in the socket where they are not wanted.
fn feed(rig: &mut Rig, now: Instant, bytes: &[u8], input: &mut Input<'_>) {
    let how = input.byte();
    let size = match how % 4 {
        0 | 1 => usize::MAX,
        2 => 1 + usize::from(how / 4),
        _ => 1,
    };
    for piece in bytes.chunks(size) {
        if !rig.connection.wants_receive() && how & 4 == 0 {
            rig.drain(now, |_, _| {});
        }
        rig.connection.handle_received(now, &mut piece.to_vec());
    }
    if how & 8 == 0 {
        rig.drain(now, |_, _| {});
    }
}

fn some_call(rig: &Rig, input: &mut Input<'_>) -> Option<CallId> {
    let at = input.below(rig.calls.len().min(256));
    rig.calls.keys().nth(at).copied()
}

fn command(rig: &mut Rig, now: Instant, input: &mut Input<'_>) {
    let choice = input.below(16);
    if choice < 3 && !rig.is_server {
        return start(rig, now, input);
    }
    match (choice, some_call(rig, input)) {
        (13, _) => rig.connection.shutdown(now, Duration::from_secs(u64::from(input.byte() % 8))),
        (14, _) if input.one_in(8) => rig.connection.close(now),
        (15, _) if input.one_in(8) => {
            let lost = std::io::Error::other("no route");
            let end = if input.one_in(2) { End::Closed } else { End::Failed(Arc::new(lost)) };
            rig.connection.handle_end(now, end);
        }
        (0..=2, Some(call)) => {
            let metadata = Metadata::new();
            let sent = rig.connection.send_headers(call, metadata);
            assert!(matches!(sent, Ok(()) | Err(Misuse::Ended | Misuse::HeadersSent)), "{sent:?}");
        }
        (3..=4, Some(call)) => {
            let size = input.pick(&[0, 1, 30, 1000, 20_000]);
            rig.send(call, Bytes::from(vec![7; size]));
        }
        (5, Some(call)) if rig.is_server => respond(rig, call, input),
        (5, Some(call)) => {
            assert_eq!(rig.connection.finish_sending(call), Ok(()));
            if let Some(known) = rig.calls.get_mut(&call) {
                known.finished = true;
            }
        }
        (6..=8, Some(call)) => rig.receive(call, 1 + input.below(4)),
        (9, Some(call)) => assert_eq!(rig.connection.cancel(call, Status::aborted("script")), Ok(())),
        (10, Some(call)) => drop(rig.connection.take_request(call)),
        (11, Some(call)) => drop(rig.connection.take_response(call)),
        (12, Some(call)) => rig.release(call),
        _ => {}
    }
}

fn start(rig: &mut Rig, now: Instant, input: &mut Input<'_>) {
    let path = Path::from_static("/greet.Greeter/SayHello");
    let mut head = RequestHead::new(path, Bytes::from_static(b"localhost"));
    if input.one_in(3) {
        head.deadline = Some(now.saturating_add(Duration::from_millis(u64::from(input.byte()) * 8)));
    }
    if input.one_in(3) {
        head.metadata.append("x-name", "x".repeat(input.below(256))).expect("a name and a value");
    }
    let how = input.byte();
    let message = (how & 1 != 0).then(|| Bytes::from(vec![9; usize::from(how)]));
    let finished = how & 2 != 0;
    let room = rig.connection.room();
    match rig.connection.start_call(now, Start { head, message, finished }) {
        Ok(call) => {
            assert!(room > 0);
            let known = Known { finished, ..Known::default() };
            assert!(rig.calls.insert(call, known).is_none(), "an id is given twice");
        }
        Err(refused) => match refused.reason {
            RefusedReason::NoRoom => assert_eq!(room, 0),
            RefusedReason::Draining => assert!(!rig.connection.takes_calls()),
            RefusedReason::HeadTooLarge => {}
            other => panic!("{other:?}"),
        },
    }
}

fn respond(rig: &mut Rig, call: CallId, input: &mut Input<'_>) {
    let message = input.one_in(2).then(|| Bytes::from(vec![3; usize::from(input.byte())]));
    let status = if input.one_in(2) { Ok(()) } else { Err(Status::not_found("nothing \u{2603}")) };
    let answered = rig.connection.respond(call, message, Metadata::new(), status);
    let known = rig.calls.get_mut(&call).expect("a known call");
    match answered {
        Ok(()) => {
            assert!(!known.finished && !known.ended);
            known.finished = true;
        }
        Err(Misuse::SendingFinished) => assert!(known.finished),
        Err(Misuse::Ended) => assert_eq!(rig.connection.has_ended(call), Some(true)),
        Err(misuse) => panic!("{misuse:?}"),
    }
}

/// The transport ends, or this side shuts down and time passes: nothing may be left.
fn end(rig: &mut Rig, mut now: Instant, data: &[u8]) {
    if data.first().is_some_and(|first| first % 2 == 0) {
        rig.connection.handle_end(now, End::Closed);
    } else {
        rig.connection.shutdown(now, Duration::from_secs(5));
        let until = now.saturating_add(Duration::from_secs(120));
        rig.sleep(&mut now, until, &mut |_, _| {});
    }
    rig.finish(now);
}
