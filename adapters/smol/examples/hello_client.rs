//! The client of the first example in the gRPC documentation.
//!
//! `cargo run -p sailplane-smol --example hello_client [TARGET [NAME]]`

use sailplane_examples_protos::helloworld::{GreeterClient, HelloRequest};
use sailplane_smol::Channel;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let target = arguments.next().unwrap_or_else(|| "localhost:50051".into());
    let name = arguments.next().unwrap_or_else(|| "you".into());

    let client = GreeterClient::new(Channel::plaintext(target)?);
    let reply = smol::block_on(client.say_hello(&HelloRequest { name }))?;
    println!("Greeter client received: {}", reply.message);
    Ok(())
}
