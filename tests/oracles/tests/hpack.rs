//! RFC 7541 against four other decoders: the same fields, the same table, or an error at the same block.
#![forbid(unsafe_code)]

use sailplane_oracles::differences::differs;
use sailplane_oracles::hpack::compare::check;
use sailplane_oracles::hpack::peers::{HpackCrate, InPython, LoonaHpack};
use sailplane_oracles::python::Python;

/// RFC 7541 §5.1.
const LONG_INTEGERS: &str =
    "RFC 7541 §5.1: encodings that exceed implementation limits are errors; theirs is four octets";
/// RFC 7541 §4.2: the smallest and the last size are all that can need saying.
const TWO_UPDATES: &str =
    "RFC 7541 §4.2: at most the smallest and the final size are signaled, so two updates are enough";
const NOT_AT_START: &str = "RFC 7541 §4.2: a size update MUST occur at the beginning of a header block";
const LOWERED: &str = "RFC 7541 §4.2: a lowered setting MUST be followed by a size update";
const TOO_LARGE: &str = "RFC 7541 §6.3: a size MUST be lower than or equal to the limit of the protocol";
const ONLY_UPDATES: &str = "RFC 9113 §8.1: nothing forbids a block without fields to HPACK";
const PANICS: &str = "RFC 7541 §5: it panics (RUSTSEC-2023-0084, RUSTSEC-2023-0085)";

#[test]
fn the_hpack_crate() {
    let table = [
        differs("ours decodes, theirs fails (IntegerDecodingError(TooManyOctets))", LONG_INTEGERS),
        differs("ours decodes, theirs fails (panic)", PANICS),
        differs("ours fails (MissingSizeUpdate), theirs decodes", LOWERED),
        differs("ours fails (SizeUpdateNotAtStart), theirs decodes", NOT_AT_START),
        differs("ours fails (SizeUpdateTooLarge), theirs decodes", TOO_LARGE),
        differs("ours fails (TooManySizeUpdates), theirs decodes", TWO_UPDATES),
    ];
    check(&mut HpackCrate, 50_000, &table);
}

#[test]
fn loona_hpack() {
    let table = [
        differs("ours decodes, theirs fails (IntegerDecodingError(TooManyOctets))", LONG_INTEGERS),
        differs("ours decodes, theirs fails (SizeUpdateAtEnd)", ONLY_UPDATES),
        differs("ours fails (MissingSizeUpdate), theirs decodes", LOWERED),
        differs("ours fails (SizeUpdateNotAtStart), theirs decodes", NOT_AT_START),
        differs("ours fails (TooManySizeUpdates), theirs decodes", TWO_UPDATES),
    ];
    check(&mut LoonaHpack, 50_000, &table);
}

#[test]
fn hpack_in_python() {
    let table = [differs("ours fails (TooManySizeUpdates), theirs decodes", TWO_UPDATES)];
    check(&mut InPython::hpack(&Python::set_up(env!("CARGO_TARGET_TMPDIR"))), 120_000, &table);
}

#[test]
fn the_inflater_of_libnghttp2() {
    let table = [differs("ours fails (TooManySizeUpdates), theirs decodes", TWO_UPDATES)];
    check(&mut InPython::nghttp2(&Python::with_nghttp2(env!("CARGO_TARGET_TMPDIR"))), 120_000, &table);
}
