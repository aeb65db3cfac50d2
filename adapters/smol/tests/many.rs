//! Many calls at once on one connection.
#![allow(clippy::unwrap_used, reason = "these are tests")]
mod support;

use sailplane::Limits;
use smol::Executor;
use std::sync::Arc;
use std::time::Duration;
use support::{Client, Greeting, TestServer, block_on, named};

const CALLS: usize = 1000;

async fn call_all(client: &Client) {
    let calls: Vec<_> = (0..CALLS).map(|number| client.say_hello(&named(number.to_string()))).collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().message, format!("Hello, {number}!"));
    }
}

#[test]
fn above_the_limit_calls_wait() {
    let server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    block_on(call_all(&server.client()));
}

#[test]
fn with_a_higher_limit_all_run() {
    let (greeting, watcher) = Greeting::watched();
    let limits = Limits::default().concurrent_calls_max(2000);
    let server = TestServer::start_with("127.0.0.1:0", greeting.services(), limits);
    let client = server.client();
    block_on(async {
        let calls: Vec<_> = (0..CALLS).map(|_| client.say_hello(&named("wait"))).collect();
        for _ in 0..CALLS {
            watcher.started.recv().await.unwrap();
        }
        for _ in 0..CALLS {
            watcher.go.send(()).await.unwrap();
        }
        for call in calls {
            call.await.unwrap();
        }
    });
}

#[test]
fn tasks_share_a_connection_on_their_executor() {
    let server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    let executor = Arc::new(Executor::new());
    let client = Client::new(server.channel().on(&executor));
    let tasks: Vec<_> = (0..100)
        .map(|task| {
            let client = client.clone();
            executor.spawn(async move {
                for number in 0..10 {
                    let name = format!("{task}.{number}");
                    let reply = client.say_hello(&named(&name)).await.unwrap();
                    assert_eq!(reply.message, format!("Hello, {name}!"));
                }
            })
        })
        .collect();
    block_on(executor.run(async {
        for task in tasks {
            task.await;
        }
    }));
}

#[test]
fn large_messages_pass_in_both_directions() {
    let server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    let client = server.client();
    let name = "大".repeat(1_000_000);
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (client, name) = (client.clone(), name.clone());
            smol::spawn(async move {
                let reply = client.say_hello(&named(&name)).await.unwrap();
                assert_eq!(reply.message, format!("Hello, {name}!"));
            })
        })
        .collect();
    block_on(async {
        for call in calls {
            call.await;
        }
    });
}

#[test]
fn large_replies_may_be_awaited_one_after_the_other() {
    let server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    let client = server.client();
    let name = "大".repeat(1_000_000);
    block_on(async {
        let calls: Vec<_> = (0..8).map(|_| client.say_hello(&named(&name))).collect();
        for call in calls {
            call.await.unwrap();
        }
    });
}

#[test]
fn streams_that_nobody_reads_stop_no_other_call() {
    let server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    let client = server.client();
    block_on(async {
        let mut unread: Vec<_> = (0..10).map(|_| client.lots_of_replies(&named("endless"))).collect();
        for stream in &mut unread {
            stream.message().await.unwrap();
        }
        for number in 0..100 {
            let reply = client.say_hello(&named(number.to_string())).await.unwrap();
            assert_eq!(reply.message, format!("Hello, {number}!"));
        }
    });
}

#[test]
fn a_busy_connection_leaves_time_to_others() {
    let mut server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    let channel = server.channel();
    let flood = std::thread::spawn(move || {
        let executor = Arc::new(Executor::new());
        let client = Client::new(channel.on(&executor));
        let streams = (0..4).map(|_| {
            let mut replies = client.lots_of_replies(&named("endless"));
            executor.spawn(async move { while let Ok(Some(_)) = replies.message().await {} })
        });
        let streams: Vec<_> = streams.collect();
        block_on(executor.run(async {
            for stream in streams {
                stream.await;
            }
        }));
    });
    let client = server.client();
    block_on(async {
        for number in 0..100 {
            client.say_hello(&named(number.to_string())).await.unwrap();
        }
    });
    server.stop(Duration::ZERO);
    flood.join().unwrap();
}
