//! One connection behind its lock.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use sailplane::channel::ConnectionId;
use sailplane::{Config, Connection, End, Instant};

use crate::after::Due;
use crate::reader::{self, Reading};
use crate::state::{Change, Role, State};
use crate::turn::Output;
use crate::writer::Writer;
use crate::{Alarm, IncomingCall, Io};

/// New calls that one turn hands out.
const CALLS_PER_TURN: usize = 32;

type Owner = Box<dyn Fn(&Change) + Send + Sync>;

/// One connection, its calls and its transport: what an adapter's loop and the handles of calls share.
pub struct Link<I: Io> {
    pub(crate) io: I,
    pub(crate) role: Role,
    id: Option<ConnectionId>,
    pub(crate) state: Mutex<State<I>>,
    reader: reader::Role,
    pub(crate) writer: Writer,
    /// When the last write began, in nanoseconds.
    pub(crate) written: AtomicU64,
    /// A command in a turn left output where it is.
    pub(crate) output: AtomicBool,
    /// A command outside of a turn left output where it is, and asked for a flush that has not begun.
    pub(crate) kicked: AtomicBool,
    /// What `poll_timeout` said last.
    pub(crate) timeout: Alarm,
    pub(crate) wants_receive: AtomicBool,
    pub(crate) stuck: AtomicBool,
    pub(crate) over: AtomicBool,
    pub(crate) finished: AtomicBool,
    pub(crate) owner: Option<Owner>,
    address: Option<Arc<str>>,
}

impl<I: Io> Link<I> {
    /// The server side of a connection over `io`. Call [`flush`](Self::flush) when the adapter is ready.
    #[must_use]
    pub fn server(io: I, config: &Config) -> Arc<Self> {
        let connection = Connection::server(io.now(), config);
        Self::new(io, Role::Server, connection, config.address.clone(), None, None)
    }

    /// The same with what it takes to shake hands: `permit` is dropped, with nothing locked, once the client has
    /// shown that it speaks HTTP/2, or the connection is over.
    #[must_use]
    pub fn server_with_permit(io: I, config: &Config, permit: impl Send + 'static) -> Arc<Self> {
        let connection = Connection::server(io.now(), config);
        let permit = Mutex::new(Some(permit));
        let owner = move |change: &Change| {
            if matches!(change, Change::Ready | Change::Closed) {
                let permit = permit.lock().unwrap_or_else(PoisonError::into_inner).take();
                drop(permit);
            }
        };
        let owner: Owner = Box::new(owner);
        Self::new(io, Role::Server, connection, config.address.clone(), None, Some(owner))
    }

    pub(crate) fn client(io: I, config: &Config, id: ConnectionId, owner: Owner) -> Arc<Self> {
        let connection = Connection::client(io.now(), config);
        Self::new(io, Role::Client, connection, config.address.clone(), Some(id), Some(owner))
    }

    fn new(
        io: I,
        role: Role,
        connection: Connection,
        address: Option<Arc<str>>,
        id: Option<ConnectionId>,
        owner: Option<Owner>,
    ) -> Arc<Self> {
        let timeout = Alarm::new();
        timeout.set(connection.poll_timeout().map(|timeout| timeout.at));
        let wants_receive = connection.wants_receive();
        Arc::new(Self {
            io,
            role,
            id,
            state: Mutex::new(State::new(connection)),
            reader: reader::Role::default(),
            writer: Writer::default(),
            written: AtomicU64::new(0),
            output: AtomicBool::new(false),
            kicked: AtomicBool::new(false),
            timeout,
            wants_receive: AtomicBool::new(wants_receive),
            stuck: AtomicBool::new(false),
            over: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            owner,
            address,
        })
    }

    // -- what happened: the adapter's loop --

    /// Bytes arrived. Output that this caused is written, unless the adapter defers it. New calls stay in the
    /// connection until [`take_calls`](Self::take_calls).
    pub fn received(self: &Arc<Self>, bytes: &mut [u8]) {
        self.run(|state, now, _| state.connection.handle_received(now, bytes)).settle();
    }

    /// Server: bytes arrived, as [`received`](Self::received). Up to 32 new calls are added to `calls`; whether
    /// there are more, for [`take_calls`](Self::take_calls).
    pub fn received_calls(self: &Arc<Self>, bytes: &mut [u8], calls: &mut Vec<IncomingCall<I>>) -> bool {
        self.hand_out(calls, |state, now, due| {
            state.connection.handle_received(now, bytes);
            state.drain_events(&mut due.tell, &mut due.changes);
        })
    }

    /// Server: adds up to 32 new calls to `calls`; whether there are more.
    pub fn take_calls(self: &Arc<Self>, calls: &mut Vec<IncomingCall<I>>) -> bool {
        self.hand_out(calls, |_, _, _| ())
    }

    fn hand_out(
        self: &Arc<Self>,
        calls: &mut Vec<IncomingCall<I>>,
        f: impl FnOnce(&mut State<I>, Instant, &mut Due<I>),
    ) -> bool {
        let (more, after) = self.command(|state, now, due| {
            f(state, now, due);
            calls.extend(std::iter::from_fn(|| state.next_incoming(self)).take(CALLS_PER_TURN));
            state.has_incoming()
        });
        after.settle();
        more
    }

    /// The byte stream ended.
    pub fn ended(self: &Arc<Self>, end: End) {
        self.run(|state, now, due| {
            if matches!(end, End::Failed(_)) {
                // What is unsent stays unsent.
                state.transmit = None;
                if std::mem::take(&mut state.stuck) {
                    due.writing = Some(Box::default());
                }
            }
            state.connection.handle_end(now, end);
        })
        .settle();
    }

    /// The timeout may have passed.
    pub fn timed_out(self: &Arc<Self>) {
        self.run(|state, now, due| {
            // What was written last was perhaps not looked at since: a stall may be over for long.
            self.poll_output(state, now, false, due);
            state.connection.handle_timeout(now);
            if state.linger.is_some_and(|until| until <= now) && state.stuck {
                state.stuck = false;
                due.writing = Some(Box::default());
            }
        })
        .settle();
    }

    /// The transport, which was full, may take bytes again.
    pub fn writable(self: &Arc<Self>) {
        self.run(|state, _, due| {
            if std::mem::take(&mut state.stuck) {
                due.writing = Some(state.transmit.take().unwrap_or_default());
            }
        })
        .settle();
    }

    /// Writes what there is to write.
    pub fn flush(self: &Arc<Self>) {
        self.kicked.store(false, Ordering::SeqCst);
        let after = Arc::clone(self).command_for(Output::Flush, |_, _, _| ()).1;
        after.settle();
    }

    // -- what to wait for: no lock is taken --

    /// When [`timed_out`](Self::timed_out) must be called at the latest.
    #[must_use]
    pub fn timeout(&self) -> Option<Instant> {
        self.timeout.get()
    }

    /// False: leave the bytes in the socket.
    #[must_use]
    pub fn wants_receive(&self) -> bool {
        self.wants_receive.load(Ordering::SeqCst)
    }

    /// Whether the output waits for the transport: [`writable`](Self::writable) is expected.
    #[must_use]
    pub fn wants_writable(&self) -> bool {
        self.stuck.load(Ordering::SeqCst)
    }

    /// The connection is over; the rest of its output may be unwritten.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// The connection is over and everything is written.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::SeqCst)
    }

    /// The transport.
    pub const fn io(&self) -> &I {
        &self.io
    }

    /// The connection's id in its channel; none on a server.
    #[must_use]
    pub const fn id(&self) -> Option<ConnectionId> {
        self.id
    }

    /// The peer's address, where it is known.
    #[must_use]
    pub const fn address(&self) -> Option<&Arc<str>> {
        self.address.as_ref()
    }

    // -- commands --

    /// Ends in order: no new calls, those that run may finish for the time of `grace`.
    pub fn shutdown(self: &Arc<Self>, grace: Duration) {
        self.run(|state, now, _| state.connection.shutdown(now, grace)).settle();
    }

    /// Ends now.
    pub fn close(self: &Arc<Self>) {
        self.run(|state, now, _| state.connection.close(now)).settle();
    }

    /// Calls that are not released.
    #[must_use]
    pub fn live_calls(self: &Arc<Self>) -> usize {
        let (live, after) = self.command(|state, _, _| state.connection.live_calls());
        after.settle();
        live
    }

    // -- the reader's role, for adapters without a loop --

    /// The role of reading, if nobody has it.
    #[must_use]
    pub fn try_read(&self) -> Option<Reading<'_>> {
        self.reader.try_take()
    }

    /// The role of reading, or `waker` is woken when it is free. Ends with [`leave`](Self::leave).
    pub fn read_or_wait(&self, waker: &Waker) -> Option<Reading<'_>> {
        self.reader.take_or_wait(waker)
    }

    /// The thread of `waker` waits no longer: if the role is free, another that waits gets it.
    pub fn leave(&self, waker: &Waker) {
        self.reader.leave(waker);
    }
}

impl<I: Io> fmt::Debug for Link<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("role", &self.role)
            .field("id", &self.id)
            .field("timeout", &self.timeout())
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
