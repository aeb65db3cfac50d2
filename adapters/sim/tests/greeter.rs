//! A service and its clients in simulated time: what a user's test looks like.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sailplane::stub::ClientStreamingCall;
use sailplane::{Call, Code, Limits, Result, Sender, Services, Status, Streaming, Stub as _};
use sailplane_examples_protos::greet::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
use sailplane_sim::{Server, Sim};

/// Takes its time, in seconds, which the name says where it is a number.
struct Host {
    sim: Sim,
    calls: Arc<AtomicU32>,
}

impl Host {
    async fn work(&self, name: &str) -> HelloReply {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Ok(seconds) = name.parse() {
            self.sim.sleep(Duration::from_secs(seconds)).await;
        }
        HelloReply { message: format!("Hello, {name}!") }
    }
}

impl Greeter for Host {
    async fn say_hello(&self, request: HelloRequest, _: &Call) -> Result<HelloReply> {
        Ok(self.work(&request.name).await)
    }

    async fn lots_of_replies(
        &self,
        request: HelloRequest,
        mut replies: Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        for _ in 0..100 {
            replies.send(&self.work(&request.name).await).await?;
        }
        Ok(())
    }

    async fn lots_of_greetings(&self, mut requests: Streaming<HelloRequest>, _: &Call) -> Result<HelloReply> {
        let mut octets = 0;
        while let Some(request) = requests.message().await? {
            octets += request.name.len();
        }
        Ok(HelloReply { message: octets.to_string() })
    }

    async fn bidi_hello(
        &self,
        mut requests: Streaming<HelloRequest>,
        mut replies: Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        while let Some(request) = requests.message().await? {
            replies.send(&self.work(&request.name).await).await?;
        }
        Ok(())
    }
}

struct Scene {
    sim: Sim,
    server: Server,
    client: GreeterClient<sailplane_sim::Channel>,
    calls: Arc<AtomicU32>,
}

fn scene(seed: u64) -> Scene {
    let sim = Sim::new(seed);
    sim.set_latency(Duration::from_millis(5), Duration::from_millis(20));
    let calls = Arc::new(AtomicU32::new(0));
    let host = Host { sim: sim.clone(), calls: Arc::clone(&calls) };
    let server = sim.serve("greeter", Services::new().service(GreeterServer::new(host)));
    let client = GreeterClient::new(sim.channel("greeter"));
    Scene { sim, server, client, calls }
}

fn hello(name: impl ToString) -> HelloRequest {
    HelloRequest { name: name.to_string() }
}

#[test]
fn all_kinds_of_calls_work_and_time_passes_only_here() {
    let begin = std::time::Instant::now();
    let Scene { sim, client, .. } = scene(1);
    sim.run(async {
        assert_eq!(client.say_hello(&hello(3600)).await?.message, "Hello, 3600!");
        let mut replies = client.lots_of_replies(&hello(1));
        let mut count = 0;
        while replies.message().await?.is_some() {
            count += 1;
        }
        assert_eq!(count, 100);
        let names = (0..50).map(|_| hello("x".repeat(100_000)));
        assert_eq!(client.lots_of_greetings().finish_with(names).await?.message, "5000000");
        let (mut requests, mut replies) = client.bidi_hello();
        requests.send(&hello("a")).await?;
        assert_eq!(replies.message().await?.unwrap().message, "Hello, a!");
        requests.finish();
        assert_eq!(replies.message().await?, None);
        Ok::<(), Status>(())
    })
    .unwrap();
    assert!(sim.elapsed() > Duration::from_secs(3700) && sim.elapsed() < Duration::from_secs(3800));
    assert!(begin.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_deadline_is_met_to_the_nanosecond() {
    let Scene { sim, client, .. } = scene(2);
    sim.run(async {
        let begin = sim.elapsed();
        let late = client.with_timeout(Duration::from_millis(1500)).say_hello(&hello(10)).await;
        assert_eq!(late.unwrap_err().code(), Code::DeadlineExceeded);
        assert_eq!(sim.elapsed() - begin, Duration::from_millis(1500));
    });
}

#[test]
fn a_crash_ends_calls_and_a_restart_brings_new_ones() {
    let Scene { sim, server, client, .. } = scene(3);
    sim.run(async {
        let pending = client.say_hello(&hello(10));
        sim.sleep(Duration::from_secs(1)).await;
        server.crash();
        assert_eq!(pending.await.unwrap_err().code(), Code::Unavailable);
        assert_eq!(client.say_hello(&hello("x")).await.unwrap_err().code(), Code::Unavailable);
        let patient = client.wait_for_ready().say_hello(&hello("x"));
        sim.sleep(Duration::from_secs(5)).await;
        server.restart();
        assert_eq!(patient.await.unwrap().message, "Hello, x!");
    });
}

#[test]
fn a_partition_is_waited_for_or_times_out() {
    let Scene { sim, server, client, .. } = scene(4);
    sim.run(async {
        client.say_hello(&hello("x")).await.unwrap();
        server.partition();
        let late = client.with_timeout(Duration::from_secs(2)).say_hello(&hello("y")).await;
        assert_eq!(late.unwrap_err().code(), Code::DeadlineExceeded);
        let pending = client.say_hello(&hello("z"));
        sim.sleep(Duration::from_secs(3)).await;
        server.heal();
        assert_eq!(pending.await.unwrap().message, "Hello, z!");

        server.partition();
        server.cut();
        let begin = sim.elapsed();
        let error = client.say_hello(&hello("x")).await.unwrap_err();
        assert_eq!(error.message(), "cannot connect to greeter: nothing was heard of it for 20 s");
        assert!(sim.elapsed() - begin >= Duration::from_secs(20));
    });
}

#[test]
fn a_shutdown_in_order_lets_calls_finish() {
    let Scene { sim, server, client, .. } = scene(5);
    sim.run(async {
        let pending = client.say_hello(&hello(3));
        sim.sleep(Duration::from_secs(1)).await;
        server.shutdown(Duration::from_secs(10));
        assert_eq!(pending.await.unwrap().message, "Hello, 3!");
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(server.connections(), 0);
        assert_eq!(client.say_hello(&hello("x")).await.unwrap_err().code(), Code::Unavailable);
    });
}

/// A server that takes one call at a time, and little of it at once.
fn narrow_scene() -> Scene {
    let sim = Sim::new(9);
    let calls = Arc::default();
    let host = Host { sim: sim.clone(), calls: Arc::clone(&calls) };
    let limits = Limits::default().concurrent_calls_max(1).stream_window_bytes(1000);
    let server = sim.serve_with("greeter", Services::new().service(GreeterServer::new(host)), limits);
    let client = GreeterClient::new(sim.channel("greeter"));
    Scene { sim, server, client, calls }
}

/// A call in a [`narrow_scene`] that has waited for another one, just placed, with more to send than fits.
async fn call_that_waits(
    client: &GreeterClient<sailplane_sim::Channel>,
) -> Result<ClientStreamingCall<HelloRequest, HelloReply>> {
    client.say_hello(&hello("the server's settings are known")).await?;
    let first = client.say_hello(&hello(10));
    let mut second = client.lots_of_greetings();
    for _ in 0..2 {
        second.send(&hello("x".repeat(40_000))).await?;
    }
    first.await?;
    Ok(second)
}

/// A call that had to wait has more to send than its connection takes at once. What was not taken when the
/// server refuses the call goes along to the next connection.
#[test]
fn a_call_that_is_repeated_has_all_its_messages() {
    let Scene { sim, server, client, .. } = narrow_scene();
    sim.run(async {
        let second = call_that_waits(&client).await?;
        // The second call is on its way now, and never arrives.
        server.shutdown(Duration::ZERO);
        server.restart();
        assert_eq!(second.finish().await?.message, "80000");
        Ok::<(), Status>(())
    })
    .unwrap();
}

/// The same call, whose connection is lost while it still has messages that were not taken: who sends is told.
#[test]
fn a_call_that_ends_before_it_has_sent_all_takes_no_more() {
    let Scene { sim, server, client, .. } = narrow_scene();
    sim.run(async {
        let mut second = call_that_waits(&client).await?;
        sim.sleep(Duration::from_millis(20)).await;
        server.crash();
        assert!(second.send(&hello("y")).await.is_err());
        assert_eq!(second.finish().await.unwrap_err().code(), Code::Unavailable);
        Ok::<(), Status>(())
    })
    .unwrap();
}

#[test]
fn the_same_seed_gives_the_same_times_and_another_gives_others() {
    let times = |seed| {
        let Scene { sim, client, calls, .. } = scene(seed);
        sim.run(async {
            let mut times = Vec::new();
            for _ in 0..10 {
                client.say_hello(&hello("x")).await.unwrap();
                times.push(sim.elapsed());
            }
            assert_eq!(calls.load(Ordering::Relaxed), 10);
            times
        })
    };
    assert_eq!(times(6), times(6));
    assert_ne!(times(6), times(7));
}

#[test]
#[should_panic(expected = "nothing will ever happen")]
fn a_future_that_waits_for_nothing_is_told() {
    Sim::new(8).run(std::future::pending::<()>());
}

/// With windows that stay as they begin, of 64 KiB, it takes 4 s.
#[test]
fn a_stream_gets_faster_where_round_trips_are_long() {
    let Scene { sim, client, .. } = scene(5);
    sim.set_latency(Duration::from_millis(50), Duration::from_millis(50));
    let elapsed = sim.run(async {
        client.say_hello(&hello("connected")).await.unwrap();
        let begin = sim.elapsed();
        let names = (0..8000).map(|_| hello("x".repeat(1000)));
        assert_eq!(client.lots_of_greetings().finish_with(names).await.unwrap().message, "8000000");
        sim.elapsed() - begin
    });
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
}
