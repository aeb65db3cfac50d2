//! Pending facts: one bit for each kind and call, in the order in which calls got their first one.

use alloc::boxed::Box;

use super::entry::Entry;
use super::event::{Ended, Event};
use super::table::{Ring, Table};

/// What may be pending for a call; told in this order.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Call = 0,
    Headers = 1,
    Message = 2,
    Writable = 3,
    Ended = 4,
}

const CALL: u32 = Kind::Call as u32;
const HEADERS: u32 = Kind::Headers as u32;
const MESSAGE: u32 = Kind::Message as u32;
const WRITABLE: u32 = Kind::Writable as u32;

impl Kind {
    /// Its place among the pending ones of a call.
    pub(super) const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// Whether it is among the pending ones of a call.
    pub(super) const fn is_pending(self, events: u8) -> bool {
        events & self.bit() != 0
    }
}

#[derive(Debug)]
pub(super) struct Events {
    ring: Ring<0>,
    /// Calls that are told, with a bit set.
    pending: usize,
    /// Facts of the connection itself, a bit each.
    facts: u8,
    closed: Option<Box<Ended>>,
}

const READY: u8 = 1;
const ROOM: u8 = 2;
const DRAINING: u8 = 4;
const CLOSED: u8 = 8;

impl Events {
    pub(super) const fn new() -> Self {
        Self { ring: Ring::new(), pending: 0, facts: 0, closed: None }
    }

    #[inline]
    pub(super) fn raise(&mut self, table: &mut Table, index: u32, kind: Kind) {
        let Some(entry) = table.get_mut(index) else { return };
        let bit = kind.bit();
        if entry.released || entry.events & bit != 0 {
            return;
        }
        let first = entry.events == 0;
        entry.events |= bit;
        if entry.told && first {
            self.told(table, index);
        }
    }

    /// From now on the call's events are told, those that are pending included.
    #[inline]
    pub(super) fn tell(&mut self, table: &mut Table, index: u32) {
        let Some(entry) = table.get_mut(index) else { return };
        entry.told = true;
        if entry.events != 0 {
            self.told(table, index);
        }
    }

    /// A call whose events are told has its first one.
    #[inline]
    fn told(&mut self, table: &mut Table, index: u32) {
        self.pending = self.pending.wrapping_add(1);
        self.ring.push(table, index);
    }

    /// The call is released: nothing of it is told any more.
    #[inline]
    pub(super) fn forget(&mut self, entry: &mut Entry) {
        if entry.told && entry.events != 0 {
            self.pending = self.pending.saturating_sub(1);
        }
        entry.events = 0;
    }

    pub(super) fn raise_ready(&mut self) {
        self.facts |= READY;
    }

    pub(super) fn raise_room(&mut self) {
        self.facts |= ROOM;
    }

    pub(super) fn raise_draining(&mut self) {
        self.facts |= DRAINING;
    }

    pub(super) fn raise_closed(&mut self, ended: Ended) {
        self.closed = Some(Box::new(ended));
        self.facts |= CLOSED;
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.pending == 0 && self.facts == 0
    }

    #[inline]
    pub(super) fn poll(&mut self, table: &mut Table) -> Option<Event> {
        match (self.facts, self.pending) {
            (0, 0) => None,
            (0, _) => self.poll_call(table),
            _ => self.poll_fact(table),
        }
    }

    /// The next fact, where one is of the connection itself: it is told once nothing of a call is, but for the
    /// first of all.
    #[cold]
    fn poll_fact(&mut self, table: &mut Table) -> Option<Event> {
        if self.facts & READY == 0 && self.pending > 0 {
            let event = self.poll_call(table);
            if event.is_some() {
                return event;
            }
        }
        let lowest = self.facts & self.facts.wrapping_neg();
        self.facts &= !lowest;
        match lowest {
            READY => Some(Event::Ready),
            ROOM => Some(Event::Room),
            DRAINING => Some(Event::Draining),
            _ => self.closed.take().map(Event::Closed),
        }
    }

    fn poll_call(&mut self, table: &mut Table) -> Option<Event> {
        loop {
            let index = self.ring.front()?;
            let Some((bits, call)) = table.take_event(index) else {
                self.ring.pop(table);
                continue;
            };
            // The lowest bit goes first.
            let kind = bits.trailing_zeros();
            if bits & bits.wrapping_sub(1) == 0 {
                self.pending = self.pending.saturating_sub(1);
                self.ring.pop(table);
            }
            return Some(match kind {
                CALL => Event::Call(call),
                HEADERS => Event::Headers(call),
                MESSAGE => Event::Message(call),
                WRITABLE => Event::Writable(call),
                _ => Event::Ended(call),
            });
        }
    }
}
