//! What a block may cost, and that limits never put the tables out of step.

use super::*;

fn limits(header_list: usize, fields: usize, decode: usize) -> DecodeLimits {
    DecodeLimits { header_list_bytes_max: header_list, fields_max: fields, decode_bytes_max: decode }
}

/// A block of twenty fields that go into the table, with sizes that differ.
fn inserting_block() -> Vec<u8> {
    let mut encoder = Encoder::new();
    let mut block = Vec::new();
    for field in 0..20u8 {
        let value = alloc::vec![b'a' + field; usize::from(field) * 3];
        let name = [b'x', b'-', b'a' + field % 7];
        encoder.literal(&mut block, &name, &value, Indexing::Indexed);
        encoder.field(&mut block, Token::Path, &value, Indexing::NotIndexed);
    }
    block
}

#[test]
fn truncation_keeps_the_whole_effect_on_the_table() {
    let block = inserting_block();
    let mut unlimited = Decoder::new(700);
    let all = decode(&mut unlimited, &block).unwrap();
    let mut full = FieldList::new();
    Decoder::new(700).decode(&block, &WIDE, &mut full).unwrap();

    for list in (0..full.size() + 100).step_by(7) {
        for count in [0, 1, 5, 39, 40] {
            let mut decoder = Decoder::new(700);
            let mut fields = FieldList::new();
            decoder.decode(&block, &limits(list, count, 1 << 20), &mut fields).unwrap();
            assert_eq!(table(decoder.table()), table(unlimited.table()));
            assert_eq!(fields.size(), full.size());
            let mut size = 0;
            let fits = all.iter().take(count).take_while(|(name, value)| {
                size += name.len() + value.len() + 32;
                size <= list
            });
            let fits = fits.count();
            assert_eq!(owned(&fields), all[..fits]);
            assert_eq!(fields.is_truncated(), fits < all.len());
            assert!(fields.text.len() <= list);
        }
    }
}

#[test]
fn after_the_first_field_that_does_not_fit_nothing_is_stored() {
    let mut fields = FieldList::new();
    let block = hex("82 4001 7808 6161 6161 6161 6161 82 be");
    Decoder::new(4096).decode(&block, &limits(42 + 40, 9, 999), &mut fields).unwrap();
    assert_eq!((fields.len(), fields.is_truncated()), (1, true));
    assert_eq!(fields.size(), 42 + 41 + 42 + 41);
}

#[test]
fn the_hard_limit_ends_it() {
    let block = inserting_block();
    let mut fields = FieldList::new();
    Decoder::new(4096).decode(&block, &WIDE, &mut fields).unwrap();
    let size = fields.size();
    for decode_max in 0..size {
        let result = Decoder::new(4096).decode(&block, &limits(9999, 99, decode_max), &mut fields);
        assert!(matches!(result, Err(DecodeError::TooLarge | DecodeError::StringTooLong)), "{result:?}");
        assert!(fields.is_empty());
    }
    assert_eq!(Decoder::new(4096).decode(&block, &limits(9999, 99, size), &mut fields), Ok(()));
}

#[test]
fn large_strings_are_refused_before_they_are_buffered() {
    let string = |len: usize, huffman: bool| {
        let mut block = alloc::vec![0x04];
        integer::put(&mut block, if huffman { 0x80 } else { 0 }, 0x7f, len);
        block.resize(block.len() + len, 0);
        block
    };
    for (block, error) in [
        (string(1001, false), DecodeError::StringTooLong),
        (string(1001, true), DecodeError::StringTooLong),
        (string(1000, false), DecodeError::TooLarge),
        (string(1000, true), DecodeError::TooLarge),
        // Fits as it stands, but not decoded: 976 octets of "0" in Huffman coding.
        (string(610, true), DecodeError::TooLarge),
    ] {
        let mut fields = FieldList::new();
        let result = Decoder::new(4096).decode(&block, &limits(100, 100, 1000), &mut fields);
        assert_eq!(result, Err(error));
        assert!(fields.text.capacity() <= 1000, "{}", fields.text.capacity());
    }
    assert_eq!(DecodeError::StringTooLong.code(), crate::error::ErrorCode::ENHANCE_YOUR_CALM);
    assert_eq!(DecodeError::TooLarge.code(), crate::error::ErrorCode::ENHANCE_YOUR_CALM);
    assert_eq!(DecodeError::Truncated.code(), crate::error::ErrorCode::COMPRESSION_ERROR);
}

/// One large entry, referred to by thousands of octets: each costs a field, so the hard limit counts it.
#[test]
fn a_bomb_of_large_entries_stops_at_the_hard_limit() {
    let mut block = alloc::vec![0x40, 1, b'x', 0x7f, 0xa1, 0x1e];
    block.resize(block.len() + 4000, b'v');
    block.resize(block.len() + 16_000, 0xbe);
    let mut fields = FieldList::new();
    let ours = limits(16 << 10, 128, 64 << 10);
    let result = Decoder::new(4096).decode(&block, &ours, &mut fields);
    assert_eq!(result, Err(DecodeError::TooLarge));
    assert!(fields.text.capacity() <= 32 << 10, "{}", fields.text.capacity());
}

#[test]
fn a_bomb_of_tiny_entries_stops_at_the_field_count() {
    let mut block = hex("4000 00");
    block.resize(block.len() + 1000, 0xbe);
    let mut fields = FieldList::new();
    let ours = limits(16 << 10, 128, 64 << 10);
    assert_eq!(Decoder::new(4096).decode(&block, &ours, &mut fields), Ok(()));
    assert_eq!((fields.len(), fields.is_truncated()), (128, true));
    assert_eq!(fields.size(), 1001 * 32);
}

/// However a peer mixes insertions and evictions, an octet of the table moves at most once.
#[test]
fn the_work_of_the_table_is_linear() {
    let mut decoder = Decoder::new(4096);
    let mut fields = FieldList::new();
    let mut sent = 0;
    for turn in 0..5_000usize {
        let value = alloc::vec![b'v'; turn * 37 % 1500];
        let mut block = alloc::vec![0x40, 1, b'x'];
        integer::put(&mut block, 0, 0x7f, value.len());
        block.extend(value);
        sent += block.len();
        decoder.decode(&block, &WIDE, &mut fields).unwrap();
    }
    assert!(decoder.table().moved() <= sent, "{} moved of {sent}", decoder.table().moved());
}

#[test]
fn indexes_that_lead_nowhere() {
    for (wire, error) in [
        ("80", DecodeError::InvalidIndex),
        ("be", DecodeError::InvalidIndex),
        ("ff 00", DecodeError::InvalidIndex),
        ("ff 80 80 80 7f", DecodeError::InvalidIndex),
        ("7e 00", DecodeError::InvalidIndex),
        ("0f 2f 00", DecodeError::InvalidIndex),
        ("1f 2f 00", DecodeError::InvalidIndex),
        ("ff 80 80 80 80 80 00", DecodeError::IntegerTooLarge),
        ("ff", DecodeError::UnterminatedInteger),
        ("3f", DecodeError::UnterminatedInteger),
        ("40", DecodeError::Truncated),
        ("00 05 61", DecodeError::Truncated),
        ("00 01 61", DecodeError::Truncated),
        ("04 81 ff", DecodeError::InvalidHuffman),
        ("00 81 ff 00", DecodeError::InvalidHuffman),
    ] {
        let result = decode(&mut Decoder::new(4096), &hex(wire));
        assert_eq!(result, Err(error), "{wire}");
    }
    // The newest entry is 62, and there is one.
    assert!(decode(&mut Decoder::new(4096), &hex("4001 7801 79 be")).is_ok());
    let beyond = decode(&mut Decoder::new(4096), &hex("4001 7801 79 bf"));
    assert_eq!(beyond, Err(DecodeError::InvalidIndex));
}

#[test]
fn an_entry_may_be_named_by_one_that_it_evicts() {
    let mut decoder = Decoder::new(80);
    assert!(decode(&mut decoder, &hex("4003 782d 6101 31")).is_ok());
    let value = "62".repeat(40);
    let renamed = decode(&mut decoder, &hex(&alloc::format!("7e 28 {value}"))).unwrap();
    assert_eq!(renamed, [(b"x-a".to_vec(), alloc::vec![b'b'; 40])]);
    assert_eq!(decoder.table().len(), 1);
    assert_eq!(decoder.table().size(), 75);
}

#[test]
fn empty_names_are_kept() {
    let fields = decode(&mut Decoder::new(4096), &hex("0000 00 4000 0161 be")).unwrap();
    let empty = (Vec::new(), b"a".to_vec());
    assert_eq!(fields, [(Vec::new(), Vec::new()), empty.clone(), empty]);
}
