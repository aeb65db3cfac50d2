//! Messages that are handed over together.

use alloc::vec::Vec;
use bytes::Bytes;

use crate::call::prefix::{PREFIX_LEN, length, prefix};

/// From this size on a message is shared with the output instead of copied into it.
pub(crate) const SHARE_FROM: usize = 2048;

/// Encoded messages to be sent, in order: small ones as they go on the wire, one behind the other in one
/// buffer; perhaps a large one behind them, which is not copied.
#[derive(Debug, Default)]
pub struct Batch {
    /// Each behind its prefix.
    small: Vec<u8>,
    large: Option<Bytes>,
}

impl Batch {
    /// Messages below this size are best written by [`push_with`](Self::push_with).
    pub const SMALL: usize = SHARE_FROM;

    /// No message.
    #[must_use]
    pub const fn new() -> Self {
        Self { small: Vec::new(), large: None }
    }

    /// Adds a message.
    pub fn push(&mut self, message: Bytes) {
        if message.len() < SHARE_FROM {
            return self.push_with(message.len(), |out| out.extend_from_slice(&message));
        }
        self.flatten();
        self.large = Some(message);
    }

    /// Adds a small message of about `octets`, which `encode` appends.
    #[inline]
    pub fn push_with(&mut self, octets: usize, encode: impl FnOnce(&mut Vec<u8>)) {
        self.flatten();
        let start = self.small.len();
        self.small.reserve(octets.saturating_add(PREFIX_LEN));
        self.small.extend_from_slice(&prefix(octets));
        encode(&mut self.small);
        let written = self.small.len().saturating_sub(start).saturating_sub(PREFIX_LEN);
        if written != octets {
            if let Some(place) = self.small.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
                *place = prefix(written);
            }
        }
    }

    /// The large message goes to the small ones: another follows it.
    fn flatten(&mut self) {
        if let Some(message) = self.large.take() {
            self.small.extend_from_slice(&prefix(message.len()));
            self.small.extend_from_slice(&message);
        }
    }

    /// Octets of the messages with their prefixes.
    #[must_use]
    #[inline]
    pub fn octets(&self) -> usize {
        let large = self.large.as_ref().map_or(0, |message| message.len().saturating_add(PREFIX_LEN));
        self.small.len().saturating_add(large)
    }

    /// Whether it has no message.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.small.is_empty() && self.large.is_none()
    }

    /// Drops the messages. Room for small ones stays.
    #[inline]
    pub fn clear(&mut self) {
        self.small.clear();
        self.large = None;
    }

    /// Gives back room.
    pub fn shrink_to(&mut self, octets: usize) {
        self.small.shrink_to(octets);
    }

    /// Whether a message is larger than a prefix can say.
    pub(crate) fn is_oversized(&self) -> bool {
        self.large.as_ref().is_some_and(|message| u32::try_from(message.len()).is_err())
    }

    /// The small messages, and the large one.
    pub(crate) fn parts(&mut self) -> (&mut Vec<u8>, &mut Option<Bytes>) {
        (&mut self.small, &mut self.large)
    }

    /// Takes the messages out, one by one.
    pub fn drain(&mut self) -> impl Iterator<Item = Bytes> {
        let small = Messages::new(Bytes::from(core::mem::take(&mut self.small)));
        small.chain(self.large.take())
    }
}

/// One message.
impl From<Bytes> for Batch {
    fn from(message: Bytes) -> Self {
        let mut batch = Self::new();
        batch.push(message);
        batch
    }
}

/// Messages that were received together, or are to be sent again: one behind the other as on the wire, each
/// taken out as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// The first, which is there by itself.
    first: Option<Bytes>,
    /// Complete messages, each behind its prefix.
    framed: Bytes,
    is_last: bool,
}

impl Messages {
    /// Complete messages behind their prefixes.
    pub(crate) const fn new(framed: Bytes) -> Self {
        Self { first: None, framed, is_last: false }
    }

    /// One message, and complete ones behind their prefixes.
    pub(crate) const fn with_first(first: Bytes, framed: Bytes) -> Self {
        Self { first: Some(first), framed, is_last: false }
    }

    /// One message, perhaps the last.
    #[must_use]
    #[inline]
    pub const fn single(message: Bytes, is_last: bool) -> Self {
        Self { first: Some(message), framed: Bytes::new(), is_last }
    }

    /// The message, if there is one only.
    ///
    /// # Errors
    /// There is none or more than one: they themselves.
    #[inline]
    pub fn into_single(self) -> Result<Bytes, Self> {
        match self {
            Self { first: Some(message), framed, .. } if framed.is_empty() => Ok(message),
            messages => Err(messages),
        }
    }

    /// No message will follow these.
    pub(crate) const fn set_last(&mut self) {
        self.is_last = true;
    }

    /// Whether it is sure that no message follows these. It may show only later.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.is_last
    }

    /// Whether all were taken.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.first.is_none() && self.framed.is_empty()
    }

    /// Octets that are left, prefixes included.
    #[must_use]
    #[inline]
    pub fn octets(&self) -> usize {
        self.first.as_ref().map_or(0, Bytes::len).saturating_add(self.framed.len())
    }
}

/// One message.
impl From<Bytes> for Messages {
    #[inline]
    fn from(message: Bytes) -> Self {
        Self::single(message, false)
    }
}

impl Iterator for Messages {
    type Item = Bytes;

    #[inline]
    fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let end = length(*self.framed.first_chunk()?).saturating_add(PREFIX_LEN);
        // The last one takes the reference along.
        let mut message = if end >= self.framed.len() {
            core::mem::take(&mut self.framed)
        } else {
            self.framed.split_to(end)
        };
        bytes::Buf::advance(&mut message, PREFIX_LEN);
        Some(message)
    }
}

/// The length of the framed messages in front that end at `most` octets or before.
pub(crate) fn complete(framed: &[u8], most: usize) -> usize {
    let mut end = 0_usize;
    while let Some(prefix) = framed.get(end..).and_then(<[u8]>::first_chunk) {
        let next = end.saturating_add(PREFIX_LEN).saturating_add(length(*prefix));
        if next > most.min(framed.len()) {
            break;
        }
        end = next;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    fn batch(messages: &[Vec<u8>]) -> Batch {
        let mut batch = Batch::new();
        for (at, message) in messages.iter().enumerate() {
            match at % 3 {
                0 => batch.push(Bytes::copy_from_slice(message)),
                // What is said of the size is a hint.
                at => batch.push_with(message.len() * at, |out| out.extend_from_slice(message)),
            }
        }
        batch
    }

    quickcheck! {
        fn what_goes_in_comes_out(messages: Vec<Vec<u8>>, large: Vec<u8>) -> bool {
            let mut messages = messages;
            for (at, size) in large.iter().enumerate().take(messages.len()) {
                messages[at].resize(usize::from(*size) * 20, 7);
            }
            let mut batch = batch(&messages);
            let octets: usize = messages.iter().map(|message| message.len() + PREFIX_LEN).sum();
            assert_eq!((batch.octets(), batch.is_empty()), (octets, messages.is_empty()));
            let out: Vec<_> = batch.drain().collect();
            assert!(batch.is_empty());
            out == messages
        }

        fn complete_messages_are_found(messages: Vec<Vec<u8>>, cut: usize, most: usize) -> bool {
            let mut batch = batch(&messages);
            batch.flatten();
            let framed = batch.small;
            let (cut, most) = (cut % (framed.len() + 1), most % (framed.len() + 1));
            let ends = messages.iter().scan(0, |end, message| {
                *end += message.len() + PREFIX_LEN;
                Some(*end)
            });
            let expected = ends.take_while(|end| *end <= cut.min(most)).last().unwrap_or(0);
            complete(&framed[..cut], most) == expected
        }
    }
}
