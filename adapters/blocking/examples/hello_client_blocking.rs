//! The client of the first example in the gRPC documentation, with no runtime and no thread behind it.
//!
//! `cargo run -p sailplane-blocking --example hello_client_blocking [TARGET [NAME]]`

use sailplane_blocking::Channel;
use sailplane_examples_protos::helloworld::{GreeterClient, HelloRequest};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let target = arguments.next().unwrap_or_else(|| "localhost:50051".into());
    let name = arguments.next().unwrap_or_else(|| "you".into());

    let client = GreeterClient::new(Channel::plaintext(target)?);
    println!("{}", client.say_hello(&HelloRequest { name })?.message);
    Ok(())
}
