//! Buffers of large messages, kept for the next ones.
//!
//! Fresh memory of such a size comes from the system: to map it, clear it and fault it in page by page costs more than
//! to fill it. So a process keeps a few buffers; without `std` there is no place for them, and each is allocated.

use bytes::{Bytes, BytesMut};

#[cfg(not(feature = "std"))]
use none as pool;
#[cfg(feature = "std")]
pub use pool::keep_spare_bytes;

/// From this size on buffers are kept.
pub(crate) const LARGE: usize = 32 * 1024;

/// A buffer for one message.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: BytesMut,
    /// As how many octets it counts among the kept ones; zero if it is none of them.
    kept: usize,
}

impl Buffer {
    /// A new buffer.
    pub(crate) fn new(octets: usize) -> Self {
        Self { bytes: BytesMut::with_capacity(octets), kept: 0 }
    }

    /// One that was kept and that nobody uses, if there is one of about this size.
    pub(crate) fn spare(octets: usize) -> Option<Self> {
        if octets < LARGE {
            return None;
        }
        let (bytes, kept) = pool::take(octets)?;
        Some(Self { bytes, kept })
    }

    #[inline]
    pub(crate) const fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// What it holds. A large buffer is used again once that is dropped.
    pub(crate) fn freeze(mut self) -> Bytes {
        let capacity = self.capacity();
        if self.kept == 0 && capacity >= LARGE && pool::add(capacity) {
            self.kept = capacity;
        }
        if self.kept > 0 { self.bytes.split().freeze() } else { core::mem::take(&mut self.bytes).freeze() }
    }
}

impl Drop for Buffer {
    #[inline]
    fn drop(&mut self) {
        if self.kept > 0 {
            let mut bytes = core::mem::take(&mut self.bytes);
            bytes.clear();
            pool::put(bytes, self.kept);
        }
    }
}

#[cfg(not(feature = "std"))]
mod none {
    use bytes::BytesMut;

    pub(super) const fn take(_: usize) -> Option<(BytesMut, usize)> {
        None
    }

    pub(super) const fn add(_: usize) -> bool {
        false
    }

    pub(super) fn put(_: BytesMut, _: usize) {}
}

#[cfg(feature = "std")]
mod pool {
    use alloc::collections::VecDeque;
    use bytes::BytesMut;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    /// What a process keeps unless it is told otherwise: as much as one message may have.
    const KEPT_MAX: usize = 4 * 1024 * 1024;

    /// No buffer is allocated or freed under this lock.
    static POOL: Mutex<Pool> = Mutex::new(Pool::new(KEPT_MAX));

    /// Buffers that are nobody's, or whose contents somebody has: then they can be had once that is dropped.
    #[derive(Debug)]
    struct Pool {
        most: usize,
        /// Octets of all of them, and of those that are being filled.
        octets: usize,
        /// Each with its size; the one kept last is behind.
        buffers: VecDeque<(BytesMut, usize)>,
    }

    impl Pool {
        const fn new(most: usize) -> Self {
            Self { most, octets: 0, buffers: VecDeque::new() }
        }

        fn take(&mut self, octets: usize) -> Option<(BytesMut, usize)> {
            let sizes = octets..=octets.saturating_mul(2);
            let mut all = self.buffers.iter_mut().rev();
            let at = all.position(|(bytes, size)| sizes.contains(size) && bytes.try_reclaim(octets))?;
            self.buffers.remove(self.buffers.len().saturating_sub(at.saturating_add(1)))
        }

        /// The oldest one, if all are too many with so many octets more.
        fn pop(&mut self, more: usize) -> Option<BytesMut> {
            if self.octets.saturating_add(more) <= self.most {
                return None;
            }
            let (bytes, size) = self.buffers.pop_front()?;
            self.octets = self.octets.saturating_sub(size);
            Some(bytes)
        }

        fn add(&mut self, size: usize) -> bool {
            let fits = self.octets.saturating_add(size) <= self.most;
            if fits {
                self.octets = self.octets.saturating_add(size);
            }
            fits
        }
    }

    fn lock() -> MutexGuard<'static, Pool> {
        POOL.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many octets of buffers for large messages a process keeps for the next ones; 4 MiB unless it is told
    /// otherwise. Zero: none.
    pub fn keep_spare_bytes(most: usize) {
        lock().most = most;
        make_room(0);
    }

    /// The oldest ones go, each freed where nothing is locked.
    fn make_room(more: usize) {
        while let Some(oldest) = { lock().pop(more) } {
            drop(oldest);
        }
    }

    pub(super) fn take(octets: usize) -> Option<(BytesMut, usize)> {
        lock().take(octets)
    }

    /// A buffer is one of those that are kept from now on, if there is room.
    pub(super) fn add(size: usize) -> bool {
        make_room(size);
        lock().add(size)
    }

    pub(super) fn put(bytes: BytesMut, size: usize) {
        lock().buffers.push_back((bytes, size));
        make_room(0);
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn filled(pool: &mut Pool, size: usize) -> bytes::Bytes {
            let mut bytes = BytesMut::with_capacity(size);
            while pool.pop(size).is_some() {}
            assert!(pool.add(size));
            bytes.resize(size, 7);
            let contents = bytes.split().freeze();
            pool.buffers.push_back((bytes, size));
            contents
        }

        #[test]
        fn a_buffer_is_used_again_once_its_contents_are_dropped() {
            let mut pool = Pool::new(1000);
            let contents = filled(&mut pool, 400);
            assert!(pool.take(400).is_none(), "in use");
            let address = contents.as_ptr();
            drop(contents);
            assert!(pool.take(401).is_none() && pool.take(199).is_none(), "of another size");
            let (mut again, size) = pool.take(300).expect("the same");
            assert_eq!((size, again.len(), again.capacity() >= 300), (400, 0, true));
            again.extend_from_slice(&[1]);
            assert_eq!(again.as_ptr(), address);
        }

        #[test]
        fn the_oldest_go_first_and_no_more_are_kept_than_may_be() {
            let mut pool = Pool::new(1000);
            let contents = [1, 2, 3, 4].map(|_| filled(&mut pool, 300));
            assert_eq!((pool.octets, pool.buffers.len()), (900, 3));
            drop(contents);
            // Those that are being filled count.
            let _filling = [pool.take(300), pool.take(300), pool.take(300)].map(Option::unwrap);
            while pool.pop(300).is_some() {}
            assert!(!pool.add(300) && pool.add(100));
        }
    }
}
