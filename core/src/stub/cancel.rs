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
    reason: OnceLock<Status>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Of the task that runs the handler.
    runner: Option<Waker>,
    /// Of all others; made when one asks for it.
    token: Option<CancelToken>,
}

impl Watch {
    /// Why the call was cancelled, where it is known.
    pub(crate) fn reason(&self) -> Option<&Status> {
        self.reason.get()
    }

    /// As new, for another call.
    pub(crate) fn renew(&mut self) {
        if core::mem::take(self.armed.get_mut()) {
            *self = Self::default();
        }
    }

    /// Tells everybody. Who begins to wait later finds the reason: it is there before the lock is taken.
    pub(crate) fn tell(&self, reason: Status) {
        _ = self.reason.set(reason);
        let (runner, token) = {
            let mut waiting = self.lock();
            (waiting.runner.take(), waiting.token.clone())
        };
        if let Some(runner) = runner {
            runner.wake();
        }
        if let Some(token) = token {
            token.cancel();
        }
    }

    /// Will wake `waker`, and no other that came this way before. [`reason`](Self::reason) is to be asked afterwards.
    pub(crate) fn run(&self, waker: &Waker) {
        let is_known = self.lock().runner.as_ref().is_some_and(|known| known.will_wake(waker));
        if !is_known {
            let waker = waker.clone();
            let replaced = self.lock().runner.replace(waker);
            drop(replaced);
        }
    }

    /// A token that is cancelled with the call.
    pub(crate) fn token(&self) -> CancelToken {
        let token = self.lock().token.get_or_insert_default().clone();
        if self.reason.get().is_some() {
            token.cancel();
        }
        token
    }

    /// Nobody runs the handler any more; whether others wait.
    pub(crate) fn stop(&self) -> bool {
        let (runner, others) = {
            let mut waiting = self.lock();
            (waiting.runner.take(), waiting.token.is_some())
        };
        drop(runner);
        others
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
