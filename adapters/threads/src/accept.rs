//! Taking connections in. The leader of the first poller does it.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sailplane::{Instant, Limits};
use sailplane_driver::{Alarm, now};

use crate::socket::{Listener, Stream};

/// Connections that one turn takes in.
const ACCEPTS: usize = 64;
/// The first pause after an error, doubled up to the last one.
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_LAST: Duration = Duration::from_secs(1);

/// The listener, and when it is asked.
#[derive(Debug)]
pub(crate) struct Accept {
    state: Mutex<State>,
    /// After an error: until when nothing is accepted. Set under the lock.
    paused: Alarm,
    /// Connections that there are.
    connections: AtomicUsize,
    connections_max: usize,
    /// Those that have not shaken hands.
    shaking: AtomicUsize,
    shaking_max: usize,
    /// Nothing was accepted for want of room.
    full: AtomicBool,
}

#[derive(Debug)]
struct State {
    listener: Option<Listener>,
    pause: Duration,
}

impl Accept {
    pub(crate) const fn new(listener: Option<Listener>, limits: &Limits) -> Self {
        let state = State { listener, pause: PAUSE_FIRST };
        Self {
            state: Mutex::new(state),
            paused: Alarm::new(),
            connections: AtomicUsize::new(0),
            connections_max: limits.connections_max,
            shaking: AtomicUsize::new(0),
            shaking_max: limits.handshakes_max,
            full: AtomicBool::new(false),
        }
    }

    /// Accepts what waits, up to a number; whether more may wait.
    ///
    /// An error is not the end: descriptors are used up, say, and others give some back.
    pub(crate) fn run(&self, mut adopt: impl FnMut(Stream, Option<Arc<str>>)) -> bool {
        let mut state = self.lock();
        self.paused.set(None);
        for _ in 0..ACCEPTS {
            if self.is_full() {
                return false;
            }
            let Some(listener) = &state.listener else { return false };
            match listener.accept() {
                Ok((stream, address)) => {
                    state.pause = PAUSE_FIRST;
                    adopt(stream, address);
                }
                Err(error) if is_passing(&error) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(_) => {
                    self.paused.set(Some(now().saturating_add(state.pause)));
                    state.pause = (state.pause * 2).min(PAUSE_LAST);
                    return false;
                }
            }
        }
        true
    }

    /// Until when nothing is accepted, after an error.
    pub(crate) fn paused(&self) -> Option<Instant> {
        self.paused.get()
    }

    /// The listener closes.
    pub(crate) fn close(&self) {
        let listener = self.lock().listener.take();
        drop(listener);
    }

    pub(crate) fn added(&self) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        self.shaking.fetch_add(1, Ordering::SeqCst);
    }

    /// A connection has shaken hands, or is gone without it; whether that made room for one that waits.
    pub(crate) fn shaken(&self) -> bool {
        self.shaking.fetch_sub(1, Ordering::SeqCst);
        self.made_room()
    }

    /// A connection is gone; whether that made room for one that waits.
    pub(crate) fn removed(&self) -> bool {
        self.connections.fetch_sub(1, Ordering::SeqCst);
        self.made_room()
    }

    fn made_room(&self) -> bool {
        self.full.load(Ordering::SeqCst) && self.full.swap(false, Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn is_full(&self) -> bool {
        if !self.has_no_room() {
            return false;
        }
        self.full.store(true, Ordering::SeqCst);
        // Who leaves after this look finds the mark.
        self.has_no_room()
    }

    fn has_no_room(&self) -> bool {
        self.connections() >= self.connections_max || self.shaking.load(Ordering::SeqCst) >= self.shaking_max
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The fault of one peer, which left before it was accepted.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted)
}
