//! Cancelling calls from elsewhere.

use alloc::sync::{Arc, Weak};
use core::fmt;
use core::task::Waker;
use slab::Slab;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::call::{CallId, Status};
use crate::stub::driver::Driver;

/// Cancels calls, from any thread: those that were started by a stub that has it
/// ([`with_cancel`](crate::Stub::with_cancel)), and those that such a stub tries to start later.
///
/// Clones are the same token.
///
/// ```
/// let token = sailplane::CancelToken::new();
/// let guard = token.drop_guard();
/// assert!(!token.is_cancelled());
/// drop(guard);
/// assert!(token.is_cancelled());
/// ```
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    cancelled: bool,
    watchers: Slab<Watcher>,
}

/// Who is told.
enum Watcher {
    Call(Weak<dyn Driver>, CallId),
    Task(Waker),
}

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels, now and for ever. Calls that have ended are not affected.
    pub fn cancel(&self) {
        let watchers = {
            let mut state = self.lock();
            state.cancelled = true;
            core::mem::take(&mut state.watchers)
        };
        for (_, watcher) in watchers {
            match watcher {
                Watcher::Call(driver, call) => {
                    if let Some(driver) = driver.upgrade() {
                        driver.cancel(call, cancelled());
                    }
                }
                Watcher::Task(waker) => waker.wake(),
            }
        }
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// Something that cancels when it is dropped.
    pub fn drop_guard(&self) -> CancelGuard {
        CancelGuard(self.clone())
    }

    /// Whether there are clones.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Watches a call, until it is [removed](Self::remove) by the key. A cancelled token cancels it.
    pub(crate) fn add_call(&self, driver: &Arc<dyn Driver>, call: CallId) -> Option<usize> {
        {
            let mut state = self.lock();
            if !state.cancelled {
                return Some(state.watchers.insert(Watcher::Call(Arc::downgrade(driver), call)));
            }
        }
        driver.cancel(call, cancelled());
        None
    }

    /// Will wake `waker`, under `key` if there is one. False if the token is cancelled.
    pub(crate) fn add_task(&self, key: &mut Option<usize>, waker: &Waker) -> bool {
        // What it replaces is dropped without the lock: a waker's drop may run anything.
        let mut watcher = Watcher::Task(waker.clone());
        let mut state = self.lock();
        if state.cancelled {
            return false;
        }
        match key.and_then(|key| state.watchers.get_mut(key)) {
            Some(Watcher::Task(old)) if old.will_wake(waker) => {}
            Some(old) => core::mem::swap(old, &mut watcher),
            None => *key = Some(state.watchers.insert(watcher)),
        }
        true
    }

    /// Forgets what was added under `key`.
    pub(crate) fn remove(&self, key: usize) {
        let watcher = self.lock().watchers.try_remove(key);
        // Dropped without the lock: this may be a waker or a driver's last reference.
        drop(watcher);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cancelled() -> Status {
    Status::cancelled("the call was cancelled")
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

/// Cancels its [`CancelToken`] when it is dropped.
#[derive(Debug)]
#[must_use = "dropping it cancels"]
pub struct CancelGuard(CancelToken);

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Spreads the driver's one wake-up to everybody who waits for the cancellation of a server's call.
#[derive(Default)]
pub(crate) struct Watch {
    /// The driver has our waker.
    pub(crate) armed: core::sync::atomic::AtomicBool,
    pub(crate) reason: OnceLock<Status>,
    pub(crate) token: CancelToken,
}
