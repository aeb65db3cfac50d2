//! Two canonical loops, joined by pipes that hold little.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use bytes::Buf;
use sailplane::{Config, Connection, Event, Instant, Limits, Metadata, Received, Start, Transmit};
use std::collections::VecDeque;
use support::actors::body;
use support::head;

const PIPE: usize = 1000;
const TOTAL: usize = 16 << 20;
const MESSAGE: usize = 64 << 10;

/// One end with the loop that every driver has: drain until quiet, then wait for whatever comes first.
struct Loop {
    connection: Connection,
    transmit: Transmit,
    call: Option<sailplane::CallId>,
    sent: usize,
    received: usize,
    end: bool,
    ended: bool,
    is_server: bool,
}

impl Loop {
    fn new(connection: Connection, is_server: bool) -> Self {
        Self {
            connection,
            transmit: Transmit::new(),
            call: None,
            sent: 0,
            received: 0,
            end: false,
            ended: false,
            is_server,
        }
    }

    /// Whether anything moved.
    fn turn(&mut self, now: Instant, inbox: &mut VecDeque<u8>, outbox: &mut VecDeque<u8>) -> bool {
        let mut moved = false;
        loop {
            while let Some(event) = self.connection.poll_event() {
                moved = true;
                self.on(event);
            }
            while self.connection.poll_transmit(now, &mut self.transmit) {
                let room = PIPE.saturating_sub(outbox.len()).min(self.transmit.chunk().len());
                if room == 0 {
                    break;
                }
                outbox.extend(&self.transmit.chunk()[..room]);
                self.transmit.advance(room);
                moved = true;
            }
            if !self.connection.has_event() {
                break;
            }
        }
        if self.connection.wants_receive() && !inbox.is_empty() {
            let mut bytes: Vec<u8> = inbox.drain(..).collect();
            self.connection.handle_received(now, &mut bytes);
            moved = true;
        }
        moved
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::Call(call) => {
                self.call = Some(call);
                self.send();
            }
            Event::Writable(_) => self.send(),
            Event::Message(call) => {
                loop {
                    match self.connection.receive_message(call).unwrap() {
                        Received::Message(message) => self.received += message.len(),
                        Received::Pending => return,
                        Received::End => break,
                    }
                }
                self.end = true;
                self.answer();
            }
            Event::Ended(_) => self.ended = true,
            _ => {}
        }
    }

    fn send(&mut self) {
        let Some(call) = self.call else { return };
        while self.sent < TOTAL {
            if self.connection.send_message(call, body(self.sent / MESSAGE, MESSAGE)).is_err() {
                return;
            }
            self.sent += MESSAGE;
        }
        if self.is_server {
            self.answer();
        } else {
            self.connection.finish_sending(call).unwrap();
        }
    }

    /// Server: once all is received and sent.
    fn answer(&mut self) {
        let Some(call) = self.call.filter(|_| self.is_server && self.end && self.sent == TOTAL) else {
            return;
        };
        let _ = self.connection.respond(call, None, Metadata::new(), Ok(()));
    }
}

fn run(limits: &Limits) {
    let now = Instant::from_nanos(1);
    let config = Config::new(limits.clone(), 3);
    let mut client = Loop::new(Connection::client(now, &config), false);
    let mut server = Loop::new(Connection::server(now, &config), true);
    client.call =
        client.connection.start_call(now, Start { head: head(), message: None, finished: false }).ok();
    client.send();
    let (mut up, mut down) = (VecDeque::new(), VecDeque::new());
    while !(client.ended && server.ended) {
        let moved = client.turn(now, &mut down, &mut up) | server.turn(now, &mut up, &mut down);
        assert!(moved, "deadlock: {} and {} octets arrived", client.received, server.received);
    }
    assert_eq!((client.received, server.received), (TOTAL, TOTAL));
}

#[test]
fn two_loops_move_much_both_ways_through_narrow_pipes() {
    run(&Limits::default());
}

#[test]
fn two_loops_move_much_both_ways_through_narrow_windows() {
    run(&Limits::default().stream_window_bytes(4000).connection_window_bytes(70_000));
}
