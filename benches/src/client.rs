//! Calls of the blocking client, one after the other: for counting system calls.

use std::process::ExitCode;
use std::time::Instant;

use sailplane_blocking::Channel;
use sailplane_examples_protos::helloworld::{GreeterClient, HelloRequest};

/// `calls` unary calls of `helloworld.Greeter/SayHello` at `target`.
pub(crate) fn run(target: &str, calls: &str) -> ExitCode {
    match greet(target, calls) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn greet(target: &str, calls: &str) -> Result<(), Box<dyn std::error::Error>> {
    let calls: u32 = calls.parse()?;
    let client = GreeterClient::new(Channel::plaintext(target)?);
    let request = HelloRequest { name: "you".into() };
    let started = Instant::now();
    for _ in 0..calls {
        client.say_hello(&request)?;
    }
    println!("{calls} calls, {:?} each", started.elapsed() / calls.max(1));
    Ok(())
}
