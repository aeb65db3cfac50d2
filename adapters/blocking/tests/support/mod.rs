//! A greeter, and servers for it on ports of their own.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use sailplane::{Call, Limits, Result, Sender, Services, Status, Streaming, blocking};
use sailplane_blocking::{Channel, serve_connection, serve_with_limits};
use sailplane_examples_protos::greet::{
    Greeter, GreeterBlocking, GreeterBlockingServer, GreeterClient, GreeterServer, HelloReply, HelloRequest,
};

pub(crate) type Client = GreeterClient<Channel>;

pub(crate) fn hello(name: &str) -> HelloRequest {
    HelloRequest { name: name.into() }
}

pub(crate) fn reply(name: &str) -> HelloReply {
    HelloReply { message: format!("Hello, {name}!") }
}

/// Greets, fails or panics as the name says.
pub(crate) struct Polite;

fn answer(name: &str, call: &Call) -> Result<HelloReply> {
    call.set_header("x-node", "n7")?;
    call.set_trailer("x-cost", "3")?;
    match name {
        "panic" => panic!("as asked"),
        "fail" => Err(Status::not_found("nobody of that name")),
        _ => Ok(reply(name)),
    }
}

impl GreeterBlocking for Polite {
    fn say_hello(&self, request: HelloRequest, call: &Call) -> Result<HelloReply> {
        answer(&request.name, call)
    }

    fn lots_of_replies(
        &self,
        request: HelloRequest,
        mut replies: blocking::Sender<HelloReply>,
        call: &Call,
    ) -> Result<()> {
        let count = request.name.len();
        let reply = answer(&request.name, call)?;
        Ok(replies.send_all(std::iter::repeat_n(&reply, count))?)
    }

    fn lots_of_greetings(
        &self,
        requests: blocking::Streaming<HelloRequest>,
        call: &Call,
    ) -> Result<HelloReply> {
        let names: Vec<_> = requests.map(|request| Ok(request?.name)).collect::<Result<_>>()?;
        match names.iter().map(String::len).sum::<usize>() {
            large @ 1000.. => Ok(reply(&large.to_string())),
            _ => answer(&names.join(" and "), call),
        }
    }

    fn bidi_hello(
        &self,
        requests: blocking::Streaming<HelloRequest>,
        mut replies: blocking::Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        for request in requests {
            replies.send(&reply(&request?.name))?;
        }
        Ok(())
    }
}

impl Greeter for Polite {
    async fn say_hello(&self, request: HelloRequest, call: &Call) -> Result<HelloReply> {
        answer(&request.name, call)
    }

    async fn lots_of_replies(
        &self,
        request: HelloRequest,
        mut replies: Sender<HelloReply>,
        call: &Call,
    ) -> Result<()> {
        let reply = answer(&request.name, call)?;
        for _ in 0..request.name.len() {
            replies.send(&reply).await?;
        }
        Ok(())
    }

    async fn lots_of_greetings(
        &self,
        mut requests: Streaming<HelloRequest>,
        call: &Call,
    ) -> Result<HelloReply> {
        let mut names = Vec::new();
        while let Some(request) = requests.message().await? {
            names.push(request.name);
        }
        answer(&names.join(" and "), call)
    }

    async fn bidi_hello(
        &self,
        mut requests: Streaming<HelloRequest>,
        mut replies: Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        while let Some(request) = requests.message().await? {
            replies.send(&reply(&request.name)).await?;
        }
        Ok(())
    }
}

pub(crate) fn blocking_services() -> Services {
    Services::new().service(GreeterBlockingServer::new(Polite))
}

pub(crate) fn async_services() -> Services {
    Services::new().service(GreeterServer::new(Polite))
}

/// A listener whose connections are served one after the other, each on its thread.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Connections that were accepted.
    pub(crate) accepted: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start(services: Services) -> Self {
        Self::with_limits(services, Limits::default())
    }

    pub(crate) fn with_limits(services: Services, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, services, limits) = (stream.unwrap(), services.clone(), limits.clone());
                count.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serve_with_limits(stream, &services, limits));
            }
        });
        Self { address, accepted }
    }

    pub(crate) fn channel(&self) -> Channel {
        Channel::plaintext(self.address.to_string()).unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        GreeterClient::new(self.channel())
    }
}

/// A server for one connection, and the result of serving it.
pub(crate) fn serve_once(services: Services) -> (SocketAddr, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        drop(listener);
        serve_connection(stream, &services)
    });
    (address, served)
}
