//! Header blocks of up to three octets, for a fresh decoder and for one whose table has an entry.

use sailplane::error::ErrorCode;
use sailplane::hpack::{DecodeLimits, Decoder, FieldList};
use sailplane_fuzz::oracle::fenced;

use crate::{Counts, assert_golden, count, on_two_threads};

const LIMITS: DecodeLimits =
    DecodeLimits { header_list_bytes_max: 16 << 10, fields_max: 128, decode_bytes_max: 64 << 10 };
/// A literal with incremental indexing: `x-a: 1`.
const ENTRY: &[u8] = b"\x40\x03x-a\x011";
const ALL: u32 = 256 + (1 << 16) + (1 << 24);

/// The input of a number: first those of one octet, then of two, then of three.
fn input(number: u32) -> ([u8; 3], usize) {
    let (rest, len) = match number {
        0..256 => (number, 1),
        256..0x1_0100 => (number - 256, 2),
        _ => (number - 0x1_0100, 3),
    };
    let [_, a, b, c] = (rest << (8 * (3 - len))).to_be_bytes();
    ([a, b, c], len as usize)
}

/// All inputs; how many.
pub(crate) fn all() -> u64 {
    let counts = on_two_threads(ALL, |numbers| judge_all(numbers, 1));
    assert_golden("outcomes of header blocks", &counts, &GOLDEN);
    assert_eq!(counts.values().sum::<u64>(), 2 * u64::from(ALL));
    u64::from(ALL)
}

#[test]
fn a_part_of_the_header_blocks() {
    on_two_threads(ALL, |numbers| judge_all(numbers, 997));
}

fn judge_all(numbers: std::ops::Range<u32>, stride: usize) -> Counts {
    let mut counts = Counts::new();
    let (mut fields, mut block) = (FieldList::new(), Vec::new());
    // A text for each outcome, made once.
    let mut tally = std::collections::HashMap::<_, u64>::new();
    for number in numbers.step_by(stride) {
        let (octets, len) = input(number);
        for before in [&b""[..], ENTRY] {
            block.clear();
            block.extend_from_slice(before);
            block.extend_from_slice(&octets[..len]);
            *tally.entry(judge(&block, &mut fields)).or_default() += 1;
        }
    }
    for (key, seen) in tally {
        count(&mut counts, key);
        *counts.get_mut(&format!("{key:?}").replace('"', "")).expect("just counted") += seen - 1;
    }
    counts
}

/// Our outcome, and what `hpack` 0.3.0 thinks of it.
fn judge(block: &[u8], fields: &mut FieldList) -> (&'static str, &'static str) {
    let result = Decoder::new(4096).decode(block, &LIMITS, fields);
    let theirs = fenced(|| hpack::Decoder::new().decode(block));
    match (result, theirs) {
        (Ok(()), Some(Ok(list))) => {
            let misnamed = list.iter().any(|(name, _)| name == b"accept-");
            let same = list.len() == fields.len()
                && fields
                    .iter()
                    .zip(&list)
                    .all(|(field, (name, value))| field.name == *name && field.value == *value);
            let size: usize = fields.iter().map(|field| field.name.len() + field.value.len() + 32).sum();
            assert!(size == fields.size() && !fields.is_truncated());
            assert!(same || misnamed, "{block:02x?}: {fields:?} and {list:?}");
            ("decoded", if misnamed { "another name" } else { "the same" })
        }
        (Ok(()), Some(Err(_))) => ("decoded", "an error"),
        (Ok(()), None) => ("decoded", "panics"),
        (Err(error), theirs) => {
            assert!(
                fields.is_empty() && error.code() == ErrorCode::COMPRESSION_ERROR,
                "{block:02x?}: {error}"
            );
            let theirs = match theirs {
                Some(Ok(_)) => "decoded",
                Some(Err(_)) => "an error",
                None => "panics",
            };
            (name(error), theirs)
        }
    }
}

fn name(error: sailplane::hpack::DecodeError) -> &'static str {
    use sailplane::hpack::DecodeError as E;
    match error {
        E::Truncated => "Truncated",
        E::UnterminatedInteger => "UnterminatedInteger",
        E::IntegerTooLarge => "IntegerTooLarge",
        E::InvalidIndex => "InvalidIndex",
        E::StringTooLong => "StringTooLong",
        E::InvalidHuffman => "InvalidHuffman",
        E::SizeUpdateTooLarge => "SizeUpdateTooLarge",
        E::TooManySizeUpdates => "TooManySizeUpdates",
        E::SizeUpdateNotAtStart => "SizeUpdateNotAtStart",
        E::MissingSizeUpdate => "MissingSizeUpdate",
        E::TooLarge => "TooLarge",
    }
}

/// Ours, then the oracle's. It never fails where ours decodes, and decodes the same but for the one name that is wrong
/// in its static table. It lets a size update stand anywhere, be of any size and come any number of times, and it
/// panics where an integer has no end (RUSTSEC-2023-0085).
const GOLDEN: [&str; 13] = [
    "33670 (InvalidHuffman, an error)",
    "12436087 (InvalidIndex, an error)",
    "2400239 (SizeUpdateNotAtStart, an error)",
    "977751 (SizeUpdateNotAtStart, decoded)",
    "52986 (SizeUpdateNotAtStart, panics)",
    "12318 (SizeUpdateTooLarge, decoded)",
    "29791 (TooManySizeUpdates, decoded)",
    "961 (TooManySizeUpdates, panics)",
    "16610377 (Truncated, an error)",
    "331774 (UnterminatedInteger, an error)",
    "20640 (UnterminatedInteger, panics)",
    "29383 (decoded, another name)",
    "750039 (decoded, the same)",
];
