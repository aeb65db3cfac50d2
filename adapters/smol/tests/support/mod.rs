//! A greeter to test with, and a server that runs it on a free port.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod greeting;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use sailplane::{Limits, Services};
use sailplane_examples_protos::greet::{GreeterClient, HelloRequest};
use sailplane_smol::{Channel, Handle, Server};

pub(crate) use greeting::Greeting;
pub(crate) use smol::block_on;

pub(crate) type Client = GreeterClient<Channel>;

/// A server on threads of its own, which ends with it.
pub(crate) struct TestServer {
    pub(crate) address: String,
    pub(crate) handle: Handle,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl TestServer {
    pub(crate) fn start(address: &str, services: Services) -> Self {
        Self::start_with(address, services, Limits::default())
    }

    pub(crate) fn start_with(address: &str, services: Services, limits: Limits) -> Self {
        let server = Server::new().services(services).limits(limits).threads(2);
        let bound = block_on(server.bind(address)).unwrap();
        let (address, handle) = (bound.local_addr().to_string(), bound.handle());
        let thread = std::thread::spawn(move || block_on(bound.run()));
        Self { address, handle, thread: Some(thread) }
    }

    pub(crate) fn channel(&self) -> Channel {
        Channel::plaintext(&self.address).unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        GreeterClient::new(self.channel())
    }

    /// Shuts down, and waits until it has ended.
    pub(crate) fn stop(&mut self, grace: Duration) {
        block_on(self.handle.shutdown(grace));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if self.thread.is_some() && !std::thread::panicking() {
            self.stop(Duration::ZERO);
        }
    }
}

/// A path for a Unix socket that no other test uses.
pub(crate) fn socket_path(name: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(format!("sailplane-{name}-{process}-{next}.sock"));
    format!("unix:{}", path.display())
}

pub(crate) fn named(name: impl Into<String>) -> HelloRequest {
    HelloRequest { name: name.into() }
}

/// Calls in all four kinds.
pub(crate) async fn greet_in_every_way(client: &Client) {
    let reply = client.say_hello(&named("张三")).await.unwrap();
    assert_eq!(reply.message, "Hello, 张三!");

    let mut replies = client.lots_of_replies(&named("李四"));
    let mut count = 0;
    while let Some(reply) = replies.message().await.unwrap() {
        assert_eq!(reply.message, format!("Hello, 李四! ({count})"));
        count += 1;
    }
    assert_eq!(count, 10);

    let mut greetings = client.lots_of_greetings();
    for name in ["张三", "李四"] {
        greetings.send(&named(name)).await.unwrap();
    }
    assert_eq!(greetings.finish().await.unwrap().message, "Hello, 张三, 李四!");

    let (mut names, mut replies) = client.bidi_hello();
    for name in ["张三", "李四", "王五"] {
        names.send(&named(name)).await.unwrap();
        let reply = replies.message().await.unwrap().unwrap();
        assert_eq!(reply.message, format!("Hello, {name}!"));
    }
    names.finish();
    assert_eq!(replies.message().await.unwrap(), None);
}
