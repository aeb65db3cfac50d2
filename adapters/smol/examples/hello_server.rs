//! The server of the first example in the gRPC documentation.
//!
//! `cargo run -p sailplane-smol --example hello_server [ADDRESS]`

use sailplane::{Call, Result};
use sailplane_examples_protos::helloworld::{Greeter, GreeterServer, HelloReply, HelloRequest};
use sailplane_smol::Server;

struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(&self, request: HelloRequest, _: &Call) -> Result<HelloReply> {
        let message = format!("Hello, {}!", request.name);
        Ok(HelloReply { message })
    }
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "[::]:50051".into());
    let server = Server::new().service(GreeterServer::new(MyGreeter));
    smol::block_on(server.serve(address))
}
