//! From a new call to its handler.

use std::pin::Pin;
use std::task::{Context, Waker};

use sailplane::Services;
use sailplane_driver::{AsyncJob, IncomingCall, Job};

use crate::socket::Socket;
use crate::spawner::Spawner;

/// Runs the handlers of a server.
#[derive(Debug)]
pub(crate) struct Handlers {
    services: Services,
    spawner: Spawner,
}

impl Handlers {
    pub(crate) const fn new(services: Services, spawner: Spawner) -> Self {
        Self { services, spawner }
    }

    /// Runs the handler of a call: here, as long as it does not wait; on a thread of its own, where it blocks.
    /// Called with nothing locked.
    pub(crate) fn run(&self, call: IncomingCall<Socket>) {
        match call.route(&self.services) {
            Some(Job::Async(job)) => self.start(job),
            Some(Job::Blocking(job)) => smol::unblock(move || job.run()).detach(),
            None => {}
        }
    }

    /// Polls a handler once; one that waits becomes a task.
    fn start(&self, mut job: AsyncJob) {
        // The task is polled at once, and leaves its own waker then.
        if Pin::new(&mut job).poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            self.spawner.spawn_job(job);
        }
    }
}
