//! Calls of connectrpc, as gRPC: see `sailplane_benches::tasks`.

use std::iter::repeat_n;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use connectrpc::Protocol;
use connectrpc::client::{CallOptions, ClientConfig, Http2Connection, SharedHttp2Connection};
use sailplane_benches::load::{Load, LoadKind};
use sailplane_benches::meter::Meter;
use sailplane_benches::program::ClientKind;
use sailplane_benches::{Error, tasks};

use crate::proto::{BenchClient, Payload, Wish};

/// Requests that may wait for a connection: what the crate's own examples have.
const WAITING: usize = 1024;

pub(crate) struct Connect;

impl ClientKind for Connect {
    fn name(&self) -> &'static str {
        "connect"
    }

    fn run(&self, address: SocketAddr, load: &Load, meter: &Arc<Meter>) -> Result<(), Error> {
        let uri = format!("http://{address}");
        let config = ClientConfig::new(uri.parse()?).with_protocol(Protocol::Grpc);
        // It speaks HTTP/2 from the first octet on, with TCP_NODELAY.
        let connect = async || Ok(Http2Connection::connect_plaintext(uri.parse()?).await?.shared(WAITING));
        tasks::run(load, connect, |connection| {
            let client = BenchClient::new(connection, config.clone());
            let (load, meter) = (*load, Arc::clone(meter));
            async move { work(&client, &load, &meter).await }
        })
    }
}

async fn work(
    client: &BenchClient<SharedHttp2Connection>,
    load: &Load,
    meter: &Arc<Meter>,
) -> Result<(), Error> {
    let payload = Payload { body: Bytes::from(vec![0; load.size]), ..Payload::default() };
    // Replies are read where they were received, which is how this crate gives them.
    let expect = |body: &[u8]| if body.len() == load.size { Ok(()) } else { Err("another reply") };
    match load.kind {
        LoadKind::Unary => loop {
            expect(client.unary_with_options(payload.clone(), timely()).await?.view().body)?;
            meter.add(1);
        },
        LoadKind::Latency => loop {
            let started = Instant::now();
            expect(client.unary_with_options(payload.clone(), timely()).await?.view().body)?;
            meter.add_timed(started.elapsed());
        },
        LoadKind::Download => {
            let wish = Wish { size: u64::try_from(load.size)?, count: u64::MAX, ..Wish::default() };
            let mut replies = client.download(wish).await?;
            while let Some(reply) = replies.message().await? {
                expect(reply.body())?;
                meter.add(1);
            }
        }
        LoadKind::Upload => {
            let meter = Arc::clone(meter);
            let payloads = repeat_n(payload, usize::MAX).inspect(move |_| meter.add(1));
            client.upload(tokio_stream::iter(payloads)).await?;
        }
        LoadKind::Chat => {
            let (mut requests, mut replies) = client.chat().await?.into_split();
            // A bidirectional call takes its messages one by one and no stream of them. Why it would end comes
            // to the half that receives.
            tokio::spawn(async move { while requests.send(payload.clone()).await.is_ok() {} });
            while let Some(reply) = replies.message().await? {
                expect(reply.body())?;
                meter.add(1);
            }
        }
    }
    Err("the server ended a stream".into())
}

fn timely() -> CallOptions {
    CallOptions::default().with_timeout(Duration::from_secs(60))
}
