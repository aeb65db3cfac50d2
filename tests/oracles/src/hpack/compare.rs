//! Case by case, block by block; and a failing case made small.

use super::peers::Peer;
use super::{Case, Decoded, Field, Op, Ours};
use crate::differences::{Difference, Tally};
use crate::hpack::generate;
use crate::ledger;
use crate::rng::seeds;

/// How many cases a peer gets at once.
const BATCH: u64 = 250;

/// Runs cases until a peer had at least this many blocks.
///
/// # Panics
/// With a difference that the table does not have, and with rows of it that do not occur.
pub fn check(peer: &mut dyn Peer, blocks_min: u64, table: &[Difference]) {
    // About five blocks to a case.
    let (seeds, usual) = seeds(blocks_min / 4 + 1);
    let mut tally = Tally::default();
    let (mut blocks, mut start) = (0, seeds.start);
    while start < seeds.end {
        let end = (start + BATCH).min(seeds.end);
        let cases: Vec<_> = (start..end).map(generate::case).collect();
        let theirs = peer.run(&cases);
        for ((seed, case), theirs) in (start..).zip(&cases).zip(theirs) {
            let ours = Ours::run(case);
            blocks += ours.len() as u64;
            check_meaning(seed, case, &ours);
            let Some(what) = difference(&ours, &theirs, peer.tells_never()) else { continue };
            let small = if tally.is_new(&what) { shrink(peer, case, &what) } else { case.clone() };
            tally.count(what, || format!("SEED={seed}\n{}", show(&small, peer)));
        }
        start = end;
    }
    println!("{}: {blocks} blocks", peer.name());
    assert!(!usual || blocks >= blocks_min, "{blocks} blocks are fewer than {blocks_min}");
    if usual {
        ledger::record("blocks", peer.name(), blocks);
    }
    tally.check(peer.name(), table, usual);
}

/// What our encoder wrote means what it was given.
fn check_meaning(seed: u64, case: &Case, ours: &[Decoded]) {
    let Some(meaning) = &case.meaning else { return };
    assert_eq!(meaning.len(), ours.len(), "SEED={seed}: {ours:?}");
    for (meant, decoded) in meaning.iter().zip(ours) {
        assert!(
            matches!(decoded, Decoded::Fields(fields, _) if fields == meant),
            "SEED={seed}: {meant:?}, {decoded:?}"
        );
    }
}

/// The first difference of two runs.
fn difference(ours: &[Decoded], theirs: &[Decoded], tells_never: bool) -> Option<String> {
    ours.iter().zip(theirs).find_map(|pair| match pair {
        (Decoded::Fails(_), Decoded::Fails(_)) => None,
        (Decoded::Fails(ours), Decoded::Fields(..)) => Some(format!("ours fails ({ours}), theirs decodes")),
        (Decoded::Fields(..), Decoded::Fails(theirs)) => {
            Some(format!("ours decodes, theirs fails ({})", kind(theirs)))
        }
        (Decoded::Fields(ours, our_size), Decoded::Fields(theirs, their_size)) => {
            if ours.len() != theirs.len() || !ours.iter().zip(theirs).all(|pair| same(pair, tells_never)) {
                Some("other fields".into())
            } else if their_size.is_some() && their_size != our_size {
                Some("another size of the table".into())
            } else {
                None
            }
        }
    })
}

/// An error without what is particular to one input.
fn kind(error: &str) -> String {
    error.split([':', '"']).next().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn same((ours, theirs): (&Field, &Field), tells_never: bool) -> bool {
    ours.name == theirs.name && ours.value == theirs.value && (!tells_never || ours.never == theirs.never)
}

/// The smallest case found with the same difference: without blocks, then without octets.
fn shrink(peer: &mut dyn Peer, case: &Case, what: &str) -> Case {
    let mut small = Case { ops: case.ops.clone(), meaning: None };
    let mut still = |case: &Case| {
        let theirs = peer.run(std::slice::from_ref(case)).remove(0);
        difference(&Ours::run(case), &theirs, peer.tells_never()).is_some_and(|other| other == what)
    };
    let mut at = small.ops.len();
    while at > 0 {
        at -= 1;
        let mut fewer = small.clone();
        fewer.ops.remove(at);
        if still(&fewer) {
            small = fewer;
        }
    }
    for at in 0..small.ops.len() {
        let Op::Block(block) = &small.ops[at] else { continue };
        let mut octet = block.len();
        while octet > 0 {
            octet -= 1;
            let mut fewer = small.clone();
            let Op::Block(block) = &mut fewer.ops[at] else { break };
            block.remove(octet);
            if still(&fewer) {
                small = fewer;
            }
        }
    }
    small
}

fn show(case: &Case, peer: &mut dyn Peer) -> String {
    let ours = Ours::run(case);
    let theirs = peer.run(std::slice::from_ref(case)).remove(0);
    let ops = case.ops.iter().map(|op| match op {
        Op::Block(block) => format!("block {}", hex(block)),
        Op::TableSize(size) => format!("table size {size}"),
    });
    let ops: Vec<_> = ops.collect();
    format!("{}\nours   {ours:?}\ntheirs {theirs:?}", ops.join("\n"))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
