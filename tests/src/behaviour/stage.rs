//! What a test and the handlers that it calls know of each other: gates and a log. Nobody sleeps.

use std::collections::HashSet;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::behaviour::AnyClient;

/// No wait of a test is longer; what takes so long has hung.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Something that happened in a handler. The first word is the call's key: its metadata `x-key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A handler began.
    Began(String),
    /// A handler received so many messages.
    Received(String, u32),
    /// A handler saw the end of the client's messages.
    HalfClosed(String),
    /// A handler sent so many replies.
    Sent(String, u32),
    /// A handler returned, or was dropped; true if its call was cancelled by then.
    Left(String, bool),
}

/// Shared by a test and its services. Clones are the same.
#[derive(Clone, Default)]
pub struct Stage(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    log: Vec<Fact>,
    /// Handlers that run, and the most that did.
    present: usize,
    most_present: usize,
    open: HashSet<String>,
    all_open: bool,
    wakers: Vec<Waker>,
    next: Option<AnyClient>,
}

impl Stage {
    /// Writes into the log.
    pub fn note(&self, fact: Fact) {
        {
            let mut state = self.lock();
            match fact {
                Fact::Began(_) => {
                    state.present += 1;
                    state.most_present = state.most_present.max(state.present);
                }
                Fact::Left(..) => state.present -= 1,
                _ => {}
            }
            state.log.push(fact);
        }
        self.0.changed.notify_all();
    }

    /// Handlers that run.
    #[must_use]
    pub fn present(&self) -> usize {
        self.lock().present
    }

    /// Handlers that ran at the same time, at most.
    #[must_use]
    pub fn most_present(&self) -> usize {
        self.lock().most_present
    }

    /// Waits until the log is as `ready` says.
    ///
    /// # Panics
    /// If that takes longer than [`PATIENCE`].
    #[track_caller]
    pub fn wait(&self, what: &str, ready: impl Fn(&[Fact]) -> bool) {
        let until = Instant::now() + PATIENCE;
        let mut state = self.lock();
        while !ready(&state.log) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let log = state.log.clone();
                drop(state);
                panic!("did not happen: {what}; the log of the handlers: {:?}", tail(&log));
            }
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for a fact.
    #[track_caller]
    pub fn wait_for(&self, fact: &Fact) {
        self.wait(&format!("{fact:?}"), |log| log.contains(fact));
    }

    /// Waits until a handler with this key began.
    #[track_caller]
    pub fn wait_began(&self, key: &str) {
        self.wait_for(&Fact::Began(key.into()));
    }

    /// Waits until a handler with this key left, and asserts that its call was cancelled, or not.
    #[track_caller]
    pub fn wait_left(&self, key: &str, cancelled: bool) {
        let left = |fact: &Fact| matches!(fact, Fact::Left(other, _) if other == key);
        self.wait(&format!("the handler of `{key}` left"), |log| log.iter().any(left));
        let fact = self.log().into_iter().find(left);
        assert_eq!(fact, Some(Fact::Left(key.into(), cancelled)));
    }

    /// How many facts are as `count` says.
    #[must_use]
    pub fn count(&self, count: impl Fn(&Fact) -> bool) -> usize {
        self.lock().log.iter().filter(|fact| count(fact)).count()
    }

    /// All that happened.
    #[must_use]
    pub fn log(&self) -> Vec<Fact> {
        self.lock().log.clone()
    }

    /// Lets the handlers with this key go on, now and later.
    pub fn open(&self, key: &str) {
        let wakers = {
            let mut state = self.lock();
            state.open.insert(key.into());
            std::mem::take(&mut state.wakers)
        };
        self.tell(wakers);
    }

    /// Lets all handlers go on.
    pub fn open_all(&self) {
        let wakers = {
            let mut state = self.lock();
            state.all_open = true;
            std::mem::take(&mut state.wakers)
        };
        self.tell(wakers);
    }

    fn tell(&self, wakers: Vec<Waker>) {
        self.0.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits at the gate, on this thread.
    pub(crate) fn pass(&self, key: &str) {
        let mut state = self.lock();
        while !state.is_open(key) {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits at the gate.
    pub(crate) async fn pass_async(&self, key: &str) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.is_open(key) {
                return Poll::Ready(());
            }
            state.wakers.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Names the next server, for handlers that ask one.
    pub fn set_next(&self, next: Option<AnyClient>) {
        let old = std::mem::replace(&mut self.lock().next, next);
        drop(old);
    }

    pub(crate) fn next(&self) -> Option<AnyClient> {
        self.lock().next.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_open(&self, key: &str) -> bool {
        self.all_open || self.open.contains(key)
    }
}

fn tail(log: &[Fact]) -> &[Fact] {
    &log[log.len().saturating_sub(40)..]
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(tail(&self.lock().log)).finish()
    }
}

/// Waits until `ready`, which nobody announces, by asking again and again.
///
/// # Panics
/// If that takes longer than [`PATIENCE`].
#[track_caller]
pub fn until<T>(what: &str, mut ready: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match ready() {
            Ok(value) => return value,
            Err(state) => assert!(Instant::now() < end, "did not happen: {what}; {state}"),
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
