//! What a handler knows of the call that it answers.

use alloc::sync::Arc;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use crate::call::{CallId, InvalidMetadata, Metadata, Path, RequestHead, Result, Status, Value};
use crate::stub::driver::Driver;
use crate::time::Instant;

#[cfg(feature = "std")]
use {
    crate::stub::{CancelToken, cancel::Watch},
    alloc::task::Wake,
    core::sync::atomic::Ordering,
    core::task::Waker,
};

/// What may hang on a call whose memory waits for the next one.
const LIGHT_BYTES_MAX: usize = 512;

/// The call that a server is answering.
///
/// Clones are the same call. They may outlive the handler; the call is then over, and counts as cancelled,
/// as do the calls that [inherited](crate::Stub::inherit) from it.
#[derive(Clone)]
pub struct Call(Arc<Served<dyn Driver>>);

/// A call that a server is to answer, in one piece with what drives it. For adapters: handlers are given a [`Call`].
pub struct Served<D: ?Sized> {
    call: CallId,
    // Of the request's head what a handler may ask for.
    path: Path,
    deadline: Option<Instant>,
    metadata: Metadata,
    #[cfg(feature = "std")]
    watch: Watch,
    driver: D,
}

impl<D> Served<D> {
    /// The call with this id and head, driven by `driver`.
    #[must_use]
    pub fn new(head: RequestHead, call: CallId, driver: D) -> Self {
        let RequestHead { path, deadline, metadata, .. } = head;
        Self {
            call,
            path,
            deadline,
            metadata,
            #[cfg(feature = "std")]
            watch: Watch::default(),
            driver,
        }
    }

    /// Becomes another call; its driver is for the caller to renew.
    pub fn renew(&mut self, head: RequestHead, call: CallId) -> &mut D {
        let RequestHead { path, deadline, metadata, .. } = head;
        (self.call, self.path, self.deadline, self.metadata) = (call, path, deadline, metadata);
        #[cfg(feature = "std")]
        self.watch.renew();
        &mut self.driver
    }
}

impl<D: ?Sized> Served<D> {
    /// What drives it.
    #[inline]
    pub const fn driver(&self) -> &D {
        &self.driver
    }

    /// `/package.Service/Method`.
    #[must_use]
    pub const fn path(&self) -> &Path {
        &self.path
    }

    /// Whether next to no memory hangs on it beside its own.
    #[must_use]
    pub fn is_light(&self) -> bool {
        self.metadata.held() <= LIGHT_BYTES_MAX
    }
}

impl<D: Driver + 'static> From<Arc<Served<D>>> for Call {
    fn from(served: Arc<Served<D>>) -> Self {
        Self(served)
    }
}

impl Call {
    /// What drives it, and its name there. For adapters.
    #[inline]
    #[must_use]
    pub fn parts(&self) -> (&dyn Driver, CallId) {
        (&self.0.driver, self.0.call)
    }

    /// The metadata that the client sent.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// When the call must have ended.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// What is left until the deadline.
    #[must_use]
    pub fn time_remaining(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(self.0.driver.now()))
    }

    /// The client's address, where it is known.
    #[must_use]
    pub fn peer(&self) -> Option<Arc<str>> {
        self.0.driver.peer(self.0.call)
    }

    /// `/package.Service/Method`.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// `Method` in `/package.Service/Method`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.0.path.method()
    }

    /// Adds a field to the initial metadata.
    ///
    /// # Errors
    /// INTERNAL where it cannot be sent. Otherwise the call is over, or they were sent already.
    pub fn set_header(&self, name: impl AsRef<str>, value: impl Into<Value>) -> Result<()> {
        self.0.driver.add_headers(self.0.call, single(name.as_ref(), value.into())?)
    }

    /// Sends the initial metadata now. Otherwise they go with the first message or the status.
    ///
    /// # Errors
    /// They were sent already, or the call is over.
    pub fn send_headers(&self) -> Result<()> {
        self.0.driver.send_headers(self.0.call)
    }

    /// Adds a field to the trailing metadata, which go with the status, whether OK or not.
    ///
    /// # Errors
    /// INTERNAL where it cannot be sent.
    pub fn set_trailer(&self, name: impl AsRef<str>, value: impl Into<Value>) -> Result<()> {
        self.0.driver.add_trailers(self.0.call, single(name.as_ref(), value.into())?);
        Ok(())
    }

    /// Whether the call was cancelled, its deadline passed or its connection was lost.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Waits until the call is cancelled, its deadline passes or its connection is lost; says which.
    pub fn cancelled(&self) -> impl Future<Output = Status> + Send + 'static + use<> {
        Cancelled::new(self.clone())
    }
}

fn single(name: &str, value: Value) -> Result<Metadata> {
    let mut metadata = Metadata::new();
    metadata.append(name, value).map_err(|error| invalid(name, error))?;
    Ok(metadata)
}

/// The status of a call whose metadata cannot be sent.
pub(crate) fn invalid(name: &str, error: InvalidMetadata) -> Status {
    Status::internal(alloc::format!("invalid metadata `{}`: {error}", name.escape_debug()))
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Served { call, path, deadline, metadata, .. } = &*self.0;
        let mut text = f.debug_struct("Call");
        text.field("call", call).field("path", path).field("deadline", deadline).field("metadata", metadata);
        text.finish_non_exhaustive()
    }
}

#[cfg(feature = "std")]
impl Call {
    /// A token that is cancelled with the call.
    pub(crate) fn token(&self) -> CancelToken {
        self.arm();
        self.0.watch.token()
    }

    /// The call was answered and released: whoever still waits, or belongs to it, waits no more.
    pub(crate) fn end(&self) {
        let watch = &self.0.watch;
        if watch.armed.load(Ordering::Relaxed) && (watch.stop() || Arc::strong_count(&self.0) > 1) {
            watch.tell(Status::cancelled("the call is over"));
        }
    }

    /// Whether the call is known to be cancelled; asks nobody.
    pub(crate) fn known_reason(&self) -> Option<&Status> {
        self.0.watch.reason()
    }

    /// For the task that runs the handler, which alone is woken this way.
    pub(crate) fn poll_cancelled(&self, cx: &mut Context<'_>) -> Poll<Status> {
        self.0.watch.run(cx.waker());
        self.arm();
        self.known_reason().cloned().map_or(Poll::Pending, Poll::Ready)
    }

    fn reason(&self) -> Option<Status> {
        if self.known_reason().is_none() {
            // Asks at once, for a driver may know before it wakes.
            self.0.watch.armed.store(true, Ordering::Relaxed);
            self.ask();
        }
        self.known_reason().cloned()
    }

    /// Leaves our waker with the driver, once.
    fn arm(&self) {
        if !self.0.watch.armed.swap(true, Ordering::Relaxed) {
            self.ask();
        }
    }

    /// Asks the driver, and leaves a waker there if there is nothing yet.
    fn ask(&self) {
        Arc::new(Asking(self.clone())).wake();
    }
}

/// The waker that the driver has.
#[cfg(feature = "std")]
struct Asking(Call);

#[cfg(feature = "std")]
impl Wake for Asking {
    /// Asks the driver, and leaves this waker there if there is nothing yet.
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let (driver, call) = self.0.parts();
        if let Poll::Ready(reason) = driver.poll_cancelled(call, &mut Context::from_waker(&waker)) {
            self.0.0.watch.tell(reason);
        }
    }
}

#[cfg(not(feature = "std"))]
impl Call {
    /// Nobody is woken who is not polled.
    pub(crate) const fn end(&self) {}

    /// For the task that runs the handler.
    pub(crate) fn poll_cancelled(&self, cx: &mut Context<'_>) -> Poll<Status> {
        self.0.driver.poll_cancelled(self.0.call, cx)
    }

    /// Takes the place of a waker, which is woken to poll again.
    fn reason(&self) -> Option<Status> {
        let mut cx = Context::from_waker(core::task::Waker::noop());
        match self.0.driver.poll_cancelled(self.0.call, &mut cx) {
            Poll::Ready(reason) => Some(reason),
            Poll::Pending => None,
        }
    }
}

/// Waits for a call's cancellation.
///
/// With feature `std` any number may wait; without, the driver knows the last one that did.
struct Cancelled {
    call: Call,
    #[cfg(feature = "std")]
    waits: Option<(CancelToken, Option<usize>)>,
}

impl Cancelled {
    const fn new(call: Call) -> Self {
        Self {
            call,
            #[cfg(feature = "std")]
            waits: None,
        }
    }
}

#[cfg(feature = "std")]
impl Future for Cancelled {
    type Output = Status;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Status> {
        let Self { call, waits } = &mut *self;
        let (token, key) = waits.get_or_insert_with(|| (call.0.watch.token(), None));
        if token.add_task(key, cx.waker()) {
            call.arm();
        }
        call.known_reason().cloned().map_or(Poll::Pending, Poll::Ready)
    }
}

#[cfg(feature = "std")]
impl Drop for Cancelled {
    fn drop(&mut self) {
        if let Some((token, Some(key))) = &self.waits {
            token.remove(*key);
        }
    }
}

#[cfg(not(feature = "std"))]
impl Future for Cancelled {
    type Output = Status;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Status> {
        self.call.poll_cancelled(cx)
    }
}
