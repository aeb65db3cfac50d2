//! A call without types: whose it is, and what follows when nobody needs it any more.

#[cfg(feature = "std")]
use alloc::boxed::Box;
use alloc::sync::Arc;
#[cfg(feature = "std")]
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::task::{Context, Poll};

use crate::call::{Batch, CallId, Metadata, Result, Status};
use crate::stub::driver::Driver;
use crate::stub::{Call, CallOptions};
#[cfg(feature = "std")]
use crate::stub::{CallInfo, CancelToken};

/// What [`Channel::start`](crate::Channel::start) returns: a call that was started, or why it was not.
///
/// It owns the call: dropped unused, it cancels and releases it.
#[must_use = "dropping it cancels the call"]
pub struct RawCall(Link<Handle>);

impl RawCall {
    /// A call that was started on `driver`, which nobody else will release.
    pub fn new(driver: Arc<dyn Driver>, call: CallId) -> Self {
        let watch = Watch::default();
        Self(Link::Client(Handle { driver, call, watch }))
    }

    /// A call that failed before it was started.
    pub const fn failed(status: Status) -> Self {
        Self(Link::Failed(status))
    }

    /// The call with what the options attach to it.
    pub(crate) fn attach(mut self, options: &CallOptions) -> Link<Handle> {
        // It has no other handle yet.
        if let Link::Client(handle) = &mut self.0 {
            handle.watch = Watch::new(&handle.driver, handle.call, options);
        }
        self.0
    }
}

impl From<Status> for RawCall {
    fn from(status: Status) -> Self {
        Self::failed(status)
    }
}

impl fmt::Debug for RawCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawCall").field(&self.0).finish()
    }
}

/// A client's call, released when this is dropped.
pub(crate) struct Handle {
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) call: CallId,
    watch: Watch,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.watch.end();
        self.driver.release(self.call);
    }
}

/// What connects a handle with its call. `H` is what a client has of it: all, or a share of it.
pub(crate) enum Link<H> {
    /// A client's.
    Client(H),
    /// A server's; its runner releases the call.
    Server(Call),
    /// Never started.
    Failed(Status),
    /// Done with.
    Over,
}

/// A link of which there may be two, and which is small.
pub(crate) type Half = Link<Arc<Handle>>;

impl Link<Handle> {
    /// One that may be cloned.
    pub(crate) fn share(self) -> Half {
        match self {
            Self::Client(handle) => Link::Client(Arc::new(handle)),
            Self::Server(call) => Link::Server(call),
            Self::Failed(status) => Link::Failed(status),
            Self::Over => Link::Over,
        }
    }
}

impl Clone for Half {
    fn clone(&self) -> Self {
        match self {
            Self::Client(handle) => Self::Client(Arc::clone(handle)),
            Self::Server(call) => Self::Server(call.clone()),
            Self::Failed(status) => Self::Failed(status.clone()),
            Self::Over => Self::Over,
        }
    }
}

impl<H: Borrow<Handle>> Link<H> {
    /// The driver and its name for the call.
    #[inline]
    pub(crate) fn parts(&self) -> Result<(&dyn Driver, CallId)> {
        self.live().ok_or_else(|| self.failure())
    }

    /// [`parts`](Self::parts), if there is a call.
    #[inline]
    fn live(&self) -> Option<(&dyn Driver, CallId)> {
        match self {
            Self::Client(handle) => {
                let handle = handle.borrow();
                Some((&*handle.driver, handle.call))
            }
            Self::Server(call) => Some(call.parts()),
            Self::Failed(_) | Self::Over => None,
        }
    }

    /// Why there is no call.
    #[cold]
    fn failure(&self) -> Status {
        match self {
            Self::Failed(status) => status.clone(),
            _ => Status::internal("the call is over"),
        }
    }

    pub(crate) const fn is_server(&self) -> bool {
        matches!(self, Self::Server(_))
    }

    /// Cancels a client's call, or one that a server answers.
    pub(crate) fn cancel(&self, status: Status) {
        if let Ok((driver, call)) = self.parts() {
            driver.cancel(call, status);
        }
    }

    /// Cancels a call of a client that lost interest in it; servers answer theirs otherwise.
    pub(crate) fn abandon(&self, text: &'static str) {
        if !self.is_server() {
            self.cancel(Status::cancelled(text));
        }
    }

    #[inline]
    pub(crate) fn poll_send(&self, batch: &mut Batch, cx: &mut Context<'_>) -> Poll<Result<()>> {
        match self.live() {
            Some((driver, call)) => driver.poll_send(call, batch, cx),
            None => Poll::Ready(Err(self.failure())),
        }
    }

    /// A client's half-close. A server's messages end with its answer.
    pub(crate) fn finish_sending(&self) {
        if let (Ok((driver, call)), false) = (self.parts(), self.is_server()) {
            driver.finish_sending(call);
        }
    }

    /// Whether somebody asked for metadata.
    pub(crate) fn has_info(&self) -> bool {
        self.watch().is_some_and(Watch::has_info)
    }

    /// Tells those who asked for metadata.
    pub(crate) fn tell_headers(&self, headers: &Metadata) {
        if let (Some(watch), Ok((driver, call))) = (self.watch(), self.parts()) {
            watch.tell(driver, call, headers, false);
        }
    }

    /// Tells those who asked for metadata, at the call's end.
    pub(crate) fn tell_trailers(&self, trailers: &Metadata) {
        if let (Some(watch), Ok((driver, call))) = (self.watch(), self.parts()) {
            watch.tell(driver, call, trailers, true);
        }
    }

    fn watch(&self) -> Option<&Watch> {
        match self {
            Self::Client(handle) => Some(&handle.borrow().watch),
            Self::Server(_) | Self::Failed(_) | Self::Over => None,
        }
    }
}

impl<H: Borrow<Handle>> fmt::Debug for Link<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.parts()) {
            (_, Ok((_, call))) => call.fmt(f),
            (Self::Failed(status), _) => status.fmt(f),
            _ => f.write_str("over"),
        }
    }
}

/// Who else has to do with a client's call: tokens that cancel it, and one who wants its metadata.
#[derive(Default)]
pub(crate) struct Watch {
    #[cfg(feature = "std")]
    by: Option<Box<Watchers>>,
}

#[cfg(feature = "std")]
struct Watchers {
    /// With the key of the registration.
    tokens: Vec<(CancelToken, Option<usize>)>,
    info: Option<CallInfo>,
}

#[cfg(feature = "std")]
impl Watch {
    fn new(driver: &Arc<dyn Driver>, call: CallId, options: &CallOptions) -> Self {
        let Some(more) = options.more().filter(|more| more.info.is_some() || !more.tokens.is_empty()) else {
            return Self::default();
        };
        let register = |token: &CancelToken| (token.clone(), token.add_call(driver, call));
        let tokens = more.tokens.iter().map(register).collect();
        Self { by: Some(Box::new(Watchers { tokens, info: more.info.clone() })) }
    }

    fn has_info(&self) -> bool {
        self.by.as_ref().is_some_and(|by| by.info.is_some())
    }

    fn tell(&self, driver: &dyn Driver, call: CallId, metadata: &Metadata, at_end: bool) {
        let Some(info) = self.by.as_ref().and_then(|by| by.info.as_ref()) else { return };
        let peer = driver.peer(call);
        if at_end {
            info.set_trailers(metadata.clone(), peer);
        } else {
            info.set_headers(metadata.clone(), peer);
        }
    }

    fn end(&mut self) {
        for (token, key) in self.by.take().into_iter().flat_map(|by| by.tokens) {
            if let Some(key) = key {
                token.remove(key);
            }
        }
    }
}

#[cfg(not(feature = "std"))]
impl Watch {
    fn new(_: &Arc<dyn Driver>, _: CallId, _: &CallOptions) -> Self {
        Self::default()
    }

    fn has_info(&self) -> bool {
        false
    }

    fn tell(&self, _: &dyn Driver, _: CallId, _: &Metadata, _: bool) {}

    fn end(&mut self) {}
}
