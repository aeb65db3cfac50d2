//! Texts of `:path` by their Huffman coding.
//!
//! Most clients never index `:path`, so it comes as a Huffman-coded literal with every request, and a
//! connection has few of them. Comparing the coded octets is far cheaper than decoding them.

use alloc::vec::Vec;

/// The most strings kept; the oldest makes room.
const SLOTS_MAX: usize = 8;
/// The longest coded string that is kept.
const CODED_BYTES_MAX: usize = 256;

/// The last few `:path` strings that came in Huffman coding. Allocates with the first one, and reuses the
/// room of the one that it replaces.
pub(super) struct PathCache {
    slots: Vec<Slot>,
    /// The slot that is replaced next.
    oldest: usize,
}

#[derive(Default)]
struct Slot {
    coded_len: usize,
    /// The coded octets, then the text.
    octets: Vec<u8>,
}

impl PathCache {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), oldest: 0 }
    }

    /// The text of a coded string.
    #[inline]
    pub(super) fn get(&self, coded: &[u8]) -> Option<&[u8]> {
        self.slots.iter().find_map(|slot| {
            if slot.coded_len != coded.len() {
                return None;
            }
            slot.octets.strip_prefix(coded)
        })
    }

    /// Keeps the text of a coded string, unless it is long.
    pub(super) fn put(&mut self, coded: &[u8], text: &[u8]) {
        if coded.len() > CODED_BYTES_MAX {
            return;
        }
        if self.slots.len() < SLOTS_MAX {
            self.oldest = self.slots.len();
            self.slots.push(Slot::default());
        }
        if let Some(slot) = self.slots.get_mut(self.oldest) {
            slot.coded_len = coded.len();
            slot.octets.clear();
            slot.octets.extend_from_slice(coded);
            slot.octets.extend_from_slice(text);
        }
        self.oldest = self.oldest.wrapping_add(1) % SLOTS_MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_eight_are_kept() {
        let mut cache = PathCache::new();
        assert_eq!(cache.get(b""), None);
        for turn in 0..20u8 {
            cache.put(&[turn, 0], &[turn; 5]);
            for known in 0..20 {
                let expected = known <= turn && known + 8 > turn;
                let text = [known; 5];
                assert_eq!(cache.get(&[known, 0]), expected.then_some(&text[..]));
            }
            assert_eq!(cache.get(&[turn]), None);
        }
    }

    #[test]
    fn long_ones_are_not_kept() {
        let mut cache = PathCache::new();
        cache.put(&[1; 257], b"text");
        assert_eq!(cache.get(&[1; 257]), None);
        cache.put(&[1; 256], b"text");
        assert_eq!(cache.get(&[1; 256]), Some(&b"text"[..]));
    }
}
