//! The deadlines of calls: a hashed hierarchical wheel.
//!
//! Most deadlines are removed long before they pass, so insertion and removal must be cheap and
//! expiry may take a few steps. The wheel counts ticks of about a millisecond: six levels of 64
//! slots, each slot of a level as wide as the whole level below it. A deadline goes to the level of
//! the highest bits in which its tick differs from the present one; hence everything in a lower
//! level comes before everything in a higher one, a lower slot before a higher one, and the next
//! deadline is found by the lowest set bit. When time reaches a slot, its deadlines move further
//! down. What is in the present tick is compared exactly.
//!
//! A few deadlines need no wheel: up to [`FEW`] are one short list, and the slots are allocated
//! when there are more. All lists run through one array of nodes.
use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Instant;

/// Deadlines by key, where keys are small numbers: indices of a slab.
#[derive(Debug)]
pub(crate) struct Deadlines {
    /// The latest time that was told, in nanoseconds. Its tick is where the wheel stands.
    now: u64,
    /// A node for each key up to the highest.
    nodes: Vec<Node>,
    /// How many deadlines there are.
    len: u32,
    /// The most that there were since there was none.
    peak: u32,
    /// Deadlines that have passed and were not returned yet.
    due: List,
    /// Deadlines of the present tick, or all others while there is no wheel.
    near: List,
    /// All later deadlines.
    wheel: Option<Box<Wheel>>,
}

/// A list of nodes, not sorted.
#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    /// A lower bound of its deadlines in nanoseconds; `u64::MAX` while it is empty.
    earliest: u64,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    at: u64,
    previous: u32,
    next: u32,
    place: Place,
}

/// The list that a node is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    Due,
    Near,
    Slot { level: u8, slot: u8 },
    Far,
}

#[derive(Debug)]
struct Wheel {
    /// For each level one bit for each slot that is not empty.
    occupied: [u64; LEVELS],
    slots: [[u32; SLOTS]; LEVELS],
    /// Deadlines beyond the highest level, that is, not in its present turn of two years.
    far: u32,
}

/// No node.
const NONE: u32 = u32::MAX;
/// Binary logarithm of the nanoseconds in a tick.
const TICK_BITS: u32 = 20;
/// Binary logarithm of the slots in a level.
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
const LEVELS: usize = 6;
/// So many deadlines are kept without a wheel, and so many of one slot are compared to find out
/// which is first.
const FEW: u32 = 8;
/// Nodes that are kept while there is no deadline.
const NODES_KEPT_MAX: usize = 8;

impl Deadlines {
    /// None yet, and nothing allocated.
    pub(crate) const fn new() -> Self {
        Self { now: 0, nodes: Vec::new(), len: 0, peak: 0, due: List::EMPTY, near: List::EMPTY, wheel: None }
    }

    /// Sets the deadline of `key`, in place of the one that it may have.
    #[inline]
    pub(crate) fn insert(&mut self, key: u32, at: Instant) {
        debug_assert!(key != NONE, "keys are indices");
        let index = key as usize;
        if index >= self.nodes.len() {
            self.make_room(index);
        }
        if self.nodes[index].place == Place::Nowhere {
            self.len += 1;
        } else {
            self.unlink(key);
        }
        self.peak = self.peak.max(self.len);
        self.nodes[index].at = at.as_nanos();
        if self.wheel.is_none() && self.len > FEW {
            self.make_wheel();
        }
        self.place(key);
    }

    #[cold]
    fn make_room(&mut self, index: usize) {
        self.nodes.resize(index + 1, Node::FREE);
    }

    #[cold]
    fn make_wheel(&mut self) {
        self.wheel = Some(Box::new(Wheel::new()));
        self.sort_near();
    }

    /// Removes the deadline of `key`, if it has one.
    pub(crate) fn remove(&mut self, key: u32) {
        let there = self.nodes.get(key as usize).is_some_and(|node| node.place != Place::Nowhere);
        if !there {
            return;
        }
        self.unlink(key);
        self.len -= 1;
        if self.len == 0 && (self.wheel.is_some() || self.nodes.capacity() > NODES_KEPT_MAX) {
            self.emptied();
        }
    }

    /// What the last burst needed may be needed again; what two bursts did not need is given back.
    #[inline(never)]
    fn emptied(&mut self) {
        if self.peak <= FEW {
            self.shrink();
        }
        self.peak /= 2;
    }

    /// Gives back what many deadlines need, if there is none.
    pub(crate) fn shrink(&mut self) {
        if self.len > 0 {
            return;
        }
        self.wheel = None;
        if self.nodes.capacity() > NODES_KEPT_MAX {
            self.nodes = Vec::new();
        }
    }

    /// Takes out one deadline that is not after `now`. Call it until it returns `None`.
    #[inline]
    pub(crate) fn expire(&mut self, now: Instant) -> Option<u32> {
        let now = now.as_nanos();
        let same_tick = now >> TICK_BITS == self.now >> TICK_BITS;
        if self.due.first == NONE && now < self.near.earliest && (same_tick || self.wheel.is_none()) {
            // Nothing is due, and the wheel stands where it should.
            self.now = self.now.max(now);
            return None;
        }
        self.expire_due(now)
    }

    fn expire_due(&mut self, now: u64) -> Option<u32> {
        self.advance(now);
        let key = self.due.first;
        if key == NONE {
            return None;
        }
        self.remove(key);
        Some(key)
    }

    /// A time that is not after any deadline, to wait for; `None` if there is no deadline.
    ///
    /// It is exact while the first few are apart from the others, otherwise the beginning of the
    /// slot that holds them. Once `expire` has returned `None`, it is later than the time that
    /// `expire` was given, and each wait for it comes closer: at most once for each level.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        if self.len == 0 {
            return None;
        }
        let nanoseconds = if self.due.first != NONE {
            self.due.earliest
        } else if self.near.first != NONE {
            self.first_of(self.near.first, self.near.earliest)
        } else {
            let (place, tick) = self.next_slot()?;
            self.first_of(*self.wheel.as_deref()?.first(place), tick << TICK_BITS)
        };
        Some(Instant::from_nanos(nanoseconds))
    }

    /// How many deadlines there are.
    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is no deadline.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Brings the wheel to `now` and gathers what has passed.
    fn advance(&mut self, now: u64) {
        if now > self.now {
            let tick = now >> TICK_BITS;
            // Where the slots are depends on the tick at which they were filled; so first take out
            // everything that time has reached, then move on.
            while let Some((place, begin)) = self.next_slot() {
                if begin > tick {
                    break;
                }
                self.take_slot(place);
            }
            self.now = now;
        }
        if self.near.earliest <= self.now {
            self.sort_near();
        }
    }

    /// Moves the contents of a slot to `near`, to be sorted.
    fn take_slot(&mut self, place: Place) {
        while let Some(key) = self.wheel.as_deref().map(|wheel| *wheel.first(place)) {
            if key == NONE {
                break;
            }
            self.unlink(key);
            self.link(key, Place::Near);
        }
        // What is passed over must be looked at even if its own time has not come.
        self.near.earliest = 0;
    }

    /// Places everything anew that is in `near`.
    fn sort_near(&mut self) {
        let mut key = self.near.first;
        self.near = List::EMPTY;
        while key != NONE {
            let next = self.nodes[key as usize].next;
            self.place(key);
            key = next;
        }
    }

    /// Links a node where its deadline belongs.
    #[inline]
    fn place(&mut self, key: u32) {
        let at = self.nodes[key as usize].at;
        let (tick, present) = (at >> TICK_BITS, self.now >> TICK_BITS);
        if at <= self.now {
            self.link(key, Place::Due);
        } else if self.wheel.is_none() || tick == present {
            self.link(key, Place::Near);
        } else {
            self.link(key, slot_of(tick, present));
        }
    }

    /// The first slot that is not empty, and the tick at which it begins.
    fn next_slot(&self) -> Option<(Place, u64)> {
        let wheel = self.wheel.as_deref()?;
        let present = self.now >> TICK_BITS;
        let turn = |levels: u32| present >> (levels * SLOT_BITS);
        for (level, &occupied) in (0_u32..).zip(&wheel.occupied) {
            if occupied != 0 {
                let slot = occupied.trailing_zeros();
                let begin = (turn(level + 1) << SLOT_BITS | u64::from(slot)) << (level * SLOT_BITS);
                return Some((Place::Slot { level: level as u8, slot: slot as u8 }, begin));
            }
        }
        let begin = (turn(LEVELS as u32) + 1) << (LEVELS as u32 * SLOT_BITS);
        (wheel.far != NONE).then_some((Place::Far, begin))
    }

    /// The earliest deadline of a list if it is short, or else `bound`.
    fn first_of(&self, mut key: u32, bound: u64) -> u64 {
        let mut earliest = u64::MAX;
        for _ in 0..FEW {
            let node = &self.nodes[key as usize];
            earliest = earliest.min(node.at);
            key = node.next;
            if key == NONE {
                return earliest;
            }
        }
        bound
    }

    /// Puts a node in front of a list.
    #[inline]
    fn link(&mut self, key: u32, place: Place) {
        let at = self.nodes[key as usize].at;
        let first = match place {
            Place::Due => self.due.first_for(at),
            Place::Near => self.near.first_for(at),
            Place::Slot { .. } | Place::Far => match self.wheel.as_deref_mut() {
                Some(wheel) => wheel.first_mut(place),
                None => return,
            },
            Place::Nowhere => return,
        };
        let next = core::mem::replace(first, key);
        self.nodes[key as usize] = Node { at, previous: NONE, next, place };
        if next != NONE {
            self.nodes[next as usize].previous = key;
        }
        if let (Place::Slot { level, slot }, Some(wheel)) = (place, self.wheel.as_deref_mut()) {
            wheel.occupied[usize::from(level)] |= 1 << slot;
        }
    }

    /// Takes a node out of its list.
    #[inline]
    fn unlink(&mut self, key: u32) {
        let Node { previous, next, place, .. } = self.nodes[key as usize];
        self.nodes[key as usize].place = Place::Nowhere;
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        }
        if previous != NONE {
            self.nodes[previous as usize].next = next;
            return;
        }
        match (place, self.wheel.as_deref_mut()) {
            (Place::Due, _) => self.due.set_first(next),
            (Place::Near, _) => self.near.set_first(next),
            (Place::Slot { level, slot }, Some(wheel)) => {
                *wheel.first_mut(place) = next;
                if next == NONE {
                    wheel.occupied[usize::from(level)] &= !(1 << slot);
                }
            }
            (Place::Far, Some(wheel)) => wheel.far = next,
            (Place::Nowhere | Place::Slot { .. } | Place::Far, _) => {}
        }
    }
}

/// Where a tick belongs in a wheel that stands at the `present` one.
fn slot_of(tick: u64, present: u64) -> Place {
    let level = (tick ^ present).ilog2() / SLOT_BITS;
    let slot = (tick >> (level * SLOT_BITS)) & (SLOTS as u64 - 1);
    if level as usize >= LEVELS { Place::Far } else { Place::Slot { level: level as u8, slot: slot as u8 } }
}

impl List {
    const EMPTY: Self = Self { first: NONE, earliest: u64::MAX };

    /// The head, for a node with the deadline `at` that is put in front of it.
    fn first_for(&mut self, at: u64) -> &mut u32 {
        self.earliest = self.earliest.min(at);
        &mut self.first
    }

    const fn set_first(&mut self, first: u32) {
        self.first = first;
        if first == NONE {
            *self = Self::EMPTY;
        }
    }
}

impl Node {
    const FREE: Self = Self { at: 0, previous: NONE, next: NONE, place: Place::Nowhere };
}

impl Wheel {
    const fn new() -> Self {
        Self { occupied: [0; LEVELS], slots: [[NONE; SLOTS]; LEVELS], far: NONE }
    }

    /// The head of a slot, or of `far`.
    const fn first(&self, place: Place) -> &u32 {
        match place {
            Place::Slot { level, slot } => &self.slots[level as usize][slot as usize],
            _ => &self.far,
        }
    }

    const fn first_mut(&mut self, place: Place) -> &mut u32 {
        match place {
            Place::Slot { level, slot } => &mut self.slots[level as usize][slot as usize],
            _ => &mut self.far,
        }
    }
}

#[cfg(test)]
mod tests;
