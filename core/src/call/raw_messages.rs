//! Received messages that wait behind another, as raw octets.

use alloc::vec::Vec;
use bytes::{Buf, Bytes};

use crate::call::batch::complete;
use crate::call::growth::append;
use crate::call::prefix::first_whole;

/// Messages as they came, prefixes included, until they are taken; the last may be incomplete.
#[derive(Debug, Default)]
pub(super) struct RawMessages {
    /// Those in front, if many came before they were taken.
    ready: Option<Ready>,
    /// All others, from `start` on.
    octets: Vec<u8>,
    start: usize,
    /// How large that became before it was taken last.
    before: usize,
}

/// Messages that are complete, to be taken without a copy.
#[derive(Debug)]
struct Ready {
    /// Each behind its prefix.
    framed: Bytes,
    /// What they take of memory until the last is taken.
    size: usize,
}

/// The largest size that is expected again.
const AHEAD_MAX: usize = 4 * 1024 * 1024;
/// Capacity that a call keeps once it is empty.
const KEPT: usize = 512;

impl RawMessages {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.octets.is_empty() && self.ready.is_none()
    }

    /// Octets that are allocated. An empty buffer that is kept for the next call holds nothing of the peer's.
    #[inline]
    pub(super) fn held(&self) -> usize {
        let octets = if self.octets.is_empty() { 0 } else { self.octets.capacity() };
        octets.saturating_add(self.ready.as_ref().map_or(0, |ready| ready.size))
    }

    /// Adds octets. Before the buffer grows, what was taken of it makes room.
    pub(super) fn push(&mut self, piece: &[u8], room: usize) {
        let whole = self.octets.len().saturating_add(piece.len());
        if whole > self.octets.capacity() && self.start > 0 {
            self.move_to_front();
        }
        let whole = self.octets.len().saturating_add(piece.len());
        let ahead = if self.octets.is_empty() { whole } else { whole.saturating_add(whole / 2) };
        // Often as much comes as the last time before it is taken.
        append(&mut self.octets, piece, ahead.max(self.before), room);
    }

    /// Forgets the last octets.
    pub(super) fn take_back(&mut self, octets: usize) {
        self.octets.truncate(self.octets.len().saturating_sub(octets));
    }

    /// Takes complete messages, at most so many octets.
    pub(super) fn take(&mut self, octets: usize) -> Bytes {
        if let Some(ready) = &mut self.ready {
            let taken = ready.framed.split_to(complete(&ready.framed, octets));
            if ready.framed.is_empty() {
                self.ready = None;
            }
            return taken;
        }
        let some = complete(self.unparsed(), octets);
        if some == 0 {
            return Bytes::new();
        }
        let behind = self.unparsed().get(some..).unwrap_or_default();
        let all = some.saturating_add(complete(behind, usize::MAX));
        let (size, mut framed) = (self.octets.capacity(), self.give_away(all));
        let taken = framed.split_to(some);
        if !framed.is_empty() {
            self.ready = Some(Ready { framed, size });
        }
        taken
    }

    /// Takes the first octets with their buffer.
    fn give_away(&mut self, octets: usize) -> Bytes {
        let behind = self.unparsed().get(octets..).unwrap_or_default().to_vec();
        let start = core::mem::take(&mut self.start);
        self.before = self.octets.len().min(AHEAD_MAX);
        let mut framed = Bytes::from(core::mem::replace(&mut self.octets, behind));
        let end = start.saturating_add(octets);
        framed.truncate(end);
        framed.advance(start.min(end));
        framed
    }

    /// The first message, if it is complete.
    #[inline]
    pub(super) fn first(&self) -> Option<&[u8]> {
        match &self.ready {
            Some(ready) => first_whole(&ready.framed),
            None => first_whole(self.unparsed()),
        }
    }

    /// What is not known to be complete.
    pub(super) fn unparsed(&self) -> &[u8] {
        self.octets.get(self.start..).unwrap_or_default()
    }

    /// So many octets in front were taken.
    pub(super) fn taken(&mut self, octets: usize) {
        if let Some(ready) = &mut self.ready {
            ready.framed.advance(octets.min(ready.framed.len()));
            if ready.framed.is_empty() {
                self.ready = None;
            }
            return;
        }
        self.start = self.start.saturating_add(octets);
        if self.start >= self.octets.len() {
            self.clear_octets();
        } else if self.start / 4 > self.octets.len() / 5 {
            // What is left is moved to the front late: taken one by one, it is moved a quarter time, not once.
            self.move_to_front();
        }
    }

    pub(super) fn clear(&mut self) {
        self.ready = None;
        self.clear_octets();
    }

    fn clear_octets(&mut self) {
        self.octets.clear();
        self.start = 0;
        self.octets.shrink_to(KEPT);
    }

    fn move_to_front(&mut self) {
        let start = core::mem::take(&mut self.start);
        self.octets.drain(..start.min(self.octets.len()));
    }
}
