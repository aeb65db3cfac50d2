//! A network in memory, with a clock that the test moves and a server that the test plays.
#![allow(dead_code, reason = "each test file uses a part of it")]

use bytes::{Buf, Bytes};
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use sailplane::call::{Outcome, RequestHead, Status};
use sailplane::channel::ConnectionId;
use sailplane::connection::Start;
use sailplane::stub::driver::{Driver, Incoming};
use sailplane::{CallId, Config, End, Instant, Limits, Path, Transmit};
use sailplane_driver::{Client, Connector, IncomingCall, Io, Link, StartOptions};

/// Any id: handles of a client's call need none.
pub(crate) const ANY: CallId = CallId::new(0, 0);

/// A clock that the test moves.
#[derive(Clone, Debug)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_nanos().try_into().unwrap(), Ordering::SeqCst);
    }
}

/// One end of a connection: what it wrote, until the test carries it over.
pub(crate) struct Pipe {
    clock: Clock,
    pub(crate) written: Mutex<Vec<u8>>,
    /// What it still takes.
    pub(crate) room: AtomicUsize,
    pub(crate) wants_writable: AtomicBool,
    pub(crate) finished: AtomicBool,
    /// Writes that took something.
    pub(crate) writes: AtomicUsize,
    /// The most that it was offered at once.
    pub(crate) most_offered: AtomicUsize,
    /// How often the clock was read: once each time that the connection is locked, but for messages that are
    /// added to what waits for a flush.
    pub(crate) locks: AtomicUsize,
    /// Output waits for a flush, which is asked for here.
    pub(crate) kicked: Mutex<Option<Sender<()>>>,
}

impl Pipe {
    fn new(clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            written: Mutex::default(),
            room: AtomicUsize::new(usize::MAX),
            wants_writable: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            writes: AtomicUsize::new(0),
            most_offered: AtomicUsize::new(0),
            locks: AtomicUsize::new(0),
            kicked: Mutex::default(),
        }
    }

    /// Locks and writes so far.
    pub(crate) fn costs(&self) -> (usize, usize) {
        (self.locks.load(Ordering::SeqCst), self.writes.load(Ordering::SeqCst))
    }

    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.written.lock().unwrap())
    }
}

impl Io for Pipe {
    fn write(&self, transmit: &mut Transmit) -> io::Result<()> {
        let mut written = self.written.lock().unwrap();
        self.most_offered.fetch_max(transmit.len(), Ordering::SeqCst);
        let count =
            transmit.chunk().len().min(self.room.load(Ordering::SeqCst).saturating_sub(written.len()));
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        written.extend_from_slice(&transmit.chunk()[..count]);
        transmit.advance(count);
        self.writes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn want_writable(&self) {
        self.wants_writable.store(true, Ordering::SeqCst);
    }

    fn defers(&self) -> bool {
        self.kicked.lock().unwrap().is_some()
    }

    fn kick(&self) {
        if let Some(kicked) = &*self.kicked.lock().unwrap() {
            let _ = kicked.send(());
        }
    }

    fn finished(&self) {
        self.finished.store(true, Ordering::SeqCst);
    }

    fn now(&self) -> Instant {
        self.locks.fetch_add(1, Ordering::SeqCst);
        self.clock.now()
    }
}

/// Remembers which connections are wanted.
pub(crate) struct Net {
    clock: Clock,
    pub(crate) wanted: Mutex<Vec<ConnectionId>>,
}

impl Connector for Net {
    type Io = Pipe;

    fn connect(&self, _: &Arc<Client<Self>>, id: ConnectionId) {
        self.wanted.lock().unwrap().push(id);
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }
}

/// Both ends of a connection.
pub(crate) struct Pair {
    pub(crate) client: Arc<Link<Pipe>>,
    pub(crate) server: Arc<Link<Pipe>>,
}

/// A channel, its connections, and what its servers were asked.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) client: Arc<Client<Net>>,
    pub(crate) pairs: Vec<Pair>,
    pub(crate) calls: Vec<IncomingCall<Pipe>>,
    server: Config,
}

impl World {
    /// A client and its connection, over which one call went and nothing is on its way.
    pub(crate) fn connected() -> Self {
        let mut world = Self::new();
        let first = world.start("first");
        world.connect();
        world.pump();
        world.answer();
        assert!(first.result().is_some());
        world
    }

    pub(crate) fn new() -> Self {
        Self::with(Limits::default(), Limits::default())
    }

    pub(crate) fn with(client: Limits, server: Limits) -> Self {
        let clock = Clock(Arc::new(AtomicU64::new(1_000_000_000)));
        let net = Net { clock: clock.clone(), wanted: Mutex::default() };
        let config = |limits| Config::new(limits, 1);
        let client = Client::new(net, config(client));
        Self { clock, client, pairs: Vec::new(), calls: Vec::new(), server: config(server) }
    }

    pub(crate) fn wanted(&self) -> Option<ConnectionId> {
        self.client.connector().wanted.lock().unwrap().pop()
    }

    /// Makes the connection that is wanted.
    #[track_caller]
    pub(crate) fn connect(&mut self) {
        let id = self.wanted().expect("a connection is wanted");
        let client = self.client.link(id, Pipe::new(&self.clock), Some("memory".into()));
        let server = Link::server(Pipe::new(&self.clock), &self.server);
        server.flush();
        self.client.connected(&client);
        self.pairs.push(Pair { client, server });
    }

    /// Carries bytes until nobody has any. Calls that come are kept.
    pub(crate) fn pump(&mut self) {
        let mut busy = true;
        while busy {
            busy = false;
            for pair in &self.pairs {
                busy |= carry(pair, &mut self.calls);
            }
        }
    }

    pub(crate) fn start(&self, message: &'static str) -> Call {
        self.start_with(message, None, false)
    }

    pub(crate) fn start_with(&self, message: &'static str, timeout: Option<Duration>, patient: bool) -> Call {
        let start = Start {
            head: self.head(timeout),
            message: Some(Bytes::from_static(message.as_bytes())),
            finished: true,
        };
        let options = StartOptions { wait_for_ready: patient, ..StartOptions::default() };
        Call(self.client.start(self.clock.now(), start, options))
    }

    /// A call whose messages are still to come.
    pub(crate) fn start_streaming(&self) -> Call {
        let start = Start { head: self.head(None), message: None, finished: false };
        Call(self.client.start(self.clock.now(), start, StartOptions::default()))
    }

    fn head(&self, timeout: Option<Duration>) -> RequestHead {
        let mut head = RequestHead::new(Path::from_static("/a.Echo/Unary"), Bytes::from_static(b"x:1"));
        head.deadline = timeout.map(|timeout| self.clock.now().saturating_add(timeout));
        head
    }

    /// Answers all calls that came with what they sent.
    pub(crate) fn answer(&mut self) -> usize {
        let calls = std::mem::take(&mut self.calls);
        let count = calls.len();
        for call in calls {
            echo(call);
        }
        self.pump();
        count
    }

    pub(crate) fn timed_out(&mut self) {
        self.client.timed_out();
        for pair in &self.pairs {
            pair.client.timed_out();
            pair.server.timed_out();
        }
        self.pump();
    }
}

/// Answers a unary call with its request.
pub(crate) fn echo(call: IncomingCall<Pipe>) {
    let served = call.into_call().unwrap();
    let (driver, id) = served.parts();
    match driver.poll_receive(id, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Incoming::Messages(mut messages)) => driver.respond(id, messages.next(), Ok(())),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn carry(pair: &Pair, calls: &mut Vec<IncomingCall<Pipe>>) -> bool {
    let mut up = pair.client.io().take();
    let mut down = pair.server.io().take();
    if !up.is_empty() {
        pair.server.received_calls(&mut up, calls);
    }
    while pair.server.take_calls(calls) {}
    if !down.is_empty() {
        pair.client.received(&mut down);
    }
    if !up.is_empty() || !down.is_empty() {
        return true;
    }
    let hang_up = |from: &Arc<Link<Pipe>>, to: &Arc<Link<Pipe>>| {
        let news = from.is_finished() && !to.is_finished();
        if news {
            to.ended(End::Closed);
        }
        news
    };
    hang_up(&pair.client, &pair.server) | hang_up(&pair.server, &pair.client)
}

/// A client's call in the hands of a test. Released when dropped.
pub(crate) struct Call(pub(crate) Arc<dyn Driver>);

impl Call {
    pub(crate) fn receive(&self) -> Poll<Incoming> {
        self.0.poll_receive(ANY, &mut Context::from_waker(Waker::noop()))
    }

    pub(crate) fn outcome(&self) -> Poll<Outcome> {
        self.0.poll_outcome(ANY, &mut Context::from_waker(Waker::noop()))
    }

    /// The reply and the status of a unary call; `None` while it runs.
    pub(crate) fn result(&self) -> Option<Result<String, Status>> {
        let mut reply = None;
        loop {
            match self.receive() {
                Poll::Pending => return None,
                Poll::Ready(Incoming::Messages(mut messages)) => reply = messages.next(),
                Poll::Ready(_) => break,
            }
        }
        let Poll::Ready(outcome) = self.outcome() else { return None };
        Some(outcome.status.map(|()| String::from_utf8(reply.unwrap().to_vec()).unwrap()))
    }

    #[track_caller]
    pub(crate) fn failure(&self) -> Status {
        self.result().expect("the call has ended").expect_err("the call has failed")
    }

    /// Blocks this thread, as a handle does.
    pub(crate) fn wait(&self) -> Result<String, Status> {
        let mut reply = None;
        let mut outcome = None;
        self.0.block(ANY, &mut |cx| {
            loop {
                match self.0.poll_receive(ANY, cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Incoming::Messages(mut messages)) => reply = messages.next(),
                    Poll::Ready(_) => break,
                }
            }
            self.0.poll_outcome(ANY, cx).map(|found| outcome = Some(found))
        });
        outcome.unwrap().status.map(|()| String::from_utf8(reply.unwrap().to_vec()).unwrap())
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.release(ANY);
    }
}

/// Counts how often it was used.
#[derive(Default)]
pub(crate) struct Count(pub(crate) AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
