//! Who writes: whoever finds the role free.
//!
//! ```text
//!   FREE ──take──▶ BUSY ──leave──▶ MORE        take, leave, resume, free: under the connection's lock
//!    ▲              │ ▲              │          done: without
//!    └── done, free ┘ └──── resume ──┘
//! ```
//!
//! Output that comes while somebody writes is left to that writer, which is told so under the lock. A writer
//! that was told nothing gives the role up by one exchange, without another look at the connection. The
//! exchange fails where somebody was faster, and then the writer looks again: so no output is left behind.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Buf;
use sailplane::Transmit;
use sailplane::transmit::TARGET;

const FREE: u8 = 0;
const BUSY: u8 = 1;
/// Busy, and there may be more to write.
const MORE: u8 = 2;

#[derive(Debug, Default)]
pub(crate) struct Writer(AtomicU8);

impl Writer {
    pub(crate) fn is_free(&self) -> bool {
        self.0.load(Ordering::SeqCst) == FREE
    }

    /// The role was free, and is the caller's.
    pub(crate) fn take(&self) {
        self.0.store(BUSY, Ordering::SeqCst);
    }

    /// Leaves what there is to write to whoever writes; false if nobody does.
    pub(crate) fn leave(&self) -> bool {
        // The lock is held, so nobody takes the role meanwhile.
        if self.is_free() {
            return false;
        }
        match self.0.compare_exchange(BUSY, MORE, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => true,
            Err(state) => state == MORE,
        }
    }

    /// The caller, which writes, looks for more.
    pub(crate) fn resume(&self) {
        self.0.store(BUSY, Ordering::SeqCst);
    }

    /// The caller writes no longer.
    pub(crate) fn free(&self) {
        self.0.store(FREE, Ordering::SeqCst);
    }

    /// The caller, which writes, wrote all that there was; false if more came.
    pub(crate) fn done(&self) -> bool {
        self.0.compare_exchange(BUSY, FREE, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

thread_local! {
    /// An empty buffer with room: it belongs to the thread, since an idle connection needs none.
    static SPARE: Cell<Option<Box<Transmit>>> = const { Cell::new(None) };
}

/// Pieces of one write.
const SLICES: usize = 64;

/// Has `write` write the next octets of `transmit`, in pieces where they do not stand in one, and advances it.
///
/// # Errors
/// Those of `write`; `WriteZero` where it wrote nothing.
pub fn write_pieces(
    transmit: &mut Transmit,
    write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
) -> io::Result<()> {
    let first = transmit.chunk();
    let written = if first.len() == transmit.remaining() {
        // Most output has no piece that is shared, and then an array of slices is more work than the rest.
        write(&[IoSlice::new(first)])
    } else {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = transmit.chunks_vectored(&mut slices);
        write(slices.get(..count).unwrap_or_default())
    };
    match written? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        written => {
            transmit.advance(written);
            Ok(())
        }
    }
}

/// How far the output of a connection may run ahead of a transport that takes all it is given.
const AHEAD_MAX: usize = 512 * 1024;

/// The transport took all that was in `buffer`: it is given twice as much the next time, which is a write less. One
/// that is slower than the connection does not come to that, and what it has not taken delays no other stream.
pub(crate) fn widen(buffer: &mut Transmit) {
    buffer.set_target(buffer.target().saturating_mul(2).min(AHEAD_MAX));
}

/// The transport did not take all that was in `buffer`.
pub(crate) fn narrow(buffer: &mut Transmit) {
    buffer.set_target(TARGET);
}

/// An empty buffer.
pub(crate) fn buffer() -> Box<Transmit> {
    SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default()
}

/// Keeps a buffer for this thread's next output.
pub(crate) fn keep(mut buffer: Box<Transmit>) {
    if !buffer.has_remaining() {
        narrow(&mut buffer);
        // A thread that is about to end has no use for it.
        let _ = SPARE.try_with(|spare| spare.set(Some(buffer)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sailplane::bytes::Bytes;

    /// What of `transmit` is written by writes that take `most` octets each, and in how many pieces the first is.
    fn written(transmit: &mut Transmit, most: usize) -> (Vec<u8>, usize) {
        let (mut all, mut pieces) = (Vec::new(), 0);
        while transmit.has_remaining() {
            let result = write_pieces(transmit, |slices| {
                pieces = if pieces == 0 { slices.len() } else { pieces };
                let octets: Vec<u8> =
                    slices.iter().flat_map(|slice| slice.iter().copied()).take(most).collect();
                all.extend_from_slice(&octets);
                Ok(octets.len())
            });
            assert!(result.is_ok());
        }
        (all, pieces)
    }

    #[test]
    fn all_octets_are_written_in_order_whatever_a_write_takes() {
        for most in 1..40 {
            let mut transmit = Transmit::new();
            transmit.buffer().extend_from_slice(b"flat");
            assert_eq!(written(&mut transmit, most), (b"flat".to_vec(), 1));
            transmit.buffer().extend_from_slice(b"before ");
            transmit.share(Bytes::from_static(b"shared"));
            transmit.buffer().extend_from_slice(b" after");
            assert_eq!(written(&mut transmit, most), (b"before shared after".to_vec(), 3));
        }
    }

    #[test]
    fn a_transport_that_takes_nothing_and_says_so_by_zero_has_failed() {
        let mut transmit = Transmit::new();
        transmit.buffer().extend_from_slice(b"octets");
        let error = write_pieces(&mut transmit, |_| Ok(0)).expect_err("nothing was written");
        assert_eq!((error.kind(), transmit.len()), (io::ErrorKind::WriteZero, 6));
    }
}
