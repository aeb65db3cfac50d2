//! From messages to what the driver takes.

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
    batch: Batch,
}

impl<T> Encoder<T> {
    pub(crate) const fn new(encode: fn(&T, &mut Batch)) -> Self {
        Self { encode, batch: Batch::new() }
    }

    /// A message. What was not taken before is dropped.
    #[inline]
    pub(crate) fn one(&mut self, message: &T) -> &mut Batch {
        self.batch.clear();
        (self.encode)(message, &mut self.batch);
        &mut self.batch
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
        self.batch.clear();
        while let Some(message) = messages.next() {
            (self.encode)(message.borrow(), &mut self.batch);
            if self.batch.octets() >= octets || !goes_on(messages) {
                return Some(&mut self.batch);
            }
        }
        if self.batch.is_empty() {
            self.batch.shrink_to(KEPT);
            return None;
        }
        Some(&mut self.batch)
    }
}
