//! Calls of tonic: see `sailplane_benches::tasks`.

use std::iter::repeat_n;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sailplane_benches::load::{Load, LoadKind};
use sailplane_benches::meter::Meter;
use sailplane_benches::program::ClientKind;
use sailplane_benches::{Error, tasks};
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::proto::bench_client::BenchClient;
use crate::proto::{Payload, Wish};

pub(crate) struct Tonic;

impl ClientKind for Tonic {
    fn name(&self) -> &'static str {
        "tonic"
    }

    fn run(&self, address: SocketAddr, load: &Load, meter: &Arc<Meter>) -> Result<(), Error> {
        let uri = format!("http://{address}");
        let connect = async || Ok(Endpoint::new(uri.clone())?.connect().await?);
        tasks::run(load, connect, |channel| {
            let (client, load, meter) = (BenchClient::new(channel), *load, Arc::clone(meter));
            async move { work(client, &load, &meter).await }
        })
    }
}

async fn work(mut client: BenchClient<Channel>, load: &Load, meter: &Arc<Meter>) -> Result<(), Error> {
    let payload = Payload { body: Bytes::from(vec![0; load.size]) };
    let expect = |reply: &Payload| if reply.body.len() == load.size { Ok(()) } else { Err("another reply") };
    match load.kind {
        LoadKind::Unary => loop {
            expect(client.unary(timely(payload.clone())).await?.get_ref())?;
            meter.add(1);
        },
        LoadKind::Latency => loop {
            let started = Instant::now();
            expect(client.unary(timely(payload.clone())).await?.get_ref())?;
            meter.add_timed(started.elapsed());
        },
        LoadKind::Download => {
            let wish = Wish { size: u64::try_from(load.size)?, count: u64::MAX };
            let mut replies = client.download(wish).await?.into_inner();
            while let Some(reply) = replies.message().await? {
                expect(&reply)?;
                meter.add(1);
            }
        }
        LoadKind::Upload => {
            let meter = Arc::clone(meter);
            let payloads = repeat_n(payload, usize::MAX).inspect(move |_| meter.add(1));
            client.upload(tokio_stream::iter(payloads)).await?;
        }
        LoadKind::Chat => {
            let payloads = tokio_stream::iter(repeat_n(payload, usize::MAX));
            let mut replies = client.chat(payloads).await?.into_inner();
            while let Some(reply) = replies.message().await? {
                expect(&reply)?;
                meter.add(1);
            }
        }
    }
    Err("the server ended a stream".into())
}

fn timely(payload: Payload) -> Request<Payload> {
    let mut request = Request::new(payload);
    request.set_timeout(Duration::from_secs(60));
    request
}
