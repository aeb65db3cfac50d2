//! Field lists by the octets of their block.
//!
//! Calls of one method mostly have the same block, octet for octet, and so have their answers. As long as
//! the table is the same such a block means the same, and its fields are copied as a whole.

use alloc::vec::Vec;

use super::FieldList;

/// The most blocks kept; the oldest makes room.
const SLOTS_MAX: usize = 4;
/// The longest block that is kept.
const BLOCK_BYTES_MAX: usize = 256;
/// The largest list that is kept: a short block may refer to large fields.
const LIST_BYTES_MAX: usize = 1024;

/// The last few blocks that did not change the table.
pub(super) struct BlockMemo {
    slots: Vec<Slot>,
    /// So many slots hold a block.
    len: usize,
    /// The slot that is replaced next.
    oldest: usize,
    /// The last stamp that was given.
    last: u64,
}

/// Names a block together with what it means. No two are the same in the life of a decoder, so what was
/// concluded from the fields of a block holds for every block that is recognised by the same stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

#[derive(Default)]
struct Slot {
    block: Vec<u8>,
    /// The block's fields. Empty until the block comes a second time.
    fields: FieldList,
    /// Says which block's fields they are.
    stamp: u64,
}

/// What is known of a block.
pub(super) enum Known<'a> {
    /// It came before: with these fields.
    Fields(Stamp, &'a FieldList),
    /// It came once before, to the slot at this place.
    Block(usize),
    /// Nothing.
    Nothing,
}

impl BlockMemo {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), len: 0, oldest: 0, last: 0 }
    }

    /// Forgets all blocks: the table has changed.
    #[inline]
    pub(super) fn forget(&mut self) {
        self.len = 0;
        self.oldest = 0;
    }

    /// Gives back all memory. Stamps go on: what was concluded from the old ones may still be kept.
    pub(super) fn shrink(&mut self) {
        self.forget();
        self.slots = Vec::new();
    }

    #[inline]
    pub(super) fn get(&self, block: &[u8]) -> Known<'_> {
        for (at, slot) in self.slots.iter().take(self.len).enumerate() {
            if slot.block == block {
                return if slot.fields.is_empty() {
                    Known::Block(at)
                } else {
                    Known::Fields(Stamp(slot.stamp), &slot.fields)
                };
            }
        }
        Known::Nothing
    }

    /// The fields of the block that was recognised as this one, for as long as it is kept.
    pub(super) fn fields(&self, stamp: Stamp) -> Option<&FieldList> {
        let mut slots = self.slots.iter().take(self.len);
        slots.find(|slot| slot.stamp == stamp.0 && !slot.fields.is_empty()).map(|slot| &slot.fields)
    }

    /// Keeps a block that came for the first time, unless it is long.
    pub(super) fn put_block(&mut self, block: &[u8]) {
        if block.len() > BLOCK_BYTES_MAX {
            return;
        }
        if self.slots.len() <= self.oldest {
            self.slots.push(Slot::default());
        }
        if let Some(slot) = self.slots.get_mut(self.oldest) {
            slot.block.clear();
            slot.block.extend_from_slice(block);
            slot.fields.clear();
        }
        self.oldest = self.oldest.wrapping_add(1);
        self.len = self.len.max(self.oldest);
        if self.oldest == SLOTS_MAX {
            self.oldest = 0;
        }
    }

    /// Keeps the fields of a block that came a second time, unless they are large.
    pub(super) fn put_fields(&mut self, at: usize, fields: &FieldList) {
        if fields.size() > LIST_BYTES_MAX || fields.is_truncated() {
            return;
        }
        if let Some(slot) = self.slots.get_mut(at) {
            self.last = self.last.wrapping_add(1);
            slot.stamp = self.last;
            slot.fields.copy_from(fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(memo: &BlockMemo, block: &[u8]) -> bool {
        !matches!(memo.get(block), Known::Nothing)
    }

    #[test]
    fn the_last_four_are_kept_until_the_table_changes() {
        let mut memo = BlockMemo::new();
        for round in 0..3 {
            assert!(!has(&memo, &[0]) && !has(&memo, &[]));
            for turn in 0..15u8 {
                memo.put_block(&[turn; 3]);
                for known in 0..15 {
                    let expected = known <= turn && known + 4 > turn;
                    assert_eq!(has(&memo, &[known; 3]), expected, "{round}");
                }
            }
            memo.forget();
        }
    }

    #[test]
    fn fields_are_kept_at_the_second_time() {
        let mut memo = BlockMemo::new();
        let mut fields = FieldList::new();
        fields.push(b"x", b"y", true);
        memo.put_block(b"1");
        let Known::Block(at) = memo.get(b"1") else { panic!() };
        memo.put_fields(at, &fields);
        let Known::Fields(stamp, kept) = memo.get(b"1") else { panic!() };
        assert!(kept.iter().eq(fields.iter()));
        assert_eq!(kept.size(), fields.size());
        assert_eq!(memo.fields(stamp), Some(&fields));
        // Another block in the same slot does not inherit them.
        for block in [b"2", b"3", b"4", b"5"] {
            memo.put_block(block);
        }
        assert!(matches!(memo.get(b"5"), Known::Block(0)));
        assert_eq!(memo.fields(stamp), None);
        fields.push(b"x", &[0; 1024], true);
        memo.put_fields(0, &fields);
        assert!(matches!(memo.get(b"5"), Known::Block(0)));
    }

    #[test]
    fn long_ones_are_not_kept() {
        let mut memo = BlockMemo::new();
        memo.put_block(&[1; 257]);
        assert!(!has(&memo, &[1; 257]));
        memo.put_block(&[1; 256]);
        assert!(has(&memo, &[1; 256]));
    }
}
