//! A bound that connections share.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Octets that several connections may hold together: a count with a cap. Clones are the same budget.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    used: AtomicUsize,
    cap: usize,
}

impl Budget {
    /// So many octets.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self(Arc::new(Shared { used: AtomicUsize::new(0), cap }))
    }

    /// Octets that are held, as far as they were reported. Each connection rounds up.
    #[must_use]
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Whether three quarters are used: the time to take nothing new in.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        self.used() >= (self.0.cap / 4).saturating_mul(3)
    }

    /// A connection holds this instead of what it held.
    pub(crate) fn replace(&self, held: usize, now: usize) {
        // Each connection takes away only what it has added, so the sum never wraps.
        self.0.used.fetch_add(now.wrapping_sub(held), Ordering::Relaxed);
    }
}
