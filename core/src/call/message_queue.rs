//! Messages in order, mostly one.

use alloc::collections::VecDeque;

use bytes::Bytes;

/// Room for so many messages behind the first is kept.
const KEPT: usize = 8;

/// A queue whose first message has a place of its own: most calls send one, and need no more.
#[derive(Debug, Default)]
pub(crate) struct MessageQueue {
    /// Empty only if `behind` is.
    first: Option<Bytes>,
    behind: VecDeque<Bytes>,
}

impl MessageQueue {
    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&Bytes> {
        match at.checked_sub(1) {
            None => self.first.as_ref(),
            Some(at) => self.behind.get(at),
        }
    }

    /// The first message, if there is no other.
    #[inline]
    pub(crate) fn only(&self) -> Option<&Bytes> {
        if self.behind.is_empty() { self.first.as_ref() } else { None }
    }

    #[inline]
    pub(crate) fn push(&mut self, message: Bytes) {
        match &self.first {
            None => self.first = Some(message),
            Some(_) => self.behind.push_back(message),
        }
    }

    #[inline]
    pub(crate) fn drop_first(&mut self) {
        self.first = None;
        if !self.behind.is_empty() {
            self.first = self.behind.pop_front();
        }
    }

    /// Drops all messages, and room for many.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.first = None;
        if !self.behind.is_empty() || self.behind.capacity() > KEPT {
            self.behind.clear();
            self.behind.shrink_to(KEPT);
        }
    }

    /// Takes all messages.
    pub(crate) fn take(&mut self) -> VecDeque<Bytes> {
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
                        queue.push(Bytes::copy_from_slice(&[octet]));
                        model.push_back(Bytes::copy_from_slice(&[octet]));
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
                assert_eq!(queue.only(), model.front().filter(|_| model.len() == 1));
                assert!((0..model.len() + 2).all(|at| queue.get(at) == model.get(at)));
            }
            true
        }
    }
}
