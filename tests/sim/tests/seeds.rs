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

/// Seeds that once found the model wrong, where the core was right.
#[test]
fn what_a_hostile_peer_says_of_heads_is_no_fault_of_an_honest_one() {
    let campaign = run_all(&[185_225_614_512_137]);
    assert!(campaign.failures.is_empty(), "{campaign}");
}
