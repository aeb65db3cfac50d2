//! The calls of a connection: slots with generations, found by call id or by stream id.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::entry::Entry;
use super::stream_index::StreamIndex;
use crate::call::CallId;
use crate::wire::StreamId;

/// All calls that are open on the wire or not yet released.
#[derive(Debug)]
#[expect(clippy::vec_box, reason = "an entry goes into a slot and comes back as one pointer")]
pub(super) struct Table {
    slots: Vec<Slot>,
    /// The generation of a slot that is added: of none that was given up, with the others, at a rest.
    generation: u32,
    free: Vec<u32>,
    by_stream: StreamIndex,
    /// The stream that was asked for last, with its call: the frames of a small request come in a row.
    recent: (StreamId, u32),
    /// The recent stream is not in `by_stream` yet: many are closed before another is asked for.
    recent_is_new: bool,
    /// Entries to be used again, so that a steady stream of calls allocates nothing.
    spare: Vec<Box<Entry>>,
    live: u32,
    /// The most that were live since the table was last empty.
    peak: u32,
}

/// What is left of a table without calls: ids of old ones stay stale.
#[derive(Debug)]
pub(super) struct Resting {
    by_stream: StreamIndex,
    generation: u32,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    entry: Option<Box<Entry>>,
    /// One bit for each [`Ring`] that this slot stands in; it survives the entry.
    rings: u8,
}

impl Table {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            slots: Vec::new(),
            generation: 0,
            free: Vec::new(),
            by_stream: StreamIndex::new(seed),
            recent: (StreamId::ZERO, 0),
            recent_is_new: false,
            spare: Vec::new(),
            live: 0,
            peak: 0,
        }
    }

    /// The table without calls, and without room for any. There are none.
    pub(super) fn rest(&self) -> Resting {
        debug_assert_eq!(self.live, 0, "there are calls");
        let last = self.slots.iter().map(|slot| slot.generation).max();
        Resting {
            by_stream: self.by_stream.fresh(),
            generation: last.map_or(self.generation, |last| last.wrapping_add(1)),
        }
    }

    /// Calls in the table.
    pub(super) const fn len(&self) -> usize {
        self.live as usize
    }

    /// Adds a call; its index, and the call. `None` if there are as many as indexes.
    #[inline]
    pub(super) fn insert(&mut self) -> Option<(u32, &mut Entry)> {
        let index = self.free_slot()?;
        let entry = self.occupy(index)?;
        Some((index, entry))
    }

    #[inline]
    fn free_slot(&mut self) -> Option<u32> {
        match self.free.pop() {
            None => self.add_slot(),
            index => index,
        }
    }

    #[inline]
    fn occupy(&mut self, index: u32) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(index as usize)?;
        self.live = self.live.wrapping_add(1);
        self.peak = self.peak.max(self.live);
        Some(slot.entry.insert(self.spare.pop().unwrap_or_else(fresh)))
    }

    #[cold]
    fn add_slot(&mut self) -> Option<u32> {
        let index = u32::try_from(self.slots.len()).ok().filter(|index| *index != NOBODY)?;
        self.slots.push(Slot { generation: self.generation, entry: None, rings: 0 });
        Some(index)
    }

    /// Adds a call that is served by `stream`; its index, and the call.
    #[inline]
    pub(super) fn insert_bound(&mut self, stream: StreamId) -> Option<(u32, &mut Entry)> {
        let index = self.free_slot()?;
        self.set_recent(stream, index);
        let entry = self.occupy(index)?;
        entry.stream.id = stream;
        entry.bound = true;
        Some((index, entry))
    }

    /// Removes a call. Its id is stale from now on.
    #[inline]
    pub(super) fn remove(&mut self, index: u32) -> Option<Box<Entry>> {
        let slot = self.slots.get_mut(index as usize)?;
        let entry = slot.entry.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        if entry.bound {
            self.forget_stream(entry.stream.id);
        }
        self.free.push(index);
        self.live = self.live.saturating_sub(1);
        Some(entry)
    }

    /// Keeps a fresh entry, which is to be used again.
    #[inline]
    pub(super) fn keep(&mut self, entry: Box<Entry>) {
        self.spare.push(entry);
        if self.live == 0 {
            // What the last burst needed may be needed again; what two bursts did not need is given back.
            if self.spare.len() > self.peak as usize {
                self.spare.truncate(self.peak.max(1) as usize);
            }
            self.peak /= 2;
        }
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&Entry> {
        self.slots.get(index as usize)?.entry.as_deref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Entry> {
        self.slots.get_mut(index as usize)?.entry.as_deref_mut()
    }

    /// The index that `call` names, unless it is stale.
    #[inline]
    pub(super) fn index(&self, call: CallId) -> Option<u32> {
        let slot = self.slots.get(call.index())?;
        let entry = slot.entry.as_ref()?;
        let known = slot.generation == call.generation() && !entry.released;
        if known { u32::try_from(call.index()).ok() } else { None }
    }

    /// The call that `call` names, with its index, unless it is stale.
    #[inline]
    pub(super) fn find(&mut self, call: CallId) -> Option<(u32, &mut Entry)> {
        let slot = self.slots.get_mut(call.index())?;
        let entry = slot.entry.as_deref_mut()?;
        let known = slot.generation == call.generation() && !entry.released;
        if known { Some((u32::try_from(call.index()).ok()?, entry)) } else { None }
    }

    /// The slot of `call`, released or not, unless another took its place.
    #[inline]
    pub(super) fn slot(&self, call: CallId) -> Option<u32> {
        let slot = self.slots.get(call.index())?;
        let known = slot.generation == call.generation() && slot.entry.is_some();
        if known { u32::try_from(call.index()).ok() } else { None }
    }

    /// The id of the call in slot `index`.
    #[inline]
    pub(super) fn id(&self, index: u32) -> CallId {
        CallId::new(index, self.slots.get(index as usize).map_or(0, |slot| slot.generation))
    }

    /// Takes the lowest of a told call's pending events: all that there were, and the call's id. The place may
    /// be that of a call that is gone, and its slot another's, which waits to be told.
    #[inline]
    pub(super) fn take_event(&mut self, index: u32) -> Option<(u8, CallId)> {
        let slot = self.slots.get_mut(index as usize)?;
        let entry = slot.entry.as_deref_mut()?;
        let bits = if entry.told { entry.events } else { 0 };
        if bits == 0 {
            return None;
        }
        entry.events = bits & bits.wrapping_sub(1);
        Some((bits, CallId::new(index, slot.generation)))
    }

    /// The call that is served by a stream.
    #[inline]
    pub(super) fn by_stream(&mut self, stream: StreamId) -> Option<u32> {
        if self.recent.0 == stream && !stream.is_zero() {
            return Some(self.recent.1);
        }
        let index = self.by_stream.get(stream)?;
        if self.recent_is_new {
            self.put_recent();
        }
        self.recent = (stream, index);
        Some(index)
    }

    /// A stream that was opened is likely to be asked for next.
    #[inline]
    fn set_recent(&mut self, stream: StreamId, index: u32) {
        if self.recent_is_new {
            self.by_stream.insert(self.recent.0, self.recent.1);
        }
        self.recent = (stream, index);
        self.recent_is_new = true;
    }

    /// The recent stream is not the recent one any more.
    #[cold]
    fn put_recent(&mut self) {
        self.by_stream.insert(self.recent.0, self.recent.1);
        self.recent_is_new = false;
    }

    /// The call is served by `stream` from now on.
    pub(super) fn bind(&mut self, index: u32, stream: StreamId) {
        if let Some(entry) = self.get_mut(index) {
            entry.stream.id = stream;
            entry.bound = true;
            self.set_recent(stream, index);
        }
    }

    /// The stream is closed: frames that still come for it find nothing.
    #[inline]
    pub(super) fn unbind(&mut self, index: u32) {
        let Some(entry) = self.get_mut(index) else { return };
        if core::mem::take(&mut entry.bound) {
            let stream = entry.stream.id;
            self.forget_stream(stream);
        }
    }

    #[inline]
    fn forget_stream(&mut self, stream: StreamId) {
        if self.recent.0 == stream {
            self.recent.0 = StreamId::ZERO;
            if core::mem::take(&mut self.recent_is_new) {
                return;
            }
        }
        self.by_stream.remove(stream);
    }

    /// Index of every call.
    pub(super) fn indexes(&self) -> impl Iterator<Item = u32> + use<> {
        let last = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        0..last
    }

    /// Whether the slot stands in the ring already; if not, it does from now on.
    #[inline]
    fn enter(&mut self, index: u32, bit: u8) -> bool {
        let Some(slot) = self.slots.get_mut(index as usize) else { return false };
        let enters = slot.rings & bit == 0;
        slot.rings |= bit;
        enters
    }

    #[inline]
    fn leave(&mut self, index: u32, bit: u8) {
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.rings &= !bit;
        }
    }
}

impl Resting {
    /// The table, to be used again.
    pub(super) fn wake(&self) -> Table {
        Table { by_stream: self.by_stream.fresh(), generation: self.generation, ..Table::new(0) }
    }
}

#[cold]
fn fresh() -> Box<Entry> {
    Box::default()
}

/// Calls that wait their turn for something; each at most once. Each ring of a connection has a number.
#[derive(Debug)]
pub(super) struct Ring<const NUMBER: u8> {
    /// The first has a place of its own, for there is mostly one; [`NOBODY`] only if there is none behind.
    first: u32,
    /// From the time on that there is more than one.
    #[expect(clippy::box_collection, reason = "a connection has seven rings, and most stay without")]
    behind: Option<Box<VecDeque<u32>>>,
}

/// No index of a call: there are fewer.
const NOBODY: u32 = u32::MAX;

impl<const NUMBER: u8> Ring<NUMBER> {
    /// Its bit in [`Slot::rings`].
    const BIT: u8 = 1 << NUMBER;

    pub(super) const fn new() -> Self {
        Self { first: NOBODY, behind: None }
    }

    #[inline]
    pub(super) fn push(&mut self, table: &mut Table, index: u32) {
        if !table.enter(index, Self::BIT) {
            return;
        }
        if self.first == NOBODY {
            self.first = index;
        } else {
            self.push_behind(index);
        }
    }

    #[inline(never)]
    fn push_behind(&mut self, index: u32) {
        self.behind.get_or_insert_default().push_back(index);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.front().into_iter().chain(self.behind.iter().flat_map(|behind| behind.iter().copied()))
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.first == NOBODY
    }

    #[inline]
    pub(super) fn front(&self) -> Option<u32> {
        (self.first != NOBODY).then_some(self.first)
    }

    #[inline]
    pub(super) fn pop(&mut self, table: &mut Table) -> Option<u32> {
        let index = self.front()?;
        self.first = if self.behind.is_none() { NOBODY } else { self.pop_behind() };
        table.leave(index, Self::BIT);
        Some(index)
    }

    #[inline(never)]
    fn pop_behind(&mut self) -> u32 {
        self.behind.as_mut().and_then(|behind| behind.pop_front()).unwrap_or(NOBODY)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.iter().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_id_is_noticed() {
        let mut table = Table::new(7);
        let (index, _) = table.insert().unwrap();
        let id = table.id(index);
        assert_eq!(table.index(id), Some(index));
        assert!(table.remove(index).is_some());
        assert_eq!(table.index(id), None);
        assert_eq!(table.insert().unwrap().0, index);
        assert_eq!(table.index(id), None);
    }

    #[test]
    fn an_id_of_before_a_rest_is_stale() {
        let mut table = Table::new(7);
        let mut ids = Vec::new();
        for calls in [1, 3, 2, 1, 4] {
            let indexes: Vec<_> = (0..calls).map(|_| table.insert().unwrap().0).collect();
            ids.extend(indexes.iter().map(|index| table.id(*index)));
            indexes.into_iter().for_each(|index| drop(table.remove(index)));
            table = table.rest().wake();
            assert!(ids.iter().all(|id| table.index(*id).is_none()));
        }
        let next = table.insert().unwrap().0;
        assert!(!ids.contains(&table.id(next)));
        assert!(ids.iter().all(|id| table.index(*id).is_none()));
    }

    #[test]
    fn a_call_is_found_by_its_stream_until_that_is_closed() {
        let mut table = Table::new(7);
        let (index, _) = table.insert().unwrap();
        table.bind(index, StreamId::new(5));
        assert_eq!(table.by_stream(StreamId::new(5)), Some(index));
        table.unbind(index);
        assert_eq!(table.by_stream(StreamId::new(5)), None);
    }

    #[test]
    fn a_ring_holds_each_call_once_even_when_its_slot_is_reused() {
        let (mut table, mut ring) = (Table::new(7), Ring::<0>::new());
        for _ in 0..100 {
            let (index, _) = table.insert().unwrap();
            ring.push(&mut table, index);
            assert!(table.remove(index).is_some());
        }
        assert_eq!(ring.len(), 1);
    }
}
