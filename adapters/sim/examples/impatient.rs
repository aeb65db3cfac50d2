//! Does a client that asks again get its answer from a server that crashes now and then? A week of virtual
//! time tells, in a moment, and the same week again for the same seed.
//!
//! `cargo run -p sailplane-sim --example impatient`

use std::time::Duration;

use sailplane::{Call, Result, Sender, Services, Streaming, Stub as _};
use sailplane_examples_protos::greet::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
use sailplane_sim::{Channel, Sim};

const HOUR: Duration = Duration::from_secs(3600);

/// Answers after a second.
struct Host(Sim);

impl Greeter for Host {
    async fn say_hello(&self, request: HelloRequest, _: &Call) -> Result<HelloReply> {
        self.0.sleep(Duration::from_secs(1)).await;
        Ok(HelloReply { message: format!("Hello, {}!", request.name) })
    }

    async fn lots_of_replies(&self, _: HelloRequest, _: Sender<HelloReply>, _: &Call) -> Result<()> {
        Ok(())
    }

    async fn lots_of_greetings(&self, _: Streaming<HelloRequest>, _: &Call) -> Result<HelloReply> {
        Ok(HelloReply::default())
    }

    async fn bidi_hello(&self, _: Streaming<HelloRequest>, _: Sender<HelloReply>, _: &Call) -> Result<()> {
        Ok(())
    }
}

/// What is tested: asks up to three times. How often it had to.
async fn ask(client: &GreeterClient<Channel>) -> Result<u32> {
    let request = HelloRequest { name: "you".into() };
    let mut attempts = 1;
    loop {
        let waiting = client.wait_for_ready().with_timeout(Duration::from_secs(10));
        match waiting.say_hello(&request).await {
            Ok(_) => return Ok(attempts),
            Err(status) if attempts == 3 => return Err(status),
            Err(_) => attempts += 1,
        }
    }
}

fn main() -> Result<()> {
    let sim = Sim::new(42);
    sim.set_latency(Duration::from_millis(1), Duration::from_millis(200));
    let server = sim.serve("greeter", Services::new().service(GreeterServer::new(Host(sim.clone()))));
    let client = GreeterClient::new(sim.channel("greeter"));

    // The server crashes every hour and a bit, and is back in four seconds.
    let clock = sim.clone();
    sim.spawn(async move {
        loop {
            clock.sleep(HOUR + Duration::from_millis(777)).await;
            server.crash();
            clock.sleep(Duration::from_secs(4)).await;
            server.restart();
        }
    });

    sim.run(async {
        let (mut calls, mut repeated) = (0, 0);
        while sim.elapsed() < 7 * 24 * HOUR {
            let attempts = ask(&client).await?;
            calls += 1;
            repeated += u32::from(attempts > 1);
            sim.sleep(Duration::from_secs(60)).await;
        }
        println!("{calls} calls in {:?}: all answered, {repeated} of them not at once.", sim.elapsed());
        Ok(())
    })
}
