//! What is to be written, as state: replies that a peer causes are counted and coalesced, never queued
//! without bound.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::table::Ring;
use crate::call::{request, response};
use crate::error::ErrorCode;
use crate::wire::StreamId;

/// Unwritten output of a connection, beside what its calls hold themselves.
#[derive(Debug)]
pub(super) struct Output {
    /// The connection itself may have something to say, beside what its calls have.
    pub(super) control: bool,
    /// Preface (client) and SETTINGS are to be written first.
    pub(super) opening: bool,
    pub(super) settings_acks: usize,
    pub(super) ping_acks: VecDeque<[u8; 8]>,
    /// Streams without a call: refused, malformed, or closed.
    pub(super) resets: VecDeque<(StreamId, ErrorCode)>,
    /// Calls with something that no window holds back.
    pub(super) urgent: Ring<1>,
    /// Client: calls that may not be sent, for the limit of streams fell after they were started.
    pub(super) held: Ring<5>,
    /// Calls with DATA to send and a window for it.
    pub(super) data: Ring<2>,
    /// Calls that were answered `Blocked` because the connection holds too much.
    pub(super) crowded: Ring<3>,
    /// Unsent octets of all calls.
    pub(super) unsent: usize,
    /// Client: header blocks of requests that repeat.
    pub(super) requests: Option<Box<request::Repeats>>,
    /// Server: header blocks of responses that repeat.
    pub(super) responses: Option<Box<response::Repeats>>,
    /// What the transmit held when it was handed out last.
    pub(super) handed_out: usize,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            control: true,
            opening: true,
            settings_acks: 0,
            ping_acks: VecDeque::new(),
            resets: VecDeque::new(),
            urgent: Ring::new(),
            held: Ring::new(),
            data: Ring::new(),
            crowded: Ring::new(),
            unsent: 0,
            requests: None,
            responses: None,
            handed_out: 0,
        }
    }

    /// RST_STREAM for a stream without a call.
    pub(super) fn reset(&mut self, stream: StreamId, code: ErrorCode) {
        self.control = true;
        self.resets.push_back((stream, code));
    }

    /// Replies that the peer caused.
    #[inline]
    pub(super) fn replies(&self) -> usize {
        self.settings_acks.saturating_add(self.ping_acks.len()).saturating_add(self.resets.len())
    }
}
