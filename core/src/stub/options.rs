//! What a stub asks of its calls.

use alloc::sync::Arc;
#[cfg(feature = "std")]
use alloc::vec::Vec;
use core::time::Duration;

use crate::call::{Metadata, Status, Value};
use crate::stub::Call;
use crate::stub::call::invalid;
#[cfg(feature = "std")]
use crate::stub::{CallInfo, CancelToken};
use crate::time::Instant;

/// What a stub asks of each of its calls. Cheap to clone; a change copies what is shared.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    deadline: Option<Instant>,
    timeout: Option<Duration>,
    wait_for_ready: bool,
    more: Option<Arc<More>>,
}

/// What most stubs do not have.
#[derive(Clone, Debug, Default)]
pub(crate) struct More {
    metadata: Metadata,
    error: Option<Status>,
    #[cfg(feature = "std")]
    pub(crate) tokens: Vec<CancelToken>,
    #[cfg(feature = "std")]
    pub(crate) info: Option<CallInfo>,
}

static NO_METADATA: Metadata = Metadata::new();

impl CallOptions {
    /// No deadline, no metadata, nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { deadline: None, timeout: None, wait_for_ready: false, more: None }
    }

    /// When a call that starts at `now` must have ended: the earliest of what was asked.
    #[must_use]
    pub fn deadline_at(&self, now: Instant) -> Option<Instant> {
        let relative = self.timeout.map(|timeout| now.saturating_add(timeout));
        match (self.deadline, relative) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Whether a call waits while there is no connection, where it would otherwise fail with UNAVAILABLE.
    #[must_use]
    pub const fn wait_for_ready(&self) -> bool {
        self.wait_for_ready
    }

    /// Whether a token may cancel a call while a thread waits for it.
    #[must_use]
    pub fn is_cancellable(&self) -> bool {
        #[cfg(feature = "std")]
        return self.more.as_ref().is_some_and(|more| !more.tokens.is_empty());
        #[cfg(not(feature = "std"))]
        return false;
    }

    /// The metadata that each call sends.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        self.more.as_ref().map_or(&NO_METADATA, |more| &more.metadata)
    }

    /// Whether a call may be started.
    ///
    /// # Errors
    /// INTERNAL for metadata that cannot be sent; CANCELLED where a token was cancelled already.
    pub fn check(&self) -> Result<(), Status> {
        let Some(more) = &self.more else { return Ok(()) };
        if let Some(error) = &more.error {
            return Err(error.clone());
        }
        #[cfg(feature = "std")]
        if more.tokens.iter().any(CancelToken::is_cancelled) {
            return Err(Status::cancelled("the call was cancelled before it was started").never_ran());
        }
        Ok(())
    }

    /// Asks for a deadline; the earliest holds.
    pub fn set_deadline(&mut self, at: Instant) {
        self.deadline = Some(self.deadline.map_or(at, |earlier| earlier.min(at)));
    }

    /// Asks for a deadline, counted from each call's start; the earliest holds.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = Some(self.timeout.map_or(timeout, |shorter| shorter.min(timeout)));
    }

    /// Makes calls wait while there is no connection, or not.
    pub const fn set_wait_for_ready(&mut self, wait: bool) {
        self.wait_for_ready = wait;
    }

    /// Adds metadata. Those that cannot be sent make each call fail with INTERNAL.
    pub fn add_metadata(&mut self, name: impl AsRef<str>, value: impl Into<Value>) {
        let name = name.as_ref();
        let more = self.more_mut();
        if let Err(error) = more.metadata.append(name, value) {
            more.error.get_or_insert_with(|| invalid(name, error).never_ran());
        }
    }

    /// Takes over the deadline of the call that a server is answering and, with feature `std`, its
    /// cancellation.
    pub fn inherit(&mut self, call: &Call) {
        if let Some(deadline) = call.deadline() {
            self.set_deadline(deadline);
        }
        #[cfg(feature = "std")]
        self.add_cancel(&call.token());
    }

    /// Makes `token` cancel the calls.
    #[cfg(feature = "std")]
    pub fn add_cancel(&mut self, token: &CancelToken) {
        self.more_mut().tokens.push(token.clone());
    }

    /// Makes calls tell `info` of their metadata.
    #[cfg(feature = "std")]
    pub fn set_info(&mut self, info: &CallInfo) {
        self.more_mut().info = Some(info.clone());
    }

    #[cfg(feature = "std")]
    pub(crate) fn more(&self) -> Option<&More> {
        self.more.as_deref()
    }

    fn more_mut(&mut self) -> &mut More {
        Arc::make_mut(self.more.get_or_insert_default())
    }
}
