//! One synchronous façade over blocking and async clients.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sailplane::{
    Async, Blocking, Call, CallInfo, CancelToken, Channel, ClientStreamingCall, Instant, Metadata, Method,
    Result, SendError, Sender, Streaming, Stub, StubCore, UnaryCall, Value, blocking,
};
use smol::block_on;

use crate::behaviour::stage::PATIENCE;
use crate::pb::{BehaviourClient, Reply, Request};

/// Any blocking channel.
pub type BlockingChannel = Arc<dyn Channel<Mode = Blocking> + Send + Sync>;
/// Any async channel.
pub type AsyncChannel = Arc<dyn Channel<Mode = Async> + Send + Sync>;

/// A client and its channel.
#[derive(Clone)]
pub struct Pair<C> {
    channel: C,
    pub(crate) stub: BehaviourClient<C>,
}

impl<C: Clone> Pair<C> {
    /// What calls methods that generated code does not have, with the options of the stub.
    fn core(&self) -> StubCore<&C> {
        let mut core = StubCore::new(&self.channel);
        *core.options_mut() = self.stub.clone().options_mut().clone();
        core
    }
}

/// A client on any adapter. Async calls are polled by the thread that waits for them.
#[derive(Clone)]
pub enum AnyClient {
    /// On a blocking channel.
    Blocking(Pair<BlockingChannel>),
    /// On an async channel.
    Async(Pair<AsyncChannel>),
}

macro_rules! each {
    ($on:expr, $inner:ident => $do:expr) => {
        match $on {
            AnyClient::Blocking(Pair { channel, stub: $inner }) => {
                AnyClient::Blocking(Pair { channel: channel.clone(), stub: $do })
            }
            AnyClient::Async(Pair { channel, stub: $inner }) => {
                AnyClient::Async(Pair { channel: channel.clone(), stub: $do })
            }
        }
    };
}

impl AnyClient {
    /// A client on a blocking channel.
    pub fn blocking(channel: impl Channel<Mode = Blocking> + Send + Sync + 'static) -> Self {
        let channel: BlockingChannel = Arc::new(channel);
        Self::Blocking(Pair { stub: BehaviourClient::new(Arc::clone(&channel)), channel })
    }

    /// A client on an async channel.
    pub fn asynchronous(channel: impl Channel<Mode = Async> + Send + Sync + 'static) -> Self {
        let channel: AsyncChannel = Arc::new(channel);
        Self::Async(Pair { stub: BehaviourClient::new(Arc::clone(&channel)), channel })
    }

    /// Its calls have this key in the log.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with_metadata("x-key", key)
    }

    /// As [`Stub::with_metadata`].
    #[must_use]
    pub fn with_metadata(&self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        each!(self, stub => stub.with_metadata(name, value))
    }

    /// As [`Stub::with_timeout`].
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        each!(self, stub => stub.with_timeout(timeout))
    }

    /// As [`Stub::with_deadline`].
    #[must_use]
    pub fn with_deadline(&self, at: Instant) -> Self {
        each!(self, stub => stub.with_deadline(at))
    }

    /// As [`Stub::with_cancel`].
    #[must_use]
    pub fn with_cancel(&self, token: &CancelToken) -> Self {
        each!(self, stub => stub.with_cancel(token))
    }

    /// As [`Stub::with_info`].
    #[must_use]
    pub fn with_info(&self, info: &CallInfo) -> Self {
        each!(self, stub => stub.with_info(info))
    }

    /// As [`Stub::wait_for_ready`].
    #[must_use]
    pub fn wait_for_ready(&self) -> Self {
        each!(self, stub => stub.wait_for_ready())
    }

    /// As [`Stub::inherit`].
    #[must_use]
    pub fn inherit(&self, call: &Call) -> Self {
        each!(self, stub => stub.inherit(call))
    }

    /// Calls, and waits for the reply.
    ///
    /// # Errors
    /// The call's status.
    pub fn unary(&self, request: &Request) -> Result<Reply> {
        match self {
            Self::Blocking(client) => client.stub.unary(request),
            Self::Async(client) => block_on(client.stub.unary(request)),
        }
    }

    /// Starts a unary call: on a thread of its own where only a thread can wait for it.
    #[must_use]
    pub fn start_unary(&self, request: &Request) -> Unary {
        match self {
            Self::Async(client) => Unary::Async(client.stub.unary(request)),
            Self::Blocking(client) => {
                let token = CancelToken::new();
                let (client, request) = (client.stub.with_cancel(&token), request.clone());
                let (tell, result) = mpsc::channel();
                thread::spawn(move || tell.send(client.unary(&request)));
                Unary::Blocking(result, token)
            }
        }
    }

    /// Starts a server-streaming call.
    #[must_use]
    pub fn down(&self, request: &Request) -> Replies {
        match self {
            Self::Blocking(client) => Replies::Blocking(client.stub.down(request)),
            Self::Async(client) => Replies::Async(client.stub.down(request)),
        }
    }

    /// Starts a client-streaming call.
    #[must_use]
    pub fn up(&self) -> Up {
        match self {
            Self::Blocking(client) => Up::Blocking(client.stub.up()),
            Self::Async(client) => Up::Async(client.stub.up()),
        }
    }

    /// Starts a bidirectional call.
    #[must_use]
    pub fn both(&self) -> (Requests, Replies) {
        match self {
            Self::Blocking(client) => {
                let (sender, streaming) = client.stub.both();
                (Requests::Blocking(sender), Replies::Blocking(streaming))
            }
            Self::Async(client) => {
                let (sender, streaming) = client.stub.both();
                (Requests::Async(sender), Replies::Async(streaming))
            }
        }
    }

    /// Calls a method that generated code does not have.
    ///
    /// # Errors
    /// The call's status.
    pub fn unary_at(&self, method: &Method<Request, Reply>, request: &Request) -> Result<Reply> {
        match self {
            Self::Blocking(client) => client.core().unary(method, request),
            Self::Async(client) => block_on(client.core().unary(method, request)),
        }
    }

    /// Streams from a method that generated code does not have.
    #[must_use]
    pub fn down_at(&self, method: &Method<Request, Reply>, request: &Request) -> Replies {
        match self {
            Self::Blocking(client) => Replies::Blocking(client.core().server_streaming(method, request)),
            Self::Async(client) => Replies::Async(client.core().server_streaming(method, request)),
        }
    }
}

/// A unary call that runs.
pub enum Unary {
    /// Waited for by another thread.
    Blocking(mpsc::Receiver<Result<Reply>>, CancelToken),
    /// Polled by whoever waits.
    Async(UnaryCall<Reply>),
}

impl Unary {
    /// Waits for the reply.
    ///
    /// # Errors
    /// The call's status.
    ///
    /// # Panics
    /// If the thread that waits hangs or panicked.
    pub fn wait(self) -> Result<Reply> {
        match self {
            Self::Blocking(result, _token) => {
                result.recv_timeout(PATIENCE).expect("the thread of a unary call")
            }
            Self::Async(call) => block_on(call),
        }
    }

    /// Cancels.
    pub fn cancel(&self) {
        match self {
            Self::Blocking(_, token) => token.cancel(),
            Self::Async(call) => call.cancel(),
        }
    }

    /// What dropping it comes to.
    pub fn abandon(self) {
        match self {
            Self::Blocking(_, token) => token.cancel(),
            Self::Async(call) => drop(call),
        }
    }
}

/// The receiving half.
pub enum Replies {
    /// Blocking.
    Blocking(blocking::Streaming<Reply>),
    /// Async.
    Async(Streaming<Reply>),
}

impl Replies {
    /// The next reply.
    ///
    /// # Errors
    /// The call's status.
    pub fn message(&mut self) -> Result<Option<Reply>> {
        match self {
            Self::Blocking(replies) => replies.message(),
            Self::Async(replies) => block_on(replies.message()),
        }
    }

    /// Initial metadata.
    ///
    /// # Errors
    /// The call's status.
    pub fn headers(&mut self) -> Result<Metadata> {
        match self {
            Self::Blocking(replies) => replies.headers().cloned(),
            Self::Async(replies) => block_on(replies.headers()).cloned(),
        }
    }

    /// Trailing metadata.
    #[must_use]
    pub fn trailers(&self) -> Option<Metadata> {
        match self {
            Self::Blocking(replies) => replies.trailers().cloned(),
            Self::Async(replies) => replies.trailers().cloned(),
        }
    }

    /// Cancels.
    pub fn cancel(&self) {
        match self {
            Self::Blocking(replies) => replies.cancel(),
            Self::Async(replies) => replies.cancel(),
        }
    }

    /// Reads to the end: the replies, and how it ended.
    pub fn drain(&mut self) -> (Vec<Reply>, Result<()>) {
        let mut all = Vec::new();
        loop {
            match self.message() {
                Ok(Some(reply)) => all.push(reply),
                Ok(None) => return (all, Ok(())),
                Err(status) => return (all, Err(status)),
            }
        }
    }
}

/// The sending half.
pub enum Requests {
    /// Blocking.
    Blocking(blocking::Sender<Request>),
    /// Async.
    Async(Sender<Request>),
}

impl Requests {
    /// Sends.
    ///
    /// # Errors
    /// The call is over.
    pub fn send(&mut self, request: &Request) -> Result<(), SendError> {
        match self {
            Self::Blocking(requests) => requests.send(request),
            Self::Async(requests) => block_on(requests.send(request)),
        }
    }

    /// Half-closes.
    pub fn finish(self) {
        match self {
            Self::Blocking(requests) => requests.finish(),
            Self::Async(requests) => requests.finish(),
        }
    }

    /// Cancels.
    pub fn cancel(&self) {
        match self {
            Self::Blocking(requests) => requests.cancel(),
            Self::Async(requests) => requests.cancel(),
        }
    }
}

/// A client-streaming call.
pub enum Up {
    /// Blocking.
    Blocking(blocking::ClientStreamingCall<Request, Reply>),
    /// Async.
    Async(ClientStreamingCall<Request, Reply>),
}

impl Up {
    /// Sends.
    ///
    /// # Errors
    /// The call is over.
    pub fn send(&mut self, request: &Request) -> Result<(), SendError> {
        match self {
            Self::Blocking(call) => call.send(request),
            Self::Async(call) => block_on(call.send(request)),
        }
    }

    /// Half-closes and waits.
    ///
    /// # Errors
    /// The call's status.
    pub fn finish(self) -> Result<Reply> {
        match self {
            Self::Blocking(call) => call.finish(),
            Self::Async(call) => block_on(call.finish()),
        }
    }

    /// Sends everything, half-closes and waits.
    ///
    /// # Errors
    /// The call's status.
    pub fn finish_with(self, requests: impl IntoIterator<Item = Request>) -> Result<Reply> {
        match self {
            Self::Blocking(call) => call.finish_with(requests),
            Self::Async(call) => block_on(call.finish_with(requests)),
        }
    }

    /// Cancels.
    pub fn cancel(&self) {
        match self {
            Self::Blocking(call) => call.cancel(),
            Self::Async(call) => call.cancel(),
        }
    }
}
