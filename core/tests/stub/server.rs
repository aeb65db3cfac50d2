//! What a server's side promises: answering once, cancellation, panics, routing.

use crate::channel::{Fake, block_on, serve};
use crate::echo::{Echo, hello, request};
use crate::fake::{CALL, ClientEnd, ServerEnd, Wire};
use crate::greet::{GreeterBlockingServer, GreeterClient, GreeterMethods, GreeterServer};
use bytes::Bytes;
use prost::Message as _;
use sailplane::call::RequestHead;
use sailplane::stub::{Served, Serving, serve_async};
use sailplane::{
    Async, Blocking, BoxFuture, Call, Code, Driver, Instant, Path, Reply, Result, ServerCall, Service,
    ServiceInfo, Services, Status, Stub,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

fn head(method: &str) -> RequestHead {
    let path = format!("/greet.Greeter/{method}");
    let mut head = RequestHead::new(Path::new(path.into()).unwrap(), Bytes::new());
    head.deadline = Some(Instant::from_nanos(5000));
    head
}

fn wire(requests: &[&str]) -> Arc<Wire> {
    let wire = Arc::new(Wire::default());
    wire.change(|state| {
        state.requests.extend(requests.iter().map(|name| Bytes::from(request(name).encode_to_vec())));
        state.finished = true;
    });
    wire
}

fn call(method: &str, wire: &Arc<Wire>) -> Call {
    Call::from(Arc::new(Served::new(head(method), CALL, ServerEnd(Arc::clone(wire)))))
}

fn outcome(wire: &Wire) -> Result<()> {
    let state = wire.state();
    assert_eq!((state.responses, state.server_releases), (1, 1), "answered and released once");
    state.outcome.as_ref().unwrap().status.clone()
}

fn cancel(wire: &Arc<Wire>) {
    ClientEnd(Arc::clone(wire)).cancel(CALL, Status::cancelled("enough"));
}

fn both() -> [Services; 2] {
    [Services::new().service(GreeterServer(Echo)), Services::new().service(GreeterBlockingServer(Echo))]
}

#[test]
fn exactly_one_request_is_taken() {
    for services in both() {
        for requests in [&[][..], &["one", "two"]] {
            let wire = wire(requests);
            serve(&services, head("SayHello"), Arc::clone(&wire));
            assert_eq!(outcome(&wire).unwrap_err().code(), Code::Unimplemented);
        }
        let wire = wire(&[]);
        wire.change(|state| state.requests.push_back(Bytes::from_static(b"\xff")));
        serve(&services, head("SayHello"), Arc::clone(&wire));
        assert_eq!(outcome(&wire).unwrap_err().code(), Code::Internal);
    }
}

#[test]
fn a_reply_leaves_with_its_status() {
    for services in both() {
        let wire = wire(&["you"]);
        serve(&services, head("SayHello"), Arc::clone(&wire));
        outcome(&wire).unwrap();
        assert_eq!(wire.state().replies, [hello("you").encode_to_vec()]);
    }
}

#[test]
fn a_panic_is_an_error_and_never_success() {
    for services in both() {
        let wire = wire(&["panic"]);
        let run = AssertUnwindSafe(|| serve(&services, head("SayHello"), Arc::clone(&wire)));
        catch_unwind(run).unwrap_err();
        let status = outcome(&wire).unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unknown, "the handler panicked"));
    }
}

/// Shows its call to the test and waits for ever.
#[derive(Default)]
struct Stuck {
    call: Mutex<Option<Call>>,
    alive: Arc<()>,
}

impl Stuck {
    fn call(&self) -> Call {
        self.call.lock().unwrap().clone().unwrap()
    }
}

impl Service for Stuck {
    fn info(&self) -> &'static ServiceInfo {
        &ServiceInfo { name: "greet.Stuck", methods: &[], file_descriptor_set: b"" }
    }

    fn serve(self: Arc<Self>, _: usize, rpc: ServerCall) -> BoxFuture<'static, Result<Reply>> {
        let alive = Arc::clone(&self.alive);
        *self.call.lock().unwrap() = Some(rpc.call().clone());
        Box::pin(async move {
            let _alive = alive;
            std::future::pending().await
        })
    }
}

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

fn stuck() -> (Arc<Stuck>, Arc<Wire>, Running) {
    let (service, wire) = (Arc::new(Stuck::default()), wire(&[]));
    let mut running: Running = Box::pin(serve_async(service.clone(), 0, call("Wait", &wire)));
    assert!(running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(Arc::strong_count(&service.alive), 2);
    (service, wire, running)
}

#[test]
fn a_cancelled_call_drops_its_handler() {
    let (service, wire, running) = stuck();
    assert!(!service.call().is_cancelled());
    cancel(&wire);
    block_on(running);
    assert_eq!(Arc::strong_count(&service.alive), 1);
    assert_eq!(outcome(&wire).unwrap_err().message(), "enough", "the client's own");
    assert!(service.call().is_cancelled());
}

#[test]
fn a_runner_that_is_dropped_answers_too() {
    let (service, wire, running) = stuck();
    drop(running);
    assert_eq!(Arc::strong_count(&service.alive), 1);
    let status = outcome(&wire).unwrap_err();
    assert_eq!(status.to_string(), "UNAVAILABLE: the server dropped the call before its handler returned");

    let wire = self::wire(&[]);
    drop(serve_async(service, 0, call("Wait", &wire)));
    assert_eq!(outcome(&wire).unwrap_err().code(), Code::Unavailable, "never polled");
}

/// A task that counts its wake-ups.
#[derive(Default)]
struct Count(std::sync::atomic::AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn everybody_who_waits_for_a_cancellation_is_woken() {
    let (service, wire, running) = stuck();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let count = Arc::new(Count::default());
            let mut cancelled = Box::pin(service.call().cancelled());
            let waker = Arc::clone(&count).into();
            assert!(cancelled.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            (count, cancelled)
        })
        .collect();
    cancel(&wire);
    for (count, cancelled) in waiting {
        assert_eq!(count.0.load(std::sync::atomic::Ordering::SeqCst), 1);
        assert_eq!(block_on(cancelled).code(), Code::Cancelled);
    }
    block_on(running);
}

#[test]
fn calls_inherit_deadline_and_cancellation() {
    let downstream = Fake::<Async>::new(None);
    let client = GreeterClient::new(&downstream);
    let (service, wire, running) = stuck();
    let call = client.inherit(&service.call()).say_hello(&request("x"));
    assert_eq!(downstream.last().0.deadline, Some(Instant::from_nanos(5000)));
    cancel(&wire);
    assert_eq!(block_on(call).unwrap_err().code(), Code::Cancelled);
    block_on(running);

    let (service, _wire, running) = stuck();
    let call = client.inherit(&service.call()).say_hello(&request("x"));
    drop(running);
    assert_eq!(block_on(call).unwrap_err().code(), Code::Cancelled, "the handler is gone");
    let late = client.inherit(&service.call()).say_hello(&request("x"));
    assert_eq!(block_on(late).unwrap_err().code(), Code::Cancelled);
    assert_eq!(downstream.calls.lock().unwrap().len(), 2);
}

#[test]
fn a_blocking_client_is_cancelled_through_the_call_it_belongs_to() {
    let downstream = Fake::<Blocking>::new(None);
    let (service, wire, running) = stuck();
    let client = GreeterClient::new(&downstream).inherit(&service.call());
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| client.say_hello(&request("x")));
        cancel(&wire);
        assert_eq!(caller.join().unwrap().unwrap_err().code(), Code::Cancelled);
    });
    drop(running);
}

#[test]
fn a_call_knows_itself() {
    let (service, wire, running) = stuck();
    let call = service.call();
    assert_eq!((call.method(), call.path().as_str()), ("Wait", "/greet.Greeter/Wait"));
    assert_eq!(call.time_remaining().unwrap().as_nanos(), 4000);
    assert_eq!(call.peer().as_deref(), Some("client:1"));
    call.set_header("x-node", "n7").unwrap();
    assert_eq!(call.set_header("Foo Bar", "").unwrap_err().code(), Code::Internal);
    assert_eq!(call.set_trailer("grpc-status", "0").unwrap_err().code(), Code::Internal);
    call.send_headers().unwrap();
    assert_eq!(wire.state().headers.get("x-node"), Some("n7"));
    call.set_header("x-late", "").unwrap_err();
    drop(running);
}

#[test]
fn a_servers_halves_may_be_dropped() {
    struct Careless;
    impl Service for Careless {
        fn info(&self) -> &'static ServiceInfo {
            &ServiceInfo { name: "", methods: &[], file_descriptor_set: b"" }
        }
        fn serve(self: Arc<Self>, _: usize, rpc: ServerCall) -> BoxFuture<'static, Result<Reply>> {
            drop(rpc.streaming(&GreeterMethods::BIDI_HELLO));
            drop(rpc.sender(&GreeterMethods::BIDI_HELLO));
            rpc.sender(&GreeterMethods::BIDI_HELLO).finish();
            Box::pin(async { Ok(Reply::Streamed) })
        }
    }
    let wire = wire(&["ignored"]);
    block_on(serve_async(Arc::new(Careless), 0, call("BidiHello", &wire)));
    outcome(&wire).unwrap();
}

#[test]
fn a_service_that_panics_before_it_has_a_handler_answers_too() {
    struct Broken;
    impl Service for Broken {
        fn info(&self) -> &'static ServiceInfo {
            &ServiceInfo { name: "", methods: &[], file_descriptor_set: b"" }
        }
        fn serve(self: Arc<Self>, _: usize, _: ServerCall) -> BoxFuture<'static, Result<Reply>> {
            panic!("no handler")
        }
    }
    let wire = wire(&["ignored"]);
    let serve = || drop(serve_async(Arc::new(Broken), 0, call("SayHello", &wire)));
    catch_unwind(AssertUnwindSafe(serve)).unwrap_err();
    assert_eq!(outcome(&wire).unwrap_err().code(), Code::Unknown);
}

#[test]
fn paths_lead_to_methods_octet_by_octet() {
    let services = Services::new().service(GreeterServer(Echo)).service(GreeterBlockingServer(Echo));
    assert_eq!(services.iter().count(), 1, "the later one replaces the earlier");
    for (index, name) in ["SayHello", "LotsOfReplies", "LotsOfGreetings", "BidiHello"].iter().enumerate() {
        let path = head(name).path;
        let route = services.route(&path).unwrap();
        assert_eq!((route.method, route.info.path), (index, path.as_str()));
        assert!(matches!(route.service, sailplane::AnyService::Blocking(_)));
    }
    for wrong in ["sayhello", "SayHell", "SayHello%20"] {
        let path = head(wrong).path;
        assert!(services.route(&path).is_none());
        let text = format!("unknown method {wrong} of service greet.Greeter");
        assert_eq!(services.unimplemented(&path).message(), text);
    }
}

#[test]
fn what_a_waiting_handler_holds_is_small() {
    const WORD: usize = size_of::<usize>();
    // A handler's future holds its arguments twice: as it was given them, and as its locals.
    assert!(size_of::<sailplane::Streaming<u64>>() <= 5 * WORD);
    assert!(size_of::<sailplane::Sender<u64>>() <= 6 * WORD);
    assert!(size_of::<ServerCall>() <= 2 * WORD);
    assert!(size_of::<Serving>() <= 4 * WORD);
}
