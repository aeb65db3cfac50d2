//! How buffers grow: with what arrived, or was sent, and not by what is claimed.

use alloc::vec::Vec;

/// Appends to a buffer that will hold `whole` octets at most.
pub(super) fn append(buffer: &mut Vec<u8>, piece: &[u8], whole: usize, room: usize) {
    let needed = buffer.len().saturating_add(piece.len());
    if needed > buffer.capacity() {
        let capacity = next_capacity(needed, buffer.capacity(), whole, room);
        buffer.reserve_exact(capacity.saturating_sub(buffer.len()));
    }
    buffer.extend_from_slice(piece);
}

/// Memory grows with what arrived, never by what a prefix claims: to four times that at most, and hardly
/// beyond it where there is no `room`. Messages that are small anyway are the exception.
pub(super) fn next_capacity(needed: usize, capacity: usize, whole: usize, room: usize) -> usize {
    // Half before the whole: the old buffer is there until the new one holds what it held.
    let ahead = match needed.saturating_mul(4) {
        enough if enough >= whole => whole,
        ahead => ahead.min(whole / 2),
    };
    let little = needed.saturating_add(needed / 16).saturating_add(64).min(whole);
    let fits = ahead.saturating_sub(capacity) <= room;
    if fits { ahead } else { little }.max(needed)
}

/// Adds what a sender gives to a buffer of `most` octets at most, which grows in few steps: where one message
/// follows another, more do.
#[inline]
pub(super) fn extend(buffer: &mut Vec<u8>, more: &mut Vec<u8>, most: usize) {
    let needed = buffer.len().saturating_add(more.len());
    if needed > buffer.capacity() {
        let capacity = needed.saturating_mul(4).min(most).max(needed);
        buffer.reserve_exact(capacity.saturating_sub(buffer.len()));
    }
    buffer.append(more);
}
