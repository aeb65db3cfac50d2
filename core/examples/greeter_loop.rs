//! A greeter on a hand-written loop: no adapter, no runtime, one blocking socket after the other.

use bytes::Buf;
use sailplane::connection::Received;
use sailplane::{
    CallId, Config, Connection, End, Event, Instant, Metadata, Method, Result, Status, Transmit,
};
use sailplane_examples_protos::greet::{GreeterMethods, HelloReply, HelloRequest};
use std::io::{self, ErrorKind::WouldBlock, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::{sync::Arc, time::Duration};

fn now() -> Instant {
    Instant::from(std::time::Instant::now())
}

fn answer(connection: &mut Connection, call: CallId) -> Result<bytes::Bytes> {
    const METHOD: Method<HelloRequest, HelloReply> = GreeterMethods::SAY_HELLO;
    if connection.take_request(call).is_none_or(|head| head.path.as_str() != METHOD.path()) {
        return Err(Status::unimplemented("only SayHello is served here"));
    }
    let Ok(Received::Message(message)) = connection.receive_message(call) else {
        return Err(Status::unimplemented("SayHello takes one message"));
    };
    let request = METHOD.decode_request(message)?;
    Ok(METHOD.encode_reply(&HelloReply { message: format!("Hello, {}!", request.name) }))
}

fn serve(mut socket: TcpStream) -> io::Result<()> {
    let mut connection = Connection::server(now(), &Config::default());
    let (mut transmit, mut buffer) = (Transmit::new(), vec![0; 16 * 1024]);
    while !connection.is_finished() {
        while let Some(event) = connection.poll_event() {
            let Event::Message(call) = event else { continue };
            let reply = answer(&mut connection, call);
            let status = reply.as_ref().map(drop).map_err(Clone::clone);
            let _ = connection.respond(call, reply.ok(), Metadata::new(), status);
            connection.release(call);
        }
        while connection.poll_transmit(now(), &mut transmit) {
            let written = socket.write(transmit.chunk())?;
            transmit.advance(written);
        }
        let left = connection.poll_timeout().map(|timeout| timeout.at.saturating_duration_since(now()));
        socket.set_read_timeout(left.map(|left| left.max(Duration::from_millis(1))))?;
        match socket.read(&mut buffer) {
            Ok(0) => connection.handle_end(now(), End::Closed),
            Ok(n) => connection.handle_received(now(), &mut buffer[..n]),
            Err(error) if error.kind() == WouldBlock => connection.handle_timeout(now()),
            Err(error) => connection.handle_end(now(), End::Failed(Arc::new(error))),
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("greet.Greeter/SayHello on {}", listener.local_addr()?);
    listener.incoming().try_for_each(|socket| serve(socket?))
}
