//! What is left when channels are dropped and servers end: nothing. Alone in its process, for it counts the
//! process's threads and descriptors.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::sync::{Mutex, PoisonError};

use sailplane_tests::behaviour::{Adapter, Pairing, Transport, World, run, until};
use sailplane_tests::pb::Request;

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
    run(pairing, "warm_up", live);
    let before = until("threads and descriptors stop changing", settled());
    run(pairing, "channels_close", channels_close);
    until("a world leaves nothing behind", || match census() {
        now if now.0 <= before.0 && now.1 <= before.1 => Ok(()),
        now => Err(format!("{pairing}: threads and descriptors were {before:?}, and are {now:?}")),
    });
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
