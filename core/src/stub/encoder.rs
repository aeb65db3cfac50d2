//! From messages to what the driver takes.

use alloc::boxed::Box;
use core::borrow::Borrow;

use crate::call::Batch;
use crate::time::Instant;

/// Messages of this size together are handed over without waiting for more: so many batches fit into what a call
/// may have unsent that hardly any room is left over.
const OCTETS_AT_ONCE: usize = 8 * 1024;
/// The same where each batch is written by itself.
const OCTETS_AT_A_WRITE: usize = 32 * 1024;
/// Room for messages that is kept.
const KEPT: usize = 256;
/// Where messages come one by one, so many may wait for the next one, and so long.
const COUNT_UNTIMED: usize = 8;
const SLOW_NANOS: u64 = 100_000;

/// Encodes the messages of one sender.
pub(crate) struct Encoder<T> {
    encode: fn(&T, &mut Batch),
    /// Once there was a message: a sender that waits is small.
    batch: Option<Box<Batch>>,
}

impl<T> Encoder<T> {
    pub(crate) const fn new(encode: fn(&T, &mut Batch)) -> Self {
        Self { encode, batch: None }
    }

    /// A message. What was not taken before is dropped.
    #[inline]
    pub(crate) fn one(&mut self, message: &T) -> &mut Batch {
        let batch = self.batch.get_or_insert_default();
        batch.clear();
        (self.encode)(message, batch);
        batch
    }

    /// The next messages, up to a size; `None` if there is none.
    pub(crate) fn some(&mut self, messages: &mut impl Iterator<Item: Borrow<T>>) -> Option<&mut Batch> {
        self.fill(messages, OCTETS_AT_ONCE, |_| true)
    }

    /// The next messages, up to a size, and as long as they come fast: the thread that asks for them sends nothing
    /// while the iterator waits.
    pub(crate) fn some_fast<I>(&mut self, messages: &mut I, now: impl Fn() -> Instant) -> Option<&mut Batch>
    where
        I: Iterator<Item: Borrow<T>>,
    {
        let (mut count, since) = (0_usize, now());
        self.fill(messages, OCTETS_AT_A_WRITE, |messages| {
            count = count.saturating_add(1);
            let is_slow = || now().saturating_duration_since(since).as_nanos() > u128::from(SLOW_NANOS);
            // An iterator that does not say that it has more may wait for it.
            messages.size_hint().0 > 0 && (count % COUNT_UNTIMED != 1 || !is_slow())
        })
    }

    fn fill<I: Iterator<Item: Borrow<T>>>(
        &mut self,
        messages: &mut I,
        octets: usize,
        mut goes_on: impl FnMut(&I) -> bool,
    ) -> Option<&mut Batch> {
        let batch = self.batch.get_or_insert_default();
        batch.clear();
        while let Some(message) = messages.next() {
            (self.encode)(message.borrow(), batch);
            if batch.octets() >= octets || !goes_on(messages) {
                return Some(batch);
            }
        }
        if batch.is_empty() {
            batch.shrink_to(KEPT);
            return None;
        }
        Some(batch)
    }
}
