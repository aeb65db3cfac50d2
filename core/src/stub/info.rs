//! The metadata of a reply, for those who ask.

use alloc::sync::Arc;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::call::Metadata;

/// Learns what came with a call's reply: metadata and the peer's address.
///
/// Given to a stub by [`with_info`](crate::Stub::with_info); clones are the same. It tells of the call
/// that was started last.
#[derive(Clone, Default)]
pub struct CallInfo(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    headers: Metadata,
    trailers: Metadata,
    peer: Option<Arc<str>>,
}

impl CallInfo {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Initial metadata: known with the first message at the latest, or at the call's end.
    #[must_use]
    pub fn headers(&self) -> Metadata {
        self.lock().headers.clone()
    }

    /// Trailing metadata: known when the call has ended.
    #[must_use]
    pub fn trailers(&self) -> Metadata {
        self.lock().trailers.clone()
    }

    /// The server's address, once there are initial metadata or the call has ended.
    #[must_use]
    pub fn peer(&self) -> Option<Arc<str>> {
        self.lock().peer.clone()
    }

    pub(crate) fn reset(&self) {
        *self.lock() = State::default();
    }

    pub(crate) fn set_headers(&self, headers: Metadata, peer: Option<Arc<str>>) {
        let mut state = self.lock();
        state.headers = headers;
        state.peer = peer;
    }

    pub(crate) fn set_trailers(&self, trailers: Metadata, peer: Option<Arc<str>>) {
        let mut state = self.lock();
        state.trailers = trailers;
        state.peer = peer;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CallInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("CallInfo")
            .field("headers", &state.headers)
            .field("trailers", &state.trailers)
            .field("peer", &state.peer)
            .finish()
    }
}
