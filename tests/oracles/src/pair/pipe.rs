//! Octets both ways, in memory.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::script::wire::Splitter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much may wait on the way to us: small, so that their writer is held back.
const ROOM: usize = 30_000;

/// Both ends of a transport: theirs by the traits that `h2` wants, ours by hand.
#[derive(Clone, Debug, Default)]
pub(super) struct Pipe(Rc<RefCell<Ways>>);

#[derive(Debug, Default)]
struct Ways {
    to_them: VecDeque<u8>,
    to_us: VecDeque<u8>,
    /// Octets that went either way.
    moved: u64,
    /// No more come from us.
    closed: bool,
    /// The frames that went each way, for whoever looks for a fault.
    frames: Vec<String>,
    splitters: [Splitter; 2],
}

impl Ways {
    fn note(&mut self, ours: bool, octets: &[u8]) {
        let from = if ours { "we" } else { "they" };
        for frame in self.splitters[usize::from(ours)].take(octets) {
            let (kind, flags, stream, length) = (frame.kind, frame.flags, frame.id(), frame.payload.len());
            let start = &frame.payload[..length.min(8)];
            self.frames.push(format!(
                "{from}: type {kind} flags {flags:#x} stream {stream} length {length} {start:02x?}"
            ));
        }
    }
}

impl Pipe {
    pub(super) fn new(ours_is_client: bool) -> Self {
        let splitters = [Splitter::new(!ours_is_client), Splitter::new(ours_is_client)];
        Self(Rc::new(RefCell::new(Ways { splitters, ..Ways::default() })))
    }

    /// The first frames, and the last.
    pub(super) fn frames(&self) -> String {
        const SHOWN: usize = 40;
        let frames = &self.0.borrow().frames;
        let (first, rest) = frames.split_at(frames.len().min(SHOWN));
        format!("{}\n...\n{}", first.join("\n"), rest[rest.len().saturating_sub(SHOWN)..].join("\n"))
    }

    pub(super) fn send(&self, octets: &[u8]) {
        let mut ways = self.0.borrow_mut();
        ways.moved += octets.len() as u64;
        ways.note(true, octets);
        ways.to_them.extend(octets);
    }

    pub(super) fn receive(&self, most: usize) -> Vec<u8> {
        let mut ways = self.0.borrow_mut();
        let count = most.min(ways.to_us.len());
        ways.moved += count as u64;
        ways.to_us.drain(..count).collect()
    }

    pub(super) fn close(&self) {
        self.0.borrow_mut().closed = true;
    }

    pub(super) fn moved(&self) -> u64 {
        self.0.borrow().moved
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut ways = self.0.borrow_mut();
        if ways.to_them.is_empty() {
            // Whoever waits is polled again in any case.
            return if ways.closed { Poll::Ready(Ok(())) } else { Poll::Pending };
        }
        let count = buffer.remaining().min(ways.to_them.len());
        ways.moved += count as u64;
        let octets: Vec<u8> = ways.to_them.drain(..count).collect();
        buffer.put_slice(&octets);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let mut ways = self.0.borrow_mut();
        if ways.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = octets.len().min(ROOM.saturating_sub(ways.to_us.len()));
        if count == 0 {
            return Poll::Pending;
        }
        ways.moved += count as u64;
        ways.note(false, &octets[..count]);
        ways.to_us.extend(&octets[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
