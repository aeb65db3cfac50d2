//! What a server runs: services, the calls that they are given, and how a call is answered exactly once.

use alloc::boxed::Box;
use alloc::sync::Arc;
use bytes::Bytes;
use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use crate::call::{Result, Status};
use crate::stub::raw::Link;
use crate::stub::receive::poll_single;
use crate::stub::{Call, Method, MethodInfo, Sender, Streaming};

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is known of a service. A static of generated code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServiceInfo {
    /// `package.Service`.
    pub name: &'static str,
    /// Its methods; [`Service::serve`] is given an index into these.
    pub methods: &'static [MethodInfo],
    /// An encoded `google.protobuf.FileDescriptorSet` that describes it; may be empty.
    pub file_descriptor_set: &'static [u8],
}

/// A service whose handlers are async. Generated code implements it.
pub trait Service: Send + Sync + 'static {
    /// What it is.
    fn info(&self) -> &'static ServiceInfo;

    /// Answers a call of the method with this index.
    fn serve(self: Arc<Self>, method: usize, rpc: ServerCall) -> BoxFuture<'static, Result<Reply>>;
}

/// What a handler leaves to be sent with the status of a call that succeeded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// The only reply, encoded.
    Message(Bytes),
    /// Nothing more: the replies were a stream.
    Streamed,
}

impl From<Reply> for Option<Bytes> {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Message(message) => Some(message),
            Reply::Streamed => None,
        }
    }
}

/// A call to be answered: what [`Service::serve`] gets requests from and makes a reply with.
pub struct ServerCall(Call);

impl ServerCall {
    /// What a handler is given.
    #[must_use]
    pub const fn call(&self) -> &Call {
        &self.0
    }

    /// The only request.
    ///
    /// # Errors
    /// UNIMPLEMENTED where the client sent none, or more than one; INTERNAL where it cannot be decoded;
    /// the reason where the call was cancelled.
    pub async fn request<Q, R>(&self, method: &Method<Q, R>) -> Result<Q> {
        let decode = method.request_decoder();
        let mut first = None;
        poll_fn(|cx| poll_request(&self.0, &mut first, cx)).await.and_then(decode)
    }

    /// The stream of requests.
    pub fn streaming<Q, R>(&self, method: &Method<Q, R>) -> Streaming<Q> {
        Streaming::new(Link::Server(self.0.clone()), method.request_decoder())
    }

    /// The stream of replies.
    pub fn sender<Q, R>(&self, method: &Method<Q, R>) -> Sender<R> {
        Sender::new(Link::Server(self.0.clone()), method.reply_encoder())
    }

    /// The only reply. It leaves with trailers and status.
    ///
    /// # Errors
    /// None now.
    pub fn reply<Q, R>(&self, method: &Method<Q, R>, reply: &R) -> Result<Reply> {
        Ok(Reply::Message(method.encode_reply(reply)))
    }
}

impl fmt::Debug for ServerCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerCall").field(&self.0).finish()
    }
}

/// Receives the only request into `first`, and takes it.
pub(crate) fn poll_request(
    call: &Call,
    first: &mut Option<Bytes>,
    cx: &mut Context<'_>,
) -> Poll<Result<Bytes>> {
    let (driver, id) = call.parts();
    ready!(poll_single(driver, id, first, cx))?;
    Poll::Ready(first.take().ok_or_else(|| Status::unimplemented("the client sent no request")))
}

/// Answers a call, and releases it, exactly once: at the latest when it is dropped.
struct Answer(Option<Call>);

impl Answer {
    /// The handler returned, or the call was cancelled.
    fn finish(&mut self, result: Result<Reply>) {
        let Some(call) = self.0.take() else { return };
        let (reply, status) = match result {
            Ok(reply) => (reply.into(), Ok(())),
            Err(status) => (None, Err(status)),
        };
        let (driver, id) = call.parts();
        driver.respond(id, reply, status);
        call.end();
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // The handler neither returned, nor was cancelled or dropped: it panicked. Never success.
        if self.0.is_some() {
            self.finish(Err(Status::unknown("the handler panicked")));
        }
    }
}

/// Runs an async service's handler for a call, and answers the call.
///
/// The handler is dropped when the call is cancelled. The call is answered and released exactly once, also
/// when the future is dropped, which answers UNAVAILABLE, or unwinds: a handler that panics answers UNKNOWN. The
/// panic goes on; whoever calls this, and polls the future, catches it.
#[must_use = "dropping it answers UNAVAILABLE"]
pub fn serve_async(service: Arc<dyn Service>, method: usize, call: Call) -> Serving {
    let answer = Answer(Some(call.clone()));
    let handler = service.serve(method, ServerCall(call));
    Serving(Some(Running { handler, answer }))
}

/// A handler that runs; [`serve_async`] makes it. It is small, for there may be many that wait.
#[must_use = "dropping it answers UNAVAILABLE"]
pub struct Serving(Option<Running>);

/// In the order in which they are dropped.
struct Running {
    handler: BoxFuture<'static, Result<Reply>>,
    answer: Answer,
}

impl Serving {
    /// The call, as long as it is not answered.
    #[must_use]
    pub fn call(&self) -> Option<&Call> {
        self.0.as_ref()?.answer.0.as_ref()
    }
}

impl Future for Serving {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Where the handler unwinds, both are dropped here.
        let Some(Running { mut handler, mut answer }) = self.0.take() else { return Poll::Ready(()) };
        let Some(call) = &answer.0 else { return Poll::Ready(()) };
        let Poll::Ready(result) = poll_handler(handler.as_mut(), call, cx) else {
            self.0 = Some(Running { handler, answer });
            return Poll::Pending;
        };
        drop(handler);
        answer.finish(result);
        Poll::Ready(())
    }
}

impl Drop for Serving {
    /// The server gives the handler up, as an executor does that ends with it.
    fn drop(&mut self) {
        let Some(Running { handler, mut answer }) = self.0.take() else { return };
        drop(handler);
        answer.finish(Err(Status::unavailable("the server dropped the call before its handler returned")));
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Serving").field(&self.call()).finish()
    }
}

fn poll_handler(
    handler: Pin<&mut (dyn Future<Output = Result<Reply>> + Send + '_)>,
    call: &Call,
    cx: &mut Context<'_>,
) -> Poll<Result<Reply>> {
    #[cfg(feature = "std")]
    if let Some(reason) = call.known_reason() {
        return Poll::Ready(Err(reason.clone()));
    }
    match handler.poll(cx) {
        Poll::Ready(result) => Poll::Ready(result),
        Poll::Pending => call.poll_cancelled(cx).map(Err),
    }
}

/// Runs a blocking service's handler for a call on this thread, and answers the call.
///
/// The call is answered and released exactly once, also on unwind: a handler that panics answers UNKNOWN.
/// The panic goes on; the caller catches it.
pub fn serve_blocking(service: &dyn crate::stub::blocking::Service, method: usize, call: Call) {
    let mut answer = Answer(Some(call.clone()));
    let result = service.serve(method, &crate::stub::blocking::ServerCall(call));
    answer.finish(result);
}
