//! The task of one connection: it reads, runs what came, and writes, in turns.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_io::Timer;
use sailplane::{End, Instant};
use sailplane_driver::{Gather, IncomingCall, Io, Link, Turn, last_command};

use crate::handlers::Handlers;
use crate::socket::{Socket, is_burst};

/// What is read in a turn, before other tasks get theirs.
const TURN_BYTES: usize = 64 * 1024;
/// What is read at once: the window of a stream, and what frames add to it.
const READ_BYTES: usize = 65 * 1024;
/// So long wait answers for those of calls that came with them and run in the next turns.
const GATHERED: Duration = Duration::from_micros(250);
/// How long a connection that is over waits for the peer to close its side: what we sent last would be
/// lost if we closed while bytes of the peer are unread.
const LINGER: Duration = Duration::from_secs(1);

thread_local! {
    /// What a thread reads into. Nobody holds it while anything else runs.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// Where the new calls of a turn are, for a moment. An idle connection has no room for any.
    static CALLS: RefCell<Vec<IncomingCall<Socket>>> = const { RefCell::new(Vec::new()) };
}

fn take_buffer() -> Vec<u8> {
    let buffer = BUFFER.take();
    // Not `resize`: what is not read into is not touched.
    if buffer.is_empty() { vec![0; READ_BYTES] } else { buffer }
}

/// Serves a connection until it is over and everything is written.
pub(crate) async fn serve(link: Arc<Link<Socket>>, handlers: Option<Arc<Handlers>>) {
    let mut task = Connection {
        link,
        handlers,
        more_calls: false,
        left: None,
        readable: true,
        ended: false,
        timer: Timer::never(),
    };
    poll_fn(|cx| task.turn(cx)).await;
    task.linger().await;
}

struct Connection {
    link: Arc<Link<Socket>>,
    /// None on a client.
    handlers: Option<Arc<Handlers>>,
    /// The connection has new calls that it did not hand out: it gives so many at once as may start before
    /// other tasks get their turn.
    more_calls: bool,
    /// The last turn left its output to the next one: since when it has been waiting.
    left: Option<Instant>,
    /// The socket may have bytes; if not, the reactor tells when it has.
    readable: bool,
    /// The byte stream ended.
    ended: bool,
    timer: Timer,
}

impl Connection {
    /// One turn: what came is taken in, handlers run, and all that gives output is written at once.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let link = Arc::clone(&self.link);
        if link.io().begin_turn(cx) {
            link.expect_output();
        }
        let turn = link.turn(Gather::All);
        let mut bytes = 0;
        let poll = self.steps(cx, &turn, &mut bytes);
        link.io().end_turn(bytes);
        poll
    }

    /// Steps of a turn, until there is nothing to do or others have their turn; counts the octets that are read.
    fn steps(&mut self, cx: &mut Context<'_>, turn: &Turn<Socket>, bytes: &mut usize) -> Poll<()> {
        let (link, left) = (Arc::clone(&self.link), self.left.take());
        loop {
            self.expire();
            let read = self.read(cx);
            let since = left.unwrap_or_else(last_command);
            let ran = self.run_calls();
            *bytes += read.unwrap_or(0);
            let is_full = *bytes >= TURN_BYTES;
            let leaves = if self.more_calls {
                last_command().saturating_duration_since(since) < GATHERED
            } else {
                // Credit for what tasks were woken to take leaves with what they answer.
                left.is_none() && (is_full || is_burst(*bytes) && !ran)
            };
            if !leaves {
                turn.flush();
            }
            if link.is_finished() {
                return Poll::Ready(());
            }
            if is_full || leaves || self.more_calls {
                self.left = leaves.then_some(since);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if read.is_none() && !self.write_stuck(cx) && self.may_sleep(cx, turn) {
                return Poll::Pending;
            }
        }
    }

    /// Reads once; how much, or nothing where there is nothing to read.
    fn read(&mut self, cx: &mut Context<'_>) -> Option<usize> {
        if self.ended || !self.link.wants_receive() {
            return None;
        }
        if !self.readable {
            match self.link.io().stream().poll_readable(cx) {
                Poll::Ready(Ok(())) => self.readable = true,
                Poll::Ready(Err(error)) => {
                    self.end(End::Failed(Arc::new(error)));
                    return None;
                }
                Poll::Pending => return None,
            }
        }
        let mut buffer = take_buffer();
        let read = self.link.io().stream().read(&mut buffer);
        if let Ok(count @ 1..) = read {
            self.receive(&mut buffer[..count]);
        }
        BUFFER.set(buffer);
        self.read_done(read)
    }

    fn receive(&mut self, bytes: &mut [u8]) {
        match self.handlers {
            Some(_) => {
                let mut calls = CALLS.take();
                self.more_calls = self.link.received_calls(bytes, &mut calls);
                CALLS.set(calls);
            }
            None => self.link.received(bytes),
        }
    }

    fn read_done(&mut self, read: io::Result<usize>) -> Option<usize> {
        match read {
            Ok(0) => self.end(End::Closed),
            Ok(count) => {
                // Less than was asked for: there is no more, and the reactor says when there is.
                self.readable = count == READ_BYTES;
                return Some(count);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => return Some(0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                return Some(0);
            }
            Err(error) => self.end(End::Failed(Arc::new(error))),
        }
        None
    }

    fn end(&mut self, end: End) {
        self.ended = true;
        self.link.ended(end);
    }

    /// Runs the handlers of new calls, if there are any.
    fn run_calls(&mut self) -> bool {
        let Some(handlers) = &self.handlers else { return false };
        // Where calls came in this turn, those that waited have the next one.
        self.more_calls |= self.link.io().take_calls_waiting();
        let mut calls = CALLS.take();
        if self.more_calls && calls.is_empty() {
            self.more_calls = self.link.take_calls(&mut calls);
        }
        let ran = !calls.is_empty();
        // A handler that runs an executor of its own finds another list.
        for call in calls.drain(..) {
            handlers.run(call);
        }
        CALLS.set(calls);
        ran
    }

    /// Whether the socket, which was full, takes bytes again; they are written.
    fn write_stuck(&mut self, cx: &mut Context<'_>) -> bool {
        let link = &self.link;
        if !link.wants_writable() {
            return false;
        }
        match link.io().stream().poll_writable(cx) {
            Poll::Ready(Ok(())) => link.writable(),
            Poll::Ready(Err(error)) => self.end(End::Failed(Arc::new(error))),
            Poll::Pending => return false,
        }
        true
    }

    /// Tells the connection that its timeout passed, if it has.
    fn expire(&self) {
        if self.link.timeout().is_some_and(|at| at <= self.link.io().now()) {
            self.link.timed_out();
        }
    }

    /// Before the task sleeps: the timer goes off no later than the connection's timeout. It is moved to
    /// earlier times only, and set again after it went off. False: there is something to do.
    fn may_sleep(&mut self, cx: &mut Context<'_>, turn: &Turn<Socket>) -> bool {
        let socket = self.link.io();
        if turn.has_output() || socket.has_calls_waiting() {
            return false;
        }
        if !self.link.wants_receive() && !self.link.wants_writable() && !self.link.is_over() {
            // Another thread is about to write what is in the way of reading.
            cx.waker().wake_by_ref();
            return true;
        }
        loop {
            let armed = socket.armed();
            if armed.is_some() && Pin::new(&mut self.timer).poll(cx).is_ready() {
                socket.set_armed(None);
                return false;
            }
            match self.link.timeout() {
                Some(at) if armed.is_none_or(|armed| at < armed) => {
                    self.timer.set_after(at.saturating_duration_since(socket.now()));
                    socket.set_armed(Some(at));
                }
                _ => return true,
            }
        }
    }

    /// Waits until the peer has closed its side, for a moment.
    async fn linger(&mut self) {
        let stream = self.link.io().stream();
        self.timer.set_after(LINGER);
        poll_fn(|cx| {
            if self.ended || Pin::new(&mut self.timer).poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = take_buffer();
            let over = loop {
                match stream.read(&mut buffer) {
                    Ok(1..) => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => match stream.poll_readable(cx) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(_)) => break true,
                        Poll::Pending => break false,
                    },
                    Ok(0) | Err(_) => break true,
                }
            };
            BUFFER.set(buffer);
            if over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Drop for Connection {
    /// The task is done, or its executor is gone: whoever waits for a call is told.
    fn drop(&mut self) {
        if !self.link.is_over() {
            self.link.ended(End::Closed);
        }
        self.link.io().stream().shutdown(Shutdown::Both);
    }
}
