//! The output of a connection.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use bytes::{Buf, Bytes};

/// What a connection wants written, in order. The driver owns it and writes it as a [`Buf`], with
/// feature `std` by vectored writes.
///
/// Small things are copied into [`Transmit::buffer`], large payloads are referenced by
/// [`Transmit::share`]. Writing moves a cursor and copies nothing; the capacity is used again.
///
/// ```
/// use bytes::{Buf, Bytes};
/// use sailplane::transmit::Transmit;
///
/// let mut transmit = Transmit::new();
/// transmit.buffer().extend_from_slice(b"head ");
/// transmit.share(Bytes::from_static(b"payload"));
///
/// assert_eq!(transmit.len(), 12);
/// transmit.advance(3); // the socket took three octets
/// assert_eq!(transmit.copy_to_bytes(9), "d payload");
/// ```
pub struct Transmit {
    /// Everything that was copied, from the first octet since the last compaction.
    flat: Vec<u8>,
    /// How much of `flat` is written.
    written: usize,
    /// What was shared, each with the position in `flat` before which it goes. Positions ascend,
    /// and none is below `written`.
    shared: VecDeque<(usize, Bytes)>,
    /// Octets in `shared`.
    shared_len: usize,
    target: usize,
}

/// Octets after which a connection stops framing until some are written, unless a driver says otherwise.
pub const TARGET: usize = 128 * 1024;
/// Octets of them that were copied: what is small costs memory here, what is shared is there anyway.
const COPIED_MAX: usize = 64 * 1024;
/// Written octets that are left in place without looking at their share of the buffer.
const WRITTEN_KEPT_MAX: usize = 4096;

impl Transmit {
    /// An empty buffer with a target of 128 KiB, half of it copied. It allocates when something is appended.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_target(TARGET)
    }

    /// An empty buffer with a target of `bytes`.
    #[must_use]
    pub const fn with_target(bytes: usize) -> Self {
        Self { flat: Vec::new(), written: 0, shared: VecDeque::new(), shared_len: 0, target: bytes }
    }

    /// Octets at which a connection stops appending. The last frame may go beyond.
    #[must_use]
    pub const fn target(&self) -> usize {
        self.target
    }

    /// Sets the [target](Self::target).
    pub const fn set_target(&mut self, bytes: usize) {
        self.target = bytes;
    }

    /// Octets that are to be written.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.flat.len() - self.written + self.shared_len
    }

    /// Whether nothing is to be written.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the target is reached, or 64 KiB were copied.
    #[must_use]
    #[inline]
    pub fn is_full(&self) -> bool {
        self.len() >= self.target || self.flat.len() - self.written >= COPIED_MAX
    }

    /// Where to append what is small. What it holds already is not for the caller: it must stay.
    #[inline]
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        if self.written > 0 {
            self.compact();
        }
        &mut self.flat
    }

    /// Appends a payload without copying it, after everything that was appended so far.
    pub fn share(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.compact();
        self.shared_len += bytes.len();
        self.shared.push_back((self.flat.len(), bytes));
    }

    /// Drops what was not written. The capacity stays.
    pub fn clear(&mut self) {
        self.flat.clear();
        self.written = 0;
        self.shared.clear();
        self.shared_len = 0;
    }

    /// Gives back capacity: all of it if nothing is to be written. For connections that fall idle.
    pub fn shrink(&mut self) {
        self.drop_written();
        self.flat.shrink_to_fit();
        self.shared.shrink_to_fit();
    }

    /// Makes room in front once the written part dominates, so that a buffer which never runs empty
    /// does not grow for ever. Fewer octets move than were written since the last time.
    fn compact(&mut self) {
        let unwritten = self.flat.len() - self.written;
        if unwritten == 0 || self.written >= WRITTEN_KEPT_MAX.max(unwritten) {
            self.drop_written();
        }
    }

    fn drop_written(&mut self) {
        if self.written == 0 {
            return;
        }
        self.flat.drain(..self.written);
        for (position, _) in &mut self.shared {
            *position -= self.written;
        }
        self.written = 0;
    }

    /// What is contiguous in `flat` and comes next: up to the next shared payload.
    fn flat_chunk(&self) -> &[u8] {
        let end = self.shared.front().map_or(self.flat.len(), |(position, _)| *position);
        &self.flat[self.written..end]
    }
}

impl Buf for Transmit {
    fn remaining(&self) -> usize {
        self.len()
    }

    fn chunk(&self) -> &[u8] {
        let flat = self.flat_chunk();
        match self.shared.front() {
            Some((_, bytes)) if flat.is_empty() => bytes,
            _ => flat,
        }
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let mut count = 0;
        let mut push = |chunk: &'a [u8]| {
            if chunk.is_empty() {
                return true;
            }
            let Some(slot) = slices.get_mut(count) else {
                return false;
            };
            *slot = std::io::IoSlice::new(chunk);
            count += 1;
            true
        };
        let mut from = self.written;
        for (position, bytes) in &self.shared {
            if !push(&self.flat[from..*position]) || !push(bytes) {
                return count;
            }
            from = *position;
        }
        push(&self.flat[from..]);
        count
    }

    /// Moves past what was written.
    ///
    /// # Panics
    ///
    /// If `count` is more than what remains.
    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.len(), "{count} octets written out of {}", self.len());
        if self.shared.is_empty() {
            self.written += count;
            if self.written == self.flat.len() {
                self.flat.clear();
                self.written = 0;
            }
            return;
        }
        while count > 0 {
            let flat = self.flat_chunk().len().min(count);
            self.written += flat;
            count -= flat;
            let Some((_, bytes)) = self.shared.front_mut() else {
                break;
            };
            let shared = bytes.len().min(count);
            bytes.advance(shared);
            self.shared_len -= shared;
            count -= shared;
            if bytes.is_empty() {
                self.shared.pop_front();
            }
        }
        if self.is_empty() {
            self.clear();
        }
    }
}

impl Default for Transmit {
    fn default() -> Self {
        Self::new()
    }
}

/// Sizes only: the contents are the application's.
impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transmit")
            .field("len", &self.len())
            .field("shared", &self.shared_len)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use quickcheck::{Arbitrary, Gen, quickcheck};

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Append(Vec<u8>),
        Share(Vec<u8>),
        Advance(usize),
        Compact,
    }

    impl Arbitrary for Step {
        fn arbitrary(g: &mut Gen) -> Self {
            match u8::arbitrary(g) % 8 {
                0..3 => Self::Append(Vec::arbitrary(g)),
                3..5 => Self::Share(Vec::arbitrary(g)),
                5..7 => Self::Advance(usize::arbitrary(g) % 150),
                _ => Self::Compact,
            }
        }
    }

    /// What would be written, chunk by chunk.
    fn contents(transmit: &Transmit) -> Vec<u8> {
        #[cfg(feature = "std")]
        {
            let mut slices = vec![std::io::IoSlice::new(&[]); 2 * transmit.shared.len() + 1];
            let count = transmit.chunks_vectored(&mut slices);
            assert!(slices[..count].iter().all(|slice| !slice.is_empty()), "an empty slice");
            slices.iter().flat_map(|slice| slice.iter().copied()).collect()
        }
        #[cfg(not(feature = "std"))]
        {
            let mut all = transmit.flat[transmit.written..].to_vec();
            let mut at = 0;
            for (position, bytes) in &transmit.shared {
                let index = position - transmit.written + at;
                all.splice(index..index, bytes.iter().copied());
                at += bytes.len();
            }
            all
        }
    }

    quickcheck! {
        fn it_is_a_queue_of_bytes(steps: Vec<Step>) -> bool {
            let mut transmit = Transmit::with_target(100);
            let mut model = Vec::new();
            for step in steps {
                match step {
                    Step::Append(bytes) => {
                        transmit.buffer().extend_from_slice(&bytes);
                        model.extend(bytes);
                    }
                    Step::Share(bytes) => {
                        model.extend_from_slice(&bytes);
                        transmit.share(bytes.into());
                    }
                    Step::Advance(count) => {
                        let count = count.min(model.len());
                        transmit.advance(count);
                        model.drain(..count);
                    }
                    Step::Compact => transmit.shrink(),
                }
                assert_eq!(transmit.len(), model.len());
                assert_eq!(transmit.is_empty(), model.is_empty());
                assert_eq!(transmit.is_full(), model.len() >= 100);
                assert_eq!(transmit.chunk().is_empty(), model.is_empty());
                assert!(model.starts_with(transmit.chunk()));
                assert_eq!(contents(&transmit), model);
            }
            true
        }
    }

    #[test]
    fn an_empty_one_has_no_memory() {
        let mut transmit = Transmit::new();
        assert_eq!(transmit.flat.capacity() + transmit.shared.capacity(), 0);
        assert_eq!(transmit.target(), 131_072);
        assert!(!transmit.is_full());

        transmit.buffer().extend_from_slice(&[0; 1000]);
        transmit.share(Bytes::from_static(b"x"));
        transmit.advance(1001);
        transmit.shrink();
        assert_eq!(transmit.flat.capacity() + transmit.shared.capacity(), 0);
    }

    #[test]
    fn the_capacity_is_used_again() {
        let mut transmit = Transmit::new();
        transmit.buffer().extend_from_slice(&[0; 1000]);
        let capacity = transmit.flat.capacity();
        for _ in 0..1000 {
            transmit.advance(transmit.len());
            transmit.buffer().extend_from_slice(&[0; 1000]);
        }
        assert_eq!(transmit.flat.capacity(), capacity);
    }

    #[test]
    fn one_that_never_runs_empty_does_not_grow_for_ever() {
        let mut transmit = Transmit::new();
        for round in 0..10_000_u32 {
            transmit.buffer().extend_from_slice(&[0; 700]);
            transmit.share(Bytes::from_static(&[1; 300]));
            if round > 5 {
                transmit.advance(1000);
            }
        }
        assert_eq!(transmit.len(), 6000);
        assert!(transmit.flat.capacity() < 32 * 1024, "{}", transmit.flat.capacity());
    }

    #[test]
    fn a_partial_write_moves_nothing() {
        let mut transmit = Transmit::new();
        transmit.buffer().extend_from_slice(&[7; 60_000]);
        let end = transmit.chunk().as_ptr_range().end;
        for _ in 0..59_999 {
            transmit.advance(1);
            assert_eq!(transmit.chunk().as_ptr_range().end, end);
        }
    }

    #[test]
    fn a_large_payload_is_not_copied() {
        let mut transmit = Transmit::new();
        let payload = Bytes::from(vec![7; 200_000]);
        transmit.share(payload.clone());
        assert!(transmit.is_full());
        assert_eq!(transmit.chunk().as_ptr(), payload.as_ptr());
    }

    #[test]
    fn it_is_full_at_its_target_and_at_half_of_it_if_that_was_copied() {
        let mut transmit = Transmit::new();
        transmit.buffer().resize(65_535, 0);
        transmit.share(Bytes::from(vec![7; 65_536]));
        assert!(!transmit.is_full());
        transmit.buffer().push(0);
        assert!(transmit.is_full());
        transmit.advance(1);
        assert!(!transmit.is_full());
        transmit.share(Bytes::from_static(&[1]));
        assert!(transmit.is_full());
    }

    #[cfg(feature = "std")]
    #[test]
    fn few_slices_take_the_beginning() {
        let mut transmit = Transmit::new();
        transmit.buffer().extend_from_slice(b"a");
        transmit.share(Bytes::from_static(b"b"));
        transmit.buffer().extend_from_slice(b"c");
        let mut slices = [std::io::IoSlice::new(&[]); 2];
        assert_eq!(transmit.chunks_vectored(&mut slices), 2);
        assert_eq!(slices.each_ref().map(|slice| &**slice), [b"a", b"b"]);
        assert_eq!(transmit.chunks_vectored(&mut []), 0);
    }

    #[test]
    #[should_panic(expected = "5 octets written out of 4")]
    fn more_than_there_is_cannot_be_written() {
        let mut transmit = Transmit::new();
        transmit.buffer().extend_from_slice(b"four");
        transmit.advance(5);
    }

    #[test]
    fn cleared_it_is_empty() {
        let mut transmit = Transmit::default();
        transmit.buffer().extend_from_slice(b"four");
        transmit.share(Bytes::from_static(b"five"));
        transmit.advance(1);
        transmit.clear();
        assert!(transmit.is_empty());
        assert_eq!(transmit.chunk(), b"");
    }
}
