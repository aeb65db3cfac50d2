use rustix::event::{PollFd, PollFlags, poll};
use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};

use sailplane::{Call, Result};
use sailplane_examples_protos::helloworld::{
    GreeterBlocking, GreeterBlockingServer, GreeterClient, HelloReply, HelloRequest,
};

use super::*;

struct Polite;

impl GreeterBlocking for Polite {
    fn say_hello(&self, request: HelloRequest, _: &Call) -> Result<HelloReply> {
        Ok(HelloReply { message: request.name })
    }
}

/// GOAWAY: the first stream was the last.
const GO_AWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];

/// A server hangs up after the first call, as `hang_up` does it, while the channel is idle.
fn after_an_idle_time(hang_up: fn(&TcpStream)) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let channel = Channel::plaintext(listener.local_addr().unwrap().to_string()).unwrap();
    let client = GreeterClient::new(channel.clone());
    let (tell, first) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        let services = Services::new().service(GreeterBlockingServer::new(Polite));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let (stream, _) = listener.accept().unwrap();
                tell.send(stream.try_clone().unwrap()).unwrap();
                scope.spawn(|| crate::serve_connection(stream, &services));
            }
        });
    });
    let request = HelloRequest { name: "x".into() };
    assert_eq!(client.say_hello(&request).unwrap().message, "x");

    hang_up(&first.recv().unwrap());
    let Kind::Socket(inner) = &channel.0 else { panic!() };
    let link = inner.current().unwrap();
    poll(&mut [PollFd::new(link.io(), PollFlags::RDHUP)], None).unwrap();
    link.io().forget_reading();
    drop(link);

    assert_eq!(client.say_hello(&request).unwrap().message, "x");
    channel.close();
    server.join().unwrap();
}

#[test]
fn a_server_that_left_in_order_is_noticed_before_the_next_call() {
    after_an_idle_time(|stream| {
        (&*stream).write_all(&GO_AWAY).unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    });
}

#[test]
fn a_server_that_just_hung_up_is_noticed_before_the_next_call() {
    after_an_idle_time(|stream| stream.shutdown(Shutdown::Both).unwrap());
}
