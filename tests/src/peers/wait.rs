//! Blocking and async calls alike, on the thread that waits for them.

use sailplane::{Async, Blocking, Metadata, Mode, Result, SendError, Sender, Streaming, blocking};
use smol::block_on;

use crate::pb::{Reply, Request};

/// How the calls of a mode are waited for.
pub trait Wait: Mode {
    /// The sending half of a bidirectional call.
    type Sender: Send;

    /// Waits for the reply of a unary call.
    fn reply(call: Self::Unary<Reply>) -> Result<Reply>;
    /// Sends in a client-streaming call.
    fn send_up(call: &mut Self::ClientStreaming<Request, Reply>, request: &Request) -> Result<(), SendError>;
    /// Waits for the reply of a client-streaming call.
    fn finish_up(call: Self::ClientStreaming<Request, Reply>) -> Result<Reply>;
    /// The halves of a bidirectional call.
    fn halves(call: Self::Bidi<Request, Reply>) -> (Self::Sender, Self::ServerStreaming<Reply>);
    /// Sends in a bidirectional call.
    fn send(sender: &mut Self::Sender, request: &Request) -> Result<(), SendError>;
    /// Says that nothing follows.
    fn finish(sender: Self::Sender);
    /// Waits for the next reply.
    fn message(replies: &mut Self::ServerStreaming<Reply>) -> Result<Option<Reply>>;
    /// Waits for initial metadata.
    fn headers(replies: &mut Self::ServerStreaming<Reply>) -> Result<Metadata>;
    /// Trailing metadata, after the end.
    fn trailers(replies: &Self::ServerStreaming<Reply>) -> Metadata;
    /// Cancels the call.
    fn cancel(replies: &Self::ServerStreaming<Reply>);
}

impl Wait for Async {
    type Sender = Sender<Request>;

    fn reply(call: Self::Unary<Reply>) -> Result<Reply> {
        block_on(call)
    }

    fn send_up(call: &mut Self::ClientStreaming<Request, Reply>, request: &Request) -> Result<(), SendError> {
        block_on(call.send(request))
    }

    fn finish_up(call: Self::ClientStreaming<Request, Reply>) -> Result<Reply> {
        block_on(call.finish())
    }

    fn halves(call: Self::Bidi<Request, Reply>) -> (Sender<Request>, Streaming<Reply>) {
        call
    }

    fn send(sender: &mut Sender<Request>, request: &Request) -> Result<(), SendError> {
        block_on(sender.send(request))
    }

    fn finish(sender: Sender<Request>) {
        sender.finish();
    }

    fn message(replies: &mut Streaming<Reply>) -> Result<Option<Reply>> {
        block_on(replies.message())
    }

    fn headers(replies: &mut Streaming<Reply>) -> Result<Metadata> {
        block_on(replies.headers()).cloned()
    }

    fn trailers(replies: &Streaming<Reply>) -> Metadata {
        replies.trailers().cloned().unwrap_or_default()
    }

    fn cancel(replies: &Streaming<Reply>) {
        replies.cancel();
    }
}

impl Wait for Blocking {
    type Sender = blocking::Sender<Request>;

    fn reply(call: Result<Reply>) -> Result<Reply> {
        call
    }

    fn send_up(call: &mut Self::ClientStreaming<Request, Reply>, request: &Request) -> Result<(), SendError> {
        call.send(request)
    }

    fn finish_up(call: Self::ClientStreaming<Request, Reply>) -> Result<Reply> {
        call.finish()
    }

    fn halves(call: Self::Bidi<Request, Reply>) -> (blocking::Sender<Request>, blocking::Streaming<Reply>) {
        call
    }

    fn send(sender: &mut blocking::Sender<Request>, request: &Request) -> Result<(), SendError> {
        sender.send(request)
    }

    fn finish(sender: blocking::Sender<Request>) {
        sender.finish();
    }

    fn message(replies: &mut blocking::Streaming<Reply>) -> Result<Option<Reply>> {
        replies.message()
    }

    fn headers(replies: &mut blocking::Streaming<Reply>) -> Result<Metadata> {
        replies.headers().cloned()
    }

    fn trailers(replies: &blocking::Streaming<Reply>) -> Metadata {
        replies.trailers().cloned().unwrap_or_default()
    }

    fn cancel(replies: &blocking::Streaming<Reply>) {
        replies.cancel();
    }
}
