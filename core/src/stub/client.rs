//! What a generated client is made of.

use bytes::Bytes;
use core::time::Duration;

use crate::call::Value;
use crate::stub::mode::{Channel, Mode, Start, kinds};
use crate::stub::{Call, CallOptions, Method, MethodInfo};
#[cfg(feature = "std")]
use crate::stub::{CallInfo, CancelToken};
use crate::time::Instant;

/// A channel, and what is asked of each call. Generated clients wrap it.
#[derive(Clone, Debug)]
pub struct StubCore<C> {
    channel: C,
    options: CallOptions,
}

impl<C> StubCore<C> {
    /// A stub that starts calls on `channel`.
    pub const fn new(channel: C) -> Self {
        Self { channel, options: CallOptions::new() }
    }

    /// What is asked of each call.
    pub const fn options_mut(&mut self) -> &mut CallOptions {
        &mut self.options
    }
}

impl<C: Channel> StubCore<C> {
    /// Starts a unary call.
    pub fn unary<Q, R>(&self, method: &Method<Q, R>, request: &Q) -> kinds::Unary<C, R> {
        let raw = self.start(method.info(), Some(method.encode(request)));
        C::Mode::unary(raw, method, &self.options)
    }

    /// Starts a server-streaming call.
    pub fn server_streaming<Q, R>(&self, method: &Method<Q, R>, request: &Q) -> kinds::ServerStreaming<C, R> {
        let raw = self.start(method.info(), Some(method.encode(request)));
        C::Mode::server_streaming(raw, method, &self.options)
    }

    /// Starts a client-streaming call.
    pub fn client_streaming<Q, R>(&self, method: &Method<Q, R>) -> kinds::ClientStreaming<C, Q, R> {
        let raw = self.start(method.info(), None);
        C::Mode::client_streaming(raw, method, &self.options)
    }

    /// Starts a bidirectional call.
    pub fn bidi<Q, R>(&self, method: &Method<Q, R>) -> kinds::Bidi<C, Q, R> {
        let raw = self.start(method.info(), None);
        C::Mode::bidi(raw, method, &self.options)
    }

    fn start(&self, method: MethodInfo, message: Option<Bytes>) -> <C::Mode as Mode>::Raw {
        #[cfg(feature = "std")]
        if let Some(info) = self.options.more().and_then(|more| more.info.as_ref()) {
            info.reset();
        }
        if let Err(status) = self.options.check() {
            return status.into();
        }
        let finished = message.is_some();
        self.channel.start(Start { method: &method, options: &self.options, message, finished })
    }
}

/// What every generated client can be asked for. Each method returns a cheap, modified copy, to be used
/// once or kept.
pub trait Stub: Clone {
    /// What is asked of each call.
    fn options_mut(&mut self) -> &mut CallOptions;

    /// Each call must end within `timeout` of its start. The earliest deadline holds.
    #[must_use]
    fn with_timeout(&self, timeout: Duration) -> Self {
        self.modified(|options| options.set_timeout(timeout))
    }

    /// Calls must end before `at`. The earliest deadline holds.
    #[must_use]
    fn with_deadline(&self, at: impl Into<Instant>) -> Self {
        self.modified(|options| options.set_deadline(at.into()))
    }

    /// Calls send this field beside those they send already. If it cannot be sent, each call fails with
    /// INTERNAL, before anything is sent.
    #[must_use]
    fn with_metadata(&self, name: impl AsRef<str>, value: impl Into<Value>) -> Self {
        self.modified(|options| options.add_metadata(name, value))
    }

    /// `token` cancels the calls.
    #[cfg(feature = "std")]
    #[must_use]
    fn with_cancel(&self, token: &CancelToken) -> Self {
        self.modified(|options| options.add_cancel(token))
    }

    /// `info` learns the metadata of the replies.
    #[cfg(feature = "std")]
    #[must_use]
    fn with_info(&self, info: &CallInfo) -> Self {
        self.modified(|options| options.set_info(info))
    }

    /// Calls belong to the one that a server is answering: they have its deadline and, with feature `std`,
    /// are cancelled with it, or when its handler has returned.
    #[must_use]
    fn inherit(&self, call: &Call) -> Self {
        self.modified(|options| options.inherit(call))
    }

    /// Calls wait while there is no connection, where they would otherwise fail with UNAVAILABLE
    /// (gRPC: `wait-for-ready.md`).
    #[must_use]
    fn wait_for_ready(&self) -> Self {
        self.modified(|options| options.set_wait_for_ready(true))
    }

    #[doc(hidden)]
    #[must_use]
    fn modified(&self, change: impl FnOnce(&mut CallOptions)) -> Self {
        let mut stub = self.clone();
        change(stub.options_mut());
        stub
    }
}

impl<C: Clone> Stub for StubCore<C> {
    fn options_mut(&mut self) -> &mut CallOptions {
        &mut self.options
    }
}
