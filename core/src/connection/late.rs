//! What a peer may honestly still send for streams that are closed.
//!
//! Frames cross: a stream that this side reset, or whose response is complete, is closed here before the
//! peer knows. Nothing is kept of such streams (RFC 9113 §5.1 lets an endpoint forget them); three sums
//! tell what of them can be on its way. What comes beyond is pointless.

use crate::error::PeerViolation;
use crate::wire::StreamId;

/// Sums over all streams that were closed.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// Octets of DATA that their windows still allowed.
    octets: u64,
    /// Header blocks: the trailers of streams that the peer had not ended.
    headers: u32,
    /// WINDOW_UPDATE, RST_STREAM, and DATA that only ends the stream.
    frames: u32,
    /// The peer left out identifiers: one below the highest need not be that of a closed stream.
    skipped: bool,
}

/// For each stream: its end, its reset, and a WINDOW_UPDATE.
const FRAMES_PER_STREAM: u32 = 3;

impl Late {
    /// The peer opened `stream`, and `highest` last before it.
    #[inline]
    pub(super) fn opened(&mut self, highest: StreamId, stream: StreamId) {
        let next = if highest.is_zero() { 1 } else { highest.as_u32().saturating_add(2) };
        self.skipped |= stream.as_u32() > next;
    }

    /// What HEADERS below the highest identifier are, where none can be on its way.
    ///
    /// RFC 9113 §5.1.1: "An endpoint that receives an unexpected stream identifier MUST respond with a
    /// connection error of type PROTOCOL_ERROR." RFC 9113 §5.1: on a closed stream it is one of type
    /// STREAM_CLOSED. Which of both it is can be told while no identifier was left out.
    pub(super) const fn headers_below(&self) -> PeerViolation {
        if self.skipped { PeerViolation::LowerStream } else { PeerViolation::ClosedStream }
    }

    /// A stream was closed while the peer might still send so many octets.
    #[inline]
    pub(super) fn closed_open(&mut self, octets: i64) {
        self.octets = self.octets.saturating_add(u64::try_from(octets).unwrap_or(0));
        self.headers = self.headers.saturating_add(1);
        self.closed();
    }

    /// A stream was closed.
    #[inline]
    pub(super) fn closed(&mut self) {
        self.frames = self.frames.saturating_add(FRAMES_PER_STREAM);
    }

    /// DATA was written: its receipt may cause a WINDOW_UPDATE.
    #[inline]
    pub(super) fn data_written(&mut self) {
        self.frames = self.frames.saturating_add(1);
    }

    /// Whether so many octets of DATA may have been on their way.
    pub(super) fn take_octets(&mut self, octets: u32) -> bool {
        let Some(left) = self.octets.checked_sub(u64::from(octets)) else { return false };
        self.octets = left;
        true
    }

    /// Whether a header block may have been.
    pub(super) fn take_headers(&mut self) -> bool {
        take(&mut self.headers)
    }

    /// Whether another frame may have been.
    pub(super) fn take_frame(&mut self) -> bool {
        take(&mut self.frames)
    }
}

fn take(count: &mut u32) -> bool {
    let left = count.checked_sub(1);
    *count = left.unwrap_or(0);
    left.is_some()
}
