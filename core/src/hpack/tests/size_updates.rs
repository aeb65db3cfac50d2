//! Dynamic table size updates (RFC 7541 §4.2, §6.3), both ends.

use super::*;

const UPDATE_0: u8 = 0x20;
/// `:method: GET`.
const FIELD: u8 = 0x82;

fn update(size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    integer::put(&mut out, 0x20, 0x1f, size);
    out
}

fn check(decoder: &mut Decoder, pieces: &[&[u8]], expected: Result<usize, DecodeError>) {
    let result = decode(decoder, &pieces.concat()).map(|_| decoder.table().size_max());
    assert_eq!(result, expected);
}

#[test]
fn at_most_two_at_the_start_of_a_block() {
    let two = [UPDATE_0, UPDATE_0];
    check(&mut Decoder::new(4096), &[&two, &[FIELD]], Ok(0));
    check(&mut Decoder::new(4096), &[&two, &update(4096)], Err(DecodeError::TooManySizeUpdates));
    check(&mut Decoder::new(4096), &[&two], Ok(0));
    let wrong = Err(DecodeError::SizeUpdateNotAtStart);
    check(&mut Decoder::new(4096), &[&[FIELD, UPDATE_0]], wrong);
    check(&mut Decoder::new(4096), &[&[UPDATE_0, FIELD, UPDATE_0]], wrong);
    check(&mut Decoder::new(4096), &[&two, &[FIELD, UPDATE_0]], wrong);
}

#[test]
fn never_above_the_acknowledged_setting() {
    check(&mut Decoder::new(4096), &[&update(4096)], Ok(4096));
    check(&mut Decoder::new(4096), &[&update(4097)], Err(DecodeError::SizeUpdateTooLarge));
    let mut decoder = Decoder::new(4096);
    decoder.set_table_bytes_max(8192);
    check(&mut decoder, &[&[FIELD]], Ok(4096));
    check(&mut decoder, &[&update(8192)], Ok(8192));
}

#[test]
fn a_lowered_setting_must_be_followed() {
    let lowered = |settings: &[usize]| {
        let mut decoder = Decoder::new(4096);
        for &setting in settings {
            decoder.set_table_bytes_max(setting);
        }
        decoder
    };
    let missing = Err(DecodeError::MissingSizeUpdate);
    check(&mut lowered(&[100]), &[&[FIELD]], missing);
    check(&mut lowered(&[100]), &[], missing);
    check(&mut lowered(&[100]), &[&update(100), &[FIELD]], Ok(100));
    check(&mut lowered(&[100]), &[&update(7), &update(100), &[FIELD]], Ok(100));
    check(&mut lowered(&[100]), &[&update(101)], Err(DecodeError::SizeUpdateTooLarge));
    // Lowered and raised again: the lowest comes first.
    check(&mut lowered(&[100, 4096]), &[&[FIELD]], missing);
    check(&mut lowered(&[100, 4096]), &[&update(4096), &[FIELD]], missing);
    check(&mut lowered(&[100, 50, 4096]), &[&update(100), &update(4096)], missing);
    check(&mut lowered(&[100, 4096]), &[&update(100), &update(4096), &[FIELD]], Ok(4096));
    check(&mut lowered(&[100, 4096]), &[&update(100), &[FIELD]], Ok(100));
    // Nothing to follow if the table is small already, or the setting only rose.
    let mut small = Decoder::new(4096);
    check(&mut small, &[&update(64), &[FIELD]], Ok(64));
    small.set_table_bytes_max(100);
    check(&mut small, &[&[FIELD]], Ok(64));
    check(&mut lowered(&[8192]), &[&[FIELD]], Ok(4096));
    // Once is enough.
    let mut decoder = lowered(&[100]);
    check(&mut decoder, &[&update(100)], Ok(100));
    check(&mut decoder, &[&[FIELD]], Ok(100));
}

#[test]
fn the_encoder_signals_the_lowest_and_the_last() {
    let begin = |encoder: &mut Encoder| {
        let mut out = Vec::new();
        encoder.begin(&mut out);
        out
    };
    let after = |settings: &[u32]| {
        let mut encoder = Encoder::new();
        for &setting in settings {
            encoder.set_table_bytes_max(setting);
        }
        let first = begin(&mut encoder);
        assert_eq!(begin(&mut encoder), [0_u8; 0]);
        first
    };
    assert_eq!(after(&[]), [0_u8; 0]);
    assert_eq!(after(&[4096]), [0_u8; 0]);
    assert_eq!(after(&[u32::MAX]), [0_u8; 0]);
    assert_eq!(after(&[100]), update(100));
    assert_eq!(after(&[0]), update(0));
    assert_eq!(after(&[100, 50]), update(50));
    assert_eq!(after(&[100, 4096]), [update(100), update(4096)].concat());
    assert_eq!(after(&[100, 50, 200, u32::MAX]), [update(50), update(4096)].concat());
    assert_eq!(after(&[100, 50, 200]), [update(50), update(200)].concat());
}

#[test]
fn without_a_table_everything_still_arrives() {
    let mut encoder = Encoder::new();
    let mut decoder = Decoder::new(4096);
    encoder.set_table_bytes_max(0);
    decoder.set_table_bytes_max(0);
    for _ in 0..3 {
        let mut block = Vec::new();
        encoder.begin(&mut block);
        encoder.field(&mut block, Token::Method, b"POST", Indexing::Indexed);
        encoder.field(&mut block, Token::Te, b"trailers", Indexing::Indexed);
        encoder.literal(&mut block, b"x-a", b"b", Indexing::Indexed);
        let expected: Vec<Owned> = [(":method", "POST"), ("te", "trailers"), ("x-a", "b")]
            .map(|(name, value)| (name.into(), value.into()))
            .to_vec();
        assert_eq!(decode(&mut decoder, &block), Ok(expected));
        assert_eq!((encoder.table().len(), decoder.table().len()), (0, 0));
    }
}
