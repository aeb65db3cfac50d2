//! Which methods return quickly, as far as was seen.
//!
//! A leader that is about to run the handler of such a method does not wake a follower to lead in its place:
//! it will be back sooner than the follower is up. To wake one costs each call; to be wrong costs those who wait
//! for the poller as long as the handler takes, until the [lookout](crate::crew) has it led by another. So a method
//! is trusted while that is less on the average: one call in a thousand that is slow, or a thread that the system
//! stopped for a moment, does not make all the others dear.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sailplane::MethodInfo;

use crate::crew::CALM_LOOK;

/// What counts as quick: about what it costs to have another thread lead.
const QUICK: Duration = Duration::from_micros(25);
/// So many calls have their part in the average; each that follows takes one of them from those before.
const WEIGHT: u32 = 64;
/// The average, in nanoseconds, that a method begins with: eight calls that take no time make it quick.
const UNKNOWN: u32 = 28_000;
/// Methods that are told apart, by the addresses of their descriptions. Others share a place.
const PLACES: usize = 61;

/// What is known of each method: how long it takes on the average, in nanoseconds.
#[derive(Debug)]
pub(crate) struct Trust {
    averages: [AtomicU32; PLACES],
    /// Names of services whose handlers do not block, as the application says.
    promised: Vec<&'static str>,
}

impl Trust {
    pub(crate) const fn new(promised: Vec<&'static str>) -> Self {
        Self { averages: [const { AtomicU32::new(UNKNOWN) }; PLACES], promised }
    }

    /// Whether the application promises that the method does not block.
    pub(crate) fn is_promised(&self, method: &'static MethodInfo) -> bool {
        let of = |service: &&str| {
            let rest = method.path.strip_prefix('/').and_then(|path| path.strip_prefix(service));
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        self.promised.iter().any(of)
    }

    pub(crate) fn has(&self, method: &'static MethodInfo) -> bool {
        u128::from(self.place(method).load(Ordering::Relaxed)) <= QUICK.as_nanos()
    }

    /// The handler returned after so long. Two that end at once may count as one.
    pub(crate) fn note(&self, method: &'static MethodInfo, took: Duration) {
        let place = self.place(method);
        // Nobody waits for the poller for longer.
        let took = u32::try_from(took.min(CALM_LOOK).as_nanos()).unwrap_or(u32::MAX);
        let before = place.load(Ordering::Relaxed);
        let after = before - before / WEIGHT + took / WEIGHT;
        if after != before {
            place.store(after, Ordering::Relaxed);
        }
    }

    fn place(&self, method: &'static MethodInfo) -> &AtomicU32 {
        let address = std::ptr::from_ref(method).addr();
        &self.averages[address / align_of::<MethodInfo>() % PLACES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sailplane::MethodKind;

    static METHOD: MethodInfo = MethodInfo { path: "/a.B/C", kind: MethodKind::Unary };

    const MOMENT: Duration = Duration::from_micros(2);

    fn calls_until_trusted(trust: &Trust) -> usize {
        let mut count = 0;
        while !trust.has(&METHOD) {
            trust.note(&METHOD, MOMENT);
            count += 1;
        }
        count
    }

    #[test]
    fn trust_is_earned_and_lost_at_once_by_a_call_that_takes_long() {
        let trust = Trust::new(Vec::new());
        assert_eq!(calls_until_trusted(&trust), 8);
        for _ in 0..10 {
            trust.note(&METHOD, Duration::from_secs(1));
            assert!((32..128).contains(&calls_until_trusted(&trust)));
        }
    }

    #[test]
    fn a_method_that_is_often_slow_is_not_trusted() {
        let trust = Trust::new(Vec::new());
        let mut trusted = 0;
        for call in 0..1000 {
            trusted += u32::from(trust.has(&METHOD));
            trust.note(&METHOD, if call % 8 == 0 { Duration::from_millis(1) } else { MOMENT });
        }
        assert_eq!(trusted, 0);
        let trust = Trust::new(Vec::new());
        (0..1000).for_each(|_| trust.note(&METHOD, QUICK * 2));
        assert!(!trust.has(&METHOD));
    }

    #[test]
    fn a_thread_that_is_stopped_for_a_moment_now_and_then_does_not_cost_trust() {
        let trust = Trust::new(Vec::new());
        assert_eq!(calls_until_trusted(&trust), 8);
        (0..64).for_each(|_| trust.note(&METHOD, MOMENT));
        for call in 0..10_000 {
            trust.note(&METHOD, if call % 100 == 0 { QUICK * 20 } else { MOMENT });
            assert!(trust.has(&METHOD), "{call}");
        }
    }

    #[test]
    fn a_promise_is_for_the_methods_of_one_service() {
        let promised = |service| Trust::new(vec![service]).is_promised(&METHOD);
        assert!(promised("a.B"));
        assert!(!promised("a.") && !promised("a.Bb") && !promised("B") && !promised(""));
    }
}
