//! What a call becomes: async or blocking, and the channel that decides it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use bytes::Bytes;

use crate::call::{Path, RequestHead, Result, Status};
use crate::stub::options::CallOptions;
use crate::stub::raw::RawCall;
use crate::stub::{ClientStreamingCall, Method, MethodInfo, Sender, Streaming, UnaryCall, blocking};
use crate::time::Instant;

mod sealed {
    #[expect(unnameable_types, reason = "nobody else can name it: that seals `Mode`")]
    pub trait Sealed {}
    impl Sealed for super::Async {}
    impl Sealed for super::Blocking {}
}

/// What calls become on a channel: [`Async`] or [`Blocking`].
///
/// The functions make a handle of a call that was started; [`StubCore`](crate::stub::StubCore) uses them.
pub trait Mode: sealed::Sealed + Sized + 'static {
    /// What [`Channel::start`] returns.
    type Raw: From<Status>;
    /// A unary call.
    type Unary<R>;
    /// A server-streaming call.
    type ServerStreaming<R>;
    /// A client-streaming call.
    type ClientStreaming<Q, R>;
    /// A bidirectional call: both halves.
    type Bidi<Q, R>;

    /// Makes a unary call of a started one.
    fn unary<Q, R>(raw: Self::Raw, method: &Method<Q, R>, options: &CallOptions) -> Self::Unary<R>;

    /// Makes a server-streaming call of a started one.
    fn server_streaming<Q, R>(
        raw: Self::Raw,
        method: &Method<Q, R>,
        options: &CallOptions,
    ) -> Self::ServerStreaming<R>;

    /// Makes a client-streaming call of a started one.
    fn client_streaming<Q, R>(
        raw: Self::Raw,
        method: &Method<Q, R>,
        options: &CallOptions,
    ) -> Self::ClientStreaming<Q, R>;

    /// Makes a bidirectional call of a started one.
    fn bidi<Q, R>(raw: Self::Raw, method: &Method<Q, R>, options: &CallOptions) -> Self::Bidi<Q, R>;
}

/// Calls are futures, or handles with `async` methods.
#[derive(Clone, Copy, Debug)]
pub enum Async {}

/// Calls block the thread that waits for them.
#[derive(Clone, Copy, Debug)]
pub enum Blocking {}

impl Mode for Async {
    type Raw = RawCall;
    type Unary<R> = UnaryCall<R>;
    type ServerStreaming<R> = Streaming<R>;
    type ClientStreaming<Q, R> = ClientStreamingCall<Q, R>;
    type Bidi<Q, R> = (Sender<Q>, Streaming<R>);

    fn unary<Q, R>(raw: RawCall, method: &Method<Q, R>, options: &CallOptions) -> UnaryCall<R> {
        UnaryCall::new(raw.attach(options), method)
    }

    fn server_streaming<Q, R>(raw: RawCall, method: &Method<Q, R>, options: &CallOptions) -> Streaming<R> {
        Streaming::new(raw.attach(options).share(), method.reply_decoder())
    }

    fn client_streaming<Q, R>(
        raw: RawCall,
        method: &Method<Q, R>,
        options: &CallOptions,
    ) -> ClientStreamingCall<Q, R> {
        ClientStreamingCall::new(raw.attach(options), method)
    }

    fn bidi<Q, R>(raw: RawCall, method: &Method<Q, R>, options: &CallOptions) -> (Sender<Q>, Streaming<R>) {
        let link = raw.attach(options).share();
        (Sender::new(link.clone(), method.request_encoder()), Streaming::new(link, method.reply_decoder()))
    }
}

impl Mode for Blocking {
    type Raw = RawCall;
    type Unary<R> = Result<R>;
    type ServerStreaming<R> = blocking::Streaming<R>;
    type ClientStreaming<Q, R> = blocking::ClientStreamingCall<Q, R>;
    type Bidi<Q, R> = (blocking::Sender<Q>, blocking::Streaming<R>);

    fn unary<Q, R>(raw: RawCall, method: &Method<Q, R>, options: &CallOptions) -> Result<R> {
        blocking::unary(raw.attach(options), method)
    }

    fn server_streaming<Q, R>(
        raw: RawCall,
        method: &Method<Q, R>,
        options: &CallOptions,
    ) -> blocking::Streaming<R> {
        Async::server_streaming(raw, method, options).into()
    }

    fn client_streaming<Q, R>(
        raw: RawCall,
        method: &Method<Q, R>,
        options: &CallOptions,
    ) -> blocking::ClientStreamingCall<Q, R> {
        Async::client_streaming(raw, method, options).into()
    }

    fn bidi<Q, R>(
        raw: RawCall,
        method: &Method<Q, R>,
        options: &CallOptions,
    ) -> (blocking::Sender<Q>, blocking::Streaming<R>) {
        let (sender, streaming) = Async::bidi(raw, method, options);
        (sender.into(), streaming.into())
    }
}

/// A call that a stub wants to start.
#[derive(Clone, Debug)]
pub struct Start<'a> {
    /// The method.
    pub method: &'a MethodInfo,
    /// What the stub asks of the call.
    pub options: &'a CallOptions,
    /// The first message.
    pub message: Option<Bytes>,
    /// Nothing will follow.
    pub finished: bool,
}

impl Start<'_> {
    /// The head of the request, for a call that starts at `now` and goes to `authority`.
    ///
    /// # Errors
    /// Why the call must fail at once: metadata that cannot be sent, or a token that was cancelled.
    pub fn head(&self, now: Instant, authority: Bytes) -> Result<RequestHead> {
        self.options.check()?;
        let path = Path::new(Bytes::from_static(self.method.path.as_bytes())).map_err(|error| {
            Status::internal("the method's path is invalid").with_source(Arc::new(error) as Arc<_>)
        })?;
        let mut head = RequestHead::new(path, authority);
        head.deadline = self.options.deadline_at(now);
        head.metadata = self.options.metadata().clone();
        Ok(head)
    }
}

/// Starts calls: a transport, a mock, a layer around another channel, or a runtime of one's own.
///
/// Object-safe: `Arc<dyn Channel<Mode = Async> + Send + Sync>` is a channel.
pub trait Channel {
    /// Whether calls are async or blocking.
    type Mode: Mode;

    /// Starts a call. Does not wait: what cannot be known at once is told by the call.
    fn start(&self, start: Start<'_>) -> <Self::Mode as Mode>::Raw;
}

impl<C: Channel + ?Sized> Channel for &C {
    type Mode = C::Mode;

    fn start(&self, start: Start<'_>) -> <C::Mode as Mode>::Raw {
        (**self).start(start)
    }
}

impl<C: Channel + ?Sized> Channel for Arc<C> {
    type Mode = C::Mode;

    fn start(&self, start: Start<'_>) -> <C::Mode as Mode>::Raw {
        (**self).start(start)
    }
}

impl<C: Channel + ?Sized> Channel for Box<C> {
    type Mode = C::Mode;

    fn start(&self, start: Start<'_>) -> <C::Mode as Mode>::Raw {
        (**self).start(start)
    }
}

/// What the calls of a channel `C` return: names for the signatures of generated code.
pub mod kinds {
    use super::{Channel, Mode};

    /// A unary call: a future of `Result<R>`, or `Result<R>`.
    pub type Unary<C, R> = <<C as Channel>::Mode as Mode>::Unary<R>;
    /// A server-streaming call: `Streaming<R>`.
    pub type ServerStreaming<C, R> = <<C as Channel>::Mode as Mode>::ServerStreaming<R>;
    /// A client-streaming call: `ClientStreamingCall<Q, R>`.
    pub type ClientStreaming<C, Q, R> = <<C as Channel>::Mode as Mode>::ClientStreaming<Q, R>;
    /// A bidirectional call: `(Sender<Q>, Streaming<R>)`.
    pub type Bidi<C, Q, R> = <<C as Channel>::Mode as Mode>::Bidi<Q, R>;
}
