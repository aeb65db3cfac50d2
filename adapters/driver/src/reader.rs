//! Who reads, where no loop does: one of the threads that wait, and after it another.
//!
//! Two atomics and no lock on the way of a single thread. A thread that must wait for its turn first
//! counts itself and then tries the role once more; one that gives the role up first frees it and then
//! looks at the count: one of the two sees the other.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

#[derive(Debug, Default)]
pub(crate) struct Role {
    taken: AtomicBool,
    waiting: AtomicUsize,
    wakers: Mutex<VecDeque<Waker>>,
}

/// The role of reading from a connection. Given up, and handed on, when it is dropped.
#[derive(Debug)]
pub struct Reading<'a>(&'a Role);

impl Role {
    pub(crate) fn try_take(&self) -> Option<Reading<'_>> {
        self.taken
            .compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
            .then(|| Reading(self))
    }

    /// Takes the role, or has `waker` woken when it is free.
    pub(crate) fn take_or_wait(&self, waker: &Waker) -> Option<Reading<'_>> {
        if let Some(reading) = self.try_take() {
            return Some(reading);
        }
        self.enqueue(waker);
        let reading = self.try_take()?;
        self.dequeue(waker);
        Some(reading)
    }

    /// The thread of `waker` leaves. If it was woken for the role and has no use for it, another is.
    pub(crate) fn leave(&self, waker: &Waker) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.dequeue(waker);
        }
        self.hand_on();
    }

    fn hand_on(&self) {
        if self.waiting.load(Ordering::SeqCst) == 0 || self.taken.load(Ordering::SeqCst) {
            return;
        }
        let waker = {
            let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
            let waker = wakers.pop_front();
            self.waiting.store(wakers.len(), Ordering::SeqCst);
            waker
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn enqueue(&self, waker: &Waker) {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        if !wakers.iter().any(|waiting| waiting.will_wake(waker)) {
            wakers.push_back(waker.clone());
        }
        self.waiting.store(wakers.len(), Ordering::SeqCst);
    }

    fn dequeue(&self, waker: &Waker) {
        let removed = {
            let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
            let position = wakers.iter().position(|waiting| waiting.will_wake(waker));
            let removed = position.and_then(|position| wakers.remove(position));
            self.waiting.store(wakers.len(), Ordering::SeqCst);
            removed
        };
        drop(removed);
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.taken.store(false, Ordering::SeqCst);
        self.0.hand_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parker;
    use std::sync::Arc;

    #[test]
    fn the_role_goes_from_thread_to_thread_and_none_is_forgotten() {
        let role = Arc::new(Role::default());
        let turns = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (role, turns) = (Arc::clone(&role), Arc::clone(&turns));
                std::thread::spawn(move || {
                    let parker = Parker::current();
                    for _ in 0..500 {
                        loop {
                            if let Some(_reading) = role.take_or_wait(parker.waker()) {
                                turns.fetch_add(1, Ordering::Relaxed);
                                std::thread::yield_now();
                                break;
                            }
                            parker.park(None);
                        }
                        role.leave(parker.waker());
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(turns.load(Ordering::Relaxed), 4000);
    }
}
