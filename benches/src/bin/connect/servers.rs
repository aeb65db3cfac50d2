//! A server of connectrpc, on a runtime of one thread. It knows gRPC by the content type of a request.

use std::iter::repeat_n;
use std::net::SocketAddr;

use bytes::Bytes;
use connectrpc::{
    ConnectRpcService, Encodable, InboundStream, RequestContext, Response, Server, ServiceRequest,
    ServiceResult, ServiceStream,
};
use sailplane_benches::Error;
use sailplane_benches::program::ServerKind;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio_stream::StreamExt;

use crate::proto::{Bench, BenchServer, Count, Payload, Wish};

/// As at tonic's server.
const STREAM_WINDOW: u32 = 1024 * 1024;
/// Not the default. The client sends each message in a frame of its own, and h2 ends a connection with
/// `ENHANCE_YOUR_CALM` when what the small frames that wait lack to 256 octets each is more than half of this
/// window. With the default, which grows from 64 KiB, streams of small messages end so at once; with this one a
/// stream's window may be full of messages of 16 octets.
const CONNECTION_WINDOW: u32 = 32 * STREAM_WINDOW;

/// Answers with messages of its own, as the servers of the other stacks do. A handler could also give back the
/// octets that came, which this crate keeps beside what it decoded of them.
struct Echo;

impl Bench for Echo {
    async fn unary<'a>(
        &'a self,
        _: RequestContext,
        request: ServiceRequest<'_, Payload>,
    ) -> ServiceResult<impl Encodable<Payload> + Send + use<'a>> {
        Response::ok(request.to_owned_message())
    }

    async fn download(
        &self,
        _: RequestContext,
        wish: ServiceRequest<'_, Wish>,
    ) -> ServiceResult<ServiceStream<impl Encodable<Payload> + Send + use<>>> {
        let to_size = |size| usize::try_from(size).unwrap_or(usize::MAX);
        let body = Bytes::from(vec![0; to_size(wish.size)]);
        let payloads =
            repeat_n(body, to_size(wish.count)).map(|body| Ok(Payload { body, ..Payload::default() }));
        Response::stream_ok(tokio_stream::iter(payloads))
    }

    async fn upload<'a>(
        &'a self,
        _: RequestContext,
        mut requests: InboundStream<Payload>,
    ) -> ServiceResult<impl Encodable<Count> + Send + use<'a>> {
        let mut count = 0;
        while let Some(payload) = requests.next().await {
            payload?;
            count += 1;
        }
        Response::ok(Count { count, ..Count::default() })
    }

    async fn chat(
        &self,
        _: RequestContext,
        requests: InboundStream<Payload>,
    ) -> ServiceResult<ServiceStream<impl Encodable<Payload> + Send + use<>>> {
        Response::stream_ok(requests.map(|payload| Ok(payload?.to_owned_message())))
    }
}

pub(crate) struct Connect;

impl ServerKind for Connect {
    fn name(&self) -> &'static str {
        "connect"
    }

    fn serve(&self, listening: &dyn Fn(SocketAddr)) -> Result<(), Error> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            listening(listener.local_addr()?);
            // It sets TCP_NODELAY on what it accepts. Of its ways to find a method this is the faster one.
            let service = ConnectRpcService::new(BenchServer::new(Echo));
            Server::from_listener(listener)
                .with_http2_initial_stream_window_size(STREAM_WINDOW)
                .with_http2_initial_connection_window_size(CONNECTION_WINDOW)
                .serve_with_service(service)
                .await
        })
    }
}
