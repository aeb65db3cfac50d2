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
//!
//! The rest of a message that is larger than the window of its stream has credit ahead, so that it comes without a
//! pause for each window. It counts as held from then on, and its octets pay it back.
//!
//! A stream whose peer is held up by the window while its reader waits, which is so on a network with long round trips
//! and where both ends take turns on a processor, has a window twice as large, again and again. What windows have
//! grown by is credit ahead as well, and at most half of it, until their streams are closed.

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
    /// Credit beyond the windows that streams began with, in all calls.
    pub(super) ahead: u32,
    /// Of that, what windows have grown by.
    grown: u32,
}

impl Unread {
    pub(super) const fn new() -> Self {
        Self { octets: 0, starving: Ring::new(), fed: None, ahead: 0, grown: 0 }
    }
}

impl Unread {
    /// What is held, or will be: what has credit ahead is on its way.
    #[inline]
    fn total(&self) -> usize {
        self.octets.saturating_add(self.ahead as usize)
    }

    /// A call holds this instead of what it held.
    #[inline]
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
        self.unread_room()
    }

    /// What the connection may hold beyond what it holds, and what its peer has credit ahead for.
    fn unread_room(&self) -> usize {
        self.limits.unread_bytes_max.saturating_sub(self.unread.total())
    }

    /// Returns credit to a stream, or withholds it.
    #[inline(always)]
    pub(super) fn credit(&mut self, index: u32, octets: usize) {
        let crowded = self.is_crowded();
        let Some(entry) = self.calls.get_mut(index) else { return };
        // As much as a window is, at most.
        entry.withheld = entry.withheld.saturating_add(u32::try_from(octets).unwrap_or(u32::MAX));
        if entry.withheld == 0 || !entry.stream.state.may_receive() {
            return;
        }
        if crowded {
            return self.withhold(index);
        }
        entry.stream.receive_window.give_back(core::mem::take(&mut entry.withheld) as usize);
        if entry.stream.receive_window.wants_update() {
            self.output.urgent.push(&mut self.calls, index);
        }
    }

    /// Returns credit for octets of the only message that is held. While it is in progress and larger than the
    /// window, the rest of it has credit ahead, which its octets pay back.
    pub(super) fn credit_message(&mut self, index: u32, octets: usize) {
        let (crowded, room) = (self.is_crowded(), self.unread_room());
        let Some(entry) = self.calls.get_mut(index) else { return };
        let (lacks, window) = (entry.incoming.lacks(), &mut entry.stream.receive_window);
        let wanted = if crowded { 0 } else { window.beyond(lacks) };
        let paid = window.take_back(octets, wanted);
        self.unread.ahead = self.unread.ahead.saturating_sub(paid);
        let missing = wanted.saturating_sub(window.lent());
        if missing > 0 && !self.memory.is_pressed() {
            let left = self.limits.credit_ahead_bytes_max.saturating_sub(self.unread.ahead);
            let left = u32::try_from(room).map_or(left, |room| left.min(room));
            self.unread.ahead = self.unread.ahead.saturating_add(window.lend(missing.min(left)));
        }
        if window.wants_update() && entry.stream.state.may_receive() {
            self.output.urgent.push(&mut self.calls, index);
        }
        self.credit(index, octets.saturating_sub(paid as usize));
        if crowded && paid > 0 {
            self.feed();
        }
    }

    /// The reader of a call took all that was there, and the peer has used up its window: a larger one is due.
    #[inline(never)]
    pub(super) fn grow_window(&mut self, index: u32) {
        let room = if self.memory.is_pressed() { 0 } else { self.unread_room() };
        let Some(entry) = self.calls.get_mut(index) else { return };
        let room = if entry.stream.state.may_receive() { room } else { 0 };
        let window = &mut entry.stream.receive_window;
        // The other half is for messages in progress, whose peers wait for it in any case.
        let most = self.limits.credit_ahead_bytes_max;
        let left = (most / 2).saturating_sub(self.unread.grown).min(most.saturating_sub(self.unread.ahead));
        let left = u32::try_from(room).map_or(left, |room| left.min(room));
        let by = left.min(window.size()).min(i32::MAX.unsigned_abs().saturating_sub(window.size()));
        window.grow_to(window.size().saturating_add(by));
        window.look_again();
        self.unread.ahead = self.unread.ahead.saturating_add(by);
        self.unread.grown = self.unread.grown.saturating_add(by);
        if by > 0 && window.wants_update() {
            self.output.urgent.push(&mut self.calls, index);
        }
    }

    /// The stream is closed: what it has ahead is another's. Not before, for the peer has that credit until then.
    pub(super) fn end_ahead(&mut self, index: u32) {
        let initial = self.local.receive_window();
        let Some(entry) = self.calls.get_mut(index) else { return };
        let window = &mut entry.stream.receive_window;
        let paid = window.take_back(usize::MAX, 0);
        let grown = window.size().saturating_sub(initial);
        window.shrink_to(initial);
        self.unread.grown = self.unread.grown.saturating_sub(grown);
        self.unread.ahead = self.unread.ahead.saturating_sub(paid).saturating_sub(grown);
        self.feed();
    }

    #[inline]
    fn is_crowded(&self) -> bool {
        self.unread.total() > self.limits.unread_bytes_max
    }

    /// The connection holds too much: a call has credit only if it holds nothing.
    #[inline(never)]
    fn withhold(&mut self, index: u32) {
        let Some(entry) = self.calls.get_mut(index) else { return };
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
    #[inline(always)]
    pub(super) fn feed(&mut self) {
        let nobody_waits = self.unread.starving.is_empty() && self.unread.fed.is_none();
        if !nobody_waits || self.timers.is_set(Timer::ReceiveStall) {
            self.feed_some();
        }
    }

    #[inline(never)]
    fn feed_some(&mut self) {
        if self.unread.total() <= self.limits.unread_bytes_max {
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
        if let Some(index) = fed.filter(|index| self.unread.total() > full && self.is_unfinished(*index)) {
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
    #[inline]
    pub(super) fn message_taken(&mut self, call: CallId) {
        if self.unread.fed == Some(call) {
            self.unread.fed = None;
        }
        self.feed();
    }

    fn give_withheld(&mut self, index: u32) {
        let withheld = self.calls.get_mut(index).map_or(0, |entry| core::mem::take(&mut entry.withheld));
        self.give_back(index, withheld as usize);
    }

    /// A message was finished: the connection makes progress.
    #[inline]
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
        if self.unread.total() > self.limits.unread_bytes_max {
            self.timers.set(Timer::ReceiveStall, self.now.saturating_add(self.limits.unread_stall));
        }
    }
}
