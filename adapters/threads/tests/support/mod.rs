//! A greeter that does as its guests' names say, and a server around it.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use sailplane::blocking::{Sender, Streaming};
use sailplane::{Call, Result, Services, Status, Stub};
use sailplane_examples_protos::greet::{
    GreeterBlocking, GreeterBlockingServer, GreeterClient, HelloReply, HelloRequest,
};
use sailplane_threads::{Channel, Handle, Server};

pub fn hello(name: &str) -> HelloRequest {
    HelloRequest { name: name.into() }
}

fn reply(name: &str) -> HelloReply {
    HelloReply { message: format!("Hello, {name}!") }
}

/// Handlers wait here until the test lets them go.
#[derive(Default)]
pub struct Gate {
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    /// A handler: waits until the gate is open.
    pub fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        self.changed.notify_all();
        while !state.1 {
            state = self.changed.wait(state).unwrap();
        }
        state.0 -= 1;
    }

    /// The test: waits until so many handlers are at the gate.
    pub fn await_waiting(&self, count: usize) {
        let mut state = self.state.lock().unwrap();
        while state.0 < count {
            state = self.changed.wait(state).unwrap();
        }
    }

    pub fn waiting(&self) -> usize {
        self.state.lock().unwrap().0
    }

    pub fn open(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

#[derive(Default)]
pub struct Inner {
    pub gate: Gate,
    /// Handlers that were told to wait until they are cancelled.
    pub doomed: AtomicUsize,
    pub cancelled: AtomicUsize,
    /// The way back to the same server.
    pub back: OnceLock<GreeterClient<Channel>>,
}

/// Does as the names say.
#[derive(Clone, Default)]
pub struct Guest(pub Arc<Inner>);

impl GreeterBlocking for Guest {
    fn say_hello(&self, request: HelloRequest, call: &Call) -> Result<HelloReply> {
        match request.name.as_str() {
            "panic" => panic!("the guest panics, as it should"),
            "gate" => self.0.gate.pass(),
            "fail" => return Err(Status::invalid_argument("no such guest")),
            "cancel" => {
                self.0.doomed.fetch_add(1, Ordering::SeqCst);
                while !call.is_cancelled() {
                    std::thread::yield_now();
                }
                self.0.cancelled.fetch_add(1, Ordering::SeqCst);
            }
            "back" => {
                let client = self.0.back.get().unwrap().inherit(call);
                return client.say_hello(&hello("you"));
            }
            "metadata" => {
                call.set_header("x-node", "n7")?;
                call.set_trailer("x-cost", "3")?;
                return Ok(reply(call.metadata().get("x-tenant").unwrap_or("nobody")));
            }
            _ => {}
        }
        Ok(reply(&request.name))
    }

    fn lots_of_replies(
        &self,
        request: HelloRequest,
        mut replies: Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        if let Some(endless) = request.name.strip_prefix("endless ") {
            loop {
                if let Err(error) = replies.send(&reply(endless)) {
                    self.0.cancelled.fetch_add(1, Ordering::SeqCst);
                    return Err(error.into());
                }
            }
        }
        (0..3).try_for_each(|n| replies.send(&reply(&format!("{} {n}", request.name))))?;
        if request.name == "gate" {
            self.0.gate.pass();
        }
        Ok(())
    }

    fn lots_of_greetings(&self, requests: Streaming<HelloRequest>, _: &Call) -> Result<HelloReply> {
        let names: Result<Vec<_>> = requests.map(|request| Ok(request?.name)).collect();
        Ok(reply(&names?.join(" and ")))
    }

    fn bidi_hello(
        &self,
        requests: Streaming<HelloRequest>,
        mut replies: Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        for request in requests {
            match request {
                Ok(request) => {
                    if request.name == "gate" {
                        self.0.gate.pass();
                    }
                    replies.send(&reply(&request.name))?;
                }
                Err(status) => {
                    self.0.cancelled.fetch_add(1, Ordering::SeqCst);
                    return Err(status);
                }
            }
        }
        Ok(())
    }
}

/// A server that runs.
pub struct Running {
    pub target: String,
    pub handle: Handle,
    pub guest: Guest,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Running {
    pub fn start() -> Self {
        Self::with(Server::new())
    }

    pub fn with(server: Server) -> Self {
        Self::at("127.0.0.1:0", server)
    }

    pub fn at(address: &str, server: Server) -> Self {
        Self::of(|server, guest| server.service(guest), address, server)
    }

    /// A server to which the guest is added by `add`.
    pub fn of(
        add: impl FnOnce(Server, GreeterBlockingServer<Guest>) -> Server,
        address: &str,
        server: Server,
    ) -> Self {
        let guest = Guest::default();
        let bound = add(server, GreeterBlockingServer::new(guest.clone())).bind(address).unwrap();
        let (target, handle) = (bound.local_addr().to_string(), bound.handle());
        let thread = Some(std::thread::spawn(move || bound.run()));
        Self { target, handle, guest, thread }
    }

    pub fn channel(&self) -> Channel {
        Channel::plaintext(&self.target).unwrap()
    }

    pub fn client(&self) -> GreeterClient<Channel> {
        GreeterClient::new(self.channel())
    }

    /// Shuts down and waits for the end.
    pub fn stop(&mut self, grace: Duration) -> io::Result<()> {
        self.handle.shutdown(grace);
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.guest.0.gate.open();
        let ended = self.stop(Duration::ZERO);
        if !std::thread::panicking() {
            ended.unwrap();
        }
    }
}

pub fn in_process() -> (Guest, GreeterClient<Channel>) {
    let guest = Guest::default();
    let services = Services::new().service(GreeterBlockingServer::new(guest.clone()));
    (guest, GreeterClient::new(Channel::in_process(services)))
}

/// A path for a Unix socket that nobody else has.
pub fn socket_path() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("sailplane-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    format!("unix:{}", std::env::temp_dir().join(name).display())
}
