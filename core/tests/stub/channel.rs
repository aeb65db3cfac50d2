//! Channels over the fake driver, and what blocks on it.

use std::marker::PhantomData;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};

use crate::fake::{CALL, ClientEnd, ServerEnd, Wire};
use bytes::Bytes;
use sailplane::call::RequestHead;
use sailplane::stub::{Served, Start, serve_async, serve_blocking};
use sailplane::{AnyService, Async, Blocking, Call, Channel, Instant, RawCall, Services};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub(crate) fn wait<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let waker = Arc::new(Unpark(thread::current())).into();
    loop {
        match poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(found) => return found,
            Poll::Pending => thread::park(),
        }
    }
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    wait(|cx| future.as_mut().poll(cx))
}

/// A channel of one mode, each of whose calls is served on a thread of its own; or by the test.
pub(crate) struct Fake<M> {
    services: Option<Services>,
    pub(crate) calls: Mutex<Vec<(RequestHead, Arc<Wire>)>>,
    mode: PhantomData<fn() -> M>,
}

impl<M> Fake<M> {
    pub(crate) fn new(services: Option<Services>) -> Self {
        Self { services, calls: Mutex::default(), mode: PhantomData }
    }

    /// The call that was started last.
    pub(crate) fn last(&self) -> (RequestHead, Arc<Wire>) {
        self.calls.lock().unwrap().last().cloned().unwrap()
    }

    fn begin(&self, start: Start<'_>) -> RawCall {
        let head = match start.head(Instant::from_nanos(1000), Bytes::from_static(b"server")) {
            Ok(head) => head,
            Err(status) => return RawCall::failed(status),
        };
        let wire = Arc::new(Wire::default());
        wire.change(|state| {
            state.requests.extend(start.message);
            state.finished = start.finished;
        });
        self.calls.lock().unwrap().push((head.clone(), Arc::clone(&wire)));
        if let Some(services) = self.services.clone() {
            let wire = Arc::clone(&wire);
            thread::spawn(move || serve(&services, head, wire));
        }
        RawCall::new(Arc::new(ClientEnd(wire)), CALL)
    }
}

pub(crate) fn serve(services: &Services, head: RequestHead, wire: Arc<Wire>) {
    let path = head.path.clone();
    let Some(route) = services.route(&path) else {
        return wire.respond(None, Err(services.unimplemented(&path)));
    };
    let call = Call::from(Arc::new(Served::new(head, CALL, ServerEnd(wire))));
    match route.service {
        AnyService::Async(service) => {
            block_on(serve_async(Arc::clone(service), route.method, call));
        }
        AnyService::Blocking(service) => {
            serve_blocking(&**service, route.method, call);
        }
    }
}

impl Channel for Fake<Async> {
    type Mode = Async;

    fn start(&self, start: Start<'_>) -> RawCall {
        self.begin(start)
    }
}

impl Channel for Fake<Blocking> {
    type Mode = Blocking;

    fn start(&self, start: Start<'_>) -> RawCall {
        self.begin(start)
    }
}
