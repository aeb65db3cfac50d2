//! What the lock of a connection protects.

use std::collections::VecDeque;
use std::sync::Arc;

use sailplane::call::{RequestHead, Status};
use sailplane::stub::Served;
use sailplane::{CallId, Connection, Event, Instant, Received, Transmit};

use crate::call::{Call, Owner};
use crate::local::{Local, News, OCTETS_AT_ONCE, Place, Wakers};
use crate::rest::{Pace, Sleeper};
use crate::{IncomingCall, Io, Link};

/// What a connection's owner wants to know.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// The peer's SETTINGS came.
    Ready,
    /// There is room for a call again.
    Room,
    /// No more calls.
    Draining,
    /// It is over.
    Closed,
}

pub(crate) struct State<I: Io> {
    pub(crate) connection: Sleeper,
    pub(crate) pace: Pace,
    /// By `CallId::index`.
    slots: Vec<Slot<I>>,
    /// New calls that nobody took yet: at most as many as may be live at once.
    incoming: VecDeque<CallId>,
    incoming_seen: usize,
    /// What was not written, while the transport is full, or since a writer unwound.
    pub(crate) transmit: Option<Box<Transmit>>,
    /// The transport is full: the output is here, and the adapter's loop finishes it.
    pub(crate) stuck: bool,
    /// Why the connection is over.
    pub(crate) lost: Option<Status>,
    /// When to give up on the rest of the output, once the connection is over and the transport full.
    pub(crate) linger: Option<Instant>,
    pub(crate) finished_told: bool,
    /// Calls to tell of the loss of all state in a panic.
    abandoned: Tell<I>,
}

/// Of a place in the connection's table. Whether `Event::Ended` came is in each variant, beside what tells them
/// apart: so it is two words.
enum Slot<I: Io> {
    Nobody {
        ended: bool,
    },
    Client {
        call: Arc<Call<I>>,
        ended: bool,
    },
    Server {
        call: Arc<Served<Call<I>>>,
        /// It is told of events; otherwise it is over, and the next one may have its memory.
        told: bool,
        ended: bool,
    },
}

impl<I: Io> Slot<I> {
    const EMPTY: Self = Self::Nobody { ended: false };

    const fn ended(&mut self) -> &mut bool {
        match self {
            Self::Nobody { ended } | Self::Client { ended, .. } | Self::Server { ended, .. } => ended,
        }
    }

    /// Who is told of events.
    fn owner(&self) -> Option<Owner<I>> {
        match self {
            Self::Client { call, .. } => Some(Owner::Client(Arc::clone(call))),
            Self::Server { call, told: true, .. } => Some(Owner::Server(Arc::clone(call))),
            Self::Nobody { .. } | Self::Server { .. } => None,
        }
    }

    fn attach(&mut self, owner: Owner<I>) {
        let ended = *self.ended();
        *self = match owner {
            Owner::Client(call) => Self::Client { call, ended },
            Owner::Server(call) => Self::Server { call, told: true, ended },
        };
    }

    /// The memory of a call that was here.
    fn take_spare(&mut self) -> Option<Arc<Served<Call<I>>>> {
        let ended = *self.ended();
        match std::mem::replace(self, Self::Nobody { ended }) {
            Self::Server { call, .. } => Some(call),
            Self::Nobody { .. } | Self::Client { .. } => None,
        }
    }

    /// Who is told of events, no longer.
    fn release(&mut self) -> Option<Owner<I>> {
        match std::mem::replace(self, Self::EMPTY) {
            Self::Client { call, .. } => Some(Owner::Client(call)),
            Self::Server { call, told: true, .. } => Some(Owner::Server(call)),
            Self::Nobody { .. } | Self::Server { .. } => None,
        }
    }
}

/// What a call is to be told once nothing is locked; several events at once.
pub(crate) struct Notice<I: Io> {
    call: Owner<I>,
    id: CallId,
    news: News,
    /// Who waits for the call, where what came was taken for it already.
    taken: Option<Wakers>,
}

impl<I: Io> Notice<I> {
    const fn new(call: Owner<I>, id: CallId, news: News) -> Self {
        Self { call, id, news, taken: None }
    }

    pub(crate) fn tell(self) {
        match self.taken {
            Some(wakers) => wakers.wake(),
            None => self.call.news(self.news),
        }
    }
}

pub(crate) type Tell<I> = Vec<Notice<I>>;

impl<I: Io> State<I> {
    pub(crate) fn new(connection: Connection) -> Self {
        Self {
            connection: Sleeper::new(connection),
            pace: Pace::new(),
            slots: Vec::new(),
            incoming: VecDeque::new(),
            incoming_seen: 0,
            transmit: None,
            stuck: false,
            lost: None,
            linger: None,
            finished_told: false,
            abandoned: Vec::new(),
        }
    }

    /// Takes all events; what they mean for calls and for the owner is added to `tell` and `changes`.
    pub(crate) fn drain_events(&mut self, tell: &mut Tell<I>, changes: &mut Vec<Change>) {
        let known = tell.len();
        tell.append(&mut self.abandoned);
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::Call(call) => {
                    *self.slot(call).ended() = false;
                    self.incoming.push_back(call);
                }
                Event::Headers(call) | Event::Message(call) => {
                    self.note(call, News { receive: true, ..News::default() }, tell);
                }
                Event::Writable(call) => self.note(call, News { send: true, ..News::default() }, tell),
                Event::Ended(call) => {
                    *self.slot(call).ended() = true;
                    self.note(call, News { ended: true, ..News::default() }, tell);
                }
                Event::Ready => changes.push(Change::Ready),
                Event::Room => changes.push(Change::Room),
                Event::Draining => changes.push(Change::Draining),
                Event::Closed(ended) => {
                    self.lost.get_or_insert_with(|| ended.to_status());
                    changes.push(Change::Closed);
                }
                _ => {}
            }
        }
        for notice in tell.iter_mut().skip(known) {
            self.deliver(notice);
        }
    }

    /// Takes what came for a call whose reader waits, which then finds it without another look at the connection.
    /// A call's own lock comes before this one: a call that is locked is told and looks itself.
    fn deliver(&mut self, notice: &mut Notice<I>) {
        let Notice { call, id, news, taken } = notice;
        if !news.receive && !news.ended {
            return;
        }
        let Some(mut local) = call.try_lock() else { return };
        let is_here = matches!(&local.place, Place::Placed(_, placed) if placed == id);
        if is_here && local.receive_waker.is_some() && !local.has_backlog() {
            // Not the last reference: the notice has one.
            drop(self.take(*id, &mut local, call.role()));
            *taken = Some(local.waiting(*news));
        }
    }

    /// Installs `call` as the one to tell of the events of `id`.
    pub(crate) fn attach(&mut self, id: CallId, call: Owner<I>) {
        self.slot(id).attach(call);
    }

    /// Whether `Event::Ended` came for a call.
    pub(crate) fn has_ended(&mut self, id: CallId) -> bool {
        *self.slot(id).ended()
    }

    /// Nobody is told of `id` any more; its id becomes free.
    pub(crate) fn release(&mut self, id: CallId) -> Option<Owner<I>> {
        self.connection.release(id);
        self.slot(id).release()
    }

    /// The same for a server's call that was answered. It leaves its memory to the next one where that is about all
    /// that it has.
    pub(crate) fn answered(&mut self, id: CallId, local: &Local<I>) -> Option<Owner<I>> {
        match self.slot(id) {
            Slot::Server { call, told, .. } if local.is_light() && call.is_light() => *told = false,
            _ => return self.release(id),
        }
        self.connection.release(id);
        None
    }

    /// A new call of the peer, with what is there of it.
    pub(crate) fn next_incoming(&mut self, link: &Arc<Link<I>>) -> Option<IncomingCall<I>> {
        loop {
            let id = self.incoming.pop_front()?;
            let Some(head) = self.connection.take_request(id) else {
                self.connection.release(id);
                continue;
            };
            let call = self.serve(link, id, head);
            return Some(IncomingCall::new(Arc::clone(link), id, call));
        }
    }

    /// A call to be answered, in the memory of the one that had its slot before, if nobody has that any more.
    fn serve(&mut self, link: &Arc<Link<I>>, id: CallId, head: RequestHead) -> Arc<Served<Call<I>>> {
        if let Some(mut spare) = self.slot(id).take_spare() {
            if let Some(old) = Arc::get_mut(&mut spare) {
                self.take(id, old.renew(head, id).renew(link, id), Role::Server);
                self.attach(id, Owner::Server(Arc::clone(&spare)));
                return spare;
            }
        }
        let mut local = Local::new(Place::Moving);
        local.place_at(link, id);
        self.take(id, &mut local, Role::Server);
        let served = Arc::new(Served::new(head, id, Call::server(local)));
        self.attach(id, Owner::Server(Arc::clone(&served)));
        served
    }

    /// Whether there are new calls that nobody took; the adapter is told of them.
    pub(crate) fn has_incoming(&mut self) -> bool {
        self.incoming_seen = self.incoming.len();
        self.incoming_seen > 0
    }

    /// Whether there are more new calls that nobody took than the adapter was told of.
    pub(crate) fn sees_more_incoming(&mut self) -> bool {
        let seen = std::mem::replace(&mut self.incoming_seen, self.incoming.len());
        self.incoming.len() > seen
    }

    /// Moves what is there for a call into `local`: a few messages while the call runs, everything once it
    /// ended. A client's call that ended is released.
    pub(crate) fn take(&mut self, id: CallId, local: &mut Local<I>, role: Role) -> Option<Owner<I>> {
        if role == Role::Client && !local.head_taken && !local.has_head() {
            if let Some(head) = self.connection.take_response(id) {
                local.put_head(head);
            }
        }
        let ended = self.has_ended(id);
        local.look = !local.complete;
        while !local.complete && (ended || !local.messages.is_enough()) {
            let most = if ended { usize::MAX } else { OCTETS_AT_ONCE };
            match self.connection.receive_messages(id, most) {
                Ok(Received::Message(messages)) => {
                    local.complete = messages.is_last();
                    local.messages_ended = local.complete && !ended;
                    local.messages.push(messages);
                }
                Ok(Received::Pending) if ended => local.complete = true,
                Ok(Received::Pending) => {
                    local.look = false;
                    break;
                }
                Ok(Received::End) => {
                    local.complete = true;
                    local.messages_ended = !ended;
                }
                Err(_) => return self.vanished(id, local),
            }
        }
        if !local.complete || local.is_over() {
            return None;
        }
        local.look = false;
        let outcome = self.connection.take_outcome(id)?;
        match role {
            Role::Server => {
                local.set_over(outcome.status);
                None
            }
            Role::Client => {
                local.put_outcome(outcome);
                local.leave();
                self.release(id)
            }
        }
    }

    /// The connection does not know the call (its state was lost in a panic).
    fn vanished(&mut self, id: CallId, local: &mut Local<I>) -> Option<Owner<I>> {
        let status = self.lost.clone();
        local.end(status.unwrap_or_else(|| Status::cancelled("the call was released")));
        self.slot(id).release()
    }

    /// The connection's state cannot be trusted: it is over, with `status`, and everybody who waits is told.
    pub(crate) fn abandon(&mut self, connection: Connection, status: Status) {
        self.connection = Sleeper::new(connection);
        self.lost = Some(status);
        self.incoming.clear();
        self.transmit = None;
        self.stuck = false;
        for mut slot in self.slots.drain(..) {
            if let Some(call) = slot.release() {
                let news = News { receive: true, send: true, ended: true };
                self.abandoned.push(Notice::new(call, CallId::new(0, 0), news));
            }
        }
    }

    /// Lets the connection rest, which then has no calls.
    pub(crate) fn rest(&mut self) {
        if self.connection.rest() {
            self.slots = Vec::new();
            self.incoming = VecDeque::new();
        }
    }

    fn note(&mut self, call: CallId, news: News, tell: &mut Tell<I>) {
        match tell.last_mut() {
            Some(Notice { id, news: already, taken: None, .. }) if *id == call => {
                already.receive |= news.receive;
                already.send |= news.send;
                already.ended |= news.ended;
            }
            _ => tell.extend(self.slot(call).owner().map(|owner| Notice::new(owner, call, news))),
        }
    }

    fn slot(&mut self, call: CallId) -> &mut Slot<I> {
        let index = call.index();
        if self.slots.len() <= index {
            self.add_slots(index);
        }
        &mut self.slots[index]
    }

    /// Adds those up to `index`. Not twice as many: each idle call has its part of those that are not used.
    #[cold]
    fn add_slots(&mut self, index: usize) {
        let len = self.slots.len();
        if self.slots.capacity() <= index {
            let more = (index - len).saturating_add(len / 8).saturating_add(8);
            self.slots.reserve_exact(more);
        }
        self.slots.resize_with(index.saturating_add(1), || Slot::EMPTY);
    }
}

/// Which side of its calls a connection is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}
