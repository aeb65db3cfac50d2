//! Messages of one call on their way out: framed as they are written, kept until the call is committed.

use alloc::collections::VecDeque;
use bytes::Bytes;

use crate::call::message::{PREFIX_LEN, prefix};
use crate::call::message_queue::MessageQueue;
use crate::transmit::Transmit;

/// From this size on a piece of a message is shared with the output instead of copied into it.
const SHARE_FROM: usize = 2048;

/// The messages that a call still has to send.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// Unsent messages, behind those kept for a replay.
    messages: MessageQueue,
    /// How many of `messages` were written completely and are only kept.
    written: usize,
    /// Octets of the first unsent message that were written, prefix included.
    offset: usize,
    /// Octets to be written, prefixes included.
    unsent: usize,
    /// Size of all that is kept while the call can be replayed; `None` once it cannot.
    replay: Option<usize>,
    /// No message will be added.
    pub(crate) finished: bool,
}

impl Outgoing {
    /// Keeps what is written, for a replay.
    pub(crate) fn keep(&mut self) {
        self.replay = Some(0);
    }

    /// Queues a message. More than `replay_max` octets cannot be kept.
    pub(crate) fn push(&mut self, message: Bytes, replay_max: usize) {
        let octets = message.len().saturating_add(PREFIX_LEN);
        self.unsent = self.unsent.saturating_add(octets);
        self.messages.push(message);
        if let Some(size) = &mut self.replay {
            *size = size.saturating_add(octets);
            if *size > replay_max {
                self.commit();
            }
        }
    }

    /// Octets to be written.
    pub(crate) const fn unsent(&self) -> usize {
        self.unsent
    }

    /// Whether the first unsent message is partly written.
    pub(crate) const fn is_inside_message(&self) -> bool {
        self.offset > 0
    }

    /// The call is committed: what was written is dropped.
    pub(crate) fn commit(&mut self) {
        self.replay = None;
        for _ in 0..core::mem::take(&mut self.written) {
            self.messages.drop_first();
        }
    }

    /// Takes all messages out for a replay, where they are all still there.
    pub(crate) fn take_replay(&mut self) -> Option<VecDeque<Bytes>> {
        self.replay.take()?;
        let messages = self.messages.take();
        self.clear();
        Some(messages)
    }

    /// Drops everything.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.messages.clear();
        (self.written, self.offset, self.unsent, self.replay) = (0, 0, 0, None);
        self.finished = false;
    }

    /// The only unsent message, where it would be copied and nothing of it was written; nothing may be kept.
    #[inline]
    pub(crate) fn only_small(&self) -> Option<&[u8]> {
        let message = self.messages.only()?;
        let is_whole = self.offset == 0 && self.replay.is_none();
        if is_whole && message.len() < SHARE_FROM { Some(message) } else { None }
    }

    /// [`only_small`](Self::only_small) was written.
    #[inline]
    pub(crate) fn only_written(&mut self) {
        debug_assert!(self.only_small().is_some());
        self.messages.drop_first();
        self.unsent = 0;
    }

    /// Writes `octets` (at most what is unsent) of prefixes and messages.
    pub(crate) fn write(&mut self, octets: usize, transmit: &mut Transmit) {
        let mut left = octets.min(self.unsent);
        self.unsent = self.unsent.saturating_sub(left);
        while self.offset == 0 && left > 0 {
            // Most messages are small and go out whole.
            let Some(message) = self.messages.get(self.written) else { return };
            let whole = message.len().saturating_add(PREFIX_LEN);
            if message.len() >= SHARE_FROM || whole > left {
                break;
            }
            let out = transmit.buffer();
            out.reserve(whole);
            out.extend_from_slice(&prefix(message.len()));
            out.extend_from_slice(message);
            left = left.saturating_sub(whole);
            self.finish_message();
        }
        while left > 0 {
            let Some(message) = self.messages.get(self.written) else { return };
            if self.offset < PREFIX_LEN {
                let prefix = prefix(message.len());
                let missing = prefix.get(self.offset..).unwrap_or_default();
                let piece = missing.get(..left).unwrap_or(missing);
                transmit.buffer().extend_from_slice(piece);
                self.offset = self.offset.saturating_add(piece.len());
                left = left.saturating_sub(piece.len());
            }
            let start = self.offset.saturating_sub(PREFIX_LEN);
            let end = message.len().min(start.saturating_add(left));
            if self.offset >= PREFIX_LEN && start < end {
                let piece = end.saturating_sub(start);
                if piece >= SHARE_FROM {
                    transmit.share(message.slice(start..end));
                } else {
                    transmit.buffer().extend_from_slice(message.get(start..end).unwrap_or_default());
                }
                self.offset = self.offset.saturating_add(piece);
                left = left.saturating_sub(piece);
            }
            if self.offset == message.len().saturating_add(PREFIX_LEN) {
                self.finish_message();
            }
        }
    }

    #[inline]
    fn finish_message(&mut self) {
        self.offset = 0;
        if self.replay.is_some() {
            self.written = self.written.saturating_add(1);
        } else {
            self.messages.drop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use bytes::Buf;
    use quickcheck::quickcheck;

    fn written(transmit: &mut Transmit) -> Vec<u8> {
        transmit.copy_to_bytes(transmit.remaining()).to_vec()
    }

    quickcheck! {
        /// However the frames are cut, the octets are prefix, message, prefix, message.
        fn any_frame_sizes_give_the_same_octets(messages: Vec<Vec<u8>>, frames: Vec<u8>, keep: bool) -> bool {
            let mut outgoing = Outgoing::default();
            if keep {
                outgoing.keep();
            }
            let mut expected = Vec::new();
            for message in &messages {
                expected.push(0);
                expected.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
                expected.extend_from_slice(message);
                outgoing.push(Bytes::copy_from_slice(message), 1 << 20);
            }
            let mut transmit = Transmit::new();
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
