//! The examples run, against each other where they are servers and clients.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Builds the examples once, and says where they are.
fn examples() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let output = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--examples", "--message-format=short"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let test = std::env::current_exe().expect("this test");
        test.ancestors().nth(2).expect("the profile's folder").join("examples")
    })
}

fn start(example: &str, arguments: &[&str]) -> Running {
    let mut command = Command::new(examples().join(example));
    Running(command.args(arguments).stdout(Stdio::piped()).spawn().expect("it was built"))
}

fn output(example: &str, arguments: &[&str]) -> String {
    let mut running = start(example, arguments);
    let mut text = String::new();
    running.0.stdout.take().expect("it is piped").read_to_string(&mut text).expect("text");
    let status = running.0.wait().expect("it ended");
    assert!(status.success(), "{example}: {status}\n{text}");
    text
}

/// A server on a port that was free a moment ago.
fn serve(example: &str) -> (Running, String) {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let address = format!("127.0.0.1:{port}");
    let server = start(example, &[&address]);
    let started = Instant::now();
    while TcpStream::connect(&address).is_err() {
        assert!(started.elapsed() < Duration::from_secs(20), "{example} does not listen");
        std::thread::yield_now();
    }
    (server, address)
}

#[test]
fn the_main_job_tells_what_happened() {
    let text = output("greeter", &[]);
    for expected in [
        "Hello, 张三!",
        "DEADLINE_EXCEEDED",
        "CANCELLED",
        "INVALID_ARGUMENT: 请问您贵姓？",
        "A blocking client",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}

#[test]
fn hello_world_greets_on_every_adapter() {
    for server in ["hello_server", "hello_server_threads", "hello_server_blocking"] {
        let (_server, address) = serve(server);
        for client in ["hello_client", "hello_client_blocking"] {
            assert!(output(client, &[&address]).contains("Hello, you!"), "{client} at {server}");
        }
    }
}

#[test]
fn the_route_guide_works_on_every_adapter() {
    for server in ["route_guide_server", "route_guide_server_threads"] {
        let (_server, address) = serve(server);
        let first = output("route_guide_client", &[&address]);
        assert!(first.contains("A route of 4 points passes 3 features in 113 km."), "{first}");
        assert!(first.contains("fourth message"), "{first}");
        let second = output("route_guide_client_blocking", &[&address]);
        assert!(second.contains("A route of 4 points passes 3 features in 113 km."), "{second}");
    }
}

#[test]
fn the_hand_written_loop_serves_a_client() {
    let mut server = start("greeter_loop", &[]);
    let mut lines = BufReader::new(server.0.stdout.take().expect("it is piped")).lines();
    let line = lines.next().expect("a line").expect("text");
    let address = line.rsplit(' ').next().expect("an address").to_owned();
    let client = sailplane_blocking::Channel::plaintext(&address).expect("a target");
    let client = sailplane_examples_protos::greet::GreeterClient::new(client);
    let request = sailplane_examples_protos::greet::HelloRequest { name: "张三".into() };
    assert_eq!(client.say_hello(&request).expect("an answer").message, "Hello, 张三!");
}

#[test]
fn a_week_of_virtual_time_passes() {
    let text = output("impatient", &[]);
    assert!(text.contains("all answered"), "{text}");
}
