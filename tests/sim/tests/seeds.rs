//! A few seeds in every test run; many more with the simulation's own command.

use sailplane_simulation::campaign::run_all;
use sailplane_simulation::run::run;

#[test]
fn invariants_hold_for_the_first_seeds() {
    let campaign = run_all(&(0..100).collect::<Vec<_>>());
    assert!(campaign.failures.is_empty(), "{campaign}");
    assert!(campaign.calls > 9_000, "{campaign}");
    let unseen: Vec<_> = campaign.counts.iter().filter(|(_, count)| *count == 0).collect();
    assert!(unseen.is_empty(), "faults that never struck: {unseen:?}");
}

#[test]
fn a_seed_goes_the_same_way_twice() {
    for seed in 1000..1010 {
        assert_eq!(run(seed, false), run(seed, false), "seed {seed}");
    }
}

/// A seed that once found the model wrong, where the core was right.
#[test]
fn what_a_hostile_peer_says_of_heads_is_no_fault_of_an_honest_one() {
    let campaign = run_all(&[185_225_614_512_137]);
    assert!(campaign.failures.is_empty(), "{campaign}");
}

/// A connection that grows old gives back a call that it has not sent, and none can be had after it.
#[test]
fn a_call_that_was_never_sent_may_fail_for_want_of_a_connection() {
    let campaign = run_all(&[241_260_479_308_567]);
    assert!(campaign.failures.is_empty(), "{campaign}");
}

/// What a call had ahead was another's before its stream was closed: the peer had more credit than there is.
#[test]
fn credit_ahead_is_that_of_open_streams() {
    let campaign = run_all(&[250_755_792_593_204, 250_755_792_595_796, 250_755_792_596_710]);
    assert!(campaign.failures.is_empty(), "{campaign}");
}
