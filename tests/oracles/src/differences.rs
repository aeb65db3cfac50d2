//! Where implementations may differ, and what says so.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::ledger;

/// A difference that is known, and right.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// What differs, as the comparison puts it; `*` stands for anything.
    pub what: &'static str,
    /// The clause that decides it.
    pub clause: &'static str,
}

/// A row of a table.
#[must_use]
pub const fn differs(what: &'static str, clause: &'static str) -> Difference {
    Difference { what, clause }
}

/// The differences of one run with one peer.
#[derive(Debug, Default)]
pub struct Tally {
    /// How often each occurred, and an example.
    seen: BTreeMap<String, (u64, String)>,
}

impl Tally {
    /// Counts a difference; makes the example only of the first.
    pub fn count(&mut self, what: String, example: impl FnOnce() -> String) {
        let (count, _) = self.seen.entry(what).or_insert_with(|| (0, example()));
        *count += 1;
    }

    /// Whether this one is new.
    #[must_use]
    pub fn is_new(&self, what: &str) -> bool {
        !self.seen.contains_key(what)
    }

    /// All that was seen is in the table; and where `complete`, the other way round.
    ///
    /// # Panics
    /// Otherwise.
    pub fn check(&self, peer: &str, table: &[Difference], complete: bool) {
        let mut report = String::new();
        for (what, (count, example)) in &self.seen {
            let known = table.iter().find(|row| matches(row.what, what));
            let clause = known.map_or("NOT IN THE TABLE", |row| row.clause);
            println!("{peer}: {count} × {what} [{clause}]");
            if known.is_none() {
                write!(report, "\n{count} × {what}\n{example}\n").expect("a string");
            }
        }
        for row in
            table.iter().filter(|row| complete && !self.seen.keys().any(|what| matches(row.what, what)))
        {
            write!(report, "\nin the table, but it does not occur: {}\n", row.what).expect("a string");
        }
        if complete {
            ledger::record("differences_by_peer", peer, table.len() as u64);
        }
        print!("{report}");
        assert!(report.is_empty(), "{peer} differs:\n{report}");
    }
}

/// Whether a text is as a pattern says.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| matches(rest, &text[at..]))
        }),
    }
}
