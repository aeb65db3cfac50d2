//! Octets that are appended at the back, dropped at the front, and always lie in one piece.

use alloc::vec::Vec;

/// The text of a dynamic table's entries, oldest first.
///
/// Positions count all octets ever appended, so that they stay valid when the octets move. They wrap;
/// what is held is far shorter.
#[derive(Default)]
pub(super) struct ByteQueue {
    octets: Vec<u8>,
    /// How many octets at the front of `octets` are dropped.
    dropped: usize,
    /// The position of the first of `octets`.
    origin: u32,
    #[cfg(test)]
    pub(super) moved: usize,
}

impl ByteQueue {
    pub(super) const fn new() -> Self {
        Self {
            octets: Vec::new(),
            dropped: 0,
            origin: 0,
            #[cfg(test)]
            moved: 0,
        }
    }

    /// Appends two pieces and returns the position of the first.
    pub(super) fn push(&mut self, first: &[u8], second: &[u8]) -> u32 {
        let added = first.len().saturating_add(second.len());
        if added > self.octets.capacity().saturating_sub(self.octets.len()) {
            self.make_room();
        }
        let position = self.origin.wrapping_add(self.octets.len() as u32);
        self.octets.extend_from_slice(first);
        self.octets.extend_from_slice(second);
        position
    }

    /// Drops the oldest octets.
    pub(super) fn drop_front(&mut self, len: usize) {
        self.dropped = self.dropped.saturating_add(len).min(self.octets.len());
        if self.dropped == self.octets.len() {
            self.origin = self.origin.wrapping_add(self.dropped as u32);
            self.octets.clear();
            self.dropped = 0;
        }
    }

    /// The octets at a position.
    #[inline]
    pub(super) fn get(&self, position: u32, len: usize) -> &[u8] {
        let start = position.wrapping_sub(self.origin) as usize;
        self.octets.get(start..start.wrapping_add(len)).unwrap_or_default()
    }

    /// Moves what is held to the front, if that is at most as much as was dropped. So an octet moves at
    /// most once for each octet that is dropped, and otherwise the vector grows: to at most twice what
    /// is held.
    fn make_room(&mut self) {
        let held = self.octets.len().saturating_sub(self.dropped);
        if self.dropped < held {
            return;
        }
        #[cfg(test)]
        {
            self.moved += held;
        }
        self.octets.copy_within(self.dropped.., 0);
        self.octets.truncate(held);
        self.origin = self.origin.wrapping_add(self.dropped as u32);
        self.dropped = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::VecDeque;

    #[test]
    fn octets_stay_at_their_position() {
        let mut queue = ByteQueue::new();
        // Positions wrap within the test.
        queue.origin = u32::MAX - 5_000;
        let mut model: VecDeque<(u32, Vec<u8>)> = VecDeque::new();
        let mut held = 0;
        let mut pushed = 0;
        for turn in 0..20_000usize {
            let text = alloc::vec![turn as u8; turn * 7 % 41];
            let (first, second) = text.split_at(text.len() / 3);
            let position = queue.push(first, second);
            held += text.len();
            pushed += text.len();
            model.push_back((position, text));
            while held > 500 + turn % 300 {
                let (_, text) = model.pop_front().unwrap();
                queue.drop_front(text.len());
                held -= text.len();
            }
            for (position, text) in &model {
                assert_eq!(queue.get(*position, text.len()), text);
            }
            assert!(queue.octets.capacity() <= 4 * 840);
        }
        assert!(queue.moved <= pushed, "{} moved of {pushed}", queue.moved);
    }
}
