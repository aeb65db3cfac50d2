//! A server of tonic, on a runtime of one thread or of one for each core.

use std::iter::repeat_n;
use std::net::SocketAddr;
use std::pin::Pin;

use bytes::Bytes;
use sailplane_benches::Error;
use sailplane_benches::program::ServerKind;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio_stream::Stream;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use crate::proto::bench_server::{Bench, BenchServer};
use crate::proto::{Count, Payload, Wish};

struct Echo;

type Replies = Pin<Box<dyn Stream<Item = Result<Payload, Status>> + Send>>;

#[tonic::async_trait]
impl Bench for Echo {
    async fn unary(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    type DownloadStream = Replies;

    async fn download(&self, wish: Request<Wish>) -> Result<Response<Replies>, Status> {
        let wish = wish.into_inner();
        let to_size = |size| usize::try_from(size).unwrap_or(usize::MAX);
        let body = Bytes::from(vec![0; to_size(wish.size)]);
        let payloads = repeat_n(body, to_size(wish.count)).map(|body| Ok(Payload { body }));
        Ok(Response::new(Box::pin(tokio_stream::iter(payloads))))
    }

    async fn upload(&self, requests: Request<Streaming<Payload>>) -> Result<Response<Count>, Status> {
        let (mut requests, mut count) = (requests.into_inner(), 0);
        while requests.message().await?.is_some() {
            count += 1;
        }
        Ok(Response::new(Count { count }))
    }

    type ChatStream = Streaming<Payload>;

    async fn chat(
        &self,
        requests: Request<Streaming<Payload>>,
    ) -> Result<Response<Streaming<Payload>>, Status> {
        Ok(Response::new(requests.into_inner()))
    }
}

pub(crate) struct Tonic {
    name: &'static str,
    all_cores: bool,
}

pub(crate) const TONIC: Tonic = Tonic { name: "tonic", all_cores: false };
pub(crate) const TONIC_ALL: Tonic = Tonic { name: "tonic-all", all_cores: true };

impl ServerKind for Tonic {
    fn name(&self) -> &'static str {
        self.name
    }

    fn serve(&self, listening: &dyn Fn(SocketAddr)) -> Result<(), Error> {
        let mut runtime = if self.all_cores {
            runtime::Builder::new_multi_thread()
        } else {
            runtime::Builder::new_current_thread()
        };
        runtime.enable_all().build()?.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            listening(listener.local_addr()?);
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            Ok(Server::builder().add_service(BenchServer::new(Echo)).serve_with_incoming(incoming).await?)
        })
    }
}
