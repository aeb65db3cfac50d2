//! A thread that waits: its waker, and the ways to sleep until it is used.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

const EMPTY: u8 = 0;
const NOTIFIED: u8 = 1;
const PARKED: u8 = 2;
const ELSEWHERE: u8 = 3;

thread_local! {
    static SPARE: RefCell<Option<Arc<Shared>>> = const { RefCell::new(None) };
}

/// The waker of the calling thread while it blocks. One per blocking operation: where a handler that
/// blocks runs inside another (a client call in a service, say), each has its own, so neither takes the
/// other's notification.
pub struct Parker {
    shared: Arc<Shared>,
    waker: Waker,
}

struct Shared {
    thread: Thread,
    state: AtomicU8,
    interrupt: Mutex<Option<Arc<dyn Interrupt>>>,
}

/// Ends a sleep that is not [`Parker::park`]: a poll on sockets, say.
pub trait Interrupt: Send + Sync {
    /// Makes the sleeper return soon, also if it has not begun to sleep.
    fn interrupt(&self);
}

impl Parker {
    /// A parker for the calling thread.
    #[must_use]
    pub fn current() -> Self {
        let spare = SPARE.try_with(|spare| spare.borrow_mut().take()).ok().flatten();
        let shared = spare.unwrap_or_else(|| {
            Arc::new(Shared {
                thread: std::thread::current(),
                state: AtomicU8::new(EMPTY),
                interrupt: Mutex::new(None),
            })
        });
        let waker = Waker::from(Arc::clone(&shared));
        Self { shared, waker }
    }

    /// The waker that ends the sleep.
    #[must_use]
    pub const fn waker(&self) -> &Waker {
        &self.waker
    }

    /// A context for polling.
    #[must_use]
    pub const fn context(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }

    /// Whether the waker was used since the last sleep or [`clear`](Self::clear).
    #[must_use]
    pub fn is_notified(&self) -> bool {
        self.shared.state.load(Ordering::Acquire) == NOTIFIED
    }

    /// Forgets a notification; whether there was one. Call it before looking at what the waker is for.
    pub fn clear(&self) -> bool {
        self.shared.state.swap(EMPTY, Ordering::AcqRel) == NOTIFIED
    }

    /// Sleeps until the waker is used or `timeout` has passed; whether it was used.
    pub fn park(&self, timeout: Option<Duration>) -> bool {
        if !self.begin(PARKED) {
            return true;
        }
        match timeout {
            Some(timeout) => std::thread::park_timeout(timeout),
            None => std::thread::park(),
        }
        self.clear()
    }

    /// Sleeps in `sleep`, which the waker ends through `interrupt`; whether it was used. `sleep` is not
    /// called where it was used before.
    pub fn sleep(&self, interrupt: &Arc<dyn Interrupt>, sleep: impl FnOnce()) -> bool {
        *self.shared.interrupt.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(interrupt));
        if !self.begin(ELSEWHERE) {
            return true;
        }
        sleep();
        self.clear()
    }

    /// False, and the notification is used up, where there was one.
    fn begin(&self, state: u8) -> bool {
        let changed =
            self.shared.state.compare_exchange(EMPTY, state, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !changed {
            self.clear();
        }
        changed
    }
}

impl Drop for Parker {
    /// Keeps the shared half for the thread's next parker.
    fn drop(&mut self) {
        self.clear();
        let shared = Arc::clone(&self.shared);
        // A thread that is about to end has no use for it.
        let _ =
            SPARE.try_with(|spare| spare.borrow_mut().get_or_insert(shared).state.load(Ordering::Relaxed));
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match self.state.swap(NOTIFIED, Ordering::AcqRel) {
            PARKED => self.thread.unpark(),
            ELSEWHERE => {
                let interrupt = self.interrupt.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if let Some(interrupt) = interrupt {
                    interrupt.interrupt();
                }
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Parker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parker").field("notified", &self.is_notified()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_kept_until_the_thread_sleeps_and_ends_one_sleep() {
        let parker = Parker::current();
        parker.waker().wake_by_ref();
        assert!(parker.is_notified());
        assert!(parker.park(None));
        assert!(!parker.park(Some(Duration::ZERO)));
    }

    #[test]
    fn another_thread_ends_the_sleep() {
        let parker = Parker::current();
        let waker = parker.waker().clone();
        let other = std::thread::spawn(move || waker.wake());
        while !parker.park(None) {}
        other.join().unwrap();
    }

    #[test]
    fn a_parker_inside_another_takes_nothing_from_it() {
        let outer = Parker::current();
        outer.waker().wake_by_ref();
        let inner = Parker::current();
        assert!(!inner.park(Some(Duration::ZERO)));
        drop(inner);
        assert!(outer.park(None));
    }

    #[test]
    fn a_sleep_elsewhere_is_interrupted() {
        struct Bell(Thread);
        impl Interrupt for Bell {
            fn interrupt(&self) {
                self.0.unpark();
            }
        }
        let parker = Parker::current();
        let bell: Arc<dyn Interrupt> = Arc::new(Bell(std::thread::current()));
        let waker = parker.waker().clone();
        let woken = parker.sleep(&bell, || {
            waker.wake_by_ref();
            std::thread::park();
        });
        assert!(woken);
    }
}
