//! The smallest server: `cargo run -p sailplane-threads --example hello_server_threads [ADDRESS]`.

use sailplane::{Call, Result};
use sailplane_examples_protos::helloworld::{
    GreeterBlocking, GreeterBlockingServer, HelloReply, HelloRequest,
};
use sailplane_threads::Server;

struct MyGreeter;

impl GreeterBlocking for MyGreeter {
    fn say_hello(&self, request: HelloRequest, _: &Call) -> Result<HelloReply> {
        let message = format!("Hello, {}!", request.name);
        Ok(HelloReply { message })
    }
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "[::]:50051".into());
    Server::new().workers(10).service(GreeterBlockingServer::new(MyGreeter)).serve(&address)
}
