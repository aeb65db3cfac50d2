//! Messages of one call on their way out: framed as they are written, kept until the call is committed.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;

use crate::call::batch::{Batch, Messages, SHARE_FROM, complete};
use crate::call::growth::extend;
use crate::call::message_queue::{MessageQueue, Piece};
use crate::call::prefix::{PREFIX_LEN, prefix};
use crate::transmit::Transmit;

/// Small messages in one piece: so many octets, or those of one batch.
const FRAMED_MAX: usize = 16 * 1024;

/// The messages that a call still has to send.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// Unsent messages, behind those kept for a replay.
    messages: MessageQueue,
    /// How many pieces of `messages` were written completely and are only kept.
    written: u32,
    /// Octets of the first unsent piece that were written, prefixes included.
    offset: usize,
    /// Octets to be written, prefixes included.
    unsent: usize,
    /// What is written is kept, while the call can be replayed.
    keeps: bool,
    /// Size of all that is kept, if so.
    kept: usize,
    /// No message will be added.
    pub(crate) finished: bool,
}

impl Outgoing {
    /// Keeps what is written, for a replay.
    pub(crate) fn keep(&mut self) {
        (self.keeps, self.kept) = (true, 0);
    }

    /// Queues a message. More than `replay_max` octets cannot be kept.
    #[inline]
    pub(crate) fn push(&mut self, message: Bytes, replay_max: usize) {
        let octets = message.len().saturating_add(PREFIX_LEN);
        self.messages.push(Piece::Message(message));
        self.pushed(octets, replay_max);
    }

    /// Queues messages, which are taken out of `batch`.
    pub(crate) fn push_batch(&mut self, batch: &mut Batch, replay_max: usize) {
        let octets = batch.octets();
        let (small, large) = batch.parts();
        if !small.is_empty() {
            self.push_framed(small);
        }
        if let Some(message) = large.take() {
            self.messages.push(Piece::Message(message));
        }
        self.pushed(octets, replay_max);
    }

    /// Adds small messages of so many `octets` to the last unsent piece. False: there is more to it than that, and
    /// nothing was done.
    #[inline]
    pub(crate) fn append(&mut self, batch: &mut Batch, octets: usize) -> bool {
        let (small, large) = batch.parts();
        if large.is_some() || self.keeps {
            return false;
        }
        let Some(framed) = self.last_framed(octets) else { return false };
        extend(framed, small, FRAMED_MAX);
        self.unsent = self.unsent.saturating_add(octets);
        true
    }

    /// Adds small messages to those that wait, or behind them.
    #[inline]
    fn push_framed(&mut self, small: &mut Vec<u8>) {
        match self.last_framed(small.len()) {
            Some(framed) => extend(framed, small, FRAMED_MAX),
            None => self.messages.push(Piece::Framed(core::mem::take(small))),
        }
    }

    /// The last unsent piece, if it is of small messages and so many octets fit in.
    #[inline]
    fn last_framed(&mut self, octets: usize) -> Option<&mut Vec<u8>> {
        let is_unsent = self.messages.len() > self.written as usize;
        match self.messages.last_mut() {
            Some(Piece::Framed(framed)) if is_unsent && framed.len().saturating_add(octets) <= FRAMED_MAX => {
                Some(framed)
            }
            _ => None,
        }
    }

    #[inline]
    fn pushed(&mut self, octets: usize, replay_max: usize) {
        self.unsent = self.unsent.saturating_add(octets);
        if self.keeps {
            self.kept = self.kept.saturating_add(octets);
            if self.kept > replay_max {
                self.commit();
            }
        }
    }

    /// Octets to be written.
    pub(crate) const fn unsent(&self) -> usize {
        self.unsent
    }

    /// Whether the first unsent message is partly written.
    pub(crate) fn is_inside_message(&self) -> bool {
        match self.messages.get(self.written as usize) {
            Some(Piece::Framed(framed)) => complete(framed, self.offset) < self.offset,
            _ => self.offset > 0,
        }
    }

    /// The call is committed: what was written is dropped.
    pub(crate) fn commit(&mut self) {
        self.keeps = false;
        for _ in 0..core::mem::take(&mut self.written) {
            self.messages.drop_first();
        }
    }

    /// Takes all messages out for a replay, where they are all still there.
    pub(crate) fn take_replay(&mut self) -> Option<VecDeque<Bytes>> {
        if !core::mem::take(&mut self.keeps) {
            return None;
        }
        let mut messages = VecDeque::new();
        for piece in self.messages.take() {
            match piece {
                Piece::Message(message) => messages.push_back(message),
                Piece::Framed(framed) => messages.extend(Messages::new(Bytes::from(framed))),
            }
        }
        self.clear();
        Some(messages)
    }

    /// Drops everything.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.messages.clear();
        (self.written, self.offset, self.unsent) = (0, 0, 0);
        (self.keeps, self.finished) = (false, false);
    }

    /// The only unsent message, where it would be copied and nothing of it was written; nothing may be kept.
    #[inline]
    pub(crate) fn only_small(&self) -> Option<&[u8]> {
        let message = self.messages.only()?;
        let is_whole = self.offset == 0 && !self.keeps;
        if is_whole && message.len() < SHARE_FROM { Some(message) } else { None }
    }

    /// [`only_small`](Self::only_small) was written.
    #[inline]
    pub(crate) fn only_written(&mut self) {
        debug_assert!(self.only_small().is_some());
        self.messages.drop_first();
        self.unsent = 0;
    }

    /// The first unsent message, where it would be copied, nothing of it was written, and it takes so many octets.
    #[inline]
    pub(crate) fn next_small(&self, octets: usize) -> Option<&[u8]> {
        match self.messages.get(self.written as usize) {
            Some(Piece::Message(message)) if self.offset == 0 && message.len() < SHARE_FROM => {
                (message.len().saturating_add(PREFIX_LEN) == octets).then_some(message)
            }
            _ => None,
        }
    }

    /// [`next_small`](Self::next_small) was written.
    #[inline]
    pub(crate) fn next_written(&mut self, octets: usize) {
        debug_assert!(self.next_small(octets).is_some());
        self.unsent = self.unsent.saturating_sub(octets);
        self.finish_piece();
    }

    /// Writes `octets` (at most what is unsent) of prefixes and messages.
    pub(crate) fn write(&mut self, octets: usize, transmit: &mut Transmit) {
        let mut left = octets.min(self.unsent);
        self.unsent = self.unsent.saturating_sub(left);
        while left > 0 {
            let (written, whole) = match self.messages.get(self.written as usize) {
                None => return,
                Some(Piece::Message(message)) => {
                    let whole = message.len().saturating_add(PREFIX_LEN);
                    (write_message(message, self.offset, left, transmit), whole)
                }
                Some(Piece::Framed(framed)) => {
                    let rest = framed.get(self.offset..).unwrap_or_default();
                    let piece = rest.get(..left).unwrap_or(rest);
                    transmit.buffer().extend_from_slice(piece);
                    (piece.len(), framed.len())
                }
            };
            left = left.saturating_sub(written);
            self.offset = self.offset.saturating_add(written);
            if self.offset >= whole {
                self.finish_piece();
            }
        }
    }

    #[inline]
    fn finish_piece(&mut self) {
        self.offset = 0;
        if self.keeps {
            self.written = self.written.saturating_add(1);
        } else {
            self.messages.drop_first();
        }
    }
}

/// Writes at most `left` octets of a message and its prefix, from `offset` on; how many.
#[inline]
fn write_message(message: &Bytes, offset: usize, left: usize, transmit: &mut Transmit) -> usize {
    let prefix = prefix(message.len());
    let whole = message.len().saturating_add(PREFIX_LEN);
    if offset == 0 && whole <= left && message.len() < SHARE_FROM {
        // Most messages are small and go out whole.
        let out = transmit.buffer();
        out.reserve(whole);
        out.extend_from_slice(&prefix);
        out.extend_from_slice(message);
        return whole;
    }
    let end = whole.min(offset.saturating_add(left));
    if let Some(piece) = prefix.get(offset..end.min(PREFIX_LEN)) {
        transmit.buffer().extend_from_slice(piece);
    }
    let (start, end) = (offset.saturating_sub(PREFIX_LEN), end.saturating_sub(PREFIX_LEN));
    if end.saturating_sub(start) >= SHARE_FROM {
        transmit.share(message.slice(start..end));
    } else {
        transmit.buffer().extend_from_slice(message.get(start..end).unwrap_or_default());
    }
    whole.min(offset.saturating_add(left)).saturating_sub(offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Buf;
    use quickcheck::quickcheck;

    fn written(transmit: &mut Transmit) -> Vec<u8> {
        transmit.copy_to_bytes(transmit.remaining()).to_vec()
    }

    quickcheck! {
        /// However the frames are cut, the octets are prefix, message, prefix, message.
        fn any_frame_sizes_give_the_same_octets(messages: Vec<Vec<u8>>, batched: Vec<u8>, frames: Vec<u8>, keep: bool) -> bool {
            let mut outgoing = Outgoing::default();
            if keep {
                outgoing.keep();
            }
            let mut expected = Vec::new();
            for message in &messages {
                expected.push(0);
                expected.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
                expected.extend_from_slice(message);
            }
            let (mut transmit, mut rest) = (Transmit::new(), messages.as_slice());
            let mut batched = batched.iter().map(|count| usize::from(count % 4)).chain(core::iter::repeat(1));
            while !rest.is_empty() {
                let (now, behind) = rest.split_at(batched.next().unwrap_or(1).min(rest.len()));
                if now.is_empty() {
                    outgoing.push(Bytes::copy_from_slice(&rest[0]), 1 << 20);
                    rest = &rest[1..];
                    outgoing.write(outgoing.unsent() / 2, &mut transmit);
                    continue;
                }
                let mut batch = Batch::new();
                now.iter().for_each(|message| batch.push(Bytes::copy_from_slice(message)));
                outgoing.push_batch(&mut batch, 1 << 20);
                assert!(batch.is_empty());
                rest = behind;
            }
            for frame in frames.iter().cycle().take(100) {
                outgoing.write(usize::from(*frame), &mut transmit);
            }
            outgoing.write(outgoing.unsent(), &mut transmit);
            let replay = outgoing.take_replay();
            written(&mut transmit) == expected && replay.is_some_and(|kept| kept == messages) == keep
        }
    }

    #[test]
    fn a_large_message_is_shared_and_too_large_a_one_is_not_kept() {
        let mut outgoing = Outgoing::default();
        outgoing.keep();
        outgoing.push(Bytes::from(alloc::vec![7; 5000]), 4000);
        let mut transmit = Transmit::new();
        outgoing.write(5005, &mut transmit);
        assert_eq!(written(&mut transmit).len(), 5005);
        assert!(outgoing.take_replay().is_none());
    }
}
