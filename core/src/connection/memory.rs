//! What a connection holds, in the budget that it shares with others.

use super::Connection;
use crate::limits::Budget;

/// What a connection without calls holds, more or less, and the step in which more is reported.
const STEP: usize = 4096;
/// What a call holds beside its messages, more or less.
const CALL: usize = 1024;

/// The share of one connection.
#[derive(Debug)]
pub(super) struct Account {
    budget: Option<Budget>,
    reported: usize,
}

impl Account {
    pub(super) fn new(budget: Option<&Budget>) -> Self {
        let mut account = Self { budget: budget.cloned(), reported: 0 };
        account.report(STEP);
        account
    }

    /// The share, for one that goes on with it.
    pub(super) fn take(&mut self) -> Self {
        let Self { budget, reported } = self;
        Self { budget: budget.take(), reported: *reported }
    }

    /// Whether there is too little left for anything new.
    pub(super) fn is_pressed(&self) -> bool {
        self.budget.as_ref().is_some_and(Budget::is_pressed)
    }

    /// Reports what is held, in whole steps: small changes cost a comparison.
    fn settle(&mut self, held: usize) {
        if held > self.reported || held.saturating_add(STEP.saturating_mul(2)) < self.reported {
            self.report(held.div_ceil(STEP).max(1).saturating_mul(STEP));
        }
    }

    fn report(&mut self, held: usize) {
        if let Some(budget) = &self.budget {
            budget.replace(self.reported, held);
        }
        self.reported = held;
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.report(0);
    }
}

impl Connection {
    /// Brings the shared budget up to date, once for all that happened in a turn.
    #[inline]
    pub(super) fn account(&mut self) {
        if self.memory.budget.is_some() {
            self.account_held();
        }
    }

    fn account_held(&mut self) {
        let calls = self.calls.len().saturating_mul(CALL);
        let messages = self.unread.octets.saturating_add(self.output.unsent);
        self.memory.settle(messages.saturating_add(self.request_metadata).saturating_add(calls));
    }
}
