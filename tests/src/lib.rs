//! What the tests that cross crates share.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on panics")]

pub mod behaviour;
pub mod ledger;
pub mod peers;

/// The service of `proto/behaviour.proto`.
pub mod pb {
    sailplane::include_proto!("behaviour");
}
