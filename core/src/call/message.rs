//! Length-Prefixed-Message (PROTOCOL-HTTP2.md): five octets of prefix, then the message; in any chunking.

use alloc::boxed::Box;
use bytes::{Bytes, BytesMut};

use crate::call::batch::Messages;
use crate::call::growth::next_capacity;
use crate::call::prefix::{Scan, judge_prefix, length, whole_messages};
use crate::call::raw_messages::RawMessages;
use crate::call::spare::Buffer;

pub use crate::call::prefix::{MessageError, PREFIX_LEN};

/// Puts received octets together to messages.
///
/// The first message is assembled in a buffer of its own. What follows it stays as raw octets until it
/// is taken, so that many tiny messages cost no more than their octets; and its flow-control credit is
/// withheld, so that a slow reader slows its peer.
#[derive(Debug, Default)]
pub struct Assembler {
    scan: Scan,
    /// The first message as far as it came, if it is not small; from the time on that there was one.
    building: Option<Box<Building>>,
    /// Likewise, if it is small: in a buffer that serves message after message, as soon as each is dropped.
    small: BytesMut,
    /// What that buffer has, in use or not.
    small_size: u16,
    /// Small messages in a row for which it was in use.
    lent: u8,
    front: Option<Bytes>,
    /// What is behind `front`; from the time on that there was anything.
    rest: Option<Box<RawMessages>>,
}

/// A message that is put together.
#[derive(Debug, Default)]
struct Building {
    octets: Buffer,
    /// What that may take of memory; if it is a spare buffer it takes none.
    reserved: usize,
}

impl Assembler {
    /// Takes received octets. Returns how many of them belong to the only message that is held: their
    /// credit can be returned at once. `room` is what may be allocated ahead of what arrives.
    ///
    /// # Errors
    /// The call must end; nothing more may be received. Messages that were complete before can still be taken.
    pub fn receive(&mut self, mut bytes: &[u8], limit: usize, room: usize) -> Result<usize, MessageError> {
        let mut credit = 0_usize;
        if self.scan.have == 0 && self.front.is_none() {
            if let Some((prefix, behind)) = bytes.split_first_chunk() {
                let length = judge_prefix(*prefix, limit)?;
                if let Some((message, behind)) = behind.split_at_checked(length) {
                    self.front = Some(self.keep(message));
                    credit = length.saturating_add(PREFIX_LEN);
                    bytes = behind;
                }
            }
        }
        while !bytes.is_empty() {
            let only = self.front.is_none();
            if !only && self.scan.have == 0 {
                // Small messages come in numbers.
                let (whole, behind) = bytes.split_at(whole_messages(bytes, limit));
                if !whole.is_empty() {
                    self.keep_raw(whole, room);
                    bytes = behind;
                    continue;
                }
            }
            let in_body = self.scan.in_body();
            let wanted = if in_body { self.scan.left as usize } else { self.scan.prefix_left() };
            let (piece, behind) = bytes.split_at_checked(wanted).unwrap_or((bytes, &[]));
            bytes = behind;
            if in_body {
                // No more than was wanted.
                self.scan.left =
                    self.scan.left.saturating_sub(u32::try_from(piece.len()).unwrap_or(u32::MAX));
            } else {
                let had = usize::from(self.scan.have);
                if let Err(fault) = self.scan.take_prefix(piece, limit) {
                    self.abandon(had);
                    return Err(fault);
                }
            }
            if !only {
                self.keep_raw(piece, room);
            } else {
                credit = credit.saturating_add(piece.len());
                if in_body {
                    self.build(piece, room);
                }
            }
            if self.scan.in_body() && self.scan.left == 0 {
                self.scan.have = 0;
                if only {
                    self.front = Some(self.built());
                }
            }
        }
        Ok(credit)
    }

    /// Takes octets that are one message and nothing else, where nothing is held: what [`receive`](Self::receive)
    /// does with them. Then the message is what is held, and all credit can be returned. False: they are not, and
    /// nothing was done.
    #[inline(always)]
    pub(crate) fn receive_one(&mut self, bytes: &[u8], limit: usize) -> bool {
        let Some((&[flag, a, b, c, d], message)) = bytes.split_first_chunk() else { return false };
        let whole = u32::from_be_bytes([a, b, c, d]) as usize == message.len();
        let is_one = flag == 0 && whole && message.len() <= limit && self.is_idle();
        if is_one {
            self.front = Some(self.keep(message));
        }
        is_one
    }

    /// What follows is no message: forgets the `had` octets of its prefix that were there before.
    fn abandon(&mut self, had: usize) {
        self.scan = Scan::default();
        if let (Some(_), Some(rest)) = (&self.front, &mut self.rest) {
            rest.take_back(had);
        }
    }

    /// Whether a message can be taken.
    #[must_use]
    #[inline]
    pub const fn has_message(&self) -> bool {
        self.front.is_some()
    }

    /// Whether the octets so far end between two messages.
    #[must_use]
    pub const fn is_between_messages(&self) -> bool {
        self.scan.have == 0
    }

    /// Octets that the message in progress lacks, if it is the only one held.
    #[must_use]
    #[inline]
    pub(crate) const fn lacks(&self) -> usize {
        if self.front.is_none() && self.scan.in_body() { self.scan.left as usize } else { 0 }
    }

    /// Octets held, as they are allocated: more than came while a message is put together.
    #[must_use]
    #[inline]
    pub fn held(&self) -> usize {
        let front = self.front.as_ref().map_or(0, Bytes::len);
        let building = self.reserved().saturating_add(self.small.len());
        let rest = self.rest.as_ref().map_or(0, |rest| rest.held());
        front.saturating_add(building).saturating_add(rest)
    }

    /// Whether there is something behind the first message.
    #[inline]
    pub(crate) fn has_rest(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| !rest.is_empty())
    }

    /// Takes the first message, and how many octets behind it now belong to the only message held: their
    /// credit is to be returned.
    #[inline]
    pub fn take(&mut self) -> Option<(Bytes, usize)> {
        let message = self.front.take()?;
        let credit = if self.has_rest() { self.advance() } else { 0 };
        Some((message, credit))
    }

    /// Takes the first message and what is complete behind it, up to `octets`; credit as [`take`](Self::take).
    #[inline]
    pub(crate) fn take_many(&mut self, octets: usize) -> Option<(Messages, usize)> {
        let first = self.front.take()?;
        let Some(rest) = self.rest.as_mut().filter(|rest| !rest.is_empty()) else {
            return Some((first.into(), 0));
        };
        let framed = rest.take(octets.saturating_sub(first.len()));
        let taken = framed.len();
        Some((Messages::with_first(first, framed), taken.saturating_add(self.advance())))
    }

    /// Whether it holds nothing, of a message or of a prefix.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.scan.have == 0
            && self.front.is_none()
            && self.reserved() == 0
            && self.small.is_empty()
            && !self.has_rest()
    }

    /// Drops everything; nothing more may be received.
    #[inline]
    pub fn clear(&mut self) {
        if !self.is_idle() {
            self.drop_all();
        }
    }

    fn drop_all(&mut self) {
        self.scan = Scan::default();
        self.building = None;
        self.small.clear();
        self.front = None;
        self.rest.iter_mut().for_each(|rest| rest.clear());
    }

    /// Makes the next message the first one.
    fn advance(&mut self) -> usize {
        let Some(mut rest) = self.rest.take() else { return 0 };
        let credit = match rest.first() {
            Some(message) => {
                self.front = Some(self.keep(message));
                message.len().saturating_add(PREFIX_LEN)
            }
            None => {
                // The last one, and incomplete: what came of it is what the scan stands in.
                let unparsed = rest.unparsed();
                if let Some(body) = unparsed.get(PREFIX_LEN..).filter(|body| !body.is_empty()) {
                    self.build(body, 0);
                }
                unparsed.len()
            }
        };
        rest.taken(credit);
        self.rest = Some(rest);
        credit
    }

    /// A message that came whole.
    #[inline]
    fn keep(&mut self, message: &[u8]) -> Bytes {
        if message.len() > SMALL_MAX || !self.has_small_room(message.len()) {
            return Bytes::copy_from_slice(message);
        }
        self.small.extend_from_slice(message);
        self.small.split().freeze()
    }

    /// Whether the buffer of small messages takes one of so many octets. It does not while the one before is
    /// in use; if that lasts it is left to it.
    #[inline]
    fn has_small_room(&mut self, octets: usize) -> bool {
        if self.small.capacity() >= octets {
            self.lent = 0;
            return true;
        }
        self.make_small_room(octets)
    }

    fn make_small_room(&mut self, octets: usize) -> bool {
        if octets > usize::from(self.small_size) {
            let size = octets.next_power_of_two().max(SMALL_MIN);
            self.small_size = u16::try_from(size).unwrap_or(u16::MAX);
            self.small = BytesMut::with_capacity(size);
        } else if !self.small.try_reclaim(octets) {
            self.lent = self.lent.wrapping_add(1) % LENT_MAX;
            if self.lent == 0 {
                self.small = BytesMut::new();
                self.small_size = 0;
            }
            return false;
        }
        self.lent = 0;
        true
    }

    /// The message that is complete.
    fn built(&mut self) -> Bytes {
        if !self.small.is_empty() {
            return self.small.split().freeze();
        }
        let building = self.building.as_deref_mut().map(core::mem::take);
        building.map_or_else(Bytes::new, |building| building.octets.freeze())
    }

    /// What the message that is put together takes of memory, if it is not small.
    #[inline]
    fn reserved(&self) -> usize {
        self.building.as_ref().map_or(0, |building| building.reserved)
    }

    /// Adds octets to the message that is put together.
    fn build(&mut self, piece: &[u8], room: usize) {
        let begins = self.reserved() == 0 && self.small.is_empty();
        let whole = length(self.scan.prefix);
        if begins && whole <= SMALL_MAX && self.has_small_room(whole) || !self.small.is_empty() {
            return self.small.extend_from_slice(piece);
        }
        let Building { octets, reserved } = &mut **self.building.get_or_insert_default();
        let needed = octets.len().saturating_add(piece.len());
        if needed > *reserved {
            *reserved = next_capacity(needed, *reserved, whole, room);
        }
        if needed > octets.capacity() {
            let mut larger = Buffer::spare(whole).unwrap_or_else(|| Buffer::new(*reserved));
            larger.bytes().extend_from_slice(octets.bytes());
            *octets = larger;
        }
        octets.bytes().extend_from_slice(piece);
    }

    /// Adds raw octets.
    fn keep_raw(&mut self, piece: &[u8], room: usize) {
        self.rest.get_or_insert_default().push(piece, room);
    }
}

/// The largest message that goes to the buffer for small ones.
const SMALL_MAX: usize = 512;
/// The least that such a buffer has.
const SMALL_MIN: usize = 64;
/// So many small messages have a buffer of their own each, if they come while the common one is in use.
const LENT_MAX: u8 = 8;

#[cfg(test)]
mod tests;
