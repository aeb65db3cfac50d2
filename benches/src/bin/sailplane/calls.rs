//! Async calls: a task for each that is in flight, on one executor with the connections.

use std::iter::repeat_n;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sailplane::Stub as _;
use sailplane_benches::Error;
use sailplane_benches::load::{Load, LoadKind};
use sailplane_benches::meter::Meter;
use sailplane_benches::program::ClientKind;
use sailplane_benches::proto::{BenchClient, Payload, Wish};
use sailplane_smol::Channel;

pub(crate) struct Smol;

impl ClientKind for Smol {
    fn name(&self) -> &'static str {
        "smol"
    }

    fn run(&self, address: SocketAddr, load: &Load, meter: &Arc<Meter>) -> Result<(), Error> {
        let executor = Arc::new(smol::Executor::new());
        let mut tasks = Vec::new();
        for _ in 0..load.connections {
            let client = BenchClient::new(Channel::plaintext(address.to_string())?.on(&executor));
            for _ in 0..load.in_flight {
                let (client, load, meter) = (client.clone(), *load, Arc::clone(meter));
                let spawner = Arc::clone(&executor);
                tasks.push(executor.spawn(async move { work(&spawner, &client, &load, &meter).await }));
            }
        }
        smol::block_on(executor.run(async {
            for task in tasks {
                task.await?;
            }
            Ok(())
        }))
    }
}

async fn work(
    executor: &smol::Executor<'static>,
    client: &BenchClient<Channel>,
    load: &Load,
    meter: &Meter,
) -> Result<(), Error> {
    let timely = client.with_timeout(Duration::from_secs(60));
    let payload = Payload { body: Bytes::from(vec![0; load.size]) };
    let expect = |reply: &Payload| if reply.body.len() == load.size { Ok(()) } else { Err("another reply") };
    match load.kind {
        LoadKind::Unary => loop {
            expect(&timely.unary(&payload).await?)?;
            meter.add(1);
        },
        LoadKind::Latency => loop {
            let started = Instant::now();
            expect(&timely.unary(&payload).await?)?;
            meter.add_timed(started.elapsed());
        },
        LoadKind::Download => {
            let wish = Wish { size: u64::try_from(load.size)?, count: u64::MAX };
            let mut replies = client.download(&wish);
            while let Some(reply) = replies.message().await? {
                expect(&reply)?;
                meter.add(1);
            }
        }
        // The messages come from an iterator: what tonic's client is given as a stream.
        LoadKind::Upload => {
            let payloads = repeat_n(payload, usize::MAX).inspect(|_| meter.add(1));
            client.upload().finish_with(payloads).await?;
        }
        LoadKind::Chat => {
            let (mut requests, mut replies) = client.chat();
            let send = async move { requests.send_all(repeat_n(payload, usize::MAX)).await };
            executor.spawn(send).detach();
            while let Some(reply) = replies.message().await? {
                expect(&reply)?;
                meter.add(1);
            }
        }
    }
    Err("the server ended a stream".into())
}
