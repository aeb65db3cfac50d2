//! Where tasks run.

use std::fmt;
use std::sync::{Arc, Weak};

use sailplane::stub::BoxFuture;
use sailplane_driver::AsyncJob;
use smol::Executor;

/// An executor, held weakly: its own tasks have this, and must not keep it alive.
#[derive(Clone)]
pub(crate) enum Spawner {
    /// The threads of [`smol::spawn`]. A pointer, so that a program without a channel does not contain them.
    Global(fn(BoxFuture<'static, ()>)),
    /// One that somebody else runs.
    Own(Weak<Executor<'static>>),
}

impl Spawner {
    pub(crate) fn global() -> Self {
        Self::Global(|future| smol::spawn(future).detach())
    }

    pub(crate) fn new(executor: &Arc<Executor<'static>>) -> Self {
        Self::Own(Arc::downgrade(executor))
    }

    /// Spawns a task that runs by itself. Where the executor is gone, the future is dropped.
    ///
    /// Of one type, since an executor's code is there once for each.
    pub(crate) fn spawn(&self, future: BoxFuture<'static, ()>) {
        match self {
            Self::Global(spawn) => spawn(future),
            Self::Own(executor) => {
                if let Some(executor) = executor.upgrade() {
                    executor.spawn(future).detach();
                }
            }
        }
    }

    /// Spawns a handler, without a second allocation.
    pub(crate) fn spawn_job(&self, job: AsyncJob) {
        match self {
            Self::Global(spawn) => spawn(Box::pin(job)),
            Self::Own(executor) => {
                if let Some(executor) = executor.upgrade() {
                    executor.spawn(job).detach();
                }
            }
        }
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Global(_) => "Global",
            Self::Own(_) => "Own",
        })
    }
}
