//! Flow-control credit of streams, and what a connection holds unread.
//!
//! Credit of the connection is returned on receipt, always. A stream's is returned while its octets belong
//! to the only message that it holds. While the connection holds more than its limit, only one message
//! gets credit: the oldest unfinished one, that of the oldest call, and no other until it was taken; and a
//! call that holds nothing has its whole window. An older call takes over from a message in progress only while
//! no more is held than the limit and one message: a peer that never finishes one and goes on with an older one
//! would otherwise have them all. So what is held stays below the limit, the windows that were open, and two
//! messages; and calls that are awaited in the order in which they were started all finish. If none finishes in
//! time the largest call ends.

use super::Connection;
use super::entry::Entry;
use super::table::Ring;
use crate::call::{CallId, Status};
use crate::time::Timer;

/// What nobody has taken yet.
#[derive(Debug)]
pub(super) struct Unread {
    /// Octets in all calls, as they are allocated.
    pub(super) octets: usize,
    /// Calls whose credit is withheld.
    starving: Ring<4>,
    /// The call whose message may finish although the connection holds more than its limit.
    fed: Option<CallId>,
}

impl Unread {
    pub(super) const fn new() -> Self {
        Self { octets: 0, starving: Ring::new(), fed: None }
    }
}

impl Unread {
    /// A call holds this instead of what it held.
    pub(super) fn replace(&mut self, held: usize, now: usize) {
        self.octets = self.octets.saturating_sub(held).saturating_add(now);
    }
}

impl Connection {
    /// What may be allocated for a call ahead of what arrives: what the limit leaves, and above it nothing
    /// but for the message that may finish.
    pub(super) fn room_ahead(&self, call: CallId) -> usize {
        if self.unread.fed == Some(call) {
            return usize::MAX;
        }
        self.limits.unread_bytes_max.saturating_sub(self.unread.octets)
    }

    /// Returns credit to a stream, or withholds it.
    #[inline]
    pub(super) fn credit(&mut self, index: u32, octets: usize) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        entry.withheld = entry.withheld.saturating_add(octets);
        if entry.withheld > 0 && entry.stream.state.may_receive() {
            self.settle_credit(index);
        }
    }

    fn settle_credit(&mut self, index: u32) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        let crowded = self.unread.octets > self.limits.unread_bytes_max;
        if !crowded {
            let withheld = core::mem::take(&mut entry.withheld);
            entry.stream.receive_window.give_back(withheld);
            if entry.stream.receive_window.wants_update() {
                self.output.urgent.push(&mut self.calls, index);
            }
            return;
        }
        // Who holds nothing has read everything, and waits for the next message.
        let holds_nothing = !entry.incoming.has_message() && entry.incoming.held() == 0;
        if holds_nothing {
            self.give_withheld(index);
            return;
        }
        self.unread.starving.push(&mut self.calls, index);
        if !self.timers.is_set(Timer::ReceiveStall) {
            self.timers.set(Timer::ReceiveStall, self.now.saturating_add(self.limits.unread_stall));
        }
        self.feed();
    }

    fn give_back(&mut self, index: u32, octets: usize) {
        let Some(entry) = self.calls.get_mut(index) else { return };
        entry.stream.receive_window.give_back(octets);
        if entry.stream.receive_window.wants_update() && entry.stream.state.may_receive() {
            self.output.urgent.push(&mut self.calls, index);
        }
    }

    /// Gives withheld credit to whom it is due: to all below the limit, else to one unfinished message.
    #[inline]
    pub(super) fn feed(&mut self) {
        let nobody_waits = self.unread.starving.front().is_none() && self.unread.fed.is_none();
        if !nobody_waits || self.timers.is_set(Timer::ReceiveStall) {
            self.feed_some();
        }
    }

    fn feed_some(&mut self) {
        if self.unread.octets <= self.limits.unread_bytes_max {
            self.unread.fed = None;
            while let Some(index) = self.unread.starving.pop(&mut self.calls) {
                self.give_withheld(index);
            }
            self.timers.clear(Timer::ReceiveStall);
            return;
        }
        let fed = self.unread.fed.and_then(|call| self.calls.index(call));
        let fed = fed.filter(|index| self.calls.get(*index).is_some_and(Entry::is_running));
        if fed.is_some_and(|index| self.calls.get(index).is_some_and(|entry| entry.incoming.has_message())) {
            return;
        }
        let full = self.limits.unread_bytes_max.saturating_add(self.limits.message_bytes_max);
        if let Some(index) = fed.filter(|index| self.unread.octets > full && self.is_unfinished(*index)) {
            self.give_withheld(index);
            return;
        }
        let oldest = self.unread.starving.iter().chain(fed).filter(|index| self.is_unfinished(*index));
        let oldest = oldest.min_by_key(|index| self.calls.get(*index).map(|entry| entry.stream.id));
        self.unread.fed = oldest.map(|index| self.calls.id(index));
        if let Some(index) = oldest {
            self.give_withheld(index);
        }
    }

    /// Whether the call holds a part of a message, and nothing that could be taken; and somebody knows of it.
    fn is_unfinished(&self, index: u32) -> bool {
        let unfinished =
            |entry: &Entry| !entry.incoming.has_message() && !entry.incoming.is_between_messages();
        self.calls.get(index).is_some_and(|entry| entry.is_running() && entry.told && unfinished(entry))
    }

    /// A message was taken.
    pub(super) fn message_taken(&mut self, call: CallId) {
        if self.unread.fed == Some(call) {
            self.unread.fed = None;
        }
        self.feed();
    }

    fn give_withheld(&mut self, index: u32) {
        let withheld = self.calls.get_mut(index).map_or(0, |entry| core::mem::take(&mut entry.withheld));
        self.give_back(index, withheld);
    }

    /// A message was finished: the connection makes progress.
    pub(super) fn message_finished(&mut self) {
        if self.timers.is_set(Timer::ReceiveStall) {
            self.timers.set(Timer::ReceiveStall, self.now.saturating_add(self.limits.unread_stall));
            self.feed();
        }
    }

    /// The connection held too much for too long.
    pub(super) fn end_largest(&mut self) {
        let held = |index: &u32| self.calls.get(*index).map_or(0, |entry| entry.incoming.held());
        let running = |index: &u32| self.calls.get(*index).is_some_and(Entry::is_running);
        let Some(index) = self.calls.indexes().filter(running).max_by_key(held) else { return };
        let status = Status::resource_exhausted("too many received bytes wait to be read on this connection");
        self.drop_incoming(index);
        self.fail_call(index, status);
        self.feed();
        if self.unread.octets > self.limits.unread_bytes_max {
            self.timers.set(Timer::ReceiveStall, self.now.saturating_add(self.limits.unread_stall));
        }
    }
}
