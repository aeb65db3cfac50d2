//! Connections that come and go.
mod support;

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sailplane::Code;
use sailplane_smol::{Channel, Server};
use smol::Executor;
use support::{Client, Greeting, TestServer, block_on, named};

#[test]
fn a_refused_connection_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::new(Channel::plaintext(address.to_string()).unwrap());
    let status = block_on(client.say_hello(&named("张三"))).unwrap_err();
    assert_eq!(
        status.to_string(),
        format!("UNAVAILABLE: cannot connect to {address}: {address} refused the connection")
    );
}

#[test]
fn a_missing_socket_file_is_named() {
    let path = support::socket_path("missing");
    let client = Client::new(Channel::plaintext(&path).unwrap());
    let status = block_on(client.say_hello(&named("张三"))).unwrap_err();
    let file = path.trim_start_matches("unix:");
    assert_eq!(status.to_string(), format!("UNAVAILABLE: cannot connect to {path}: {file} does not exist"));
}

#[test]
fn shutting_down_lets_running_calls_finish() {
    let (greeting, watcher) = Greeting::watched();
    let mut server = TestServer::start("127.0.0.1:0", greeting.services());
    let client = server.client();
    block_on(async {
        let call = client.say_hello(&named("wait"));
        watcher.started.recv().await.unwrap();
        let end = server.handle.shutdown(Duration::from_secs(30));
        watcher.go.send(()).await.unwrap();
        call.await.unwrap();
        end.await;
    });
    server.stop(Duration::ZERO);
    assert!(TcpStream::connect(&server.address).is_err(), "the listener is open");
}

#[test]
fn shutting_down_is_bounded() {
    let (greeting, watcher) = Greeting::watched();
    let mut server = TestServer::start("127.0.0.1:0", greeting.services());
    let client = server.client();
    let started = Instant::now();
    let call = client.say_hello(&named("wait"));
    block_on(watcher.started.recv()).unwrap();
    server.stop(Duration::from_millis(50));
    assert!(started.elapsed() < Duration::from_secs(5));
    block_on(async {
        watcher.dropped.recv().await.unwrap();
        let status = call.await.unwrap_err();
        assert!(matches!(status.code(), Code::Unavailable | Code::Cancelled), "{status}");
    });
}

#[test]
fn a_channel_connects_again_to_a_server_that_was_restarted() {
    let mut server = TestServer::start("127.0.0.1:0", Greeting::new().services());
    let client = server.client();
    block_on(client.say_hello(&named("张三"))).unwrap();
    server.stop(Duration::ZERO);
    let _again = TestServer::start(&server.address, Greeting::new().services());
    let reply = block_on(client.say_hello(&named("李四"))).unwrap();
    assert_eq!(reply.message, "Hello, 李四!");
}

#[test]
fn a_lost_server_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Empty SETTINGS, and then nothing.
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
        std::io::Read::read(&mut stream, &mut [0; 1000]).unwrap();
    });
    let client = Client::new(Channel::plaintext(address.to_string()).unwrap());
    let status = block_on(client.say_hello(&named("张三"))).unwrap_err();
    server.join().unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.address(), Some(&*address.to_string()));
}

#[test]
fn a_dropped_server_ends_its_connections() {
    let (greeting, watcher) = Greeting::watched();
    let bound = block_on(Server::new().services(greeting.services()).threads(2).bind("127.0.0.1:0")).unwrap();
    let channel = Channel::plaintext(bound.local_addr().to_string()).unwrap();
    let call = Client::new(channel).say_hello(&named("wait"));
    block_on(async {
        let started = async {
            watcher.started.recv().await.unwrap();
        };
        smol::future::or(started, async { bound.run().await.unwrap() }).await;
        watcher.dropped.recv().await.unwrap();
        assert_eq!(call.await.unwrap_err().code(), Code::Unavailable);
    });
}

#[test]
fn a_dropped_executor_ends_the_calls_of_its_channels() {
    let (greeting, watcher) = Greeting::watched();
    let server = TestServer::start("127.0.0.1:0", greeting.services());
    let executor = Arc::new(Executor::new());
    let client = Client::new(server.channel().on(&executor));
    let call = client.say_hello(&named("wait"));
    block_on(executor.run(watcher.started.recv())).unwrap();
    drop(executor);
    assert_eq!(block_on(call).unwrap_err().code(), Code::Unavailable);
    let status = block_on(client.say_hello(&named("张三"))).unwrap_err();
    assert_eq!(status.message(), "the executor of the channel was dropped");
}

#[test]
fn a_stale_socket_file_is_replaced_and_one_in_use_is_not() {
    let path = support::socket_path("stale");
    let file = path.trim_start_matches("unix:");
    drop(std::os::unix::net::UnixListener::bind(file).unwrap());
    let server = TestServer::start(&path, Greeting::new().services());
    block_on(server.client().say_hello(&named("张三"))).unwrap();
    let error = block_on(Server::new().bind(&path)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    block_on(server.client().say_hello(&named("张三"))).unwrap();
}
