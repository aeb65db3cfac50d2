//! From a new call to its handler.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use sailplane::blocking::Service as BlockingService;
use sailplane::call::RequestHead;
use sailplane::stub::{serve_async, serve_blocking};
use sailplane::{AnyService, CallId, Driver, Services};
use sailplane_driver::IncomingCall;

use crate::socket::Socket;
use crate::spawner::Spawner;

type BoxTask = Pin<Box<dyn Future<Output = ()> + Send>>;

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

    /// Runs the handler of a call: here, as long as it does not wait. Called with nothing locked.
    pub(crate) fn run(&self, call: IncomingCall<Socket>) {
        let Some((head, driver, id)) = call.into_parts() else { return };
        let Some(route) = self.services.route(&head.path) else {
            let status = self.services.unimplemented(&head.path);
            driver.respond(id, None, Err(status));
            driver.release(id);
            return;
        };
        match route.service {
            AnyService::Async(service) => {
                let service = Arc::clone(service);
                self.start(Box::pin(serve_async(service, route.method, head, driver, id)));
            }
            AnyService::Blocking(service) => unblock(Arc::clone(service), route.method, head, driver, id),
        }
    }

    /// Polls a handler once; one that waits becomes a task.
    fn start(&self, mut handler: BoxTask) {
        // The task is polled at once, and leaves its own waker then.
        if poll(&mut handler, &mut Context::from_waker(Waker::noop())).is_pending() {
            self.spawner.spawn(std::future::poll_fn(move |cx| poll(&mut handler, cx)));
        }
    }
}

/// Polls a handler. One that panics has answered its call by unwinding, and is done.
fn poll(handler: &mut BoxTask, cx: &mut Context<'_>) -> Poll<()> {
    catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))).unwrap_or(Poll::Ready(()))
}

/// Runs a blocking handler on a thread of its own.
fn unblock(
    service: Arc<dyn BlockingService>,
    method: usize,
    head: RequestHead,
    driver: Arc<dyn Driver>,
    id: CallId,
) {
    let handler = move || {
        let serve = || serve_blocking(&*service, method, head, driver, id);
        // A handler that panics has answered its call by unwinding.
        let _ = catch_unwind(AssertUnwindSafe(serve));
    };
    smol::unblock(handler).detach();
}
