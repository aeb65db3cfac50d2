//! What the thread that leads a poller has: its events, one read buffer, one timer structure.

use mio::event::Event;
use mio::{Events, Token};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sailplane::{End, Instant};
use sailplane_driver::{Interrupt, Link, last_command, now};

use crate::poller::{LISTENER, Poller, Request, WAKER};
use crate::transport::Transport;

/// What is read at once: the window of a stream, and what frames add to it.
const READ_BYTES: usize = 65 * 1024;
/// From which time on a wait may go without a timer of the system. Those who watch end it well before.
const NAP: Duration = Duration::from_millis(50);
/// Events of one wait.
const EVENTS: usize = 256;

/// What the leader does with what it reads.
pub(crate) trait Turn {
    /// Bytes arrived.
    fn received(&mut self, link: &Arc<Link<Transport>>, bytes: &mut [u8]);

    /// Whether what came is dealt with before other connections are read.
    fn has_enough(&self) -> bool {
        false
    }

    /// Server: there are calls to take.
    fn take_calls(&mut self, link: &Arc<Link<Transport>>) {
        let _ = link;
    }
}

/// The right to wait on a poller. One thread at a time has it, and runs no user code meanwhile.
pub(crate) struct Seat {
    poller: Arc<Poller>,
    poll: mio::Poll,
    events: Events,
    buffer: Vec<u8>,
    /// Connections on which something happened, and those that were not read until nothing was left.
    ready: VecDeque<Ready>,
    /// How many of them have their turn before the next wait.
    due: usize,
    /// When to look at whose timeout. At most one of a connection's entries counts.
    timers: BinaryHeap<Reverse<(u64, usize)>>,
    listener_ready: bool,
}

/// What happened on a connection.
#[derive(Clone, Copy)]
struct Ready {
    token: usize,
    readable: bool,
    writable: bool,
    /// The peer's end was announced: it is read up to there.
    closed: bool,
}

impl Ready {
    fn new(event: &Event) -> Self {
        let closed = event.is_read_closed() || event.is_error();
        let Token(token) = event.token();
        Self { token, readable: event.is_readable() || closed, writable: event.is_writable(), closed }
    }
}

impl Seat {
    pub(crate) fn new(poller: Arc<Poller>, poll: mio::Poll) -> Self {
        Self {
            poller,
            poll,
            events: Events::with_capacity(EVENTS),
            buffer: vec![0; READ_BYTES],
            ready: VecDeque::new(),
            due: 0,
            timers: BinaryHeap::new(),
            listener_ready: false,
        }
    }

    /// As what a thread that waits here is interrupted.
    pub(crate) fn interrupt(&self) -> Arc<dyn Interrupt> {
        Arc::clone(&self.poller) as _
    }

    /// The poller that is led from here.
    pub(crate) const fn poller(&self) -> &Arc<Poller> {
        &self.poller
    }

    /// Waits for events until `until`, or until a timer goes off or a request comes; not at all where the last
    /// turn [stopped early](Turn::has_enough). Whether it waited. While `watched`, somebody else
    /// [looks at the time](Poller::end_nap).
    pub(crate) fn wait(&mut self, until: Option<Instant>, watched: Option<&AtomicBool>) -> bool {
        if self.due > 0 {
            return false;
        }
        let timeout = self.timeout(until, watched);
        if let Err(error) = self.poll.poll(&mut self.events, timeout) {
            debug_assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        }
        self.poller.wake_up();
        for event in &self.events {
            match event.token() {
                WAKER => {}
                LISTENER => self.listener_ready = true,
                _ => self.ready.push_back(Ready::new(event)),
            }
        }
        self.events.clear();
        self.due = self.ready.len();
        true
    }

    /// How long to sleep. The system takes longer to set a timer than to look for events.
    fn timeout(&self, until: Option<Instant>, watched: Option<&AtomicBool>) -> Option<Duration> {
        let timer = self.timers.peek().map(|Reverse((at, _))| Instant::from_nanos(*at));
        let until = [until, timer].into_iter().flatten().min();
        if !self.ready.is_empty() || !self.poller.fall_asleep(until) {
            return Some(Duration::ZERO);
        }
        let until = until?;
        let left = until.saturating_duration_since(now());
        let naps = left > NAP && watched.is_some_and(|watched| self.poller.naps(until, watched));
        (!naps).then_some(left)
    }

    /// Does everything that there is to do, once, unless `turn` has enough before: then the next turn goes on
    /// from there.
    pub(crate) fn turn(&mut self, turn: &mut impl Turn) {
        let before = last_command();
        while self.due > 0 {
            self.due -= 1;
            if let Some(ready) = self.ready.pop_front() {
                self.with(ready.token, |seat, link| seat.attend(link, ready, turn));
            }
            if turn.has_enough() {
                break;
            }
        }
        if self.due == 0 {
            // The connection that was read last asked the clock. What came due since is for the next turn.
            self.run_timers(Some(last_command()).filter(|at| *at > before));
            for request in self.poller.take_requests() {
                self.serve(request, turn);
            }
        }
    }

    fn attend(&mut self, link: &Arc<Link<Transport>>, ready: Ready, turn: &mut impl Turn) {
        if ready.writable && link.wants_writable() {
            link.io().forget_writable();
            link.writable();
        }
        if ready.readable {
            self.read(link, ready.closed, turn);
        }
    }

    /// Whether connections wait at the listener; asked once.
    pub(crate) fn take_listener_ready(&mut self) -> bool {
        std::mem::take(&mut self.listener_ready)
    }

    fn serve(&mut self, request: Request, turn: &mut impl Turn) {
        match request {
            Request::Timer { token, at } => self.timers.push(Reverse((at, token))),
            // Its end may have been announced meanwhile.
            Request::Read(token) => self.with(token, |seat, link| seat.read(link, true, turn)),
            Request::Flush(token) => self.with(token, |_, link| link.flush()),
            Request::Calls(token) => self.with(token, |_, link| turn.take_calls(link)),
            Request::Accept => self.listener_ready = true,
        }
    }

    fn with(&mut self, token: usize, f: impl FnOnce(&mut Self, &Arc<Link<Transport>>)) {
        if let Some(link) = self.poller.link(token) {
            f(self, &link);
        }
    }

    /// Reads up to one buffer, or up to the end that was announced. What is left is read in the next turn: the
    /// poller tells of bytes only as they arrive.
    fn read(&mut self, link: &Arc<Link<Transport>>, closed: bool, turn: &mut impl Turn) {
        let token = link.io().token();
        loop {
            if !link.wants_receive() {
                link.io().pause();
                // Whoever makes room after this look finds the mark.
                if !link.wants_receive() {
                    return;
                }
            }
            match link.io().read(&mut self.buffer) {
                Ok(0) => return link.ended(End::Closed),
                Ok(count) => {
                    turn.received(link, &mut self.buffer[..count]);
                    if count == self.buffer.len() {
                        return self.ready.push_back(Ready {
                            token,
                            readable: true,
                            writable: false,
                            closed,
                        });
                    }
                    if !closed {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return link.ended(End::Failed(Arc::new(error))),
            }
        }
    }

    /// Looks at the timeouts of connections whose timers have gone off. The clock may have been `asked` just now.
    fn run_timers(&mut self, asked: Option<Instant>) {
        if self.timers.is_empty() {
            return;
        }
        let now = asked.unwrap_or_else(now).as_nanos();
        while let Some(&Reverse((at, token))) = self.timers.peek() {
            if at > now {
                return;
            }
            self.timers.pop();
            let Some(link) = self.poller.link(token) else { continue };
            if !link.io().takes_timer(at) {
                continue;
            }
            if link.timeout().is_some_and(|at| at.as_nanos() <= now) {
                link.timed_out();
            }
            // Later than this turn, whatever the connection says: others want their turn, too.
            let next = link.timeout().map(|at| at.as_nanos().max(now + 1));
            if let Some(at) = next.filter(|at| link.io().sets_timer(*at)) {
                self.timers.push(Reverse((at, token)));
            }
        }
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("poller", &self.poller).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
