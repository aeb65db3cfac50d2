//! Calls that have found their handler.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use sailplane::stub::{Serving, serve_async, serve_blocking};
use sailplane::{AnyService, Call, MethodInfo, Services, Status, blocking};

use crate::{IncomingCall, Io};

/// A call and its handler, to be run. A handler that panics ends its call with UNKNOWN, and nothing else.
/// A job that is dropped answers its call with UNAVAILABLE.
#[derive(Debug)]
#[must_use = "the call is answered by running it"]
pub enum Job {
    /// Poll it.
    Async(AsyncJob),
    /// Run it on a thread that may block.
    Blocking(BlockingJob),
}

/// A handler that is a future. It needs no particular executor.
pub struct AsyncJob {
    info: &'static MethodInfo,
    serving: Serving,
}

/// A handler that blocks.
pub struct BlockingJob {
    info: &'static MethodInfo,
    handler: Option<Handler>,
}

struct Handler {
    service: Arc<dyn blocking::Service>,
    method: usize,
    call: Call,
}

impl<I: Io> IncomingCall<I> {
    /// Finds the handler. Where there is none, the call is answered UNIMPLEMENTED, and that is that.
    pub fn route(self, services: &Services) -> Option<Job> {
        let path = self.path()?;
        let Some(route) = services.route(path) else {
            let status = services.unimplemented(path);
            self.refuse(status);
            return None;
        };
        let (method, info) = (route.method, route.info);
        Some(match route.service {
            AnyService::Async(service) => {
                self.make_interruptible();
                let call = self.into_call()?;
                let serve = || serve_async(Arc::clone(service), method, call);
                // A service that panics has answered the call.
                let serving = catch_unwind(AssertUnwindSafe(serve)).map_err(forget).ok()?;
                Job::Async(AsyncJob { info, serving })
            }
            AnyService::Blocking(service) => {
                let call = self.into_call()?;
                let handler = Some(Handler { service: Arc::clone(service), method, call });
                Job::Blocking(BlockingJob { info, handler })
            }
        })
    }
}

impl Job {
    /// The method that it answers.
    #[must_use]
    pub const fn method(&self) -> &'static MethodInfo {
        match self {
            Self::Async(job) => job.info,
            Self::Blocking(job) => job.info,
        }
    }
}

impl AsyncJob {
    /// Runs the handler on this thread, which sleeps, or drives the connection, while the handler waits.
    pub fn block(mut self) {
        let Some(call) = self.serving.call().cloned() else { return };
        let (driver, id) = call.parts();
        driver.block(id, &mut |cx| Pin::new(&mut self).poll(cx));
    }
}

impl Future for AsyncJob {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.serving).poll(cx))) {
            Ok(poll) => poll,
            // The call was answered as the handler unwound.
            Err(panic) => {
                forget(panic);
                Poll::Ready(())
            }
        }
    }
}

impl BlockingJob {
    /// Runs the handler on this thread.
    pub fn run(mut self) {
        let Some(Handler { service, method, call }) = self.handler.take() else { return };
        let run = AssertUnwindSafe(|| serve_blocking(&*service, method, call));
        // The call was answered as the handler unwound.
        if let Err(panic) = catch_unwind(run) {
            forget(panic);
        }
    }
}

impl Drop for BlockingJob {
    fn drop(&mut self) {
        if let Some(Handler { call, .. }) = self.handler.take() {
            let (driver, id) = call.parts();
            driver.respond(id, None, Err(Status::unavailable("the server ran no handler for the call")));
        }
    }
}

/// The panic's message was printed by the hook. Dropping its payload may panic again.
fn forget(payload: Box<dyn Any + Send>) {
    std::mem::forget(payload);
}

impl fmt::Debug for AsyncJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AsyncJob")
    }
}

impl fmt::Debug for BlockingJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingJob").field("path", &self.info.path).finish_non_exhaustive()
    }
}
