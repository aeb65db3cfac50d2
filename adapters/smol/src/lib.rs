//! gRPC on [smol]: an async server and an async channel.
//!
//! An application names this crate and [`sailplane`]. A server is an implementation of a generated trait:
//!
//! ```no_run
//! use sailplane::{Call, Result};
//! use sailplane_smol::Server;
//! # use sailplane_examples_protos::helloworld;
//! use helloworld::{Greeter, GreeterServer, HelloReply, HelloRequest};
//!
//! struct MyGreeter;
//!
//! impl Greeter for MyGreeter {
//!     async fn say_hello(&self, request: HelloRequest, _: &Call) -> Result<HelloReply> {
//!         let message = format!("Hello, {}!", request.name);
//!         Ok(HelloReply { message })
//!     }
//! }
//!
//! fn main() -> std::io::Result<()> {
//!     let server = Server::new().service(GreeterServer::new(MyGreeter));
//!     smol::block_on(server.serve("[::]:50051"))
//! }
//! ```
//!
//! and a client is a generated type on a [`Channel`]:
//!
//! ```no_run
//! # use sailplane_examples_protos::helloworld;
//! use helloworld::{GreeterClient, HelloRequest};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let client = GreeterClient::new(sailplane_smol::Channel::plaintext("localhost:50051")?);
//!     let reply = smol::block_on(client.say_hello(&HelloRequest { name: "you".into() }))?;
//!     println!("Greeter client received: {}", reply.message);
//!     Ok(())
//! }
//! ```
//!
//! # How it works
//!
//! Every connection is one task. In a turn it reads what came, polls the handlers of new calls once, and
//! writes everything that this gave in one system call; then it waits for the socket or its timer. A
//! handler that waits becomes a task of its own. Whoever has something to send outside of a turn writes it
//! at once; where several have, all but the first leave it to the next turn, which writes it together.
//!
//! In an async handler, do not block: [`smol::unblock`], or a blocking service, is for that.
#![forbid(unsafe_code)]

mod accept;
mod address;
mod channel;
mod connect;
mod connection;
mod connector;
mod handlers;
mod server;
mod socket;
mod spawner;
mod state;
mod stream;

pub use channel::Channel;
pub use sailplane_driver::LocalAddress;
pub use server::{Bound, Handle, Server};
