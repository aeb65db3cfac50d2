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
    fn serve<'a>(&'a self, method: usize, rpc: &'a mut ServerCall) -> BoxFuture<'a, Result<()>>;
}

/// A call to be answered: what [`Service::serve`] gets requests from and puts a reply into.
pub struct ServerCall(pub(crate) Answer);

impl ServerCall {
    /// What a handler is given.
    #[must_use]
    pub fn call(&self) -> Call {
        self.0.call.clone()
    }

    /// The only request.
    ///
    /// # Errors
    /// UNIMPLEMENTED where the client sent none, or more than one; INTERNAL where it cannot be decoded;
    /// the reason where the call was cancelled.
    pub async fn request<Q, R>(&mut self, method: &Method<Q, R>) -> Result<Q> {
        let decode = method.request_decoder();
        poll_fn(|cx| self.0.poll_request(cx)).await.and_then(decode)
    }

    /// The stream of requests.
    pub fn streaming<Q, R>(&mut self, method: &Method<Q, R>) -> Streaming<Q> {
        Streaming::new(Link::Server(self.call()), method.request_decoder())
    }

    /// The stream of replies.
    pub fn sender<Q, R>(&mut self, method: &Method<Q, R>) -> Sender<R> {
        Sender::new(Link::Server(self.call()), method.reply_encoder())
    }

    /// Gives the only reply. It leaves with trailers and status when the handler has returned.
    ///
    /// # Errors
    /// None now.
    pub fn reply<Q, R>(&mut self, method: &Method<Q, R>, reply: &R) -> Result<()> {
        self.0.reply = Some(method.encode_reply(reply));
        Ok(())
    }
}

impl fmt::Debug for ServerCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerCall").field(&self.0.call).finish()
    }
}

/// Answers a call, and releases it, exactly once: at the latest when it is dropped.
pub(crate) struct Answer {
    pub(crate) call: Call,
    pub(crate) reply: Option<Bytes>,
    request: Option<Bytes>,
    result: Option<Result<()>>,
}

impl Answer {
    pub(crate) const fn new(call: Call) -> Self {
        Self { call, reply: None, request: None, result: None }
    }

    pub(crate) fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        let (driver, call) = self.call.parts();
        ready!(poll_single(driver, call, &mut self.request, cx))?;
        let request = self.request.take();
        Poll::Ready(request.ok_or_else(|| Status::unimplemented("the client sent no request")))
    }

    /// The handler returned, or the call was cancelled.
    pub(crate) fn finish(mut self, result: Result<()>) {
        self.result = Some(result);
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let result = self.result.take().unwrap_or_else(|| Err(unfinished()));
        let (driver, call) = self.call.parts();
        driver.respond(call, self.reply.take().filter(|_| result.is_ok()), result);
        self.call.end();
    }
}

/// The status of a call whose handler neither returned nor was cancelled: it panicked, or the server
/// dropped it. Never success.
fn unfinished() -> Status {
    Status::unknown("the handler panicked")
}

/// Runs an async service's handler for a call, and answers the call.
///
/// The handler is dropped when the call is cancelled. The call is answered and released exactly once, also
/// when this future is dropped or unwinds: a handler that panics answers UNKNOWN. The panic goes on;
/// whoever polls this catches it.
pub fn serve_async(
    service: Arc<dyn Service>,
    method: usize,
    call: Call,
) -> impl Future<Output = ()> + Send + 'static {
    let mut rpc = ServerCall(Answer::new(call));
    async move {
        let result = {
            let call = rpc.call();
            let mut handler = service.serve(method, &mut rpc);
            poll_fn(|cx| poll_handler(handler.as_mut(), &call, cx)).await
        };
        rpc.0.finish(result);
    }
}

fn poll_handler(
    handler: Pin<&mut (dyn Future<Output = Result<()>> + Send + '_)>,
    call: &Call,
    cx: &mut Context<'_>,
) -> Poll<Result<()>> {
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
    let mut rpc = crate::stub::blocking::ServerCall(Answer::new(call));
    let result = service.serve(method, &mut rpc);
    rpc.0.finish(result);
}
