//! May an attempt that ended be repeated, although nobody asked for retries?
//!
//! gRPC calls it a transparent retry (gRFC A6): safe, because the server provably did not run the call.
//! What never left this side may be repeated as often as it takes; what was written and refused, once.

use crate::call::Outcome;

/// What becomes of a call whose attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is placed once more, as it was.
    Repeat,
    /// It is over, with the outcome of the attempt.
    Over,
}

/// Repetitions of a call that the peer may have seen and did not process.
pub const REPETITIONS_MAX: u32 = 1;

/// Decides about an attempt that ended with `outcome`, of a call that was repeated `repetitions` times.
#[must_use]
pub fn verdict(outcome: &Outcome, repetitions: u32) -> Verdict {
    match (&outcome.status, &outcome.replay) {
        (Err(_), Some(replay)) if replay.never_sent || repetitions < REPETITIONS_MAX => Verdict::Repeat,
        _ => Verdict::Over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Metadata, Path, Replay, RequestHead, Status};
    use alloc::boxed::Box;
    use alloc::collections::VecDeque;

    fn ended(never_sent: bool) -> Outcome {
        let head = RequestHead::new(Path::from_static("/a/B"), "x:1".into());
        let replay = Replay { head, messages: VecDeque::new(), finished: true, never_sent };
        Outcome {
            status: Err(Status::unavailable("refused")),
            trailers: Metadata::new(),
            replay: Some(Box::new(replay)),
        }
    }

    #[test]
    fn what_the_peer_may_have_seen_is_repeated_once_and_the_rest_as_often_as_it_takes() {
        assert_eq!(verdict(&ended(false), 0), Verdict::Repeat);
        assert_eq!(verdict(&ended(false), 1), Verdict::Over);
        assert_eq!(verdict(&ended(true), 100), Verdict::Repeat);
        assert_eq!(verdict(&Outcome { replay: None, ..ended(true) }, 0), Verdict::Over);
    }
}
