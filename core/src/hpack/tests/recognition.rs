//! Blocks that are recognised instead of decoded: with and without it everything is the same.

use alloc::vec::Vec;
use quickcheck::quickcheck;

use super::super::block_memo::Stamp;
use super::super::{DecodeLimits, Decoder, Encoder, FieldList, Indexing, Token};

const LIMITS: DecodeLimits =
    DecodeLimits { header_list_bytes_max: 1 << 12, fields_max: 6, decode_bytes_max: 1 << 14 };

/// A block of one of few kinds: most repeat octet for octet, some insert into the table or evict from it.
fn encode(encoder: &mut Encoder, kind: u8, number: u8) -> Vec<u8> {
    let mut block = Vec::new();
    encoder.begin(&mut block);
    encoder.field(&mut block, Token::Path, &[b'/', kind % 4], Indexing::NotIndexed);
    encoder.field(&mut block, Token::Te, b"trailers", Indexing::Indexed);
    match kind % 8 {
        5 => encoder.literal(&mut block, b"x-number", &[b'a', number % 32], Indexing::Indexed),
        6 => encoder.literal(&mut block, b"x-large", &[number; 600], Indexing::Indexed),
        7 => (0..number % 9).for_each(|_| encoder.literal(&mut block, b"x", b"y", Indexing::Never)),
        _ => {}
    }
    block
}

quickcheck! {
    /// A stamp always stands for the same fields, they are those of the block, and the tables stay in step:
    /// also across changes of SETTINGS_HEADER_TABLE_SIZE and evictions.
    fn a_recognised_block_means_what_it_would_be_decoded_to(steps: Vec<(u8, u8)>) -> bool {
        let mut encoder = Encoder::new();
        let (mut plain, mut memo) = (Decoder::new(4096), Decoder::new(4096));
        let (mut expected, mut fields) = (FieldList::new(), FieldList::new());
        let mut stamps: Vec<(Stamp, FieldList)> = Vec::new();
        // Many steps of few kinds, so that blocks repeat.
        for (kind, number) in steps.iter().cycle().take(steps.len() * 3).copied() {
            if kind % 16 == 15 {
                let size = usize::from(number) * 16;
                encoder.set_table_bytes_max(u32::try_from(size).unwrap());
                plain.set_table_bytes_max(size);
                memo.set_table_bytes_max(size);
                continue;
            }
            if kind % 16 == 14 {
                memo.shrink();
            }
            let block = encode(&mut encoder, kind, number);
            plain.shrink();
            plain.decode(&block, &LIMITS, &mut expected).unwrap();
            if let Some(stamp) = memo.recognise_or_decode(&block, &LIMITS, &mut fields).unwrap() {
                memo.copy_recognised(stamp, &mut fields);
                match stamps.iter().find(|(known, _)| *known == stamp) {
                    Some((_, known)) if *known != fields => return false,
                    Some(_) => {}
                    None => stamps.push((stamp, fields.clone())),
                }
            }
            let places = |decoder: &Decoder| {
                let table = decoder.table();
                (0..table.len()).map(|at| table.get(at).map(|field| (field.token, field.text.to_vec()))).collect::<Vec<_>>()
            };
            if fields != expected || places(&plain) != places(&memo) {
                return false;
            }
        }
        true
    }
}

#[test]
fn a_block_that_repeats_is_recognised_at_the_third_time_until_the_table_changes() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    let mut fields = FieldList::new();
    let mut receive = |encoder: &mut Encoder, kind| {
        let block = encode(encoder, kind, 1);
        decoder.recognise_or_decode(&block, &LIMITS, &mut fields).unwrap()
    };
    // The first inserts `te` into the table.
    assert_eq!([0; 3].map(|kind| receive(&mut encoder, kind)), [None; 3]);
    let stamp = receive(&mut encoder, 0);
    assert!(stamp.is_some() && receive(&mut encoder, 0) == stamp);
    assert_eq!(receive(&mut encoder, 5), None);
    assert_eq!([0; 2].map(|kind| receive(&mut encoder, kind)), [None; 2]);
    assert!(receive(&mut encoder, 0).is_some_and(|later| Some(later) != stamp));
}
