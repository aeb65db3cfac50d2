//! What a generator writes for a service with all four kinds of methods.

use sailplane::kinds::{Bidi, ClientStreaming, ServerStreaming, Unary};
use sailplane::stub::{BoxFuture, CallOptions, StubCore};
use sailplane::{
    AnyService, Call, Channel, Method, Reply, Result, Sender, ServerCall, Service, ServiceInfo, Streaming,
    Stub, blocking,
};
use std::sync::Arc;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HelloRequest {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HelloReply {
    #[prost(string, tag = "1")]
    pub(crate) message: String,
}

pub(crate) trait Greeter: Send + Sync + 'static {
    fn say_hello(
        &self,
        request: HelloRequest,
        call: &Call,
    ) -> impl Future<Output = Result<HelloReply>> + Send;
    fn lots_of_replies(
        &self,
        request: HelloRequest,
        replies: Sender<HelloReply>,
        call: &Call,
    ) -> impl Future<Output = Result<()>> + Send;
    fn lots_of_greetings(
        &self,
        requests: Streaming<HelloRequest>,
        call: &Call,
    ) -> impl Future<Output = Result<HelloReply>> + Send;
    fn bidi_hello(
        &self,
        requests: Streaming<HelloRequest>,
        replies: Sender<HelloReply>,
        call: &Call,
    ) -> impl Future<Output = Result<()>> + Send;
}

pub(crate) trait GreeterBlocking: Send + Sync + 'static {
    fn say_hello(&self, request: HelloRequest, call: &Call) -> Result<HelloReply>;
    fn lots_of_replies(
        &self,
        request: HelloRequest,
        replies: blocking::Sender<HelloReply>,
        call: &Call,
    ) -> Result<()>;
    fn lots_of_greetings(
        &self,
        requests: blocking::Streaming<HelloRequest>,
        call: &Call,
    ) -> Result<HelloReply>;
    fn bidi_hello(
        &self,
        requests: blocking::Streaming<HelloRequest>,
        replies: blocking::Sender<HelloReply>,
        call: &Call,
    ) -> Result<()>;
}

#[derive(Clone, Debug)]
pub(crate) struct GreeterClient<C> {
    stub: StubCore<C>,
}

impl<C: Channel> GreeterClient<C> {
    pub(crate) const fn new(channel: C) -> Self {
        Self { stub: StubCore::new(channel) }
    }
    pub(crate) fn say_hello(&self, request: &HelloRequest) -> Unary<C, HelloReply> {
        self.stub.unary(&GreeterMethods::SAY_HELLO, request)
    }
    pub(crate) fn lots_of_replies(&self, request: &HelloRequest) -> ServerStreaming<C, HelloReply> {
        self.stub.server_streaming(&GreeterMethods::LOTS_OF_REPLIES, request)
    }
    pub(crate) fn lots_of_greetings(&self) -> ClientStreaming<C, HelloRequest, HelloReply> {
        self.stub.client_streaming(&GreeterMethods::LOTS_OF_GREETINGS)
    }
    pub(crate) fn bidi_hello(&self) -> Bidi<C, HelloRequest, HelloReply> {
        self.stub.bidi(&GreeterMethods::BIDI_HELLO)
    }
}

pub(crate) struct GreeterMethods;

impl GreeterMethods {
    pub(crate) const SAY_HELLO: Method<HelloRequest, HelloReply> = Method::unary("/greet.Greeter/SayHello");
    pub(crate) const LOTS_OF_REPLIES: Method<HelloRequest, HelloReply> =
        Method::server_streaming("/greet.Greeter/LotsOfReplies");
    pub(crate) const LOTS_OF_GREETINGS: Method<HelloRequest, HelloReply> =
        Method::client_streaming("/greet.Greeter/LotsOfGreetings");
    pub(crate) const BIDI_HELLO: Method<HelloRequest, HelloReply> = Method::bidi("/greet.Greeter/BidiHello");
}

// ---- plumbing below this line ----

const GREETER_INFO: &ServiceInfo = &ServiceInfo {
    name: "greet.Greeter",
    methods: &[
        GreeterMethods::SAY_HELLO.info(),
        GreeterMethods::LOTS_OF_REPLIES.info(),
        GreeterMethods::LOTS_OF_GREETINGS.info(),
        GreeterMethods::BIDI_HELLO.info(),
    ],
    file_descriptor_set: b"",
};

impl<C: Channel + Clone> Stub for GreeterClient<C> {
    fn options_mut(&mut self) -> &mut CallOptions {
        self.stub.options_mut()
    }
}

pub(crate) struct GreeterServer<S>(pub(crate) S);
pub(crate) struct GreeterBlockingServer<S>(pub(crate) S);

impl<S: Greeter> Service for GreeterServer<S> {
    fn info(&self) -> &'static ServiceInfo {
        GREETER_INFO
    }
    fn serve(self: Arc<Self>, method: usize, rpc: ServerCall) -> BoxFuture<'static, Result<Reply>> {
        use GreeterMethods as M;
        Box::pin(async move {
            let (inner, call) = (&self.0, rpc.call());
            match method {
                0 => {
                    let reply = inner.say_hello(rpc.request(&M::SAY_HELLO).await?, call).await?;
                    rpc.reply(&M::SAY_HELLO, &reply)
                }
                1 => {
                    let request = rpc.request(&M::LOTS_OF_REPLIES).await?;
                    inner.lots_of_replies(request, rpc.sender(&M::LOTS_OF_REPLIES), call).await?;
                    Ok(Reply::Streamed)
                }
                2 => {
                    let requests = rpc.streaming(&M::LOTS_OF_GREETINGS);
                    let reply = inner.lots_of_greetings(requests, call).await?;
                    rpc.reply(&M::LOTS_OF_GREETINGS, &reply)
                }
                _ => {
                    let requests = rpc.streaming(&M::BIDI_HELLO);
                    inner.bidi_hello(requests, rpc.sender(&M::BIDI_HELLO), call).await?;
                    Ok(Reply::Streamed)
                }
            }
        })
    }
}

impl<S: Greeter> From<GreeterServer<S>> for AnyService {
    fn from(server: GreeterServer<S>) -> Self {
        Self::Async(Arc::new(server))
    }
}

impl<S: GreeterBlocking> blocking::Service for GreeterBlockingServer<S> {
    fn info(&self) -> &'static ServiceInfo {
        GREETER_INFO
    }
    fn serve(&self, method: usize, rpc: &blocking::ServerCall) -> Result<Reply> {
        use GreeterMethods as M;
        let (inner, call) = (&self.0, rpc.call());
        match method {
            0 => {
                let reply = inner.say_hello(rpc.request(&M::SAY_HELLO)?, call)?;
                rpc.reply(&M::SAY_HELLO, &reply)
            }
            1 => {
                let request = rpc.request(&M::LOTS_OF_REPLIES)?;
                inner.lots_of_replies(request, rpc.sender(&M::LOTS_OF_REPLIES), call)?;
                Ok(Reply::Streamed)
            }
            2 => {
                let requests = rpc.streaming(&M::LOTS_OF_GREETINGS);
                let reply = inner.lots_of_greetings(requests, call)?;
                rpc.reply(&M::LOTS_OF_GREETINGS, &reply)
            }
            _ => {
                let requests = rpc.streaming(&M::BIDI_HELLO);
                inner.bidi_hello(requests, rpc.sender(&M::BIDI_HELLO), call)?;
                Ok(Reply::Streamed)
            }
        }
    }
}

impl<S: GreeterBlocking> From<GreeterBlockingServer<S>> for AnyService {
    fn from(server: GreeterBlockingServer<S>) -> Self {
        Self::Blocking(Arc::new(server))
    }
}
