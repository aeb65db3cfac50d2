//! What is malformed, to our server and to grpcio's, and to the clients: the same status, or a row with a reason.
#![forbid(unsafe_code)]

use std::path::Path;

use sailplane_oracles::semantics::table::{Answers, check};
use sailplane_oracles::semantics::{in_parallel, requests};
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
