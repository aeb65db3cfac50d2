//! Calls by the stream that serves them.

use alloc::vec::Vec;

use crate::wire::StreamId;

/// A hash table of stream identifiers with open addressing: at least twice as many places as streams, probed
/// one after the other. The hash is seeded, so a peer cannot choose identifiers that collide.
#[derive(Debug)]
pub(super) struct StreamIndex {
    /// Stream and index of the call; a free place has stream zero. Their number is a power of two, or zero.
    places: Vec<(u32, u32)>,
    len: usize,
    seed: u64,
}

/// The least number of places, once there are any.
const PLACES_MIN: usize = 8;
/// A table without streams keeps so many places.
const PLACES_KEPT: usize = 256;

impl StreamIndex {
    pub(super) const fn new(seed: u64) -> Self {
        Self { places: Vec::new(), len: 0, seed: seed.wrapping_mul(MIX) | 1 }
    }

    /// The same without streams, and without room for any.
    pub(super) fn fresh(&self) -> Self {
        debug_assert_eq!(self.len, 0, "there are streams");
        Self { places: Vec::new(), len: 0, seed: self.seed }
    }

    #[inline]
    pub(super) fn get(&self, stream: StreamId) -> Option<u32> {
        let at = self.find(stream.as_u32())?;
        self.places.get(at).map(|(_, index)| *index)
    }

    /// Adds a stream that is not there.
    #[inline]
    pub(super) fn insert(&mut self, stream: StreamId, index: u32) {
        debug_assert!(!stream.is_zero() && self.get(stream).is_none());
        self.len = self.len.wrapping_add(1);
        if self.len > self.places.len() / 2 {
            self.grow();
        }
        self.put(stream.as_u32(), index);
    }

    pub(super) fn remove(&mut self, stream: StreamId) {
        let Some(mut hole) = self.find(stream.as_u32()) else { return };
        self.len = self.len.saturating_sub(1);
        if self.len == 0 && self.places.len() > PLACES_KEPT {
            self.places = Vec::new();
            return;
        }
        // What stands behind and belongs to the hole, or before it, moves up: no probe may end too early.
        let mask = self.mask();
        let mut at = hole;
        loop {
            at = at.wrapping_add(1) & mask;
            let Some(&(other, index)) = self.places.get(at).filter(|(other, _)| *other != 0) else { break };
            let from_home = at.wrapping_sub(self.home(other)) & mask;
            if from_home >= at.wrapping_sub(hole) & mask {
                self.set(hole, (other, index));
                hole = at;
            }
        }
        self.set(hole, (0, 0));
    }

    #[inline]
    fn find(&self, stream: u32) -> Option<usize> {
        let mut at = self.home(stream);
        loop {
            let (other, _) = *self.places.get(at)?;
            if other == stream {
                return Some(at);
            }
            if other == 0 {
                return None;
            }
            at = at.wrapping_add(1) & self.mask();
        }
    }

    #[inline]
    fn put(&mut self, stream: u32, index: u32) {
        let mask = self.mask();
        let mut at = self.home(stream);
        while self.places.get(at).is_some_and(|(other, _)| *other != 0) {
            at = at.wrapping_add(1) & mask;
        }
        self.set(at, (stream, index));
    }

    #[inline]
    fn set(&mut self, at: usize, place: (u32, u32)) {
        if let Some(slot) = self.places.get_mut(at) {
            *slot = place;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let size = self.places.len().saturating_mul(2).max(PLACES_MIN);
        let old = core::mem::replace(&mut self.places, alloc::vec![(0, 0); size]);
        for (stream, index) in old.into_iter().filter(|(stream, _)| *stream != 0) {
            self.put(stream, index);
        }
    }

    #[inline]
    fn mask(&self) -> usize {
        self.places.len().wrapping_sub(1)
    }

    /// Where a stream belongs. Two rounds, for identifiers are an arithmetic progression, which one
    /// multiplication would map to another.
    #[inline]
    fn home(&self, stream: u32) -> usize {
        let mixed = u64::from(stream).wrapping_mul(self.seed);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(MIX);
        (mixed >> 32) as usize & self.mask()
    }
}

/// 2^64 divided by the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use quickcheck::quickcheck;

    quickcheck! {
        fn it_is_a_map(seed: u64, steps: Vec<(bool, u16)>) -> bool {
            let (mut table, mut model) = (StreamIndex::new(seed), BTreeMap::new());
            for (index, (adds, stream)) in (0..).zip(steps) {
                // Few identifiers, so that they come again.
                let stream = u32::from(stream % 40) * 2 + 1;
                let id = StreamId::new(stream);
                if adds && !model.contains_key(&stream) {
                    table.insert(id, index);
                    model.insert(stream, index);
                } else if !adds {
                    table.remove(id);
                    model.remove(&stream);
                }
                let same = (1..82).all(|stream| table.get(StreamId::new(stream)) == model.get(&stream).copied());
                if !same || table.len != model.len() {
                    return false;
                }
            }
            true
        }
    }

    #[test]
    fn probes_stay_short_and_an_empty_table_small() {
        for seed in 0..50 {
            let mut table = StreamIndex::new(seed);
            let ids = || (0..5000).map(|number| StreamId::new(number * 2 + 1));
            ids().for_each(|id| table.insert(id, 0));
            let far = |id: StreamId| {
                let at = table.find(id.as_u32()).unwrap();
                at.wrapping_sub(table.home(id.as_u32())) & table.mask()
            };
            let (sum, most) = (ids().map(far).sum::<usize>(), ids().map(far).max().unwrap());
            assert!(sum < 5000 * 2 && most < 100, "{seed}: {sum} {most}");
            ids().for_each(|id| table.remove(id));
            assert!(table.places.len() <= PLACES_KEPT);
        }
    }
}
