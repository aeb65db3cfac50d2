//! A greeter and its callers, in one program: four kinds of calls by an async and by a blocking client,
//! metadata, a deadline that is missed, a stream that is cancelled, and an error.
//!
//! `cargo run --release -p sailplane-smol --example greeter`

use std::error::Error;
use std::time::Duration;

use sailplane::{Call, CallInfo, Result, Sender, Status, Streaming, Stub as _};
use sailplane_examples_protos::greet::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
use sailplane_smol::Server;

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::new().service(GreeterServer::new(Host)).threads(2);
    let bound = smol::block_on(server.bind("127.0.0.1:0"))?;
    let (address, handle) = (bound.local_addr().to_string(), bound.handle());
    let running = std::thread::spawn(move || smol::block_on(bound.run()));
    println!("A greeter listens on {address}.");

    call_from_smol(&address)?;
    call_from_a_thread(&address)?;

    smol::block_on(handle.shutdown(Duration::from_secs(1)));
    running.join().expect("the server panicked")?;
    println!("\nThe greeter has shut down.");
    Ok(())
}

fn call_from_smol(address: &str) -> Result<(), Box<dyn Error>> {
    println!("\nAn async client, on smol:");
    let client = GreeterClient::new(sailplane_smol::Channel::plaintext(address)?);
    smol::block_on(four_kinds(&client))?;
    Ok(smol::block_on(what_else_happens(&client))?)
}

fn call_from_a_thread(address: &str) -> Result<(), Box<dyn Error>> {
    println!("\nA blocking client, without a runtime:");
    let client = GreeterClient::new(sailplane_blocking::Channel::plaintext(address)?);
    Ok(four_kinds_blocking(&client)?)
}

async fn four_kinds(client: &GreeterClient<sailplane_smol::Channel>) -> Result<()> {
    let reply = client.say_hello(&named("张三")).await?;
    tell("unary", "张三", &reply.message);

    let mut replies = client.lots_of_replies(&named("李四"));
    while let Some(reply) = replies.message().await? {
        tell("server streaming", "李四", &reply.message);
    }

    let reply = client.lots_of_greetings().finish_with([named("张三"), named("王五")]).await?;
    tell("client streaming", "张三, 王五", &reply.message);

    let (mut names, mut replies) = client.bidi_hello();
    for name in ["张三", "赵六"] {
        names.send(&named(name)).await?;
        let reply = replies.message().await?.unwrap_or_default();
        tell("bidirectional", name, &reply.message);
    }
    names.finish();
    replies.message().await?;
    Ok(())
}

async fn what_else_happens(client: &GreeterClient<sailplane_smol::Channel>) -> Result<()> {
    let info = CallInfo::new();
    client.with_metadata("x-language", "zh").with_info(&info).say_hello(&named("张三")).await?;
    let (headers, trailers) = (info.headers(), info.trailers());
    let (node, cost) = (headers.get("x-node").unwrap_or("-"), trailers.get("x-cost").unwrap_or("-"));
    tell("metadata", "x-language: zh", &format!("x-node: {node}, then x-cost: {cost}"));

    let timely = client.with_timeout(Duration::from_millis(100));
    let status = timely.say_hello(&named("乌龟")).await.expect_err("乌龟 is slow");
    tell("deadline of 100 ms", "乌龟", &status.to_string());

    let mut replies = client.lots_of_replies(&named("话痨"));
    let mut count = 0;
    while count < 100 && replies.message().await?.is_some() {
        count += 1;
    }
    replies.cancel();
    let status = loop {
        match replies.message().await {
            Ok(_) => {}
            Err(status) => break status,
        }
    };
    tell("cancelled stream", &format!("话痨, {count} replies read"), &status.to_string());

    let status = client.say_hello(&named("")).await.expect_err("nobody");
    tell("error", "nobody", &status.to_string());
    Ok(())
}

fn four_kinds_blocking(client: &GreeterClient<sailplane_blocking::Channel>) -> Result<()> {
    let reply = client.say_hello(&named("张三"))?;
    tell("unary", "张三", &reply.message);

    let mut replies = client.lots_of_replies(&named("李四"));
    while let Some(reply) = replies.message()? {
        tell("server streaming", "李四", &reply.message);
    }

    let reply = client.lots_of_greetings().finish_with([named("张三"), named("王五")])?;
    tell("client streaming", "张三, 王五", &reply.message);

    let (mut names, mut replies) = client.bidi_hello();
    for name in ["张三", "赵六"] {
        names.send(&named(name))?;
        let reply = replies.message()?.unwrap_or_default();
        tell("bidirectional", name, &reply.message);
    }
    names.finish();
    replies.message()?;
    Ok(())
}

/// The server's side.
struct Host;

impl Greeter for Host {
    async fn say_hello(&self, request: HelloRequest, call: &Call) -> Result<HelloReply> {
        match request.name.as_str() {
            "" => return Err(Status::invalid_argument("请问您贵姓？")),
            "乌龟" => drop(smol::Timer::after(Duration::from_secs(60)).await),
            _ => {}
        }
        call.set_header("x-node", "n7")?;
        call.set_trailer("x-cost", "3")?;
        Ok(match call.metadata().get("x-language") {
            Some("zh") => HelloReply { message: format!("你好，{}！", request.name) },
            _ => hello(&request.name),
        })
    }

    async fn lots_of_replies(
        &self,
        request: HelloRequest,
        mut replies: Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        let times = if request.name == "话痨" { usize::MAX } else { 3 };
        for time in 1..=times {
            // Waits while the client does not read, and fails when it has left.
            replies
                .send(&HelloReply { message: format!("Hello, {}, for the {time}. time!", request.name) })
                .await?;
        }
        Ok(())
    }

    async fn lots_of_greetings(&self, mut people: Streaming<HelloRequest>, _: &Call) -> Result<HelloReply> {
        let mut names = Vec::new();
        while let Some(person) = people.message().await? {
            names.push(person.name);
        }
        Ok(hello(&names.join(" and ")))
    }

    async fn bidi_hello(
        &self,
        mut people: Streaming<HelloRequest>,
        mut replies: Sender<HelloReply>,
        _: &Call,
    ) -> Result<()> {
        while let Some(person) = people.message().await? {
            replies.send(&hello(&person.name)).await?;
        }
        Ok(())
    }
}

fn named(name: &str) -> HelloRequest {
    HelloRequest { name: name.into() }
}

fn hello(name: &str) -> HelloReply {
    HelloReply { message: format!("Hello, {name}!") }
}

fn tell(kind: &str, said: &str, answer: &str) {
    println!("  {kind:<18}  {said} → {answer}");
}
