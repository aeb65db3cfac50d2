//! Sailplane against other implementations of HPACK, HTTP/2 and gRPC.
//!
//! The same input goes to ours and to a peer, and what comes out must be the same. What may differ is in a
//! table with the clause that allows it, checked both ways: a difference that the table does not have fails,
//! and so does a row that no longer occurs.
//!
//! `SEED=n` replays one case, `COUNT=n` runs another number of them.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on panics")]

pub mod differences;
pub mod hpack;
pub mod ledger;
pub mod pair;
pub mod python;
pub mod rng;
pub mod script;
pub mod semantics;
