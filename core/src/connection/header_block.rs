//! HEADERS and its CONTINUATIONs as one unit (RFC 9113 §4.3, §6.10).

use alloc::vec::Vec;

use crate::wire::StreamId;

/// A header block of which more is to come.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) stream: StreamId,
    pub(super) end_stream: bool,
    fragments: Vec<u8>,
    continuations: u32,
}

/// A header block that grows beyond its bounds: ENHANCE_YOUR_CALM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Unfinished {
    pub(super) fn new(stream: StreamId, end_stream: bool, fragment: &[u8]) -> Self {
        Self { stream, end_stream, fragments: fragment.to_vec(), continuations: 0 }
    }

    /// Adds a CONTINUATION.
    pub(super) fn add(&mut self, fragment: &[u8], frames_max: u32, bytes_max: usize) -> Result<(), TooLong> {
        self.continuations = self.continuations.saturating_add(1);
        let size = self.fragments.len().saturating_add(fragment.len());
        if self.continuations > frames_max || size > bytes_max {
            return Err(TooLong);
        }
        self.fragments.extend_from_slice(fragment);
        Ok(())
    }

    /// The whole block.
    pub(super) fn into_block(self) -> Vec<u8> {
        self.fragments
    }
}
