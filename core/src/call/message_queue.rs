//! Messages in order, mostly one; small ones may be in one piece.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

/// What goes out in one piece, as far as there is room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A message, without its prefix.
    Message(Bytes),
    /// Small messages, each behind its prefix.
    Framed(Vec<u8>),
}

/// Room for so many messages behind the first is kept.
const KEPT: usize = 8;

/// A queue whose first piece has a place of its own: most calls send one, and need no more.
#[derive(Debug, Default)]
pub(crate) struct MessageQueue {
    /// Empty only if `behind` is.
    first: Option<Piece>,
    behind: VecDeque<Piece>,
}

impl MessageQueue {
    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&Piece> {
        match at.checked_sub(1) {
            None => self.first.as_ref(),
            Some(at) => self.behind.get(at),
        }
    }

    /// The first piece, if it is a message and there is no other.
    #[inline]
    pub(crate) fn only(&self) -> Option<&Bytes> {
        match &self.first {
            Some(Piece::Message(message)) if self.behind.is_empty() => Some(message),
            _ => None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.behind.len().saturating_add(usize::from(self.first.is_some()))
    }

    pub(crate) fn last_mut(&mut self) -> Option<&mut Piece> {
        self.behind.back_mut().or(self.first.as_mut())
    }

    #[inline]
    pub(crate) fn push(&mut self, piece: Piece) {
        match &self.first {
            None => self.first = Some(piece),
            Some(_) => self.behind.push_back(piece),
        }
    }

    #[inline(always)]
    pub(crate) fn drop_first(&mut self) {
        self.first = None;
        if !self.behind.is_empty() {
            self.first = self.behind.pop_front();
        }
    }

    /// Drops all pieces, and room for many.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.first = None;
        if !self.behind.is_empty() || self.behind.capacity() > KEPT {
            self.behind.clear();
            self.behind.shrink_to(KEPT);
        }
    }

    /// Takes all pieces.
    pub(crate) fn take(&mut self) -> VecDeque<Piece> {
        let mut all = core::mem::take(&mut self.behind);
        if let Some(first) = self.first.take() {
            all.push_front(first);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use quickcheck::quickcheck;

    quickcheck! {
        fn it_is_a_queue(steps: Vec<(u8, u8)>) -> bool {
            let (mut queue, mut model) = (MessageQueue::default(), VecDeque::new());
            for (step, octet) in steps {
                match step % 16 {
                    0..9 => {
                        let piece = || match octet % 2 {
                            0 => Piece::Message(Bytes::copy_from_slice(&[octet])),
                            _ => Piece::Framed(alloc::vec![octet]),
                        };
                        queue.push(piece());
                        model.push_back(piece());
                    }
                    9..14 => {
                        queue.drop_first();
                        model.pop_front();
                    }
                    14 => {
                        queue.clear();
                        model.clear();
                    }
                    _ => assert_eq!(queue.take(), core::mem::take(&mut model)),
                }
                let only = model.front().filter(|_| model.len() == 1);
                assert_eq!(queue.only().cloned().map(Piece::Message).as_ref(), only.filter(|piece| matches!(piece, Piece::Message(_))));
                assert_eq!((queue.len(), queue.last_mut()), (model.len(), model.back_mut()));
                assert!((0..model.len() + 2).all(|at| queue.get(at) == model.get(at)));
            }
            true
        }
    }
}
