//! What is left when channels are dropped, servers end, and connections meet their doom: nothing. Alone in its
//! process, for it counts the process's threads, descriptors and live bytes.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::alloc::System;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sailplane::{Code, Result, Status};
use sailplane_tests::behaviour::{Adapter, AnyClient, Pairing, Transport, Weather, World, run, until};
use sailplane_tests::pb::{Reply, Request};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that are allocated.
fn live_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

/// Threads and descriptors of this process: those of smol itself, which stay for ever, apart.
fn census() -> (usize, usize) {
    let tasks = fs::read_dir("/proc/self/task").expect("this is Linux").flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    let ours =
        |name: &String| !["smol-", "async-io", "blocking-"].iter().any(|known| name.starts_with(known));
    let threads = names.filter(ours).count();
    // One more is that of this very look.
    (threads, fs::read_dir("/proc/self/fd").expect("this is Linux").count())
}

fn say(payload: &str) -> Request {
    Request { payload: payload.into(), count: 1, ..Request::default() }
}

/// Calls of all kinds, ended and abandoned; several channels.
fn live(world: &World) {
    for _ in 0..5 {
        let client = world.client();
        client.unary(&say("x")).unwrap();
        let (mut requests, mut replies) = client.key("left").both();
        requests.send(&say("x")).unwrap();
        replies.message().unwrap();
        // One at a time, where the server is like that.
        drop((requests, replies));
        assert_eq!(client.down(&say("x")).drain().0.len(), 1);
        let mut call = client.up();
        call.send(&say("x")).unwrap();
        call.finish().unwrap();
    }
}

/// The connections of a channel that is dropped are closed while the server goes on.
fn channels_close(world: &World) {
    let client = world.client();
    client.unary(&say("x")).unwrap();
    drop(client);
    live(world);
    let settled = until("threads and descriptors stop changing", settled());
    for _ in 0..5 {
        live(world);
    }
    until("dropped channels leave nothing behind", || match census() {
        now if now.1 <= settled.1 && now.0 <= settled.0 + WORKERS => Ok(()),
        now => Err(format!("threads and descriptors were {settled:?}, and are {now:?}")),
    });
    assert_eq!(world.stage.present(), 0);
}

/// A server starts threads when it needs them, up to a number; those of its channels do not depend on that.
const WORKERS: usize = 8;

/// Says so when nothing changed for a hundred looks.
fn settled() -> impl FnMut() -> Result<(usize, usize), String> {
    let (mut last, mut same) = ((0, 0), 0);
    move || {
        let now = census();
        same = if now == last { same + 1 } else { 0 };
        last = now;
        if same > 100 { Ok(now) } else { Err(format!("{now:?}")) }
    }
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn check(client: Adapter, server: Adapter, transport: Transport) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let pairing = Pairing { client, server, transport };
    // What is made once for the whole process is made here.
    run(pairing, None, "warm_up", live);
    let before = until("threads and descriptors stop changing", settled());
    run(pairing, None, "channels_close", channels_close);
    until("a world leaves nothing behind", || match census() {
        now if now.0 <= before.0 && now.1 <= before.1 => Ok(()),
        now => Err(format!("{pairing}: threads and descriptors were {before:?}, and are {now:?}")),
    });
}

/// What a call may end with while connections end: the truth, and nothing else.
fn is_honest(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded)
}

/// A reply is right, or there is none and its status is honest. Whether it came.
#[track_caller]
fn judge(result: Result<Reply>, payload: &[u8]) -> bool {
    match result {
        Ok(reply) => {
            assert!(reply.payload == payload, "{} octets instead of {}", reply.payload.len(), payload.len());
            true
        }
        Err(status) => {
            assert!(is_honest(&status), "{status}");
            false
        }
    }
}

/// Calls of all kinds; how many ended well.
fn try_all_kinds(client: &AnyClient, size: usize) -> usize {
    let payload: Vec<u8> = (0..size).map(|index| (index * 7 + size) as u8).collect();
    let request = Request { payload: payload.clone(), count: 3, ..Request::default() };
    let mut well = usize::from(judge(client.unary(&request), &payload));
    let (replies, end) = client.down(&request).drain();
    for (number, reply) in (0..).zip(&replies) {
        assert_eq!((reply.number, reply.payload == payload), (number, true));
    }
    match end {
        Ok(()) => {
            assert_eq!(replies.len(), 3);
            well += 1;
        }
        Err(status) => assert!(is_honest(&status), "{status}"),
    }
    let (mut requests, mut replies) = client.both();
    let one = Request { count: 1, ..request.clone() };
    for _ in 0..3 {
        // Whoever sends learns that the call is over; why, the receiving half says.
        let sent = requests.send(&one).is_ok();
        match replies.message() {
            Ok(Some(reply)) => assert!(reply.payload == payload),
            Ok(None) => panic!("a stream ended early and said OK; sent: {sent}"),
            Err(status) => {
                assert!(is_honest(&status), "{status}");
                break;
            }
        }
    }
    drop((requests, replies));
    let reply = client.up().finish_with([request.clone(), request]);
    well + usize::from(judge(reply, &payload))
}

/// Enough for a call on a connection that lives, and what a silent one costs each call.
const PATIENT: Duration = Duration::from_millis(200);

/// Connections end in every way at any octet: calls end once and honestly, and the next ones find a way.
fn storm(world: &World) {
    let mut well = 0;
    for size in [0, 10, 100, 1_000, 10_000, 40_000] {
        let client = world.client().with_timeout(PATIENT);
        well += try_all_kinds(&client, size);
    }
    world.clear_up();
    let client = world.client();
    assert_eq!(try_all_kinds(&client, 1000), 3, "the sky is clear; before, {well} calls ended well");
    drop(client);
    until("handlers end", || match world.stage.present() {
        0 => Ok(()),
        present => Err(format!("{present} run")),
    });
}

/// What may stay of things that are made once, and of caches.
const SLACK: usize = 64 * 1024;

fn check_storms(client: Adapter, server: Adapter) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let pairing = Pairing { client, server, transport: Transport::Tcp };
    run(pairing, Some(Weather::stormy(0)), "warm_up", storm);
    let before = until("threads and descriptors stop changing", settled());
    let bytes = live_bytes();
    for seed in 1..=2 {
        run(pairing, Some(Weather::stormy(seed)), "storm", storm);
    }
    until("storms leave nothing behind", || match (census(), live_bytes()) {
        (now, live) if now.0 <= before.0 && now.1 <= before.1 && live <= bytes + SLACK => Ok(()),
        now => Err(format!("{pairing}: it was {before:?} and {bytes} bytes, and is {now:?}")),
    });
}

macro_rules! storms {
    ($($name:ident: $client:ident $server:ident;)+) => {
        $(
            #[test]
            fn $name() {
                check_storms(Adapter::$client, Adapter::$server);
            }
        )+
    };
}

storms! {
    storm_between_blocking_and_blocking: Blocking Blocking;
    storm_between_blocking_and_threads: Blocking Threads;
    storm_between_blocking_and_smol: Blocking Smol;
    storm_between_threads_and_blocking: Threads Blocking;
    storm_between_threads_and_threads: Threads Threads;
    storm_between_threads_and_smol: Threads Smol;
    storm_between_smol_and_blocking: Smol Blocking;
    storm_between_smol_and_threads: Smol Threads;
    storm_between_smol_and_smol: Smol Smol;
}

macro_rules! pairings {
    ($($name:ident: $client:ident $server:ident $transport:ident;)+) => {
        $(
            #[test]
            fn $name() {
                check(Adapter::$client, Adapter::$server, Transport::$transport);
            }
        )+
    };
}

pairings! {
    blocking_to_blocking: Blocking Blocking Tcp;
    blocking_to_threads: Blocking Threads Tcp;
    blocking_to_smol: Blocking Smol Tcp;
    threads_to_blocking: Threads Blocking Tcp;
    threads_to_threads: Threads Threads Tcp;
    threads_to_smol: Threads Smol Tcp;
    smol_to_blocking: Smol Blocking Tcp;
    smol_to_threads: Smol Threads Tcp;
    smol_to_smol: Smol Smol Tcp;
    unix_sockets: Threads Threads Unix;
    blocking_in_process: Blocking Blocking InProcess;
    threads_in_process: Threads Threads InProcess;
    smol_in_process: Smol Smol InProcess;
}
