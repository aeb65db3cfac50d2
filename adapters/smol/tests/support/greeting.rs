//! The greeter: what it does depends on the name.

use sailplane::{Call, Result, Sender, Services, Status, Streaming};
use sailplane_examples_protos::greet::{Greeter, GreeterServer, HelloReply, HelloRequest};
use smol::channel;

/// Greets. `panic` makes it panic, `refuse` fail, and `wait` wait until it is cancelled or let go.
pub(crate) struct Greeting {
    started: channel::Sender<()>,
    dropped: channel::Sender<()>,
    go: channel::Receiver<()>,
}

/// What a test sees of the handlers that wait.
pub(crate) struct Watcher {
    /// One for each handler that waits.
    pub(crate) started: channel::Receiver<()>,
    /// One for each handler that waited and is gone.
    pub(crate) dropped: channel::Receiver<()>,
    /// Lets one handler go.
    pub(crate) go: channel::Sender<()>,
}

impl Greeting {
    pub(crate) fn new() -> Self {
        Self::watched().0
    }

    pub(crate) fn watched() -> (Self, Watcher) {
        let (started, watch_started) = channel::unbounded();
        let (dropped, watch_dropped) = channel::unbounded();
        let (let_go, go) = channel::unbounded();
        let watcher = Watcher { started: watch_started, dropped: watch_dropped, go: let_go };
        (Self { started, dropped, go }, watcher)
    }

    pub(crate) fn services(self) -> Services {
        Services::new().service(GreeterServer::new(self))
    }

    async fn wait(&self) {
        let _dropped = Dropped(self.dropped.clone());
        self.started.try_send(()).unwrap();
        if self.go.recv().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

struct Dropped(channel::Sender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        _ = self.0.try_send(());
    }
}

fn hello(names: &str) -> HelloReply {
    HelloReply { message: format!("Hello, {names}!") }
}

impl Greeter for Greeting {
    async fn say_hello(&self, request: HelloRequest, call: &Call) -> Result<HelloReply> {
        match request.name.as_str() {
            "panic" => panic!("as asked"),
            "refuse" => return Err(Status::permission_denied("这里不欢迎您")),
            "wait" => self.wait().await,
            "metadata" => {
                let tenant = call.metadata().get("x-tenant").unwrap_or("nobody").to_owned();
                call.set_header("x-node", "n7")?;
                call.set_trailer("x-cost", "3")?;
                return Ok(hello(&tenant));
            }
            _ => {}
        }
        Ok(hello(&request.name))
    }

    async fn lots_of_replies(
        &self,
        request: HelloRequest,
        mut replies: Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        let times = if request.name == "endless" { usize::MAX } else { 10 };
        let _dropped = Dropped(self.dropped.clone());
        for time in 0..times {
            let message = format!("Hello, {}! ({time})", request.name);
            replies.send(&HelloReply { message }).await?;
        }
        Ok(())
    }

    async fn lots_of_greetings(&self, mut requests: Streaming<HelloRequest>, _: &Call) -> Result<HelloReply> {
        let mut names = Vec::new();
        while let Some(request) = requests.message().await? {
            names.push(request.name);
        }
        Ok(hello(&names.join(", ")))
    }

    async fn bidi_hello(
        &self,
        mut requests: Streaming<HelloRequest>,
        mut replies: Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        while let Some(request) = requests.message().await? {
            replies.send(&hello(&request.name)).await?;
        }
        Ok(())
    }
}
