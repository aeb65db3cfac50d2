//! Calls that wait for a connection or for room on one, in order of arrival.

use alloc::collections::{BTreeMap, BTreeSet};
use core::fmt;

use crate::call::Replay;
use crate::time::Instant;

/// A call of a channel, apart from any connection: what it takes to place it, and what it has been through.
#[derive(Clone, Debug)]
pub struct Record {
    /// The call as it was started and continued.
    pub call: Replay,
    /// It waits through failing connection attempts, until its deadline.
    pub wait_for_ready: bool,
    /// How often it was placed again after an attempt that the peer may have seen.
    pub repetitions: u32,
}

/// Names a call that waits. Tickets are drawn in order of arrival and never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ticket {}", self.0)
    }
}

/// The queue. Bounded by its owner.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    next: u64,
    records: BTreeMap<Ticket, Record>,
    deadlines: BTreeSet<(Instant, Ticket)>,
    /// Records that do not wait for ready.
    impatient: usize,
}

impl Waiting {
    pub(super) fn push(&mut self, record: Record) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.insert(ticket, record);
        ticket
    }

    /// Puts a record back into the place that its ticket stands for.
    pub(super) fn insert(&mut self, ticket: Ticket, record: Record) {
        if let Some(deadline) = record.call.head.deadline {
            self.deadlines.insert((deadline, ticket));
        }
        self.impatient += usize::from(!record.wait_for_ready);
        self.records.insert(ticket, record);
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Record> {
        let record = self.records.remove(&ticket)?;
        if let Some(deadline) = record.call.head.deadline {
            self.deadlines.remove(&(deadline, ticket));
        }
        self.impatient -= usize::from(!record.wait_for_ready);
        Some(record)
    }

    pub(super) fn pop_first(&mut self) -> Option<(Ticket, Record)> {
        let ticket = *self.records.first_key_value()?.0;
        Some((ticket, self.remove(ticket)?))
    }

    /// The first call that does not wait through failures.
    pub(super) fn pop_impatient(&mut self) -> Option<(Ticket, Record)> {
        if self.impatient == 0 {
            return None;
        }
        let ticket = *self.records.iter().find(|(_, record)| !record.wait_for_ready)?.0;
        Some((ticket, self.remove(ticket)?))
    }

    /// The next call whose deadline has passed at `now`.
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<(Ticket, Record)> {
        let &(deadline, ticket) = self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        Some((ticket, self.remove(ticket)?))
    }

    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Record> {
        self.records.get_mut(&ticket)
    }

    pub(super) fn earliest_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    pub(super) const fn has_impatient(&self) -> bool {
        self.impatient > 0
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }
}
