//! The chunking law at every place: two pieces, and three.

use crate::support::late::{Late, late};
use crate::{Transcript, all};
use std::fmt::Write as _;

/// Feeds a transcript in pieces that end at these places.
fn split(transcript: &Transcript, places: &[usize]) -> Late {
    let (end, now) = transcript.fresh();
    let mut places = places.iter();
    let mut at = 0;
    late(end, now, &transcript.bytes, |left| {
        let Some(place) = places.next() else { return left };
        let size = place - at;
        at = *place;
        size
    })
}

fn assert_same(transcript: &Transcript, whole: &Late, places: &[usize]) {
    let cut = split(transcript, places);
    assert_eq!(cut.events, whole.events, "{} split at {places:?}", transcript.name);
    assert!(cut == *whole, "{} split at {places:?}: {cut:?} and {whole:?}", transcript.name);
}

/// Every `stride`th place of every transcript; how many.
pub(crate) fn everywhere(stride: usize) -> usize {
    let mut count = 0;
    for transcript in all() {
        let whole = split(&transcript, &[]);
        for at in (1..transcript.bytes.len()).step_by(stride) {
            assert_same(&transcript, &whole, &[at]);
            count += 1;
        }
    }
    count
}

/// Every pair of places of the shortest transcripts of either role; how many.
pub(crate) fn pairs(transcripts: usize, stride: usize) -> usize {
    let mut count = 0;
    for is_server in [true, false] {
        let mut all: Vec<_> = all().into_iter().filter(|one| one.is_server == is_server).collect();
        all.sort_by_key(|one| one.bytes.len());
        for transcript in &all[..transcripts] {
            let whole = split(transcript, &[]);
            let places = transcript.bytes.len();
            let pairs = (1..places).flat_map(|first| (first + 1..places).map(move |second| [first, second]));
            for pair in pairs.step_by(stride) {
                assert_same(transcript, &whole, &pair);
                count += 1;
            }
        }
    }
    count
}

#[test]
fn some_places() {
    assert!(everywhere(23) > 1000);
    assert!(pairs(10, 499) > 100);
}

/// What each side is told of each scenario, if it hears everything at once.
#[test]
fn the_traces_are_the_golden_ones() {
    let mut traces = String::new();
    for transcript in all() {
        let Late { events, messages, codes, .. } = split(&transcript, &[]);
        let sizes: Vec<Vec<usize>> =
            messages.iter().map(|call| call.iter().map(bytes::Bytes::len).collect()).collect();
        writeln!(traces, "{}\n  told {events:?}\n  messages {sizes:?}\n  ended {codes:?}", transcript.name)
            .unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts/golden.txt");
    if std::env::var_os("SAILPLANE_GOLDEN_WRITE").is_some_and(|value| value == "1") {
        std::fs::write(path, &traces).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    for (found, expected) in traces.lines().zip(golden.lines()) {
        assert_eq!(
            found, expected,
            "a trace is not the golden one; SAILPLANE_GOLDEN_WRITE=1 writes them anew"
        );
    }
    assert_eq!(traces.len(), golden.len());
}
