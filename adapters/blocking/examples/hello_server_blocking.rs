//! A greeter: one thread for each connection.
//!
//! `cargo run -p sailplane-blocking --example hello_server_blocking [ADDRESS]`

use sailplane::{Call, Result, Services};
use sailplane_examples_protos::helloworld::{
    GreeterBlocking, GreeterBlockingServer, HelloReply, HelloRequest,
};
use std::net::TcpListener;

struct Polite;

impl GreeterBlocking for Polite {
    fn say_hello(&self, request: HelloRequest, _: &Call) -> Result<HelloReply> {
        Ok(HelloReply { message: format!("Hello, {}!", request.name) })
    }
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "[::]:50051".into());
    let services = Services::new().service(GreeterBlockingServer::new(Polite));
    for stream in TcpListener::bind(address)?.incoming() {
        let (stream, services) = (stream?, services.clone());
        std::thread::spawn(move || sailplane_blocking::serve_connection(stream, &services));
    }
    Ok(())
}
