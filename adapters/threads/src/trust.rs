//! Which methods return quickly, as far as was seen.
//!
//! A leader that is about to run the handler of such a method does not wake a follower to lead in its place:
//! it will be back sooner than the follower is up. Whoever broke that trust has to return quickly more often
//! before it is trusted again. Where trust was misplaced, the [lookout](crate::crew) has the poller led.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sailplane::MethodInfo;

/// What counts as quick: about what it costs to have another thread lead.
const QUICK: Duration = Duration::from_micros(25);
/// How often in a row a method has to be quick before it is trusted: at first, and at most.
const STREAK_MIN: u16 = 8;
const STREAK_MAX: u16 = 1024;
/// Methods that are told apart, by the addresses of their descriptions. Others share a place.
const PLACES: usize = 61;

/// What is known of each method: how often it was quick in a row (low half), how often it has to be (high half,
/// zero for the least).
#[derive(Debug)]
pub(crate) struct Trust {
    seen: [AtomicU32; PLACES],
    /// Names of services whose handlers do not block, as the application says.
    promised: Vec<&'static str>,
}

impl Trust {
    pub(crate) const fn new(promised: Vec<&'static str>) -> Self {
        Self { seen: [const { AtomicU32::new(0) }; PLACES], promised }
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
        let (streak, needed) = split(self.place(method).load(Ordering::Relaxed));
        streak >= needed
    }

    /// The handler returned after so long. Two that end at once may count as one.
    pub(crate) fn note(&self, method: &'static MethodInfo, took: Duration) {
        let place = self.place(method);
        let before = place.load(Ordering::Relaxed);
        let (streak, needed) = split(before);
        let after = if took > QUICK {
            join(0, needed.saturating_mul(2).min(STREAK_MAX))
        } else if streak < needed.saturating_mul(4) {
            join(streak.saturating_add(1), needed)
        } else if needed > STREAK_MIN {
            join(needed, needed / 2)
        } else {
            before
        };
        if after != before {
            place.store(after, Ordering::Relaxed);
        }
    }

    fn place(&self, method: &'static MethodInfo) -> &AtomicU32 {
        let address = std::ptr::from_ref(method).addr();
        &self.seen[address / align_of::<MethodInfo>() % PLACES]
    }
}

const fn split(both: u32) -> (u16, u16) {
    let [a, b, c, d] = both.to_be_bytes();
    let needed = u16::from_be_bytes([a, b]);
    (u16::from_be_bytes([c, d]), if needed == 0 { STREAK_MIN } else { needed })
}

const fn join(streak: u16, needed: u16) -> u32 {
    let ([a, b], [c, d]) = (needed.to_be_bytes(), streak.to_be_bytes());
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use sailplane::MethodKind;

    static METHOD: MethodInfo = MethodInfo { path: "/a.B/C", kind: MethodKind::Unary };

    fn quick_until_trusted(trust: &Trust) -> usize {
        let mut count = 0;
        while !trust.has(&METHOD) {
            trust.note(&METHOD, QUICK);
            count += 1;
        }
        count
    }

    #[test]
    fn trust_is_earned_lost_at_once_and_earned_harder_each_time() {
        let trust = Trust::new(Vec::new());
        assert_eq!(quick_until_trusted(&trust), 8);
        for needed in [16, 32, 64, 128, 256, 512, 1024, 1024] {
            trust.note(&METHOD, QUICK * 2);
            assert_eq!(quick_until_trusted(&trust), needed);
        }
    }

    #[test]
    fn a_promise_is_for_the_methods_of_one_service() {
        let promised = |service| Trust::new(vec![service]).is_promised(&METHOD);
        assert!(promised("a.B"));
        assert!(!promised("a.") && !promised("a.Bb") && !promised("B") && !promised(""));
    }

    #[test]
    fn a_long_good_record_mends_it() {
        let trust = Trust::new(Vec::new());
        for _ in 0..20 {
            trust.note(&METHOD, QUICK * 2);
        }
        for _ in 0..20_000 {
            trust.note(&METHOD, QUICK);
        }
        trust.note(&METHOD, QUICK * 2);
        assert_eq!(quick_until_trusted(&trust), 16);
    }
}
