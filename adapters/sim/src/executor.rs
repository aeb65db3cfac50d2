//! Tasks of one thread, in the order in which they were woken.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The lock of `mutex`, whatever happened to those who had it before.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tasks that were woken.
#[derive(Default)]
pub(crate) struct Executor {
    ready: Arc<Mutex<VecDeque<Arc<Task>>>>,
    /// The future of `run` was woken.
    main: Arc<Flag>,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Task {
    work: Mutex<Option<Work>>,
    is_ready: AtomicBool,
    ready: Weak<Mutex<VecDeque<Arc<Self>>>>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if self.is_ready.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(ready) = self.ready.upgrade() {
            lock(&ready).push_back(self);
        }
    }
}

impl Executor {
    /// Adds a task; it is polled when its turn comes.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let task = Arc::new(Task {
            work: Mutex::new(Some(Box::pin(work))),
            is_ready: AtomicBool::new(false),
            ready: Arc::downgrade(&self.ready),
        });
        task.wake();
    }

    /// The waker of the future that `run` waits for.
    pub(crate) fn main(&self) -> Waker {
        self.main.0.store(true, Ordering::SeqCst);
        Waker::from(Arc::clone(&self.main))
    }

    /// Whether that future was woken since it was asked last.
    pub(crate) fn take_main(&self) -> bool {
        self.main.0.swap(false, Ordering::SeqCst)
    }

    /// Whether that future was woken.
    pub(crate) fn is_main_woken(&self) -> bool {
        self.main.0.load(Ordering::SeqCst)
    }

    /// Polls the task that was woken first. False: none was.
    pub(crate) fn run_one(&self) -> bool {
        let Some(task) = lock(&self.ready).pop_front() else { return false };
        task.is_ready.store(false, Ordering::SeqCst);
        // Taken out, so that a task which wakes itself, or panics, finds no lock held.
        let Some(mut work) = lock(&task.work).take() else { return true };
        let waker = Waker::from(Arc::clone(&task));
        if work.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Pending {
            *lock(&task.work) = Some(work);
        }
        true
    }
}
