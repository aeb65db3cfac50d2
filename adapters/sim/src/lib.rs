//! Tests of your own services and clients, on a simulated network and clock.
//!
//! A [`Sim`] is a small world: servers with names, channels to them, a network with latency that can be cut,
//! held up and healed, and a clock that jumps to the next thing that happens. Everything runs on the thread
//! that calls [`Sim::run`], in an order that the seed decides: a test that fails fails again. A deadline of an
//! hour takes no time at all.
//!
//! ```
//! use std::time::Duration;
//!
//! use sailplane::{Call, Code, Result, Services, Stub as _};
//! use sailplane_examples_protos::greet::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
//! use sailplane_sim::Sim;
//! # use sailplane::{Sender, Streaming};
//!
//! struct Slow(Sim);
//!
//! impl Greeter for Slow {
//!     async fn say_hello(&self, request: HelloRequest, _: &Call) -> Result<HelloReply> {
//!         self.0.sleep(Duration::from_secs(60)).await;
//!         Ok(HelloReply { message: format!("Hello, {}!", request.name) })
//!     }
//! #   async fn lots_of_replies(&self, _: HelloRequest, _: Sender<HelloReply>, _: &Call) -> Result<()> { Ok(()) }
//! #   async fn lots_of_greetings(&self, _: Streaming<HelloRequest>, _: &Call) -> Result<HelloReply> { Ok(HelloReply::default()) }
//! #   async fn bidi_hello(&self, _: Streaming<HelloRequest>, _: Sender<HelloReply>, _: &Call) -> Result<()> { Ok(()) }
//! }
//!
//! let sim = Sim::new(7);
//! let server = sim.serve("greeter", Services::new().service(GreeterServer::new(Slow(sim.clone()))));
//! let client = GreeterClient::new(sim.channel("greeter"));
//! let request = HelloRequest { name: "you".into() };
//! sim.run(async {
//!     // A minute passes, in no time.
//!     assert_eq!(client.say_hello(&request).await?.message, "Hello, you!");
//!     assert!(sim.elapsed() > Duration::from_secs(60));
//!
//!     // Half a minute is not enough.
//!     let late = client.with_timeout(Duration::from_secs(30)).say_hello(&request).await;
//!     assert_eq!(late.unwrap_err().code(), Code::DeadlineExceeded);
//!
//!     // The server dies while it is at work.
//!     let pending = client.say_hello(&request);
//!     sim.sleep(Duration::from_secs(1)).await;
//!     server.crash();
//!     assert_eq!(pending.await.unwrap_err().code(), Code::Unavailable);
//!     Ok::<(), sailplane::Status>(())
//! })
//! # .unwrap();
//! ```
//!
//! The machines beneath are those that every adapter drives, so what holds here holds there: the bytes on the
//! simulated wire are HTTP/2, with its flow control, deadlines, shutdown and repetition of calls.
//!
//! Only async services run here. One that blocks would block the only thread; its calls end UNIMPLEMENTED.
#![forbid(unsafe_code)]

mod channel;
mod executor;
mod network;
mod socket;
mod world;

pub use channel::Channel;
pub use world::{Server, Sim, Sleep};
