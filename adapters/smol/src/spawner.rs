//! Where tasks run.

use std::sync::{Arc, Weak};

use smol::{Executor, Task};

/// An executor, held weakly: its own tasks have this, and must not keep it alive.
#[derive(Clone, Debug)]
pub(crate) enum Spawner {
    /// The threads of [`smol::spawn`].
    Global,
    /// One that somebody else runs.
    Own(Weak<Executor<'static>>),
}

impl Spawner {
    pub(crate) fn new(executor: &Arc<Executor<'static>>) -> Self {
        Self::Own(Arc::downgrade(executor))
    }

    /// Spawns a task that runs by itself. Where the executor is gone, the future is dropped.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let task: Task<()> = match self {
            Self::Global => smol::spawn(future),
            Self::Own(executor) => match executor.upgrade() {
                Some(executor) => executor.spawn(future),
                None => return,
            },
        };
        task.detach();
    }
}
