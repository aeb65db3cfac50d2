//! The greeter that the tests serve, async and blocking.

use crate::greet::{Greeter, GreeterBlocking, HelloReply, HelloRequest};
use sailplane::{Call, Result, Sender, Status, Streaming, blocking};

pub(crate) struct Echo;

pub(crate) fn request(name: &str) -> HelloRequest {
    HelloRequest { name: name.into() }
}

pub(crate) fn hello(name: &str) -> HelloReply {
    HelloReply { message: format!("Hello, {name}!") }
}

/// What both flavours do with one request.
fn answer(request: &HelloRequest, call: &Call) -> Result<HelloReply> {
    call.set_header("x-node", "n7")?;
    call.set_trailer("x-cost", "3")?;
    match &*request.name {
        "panic" => panic!("as asked"),
        "fail" => Err(Status::not_found("nobody of that name")),
        name => Ok(hello(name)),
    }
}

impl Greeter for Echo {
    async fn say_hello(&self, request: HelloRequest, call: &Call) -> Result<HelloReply> {
        if request.name == "wait" {
            std::future::pending::<()>().await;
        }
        answer(&request, call)
    }

    async fn lots_of_replies(
        &self,
        request: HelloRequest,
        mut replies: Sender<HelloReply>,
        call: &Call,
    ) -> Result<()> {
        let reply = answer(&request, call)?;
        for _ in 0..4 {
            replies.send(&reply).await?;
        }
        Ok(replies.send_all([reply]).await?)
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
        answer(&request(&names.join(" and ")), call)
    }

    async fn bidi_hello(
        &self,
        mut requests: Streaming<HelloRequest>,
        mut replies: Sender<HelloReply>,
        call: &Call,
    ) -> Result<()> {
        while let Some(request) = requests.message().await? {
            replies.send(&hello(&request.name)).await?;
        }
        call.set_trailer("x-cost", "3")
    }
}

impl GreeterBlocking for Echo {
    fn say_hello(&self, request: HelloRequest, call: &Call) -> Result<HelloReply> {
        answer(&request, call)
    }

    fn lots_of_replies(
        &self,
        request: HelloRequest,
        mut replies: blocking::Sender<HelloReply>,
        call: &Call,
    ) -> Result<()> {
        let reply = answer(&request, call)?;
        Ok(replies.send_all(std::iter::repeat_n(&reply, 5))?)
    }

    fn lots_of_greetings(
        &self,
        requests: blocking::Streaming<HelloRequest>,
        call: &Call,
    ) -> Result<HelloReply> {
        let names = requests.map(|request| Ok(request?.name)).collect::<Result<Vec<_>>>()?;
        answer(&request(&names.join(" and ")), call)
    }

    fn bidi_hello(
        &self,
        requests: blocking::Streaming<HelloRequest>,
        mut replies: blocking::Sender<HelloReply>,
        call: &Call,
    ) -> Result<()> {
        for request in requests {
            replies.send(&hello(&request?.name))?;
        }
        call.set_trailer("x-cost", "3")
    }
}
