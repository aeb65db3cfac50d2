//! Planted bugs must be plantable: each edit finds its place in the core as it is.

use sailplane_simulation::mutants::{all, root};

#[test]
fn every_mutant_applies_to_the_core() {
    let mutants = all().expect("the mutants can be read");
    assert!(mutants.len() >= 15, "{} mutants", mutants.len());
    for mutant in mutants {
        let changed = mutant.apply(&root());
        assert!(changed.is_ok(), "{}: {changed:?}", mutant.name);
    }
}
