//! Calls ⇄ peers: which connection a call goes to, and what it does while there is none.
//!
//! ```text
//!            start ─▶ waiting ──▶ Place ─▶ (connection.start_call) ─▶ no_room ─▶ back into its place
//!                        │
//!                        └──────▶ Fail      (deadline, connection attempt failed, closed)
//!
//!   Idle ──Connect──▶ Connecting ──handle_connected──▶ Ready ──draining, lost──▶ Idle
//!     ▲                   │ handle_connect_failed
//!     └──── Pause ◀───────┘   (only where calls wait through failures)
//! ```
//!
//! The machine does no I/O and takes no lock: it is told what happened and asked, by
//! [`poll_action`](Machine::poll_action), what to do. It knows connections by id.

pub mod attempt;
mod backoff;
mod target;
mod waiting;

pub use target::{Endpoint, InvalidTarget, Target};
pub use waiting::{Record, Ticket};

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::time::Duration;

use crate::call::{Code, Status};
use crate::limits::Limits;
use crate::time::{Instant, Timeout, Timer};

use backoff::Backoff;
use waiting::Waiting;

/// Names a connection of a channel, from the attempt to connect on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

/// What the driver of a channel has to do.
#[derive(Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is returned")]
pub enum Action {
    /// Connect, then call `handle_connected` or `handle_connect_failed` with this id.
    Connect(ConnectionId),
    /// Start this call on that connection; if it has no room, give it back by `no_room`. Then say
    /// [`placed`](Machine::placed): the next call in the queue has its turn after this one.
    Place {
        /// The call's ticket, which it gives up.
        ticket: Ticket,
        /// The call.
        record: Record,
        /// Where to.
        place: Place,
    },
    /// The call is over.
    Fail {
        /// The call's ticket, which it gives up.
        ticket: Ticket,
        /// How it ended.
        status: Status,
    },
}

/// A connection that takes calls, as it was at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The connection.
    pub connection: ConnectionId,
    /// How often it had announced room. A refusal from before the last announcement is out of date.
    rooms: u64,
}

/// What a channel is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Calls that may wait. Above it they fail with RESOURCE_EXHAUSTED.
    pub waiting_calls_max: usize,
    /// How long after a failed attempt the next one starts, for calls that wait through failures. It grows by
    /// 1.6 from failure to failure, and differs by a fifth either way.
    pub pause: Duration,
    /// As long as that gets.
    pub pause_max: Duration,
    /// Seeds the jitter.
    pub seed: u64,
}

impl Config {
    /// What `limits` say of a channel.
    #[must_use]
    pub fn new(limits: &Limits, seed: u64) -> Self {
        Self {
            waiting_calls_max: limits.waiting_calls_max,
            pause: limits.reconnect_pause,
            pause_max: limits.reconnect_pause_max,
            seed,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new(&Limits::default(), 0)
    }
}

/// The control plane of one channel.
#[derive(Debug)]
pub struct Machine {
    config: Config,
    state: State,
    backoff: Backoff,
    next_connection: u64,
    waiting: Waiting,
    /// A call was given out to be placed, and nobody said yet what became of it. Others that were started
    /// meanwhile would take the room that it has waited for.
    placing: bool,
    failed: VecDeque<(Ticket, Status)>,
    /// Why the last attempt failed, as the cause of deadlines that pass meanwhile.
    last_failure: Option<Status>,
    now: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Connecting(ConnectionId),
    Ready { place: Place, full: bool },
    Pause { until: Instant },
    Closed,
}

impl Machine {
    /// A channel that has no connection yet and asks for one at the first call.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let backoff = Backoff::new(config.pause, config.pause_max, config.seed);
        Self {
            config,
            backoff,
            state: State::Idle,
            next_connection: 0,
            waiting: Waiting::default(),
            placing: false,
            failed: VecDeque::new(),
            last_failure: None,
            now: Instant::ZERO,
        }
    }

    // -- what happened --

    /// The connection was made and takes calls.
    pub fn handle_connected(&mut self, now: Instant, connection: ConnectionId) {
        self.handle_timeout(now);
        if self.state == State::Connecting(connection) {
            self.last_failure = None;
            self.backoff.reset();
            self.state = State::Ready { place: Place { connection, rooms: 0 }, full: false };
        }
    }

    /// The attempt failed: so do all calls that wait for it, except those that wait for ready.
    pub fn handle_connect_failed(&mut self, now: Instant, connection: ConnectionId, status: Status) {
        self.handle_timeout(now);
        if self.state != State::Connecting(connection) {
            return;
        }
        while let Some((ticket, _)) = self.waiting.pop_impatient() {
            self.failed.push_back((ticket, status.clone()));
        }
        self.last_failure = Some(status);
        self.state = if self.waiting.len() > 0 {
            State::Pause { until: self.now.saturating_add(self.backoff.pause()) }
        } else {
            State::Idle
        };
    }

    /// Nobody pursues the attempt any more; it is asked for again if calls wait.
    pub fn handle_connect_abandoned(&mut self, now: Instant, connection: ConnectionId) {
        self.handle_timeout(now);
        if self.state == State::Connecting(connection) {
            self.state = State::Idle;
        }
    }

    /// The connection has room again.
    pub fn handle_room(&mut self, connection: ConnectionId) {
        match &mut self.state {
            State::Ready { place, full } if place.connection == connection => {
                place.rooms += 1;
                *full = false;
            }
            _ => {}
        }
    }

    /// The connection takes no more calls.
    pub fn handle_draining(&mut self, connection: ConnectionId) {
        if matches!(self.state, State::Ready { place, .. } if place.connection == connection) {
            self.state = State::Idle;
        }
    }

    /// The connection is over.
    pub fn handle_lost(&mut self, connection: ConnectionId) {
        self.handle_draining(connection);
    }

    /// Time passed. May be called at any time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        while let Some((ticket, _)) = self.waiting.pop_expired(self.now) {
            let status = self.expired();
            self.failed.push_back((ticket, status));
        }
        if matches!(self.state, State::Pause { until } if until <= self.now) {
            self.state = State::Idle;
        }
    }

    // -- commands --

    /// A new call waits.
    ///
    /// # Errors
    /// The status of the call: its deadline has passed, too many wait, or the channel is closed.
    pub fn start(&mut self, now: Instant, record: Record) -> Result<Ticket, Status> {
        self.handle_timeout(now);
        if self.state == State::Closed {
            return Err(closed());
        }
        if record.call.head.deadline.is_some_and(|deadline| deadline <= now) {
            return Err(self.expired());
        }
        if self.waiting.len() >= self.config.waiting_calls_max {
            let text = alloc::format!("{} calls wait for a connection already", self.waiting.len());
            return Err(Status::resource_exhausted(text).never_ran());
        }
        Ok(self.waiting.push(record))
    }

    /// The connection of `place` refused this call for want of room: it gets its old place in the queue.
    pub fn no_room(&mut self, ticket: Ticket, record: Record, refused_by: Place) {
        self.mark_full(refused_by);
        self.put_back(ticket, record);
    }

    /// A connection refused a call for want of room. Without effect where it announced room since.
    pub fn mark_full(&mut self, refused_by: Place) {
        match &mut self.state {
            State::Ready { place, full } if *place == refused_by => *full = true,
            _ => {}
        }
    }

    /// This call could not be placed after all: it gets its old place in the queue.
    pub fn put_back(&mut self, ticket: Ticket, record: Record) {
        if self.state == State::Closed {
            self.failed.push_back((ticket, closed()));
        } else {
            self.waiting.insert(ticket, record);
        }
    }

    /// The call that [`Action::Place`] gave out has been placed, was given back, or is over.
    pub fn placed(&mut self) {
        self.placing = false;
    }

    /// The call waits no longer; `None` where it was placed or failed already.
    pub fn withdraw(&mut self, ticket: Ticket) -> Option<Record> {
        self.waiting.remove(ticket)
    }

    /// A call that waits. Its deadline must not be changed.
    pub fn record_mut(&mut self, ticket: Ticket) -> Option<&mut Record> {
        self.waiting.get_mut(ticket)
    }

    /// No more calls; those that wait fail.
    pub fn close(&mut self) {
        self.state = State::Closed;
        while let Some((ticket, _)) = self.waiting.pop_first() {
            self.failed.push_back((ticket, closed()));
        }
    }

    // -- what to do about it --

    /// The connection on which a new call may be started at once, without overtaking one that waits.
    #[must_use]
    pub fn ready(&self) -> Option<Place> {
        match self.state {
            State::Ready { place, full: false } if self.waiting.len() == 0 && !self.placing => Some(place),
            _ => None,
        }
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        if let Some((ticket, status)) = self.failed.pop_front() {
            return Some(Action::Fail { ticket, status });
        }
        match self.state {
            State::Ready { place, full: false } if !self.placing => {
                let (ticket, record) = self.waiting.pop_first()?;
                self.placing = true;
                Some(Action::Place { ticket, record, place })
            }
            State::Idle if self.waiting.len() > 0 => Some(self.connect()),
            State::Pause { .. } if self.waiting.has_impatient() => Some(self.connect()),
            _ => None,
        }
    }

    /// When `handle_timeout` must be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timeout> {
        let deadline = self.waiting.earliest_deadline().map(|at| Timeout { at, timer: Timer::Deadline });
        let pause = match self.state {
            State::Pause { until } => Some(Timeout { at: until, timer: Timer::Reconnect }),
            _ => None,
        };
        match (deadline, pause) {
            (Some(deadline), Some(pause)) if pause.at < deadline.at => Some(pause),
            (None, pause) => pause,
            (deadline, _) => deadline,
        }
    }

    /// Calls that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    // -- inside --

    fn connect(&mut self) -> Action {
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.state = State::Connecting(connection);
        Action::Connect(connection)
    }

    fn expired(&self) -> Status {
        let status =
            Status::new(Code::DeadlineExceeded, "the call waited for a connection until its deadline")
                .never_ran();
        match &self.last_failure {
            Some(failure) => {
                status.with_source(Arc::new(failure.clone()) as Arc<dyn core::error::Error + Send + Sync>)
            }
            None => status,
        }
    }
}

fn closed() -> Status {
    Status::new(Code::Unavailable, "the channel was closed").never_ran()
}

#[cfg(test)]
mod tests;
