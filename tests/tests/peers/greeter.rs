//! The greeter of the quick starts, in both directions.

use sailplane_examples_protos::helloworld::{GreeterClient, HelloRequest};
use sailplane_tests::peers::{Adapter, Client, OurServer, Script, Server};

use crate::peers;

const CLIENTS: [(Script, &str); 3] = [
    (Script("greeter_client.py"), "Greeter client received: Hello, you!"),
    (Script("async_greeter_client.py"), "Greeter client received: Hello, you!"),
    (Script("greeter_client.js"), "Greeting: Hello, world!"),
];
const SERVERS: [Script; 3] =
    [Script("greeter_server.py"), Script("async_greeter_server.py"), Script("greeter_server.js")];

fn their_clients(adapter: Adapter) {
    let (peers, server) = (peers(), OurServer::start(adapter));
    for (script, said) in CLIENTS {
        let output = Client::output(&peers, script, server.port);
        assert!(output.lines().any(|line| line == said), "{script:?} said {output}");
    }
}

fn request() -> HelloRequest {
    HelloRequest { name: "you".into() }
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn their_clients_of_our_smol_server() {
    their_clients(Adapter::Smol);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn their_clients_of_our_threads_server() {
    their_clients(Adapter::Threads);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn their_clients_of_our_blocking_server() {
    their_clients(Adapter::Blocking);
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn our_smol_client_of_their_servers() {
    for script in SERVERS {
        let server = Server::start(&peers(), script);
        let client =
            GreeterClient::new(sailplane_smol::Channel::plaintext(server.target()).expect("a target"));
        let reply = smol::block_on(client.say_hello(&request())).expect("a reply");
        assert_eq!(reply.message, "Hello, you!");
    }
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn our_blocking_client_of_their_servers() {
    for script in SERVERS {
        let server = Server::start(&peers(), script);
        let client =
            GreeterClient::new(sailplane_blocking::Channel::plaintext(server.target()).expect("a target"));
        assert_eq!(client.say_hello(&request()).expect("a reply").message, "Hello, you!");
    }
}

#[test]
#[ignore = "needs Python and Node: cargo test -p sailplane-tests --test peers -- --ignored"]
fn our_threads_client_of_their_servers() {
    for script in SERVERS {
        let server = Server::start(&peers(), script);
        let client =
            GreeterClient::new(sailplane_threads::Channel::plaintext(server.target()).expect("a target"));
        assert_eq!(client.say_hello(&request()).expect("a reply").message, "Hello, you!");
    }
}
