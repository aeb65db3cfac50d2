//! The wheel against a sorted set.

use alloc::collections::{BTreeMap, BTreeSet};

use quickcheck::{Arbitrary, Gen, quickcheck};

use super::*;

const TICK: u64 = 1 << TICK_BITS;

fn nanos(at: u64) -> Instant {
    Instant::from_nanos(at)
}

/// All that expires at `at`, sorted.
fn expired(deadlines: &mut Deadlines, at: u64) -> Vec<u32> {
    let mut keys: Vec<u32> = core::iter::from_fn(|| deadlines.expire(nanos(at))).collect();
    keys.sort_unstable();
    keys
}

#[derive(Clone, Debug)]
enum Step {
    Insert {
        key: u8,
        after: Span,
    },
    InsertAt(u8, u64),
    Remove(u8),
    Advance(Span),
    /// Waits as a driver does.
    Sleep,
    ExpireOne,
}

/// A duration of any magnitude.
#[derive(Clone, Copy, Debug)]
struct Span(u64);

impl Arbitrary for Span {
    fn arbitrary(g: &mut Gen) -> Self {
        Self(match u8::arbitrary(g) % 8 {
            0 => 0,
            1 => u64::arbitrary(g) % TICK,
            2 => TICK,
            3 => u64::arbitrary(g) % (64 * TICK),
            4 => u64::arbitrary(g) % (30_000 * TICK),
            _ => u64::arbitrary(g) >> (u32::arbitrary(g) % 64),
        })
    }
}

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        let key = u8::arbitrary(g) % 40;
        match u8::arbitrary(g) % 16 {
            0..8 => Self::Insert { key, after: Span::arbitrary(g) },
            8 => {
                let at = [0, u64::MAX, u64::MAX - 1, 1 << 56, TICK, 3 * TICK];
                Self::InsertAt(key, *g.choose(&at).unwrap())
            }
            9 | 10 => Self::Remove(key),
            11 | 12 => Self::Advance(Span::arbitrary(g)),
            13 | 14 => Self::Sleep,
            _ => Self::ExpireOne,
        }
    }
}

#[derive(Default)]
struct Model {
    now: u64,
    at: BTreeMap<u32, u64>,
    sorted: BTreeSet<(u64, u32)>,
}

impl Model {
    fn insert(&mut self, key: u32, at: u64) {
        self.remove(key);
        self.at.insert(key, at);
        self.sorted.insert((at, key));
    }

    fn remove(&mut self, key: u32) {
        if let Some(at) = self.at.remove(&key) {
            self.sorted.remove(&(at, key));
        }
    }

    fn expired(&mut self) -> Vec<u32> {
        let mut keys = Vec::new();
        while let Some(&(at, key)) = self.sorted.first().filter(|(at, _)| *at <= self.now) {
            assert!(at <= self.now);
            self.remove(key);
            keys.push(key);
        }
        keys.sort_unstable();
        keys
    }

    fn earliest(&self) -> Option<u64> {
        self.sorted.first().map(|(at, _)| *at)
    }
}

/// Runs the steps, and then waits until nothing is left.
fn agrees(steps: Vec<Step>) {
    let mut deadlines = Deadlines::new();
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Insert { key, after: Span(after) } => {
                let at = model.now.saturating_add(after);
                deadlines.insert(key.into(), nanos(at));
                model.insert(key.into(), at);
            }
            Step::InsertAt(key, at) => {
                deadlines.insert(key.into(), nanos(at));
                model.insert(key.into(), at);
            }
            Step::Remove(key) => {
                deadlines.remove(key.into());
                model.remove(key.into());
            }
            Step::Advance(Span(by)) => {
                model.now = model.now.saturating_add(by);
                assert_eq!(expired(&mut deadlines, model.now), model.expired());
            }
            Step::Sleep => sleep(&mut deadlines, &mut model),
            Step::ExpireOne => match deadlines.expire(nanos(model.now)) {
                Some(key) => {
                    assert!(model.at[&key] <= model.now, "too early");
                    model.remove(key);
                }
                None => assert!(model.earliest().is_none_or(|at| at > model.now), "too late"),
            },
        }
        check(&deadlines, &model);
    }
    while !deadlines.is_empty() {
        sleep(&mut deadlines, &mut model);
        check(&deadlines, &model);
    }
    assert!(model.at.is_empty());
}

fn check(deadlines: &Deadlines, model: &Model) {
    assert_eq!(deadlines.len(), model.at.len());
    let earliest = deadlines.earliest().map(Instant::as_nanos);
    assert_eq!(earliest.is_none(), model.earliest().is_none());
    assert!(earliest <= model.earliest(), "{earliest:?} is after {:?}", model.earliest());
}

/// Waits for `earliest()` until something expires; counts how often that was too early.
fn sleep(deadlines: &mut Deadlines, model: &mut Model) {
    let Some(first) = model.earliest() else {
        return;
    };
    // Far deadlines are looked at once in each turn of the highest level.
    let turns = (first >> (TICK_BITS + 36)).saturating_sub(model.now >> (TICK_BITS + 36));
    for wakeups in 0.. {
        assert!(wakeups <= LEVELS as u64 + 2 + turns, "woken {wakeups} times for one deadline");
        let at = deadlines.earliest().unwrap().as_nanos();
        model.now = model.now.max(at);
        let keys = expired(deadlines, model.now);
        assert_eq!(keys, model.expired());
        if !keys.is_empty() {
            return;
        }
        assert!(deadlines.earliest() > Some(nanos(model.now)), "a driver would spin");
    }
}

quickcheck! {
    fn it_agrees_with_a_sorted_set(steps: Vec<Step>) -> bool {
        agrees(steps);
        true
    }

    fn it_agrees_with_a_sorted_set_in_long_runs(runs: Vec<Vec<Step>>) -> bool {
        agrees(runs.into_iter().flatten().collect());
        true
    }
}

#[test]
fn an_empty_one_is_small() {
    assert!(size_of::<Deadlines>() <= 80, "{}", size_of::<Deadlines>());
    assert!(size_of::<Node>() <= 24, "{}", size_of::<Node>());
    let mut deadlines = Deadlines::new();
    many_at_once(&mut deadlines);
    deadlines.shrink();
    assert!(deadlines.wheel.is_none());
    assert_eq!(deadlines.nodes.capacity(), 0);
    assert_eq!(deadlines.earliest(), None);
}

fn many_at_once(deadlines: &mut Deadlines) {
    for key in 0..100 {
        deadlines.insert(key, nanos(u64::from(key) * 1000));
    }
    assert!(deadlines.wheel.is_some());
    for key in 0..100 {
        deadlines.remove(key);
    }
}

#[test]
fn bursts_allocate_once_and_what_they_need_goes_when_none_comes() {
    let mut deadlines = Deadlines::new();
    many_at_once(&mut deadlines);
    let nodes = deadlines.nodes.as_ptr();
    for _ in 0..10 {
        many_at_once(&mut deadlines);
        assert_eq!(deadlines.nodes.as_ptr(), nodes);
    }
    for call in 0..5 {
        deadlines.insert(0, nanos(call));
        deadlines.remove(0);
    }
    assert!(deadlines.wheel.is_none());
    assert!(deadlines.nodes.capacity() <= NODES_KEPT_MAX);
}

#[test]
fn one_call_after_another_allocates_once() {
    let mut deadlines = Deadlines::new();
    deadlines.insert(0, nanos(1));
    let nodes = deadlines.nodes.as_ptr();
    for call in 2..1000 {
        deadlines.remove(0);
        deadlines.insert(0, nanos(call));
        assert!(deadlines.wheel.is_none());
        assert_eq!(deadlines.nodes.as_ptr(), nodes);
    }
}

#[test]
fn deadlines_of_one_tick_expire_one_by_one() {
    let mut deadlines = Deadlines::new();
    let start = 1000 * TICK;
    for key in 0..200 {
        deadlines.insert(key, nanos(start + u64::from(key)));
    }
    assert_eq!(expired(&mut deadlines, start - 1), []);
    for key in 0..200 {
        assert_eq!(expired(&mut deadlines, start + u64::from(key)), [key]);
    }
    assert!(deadlines.is_empty());
}

#[test]
fn the_end_of_time_is_a_deadline_too() {
    let mut deadlines = Deadlines::new();
    for key in 0..20 {
        deadlines.insert(key, Instant::MAX);
    }
    assert_eq!(expired(&mut deadlines, u64::MAX - 1), []);
    assert_eq!(expired(&mut deadlines, u64::MAX).len(), 20);
}

#[test]
fn a_deadline_that_has_passed_expires_at_once() {
    let mut deadlines = Deadlines::new();
    assert_eq!(deadlines.expire(nanos(50 * TICK)), None);
    deadlines.insert(3, nanos(7));
    assert!(deadlines.earliest() <= Some(nanos(7)));
    assert_eq!(deadlines.expire(nanos(0)), Some(3), "time does not run backwards");
    assert_eq!(deadlines.expire(nanos(50 * TICK)), None);
}

#[test]
fn a_later_insertion_replaces_the_deadline() {
    let mut deadlines = Deadlines::new();
    deadlines.insert(1, nanos(5));
    deadlines.insert(1, nanos(9));
    assert_eq!(deadlines.len(), 1);
    assert_eq!(deadlines.expire(nanos(8)), None);
    assert_eq!(deadlines.expire(nanos(9)), Some(1));
    deadlines.remove(1);
    deadlines.remove(77);
    assert!(deadlines.is_empty());
}

#[test]
fn few_deadlines_are_told_exactly() {
    let mut deadlines = Deadlines::new();
    for key in 0..7 {
        deadlines.insert(key, nanos(30_000_000_123 + u64::from(key)));
    }
    assert_eq!(deadlines.earliest(), Some(nanos(30_000_000_123)));
    deadlines.remove(0);
    assert_eq!(deadlines.earliest(), Some(nanos(30_000_000_124)));
}

#[test]
fn a_jump_returns_everything_that_has_passed() {
    let mut deadlines = Deadlines::new();
    for key in 0..10_000 {
        deadlines.insert(key, nanos(u64::from(key) << 40));
    }
    assert_eq!(expired(&mut deadlines, 4999 << 40).len(), 5000);
    assert_eq!(deadlines.len(), 5000);
    assert_eq!(deadlines.earliest(), Some(nanos(5000 << 40)));
}
