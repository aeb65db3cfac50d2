//! What is malformed, to our server and to grpcio's, and to the clients: the same status, or a row with a reason.
#![forbid(unsafe_code)]

use std::path::Path;
use std::time::Duration;

use sailplane::Stub;
use sailplane_blocking::Channel;
use sailplane_examples_protos::helloworld::{GreeterClient, HelloRequest};
use sailplane_oracles::python::Python;
use sailplane_oracles::semantics::table::{Answers, check};
use sailplane_oracles::semantics::{in_parallel, requests, responses};
use sailplane_tests::peers::{Adapter, OurServer, Peers, Script, Server};

fn page() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/grpcio_differences.md"))
}

#[test]
fn servers() {
    let peers = Peers::set_up(env!("CARGO_TARGET_TMPDIR"));
    let (ours, theirs) =
        (OurServer::start(Adapter::Threads), Server::start(&peers, Script("greeter_server.py")));
    let situations = requests::all();
    let answers = in_parallel(&situations, |situation| Answers {
        situation: situation.name.clone(),
        ours: requests::answer(ours.port, situation),
        theirs: requests::answer(theirs.port, situation),
    });
    check("Servers", page(), &answers);
}

fn our_client(port: u16, number: usize) -> String {
    let channel = Channel::plaintext(format!("127.0.0.1:{port}")).expect("a target");
    let client = GreeterClient::new(channel).with_timeout(Duration::from_secs(4));
    match client
        .with_metadata("x-situation", number.to_string())
        .say_hello(&HelloRequest { name: "x".into() })
    {
        Ok(_) => "OK".into(),
        Err(status) => status.code().to_string(),
    }
}

#[test]
fn clients() {
    let python = Python::set_up(env!("CARGO_TARGET_TMPDIR"));
    let situations = responses::all();
    let port = responses::serve(&situations);
    let numbers: Vec<_> = (0..situations.len()).collect();
    let ours = in_parallel(&numbers, |number| our_client(port, *number));
    let mut command = python.command("grpcio_client.py");
    let output = command.arg(format!("127.0.0.1:{port}")).arg(situations.len().to_string()).output();
    let output = output.expect("grpcio's client");
    let theirs: Vec<_> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(theirs.len(), situations.len(), "it did not say enough: {errors}");
    let answers = situations.iter().zip(ours).zip(theirs);
    let answers = answers.map(|((situation, ours), theirs)| Answers {
        situation: situation.name.clone(),
        ours,
        theirs,
    });
    check("Clients", page(), &answers.collect::<Vec<_>>());
}
