//! Every short input, each against a fresh decoder and a used one.

use super::*;

/// A decoder whose table has an entry and whose next octets are judged.
fn used() -> Decoder {
    let mut decoder = Decoder::new(4096);
    decode(&mut decoder, &hex("4003 782d 6101 31 44 82 6402")).unwrap();
    decoder
}

/// Decodes one input; what comes back must be within the limits.
fn check(decoder: &mut Decoder, input: &[u8], fields: &mut FieldList) {
    let limits = DecodeLimits { header_list_bytes_max: 100, fields_max: 2, decode_bytes_max: 200 };
    if decoder.decode(input, &limits, fields).is_ok() {
        assert!(fields.len() <= 2 && fields.size() <= 200);
        let stored: usize = fields.iter().map(|field| field.name.len() + field.value.len() + 32).sum();
        assert!(stored <= 100);
        assert!(fields.is_truncated() || stored == fields.size());
    } else {
        assert!(fields.is_empty());
    }
}

fn check_all(inputs: impl Iterator<Item = Vec<u8>>) {
    let mut fields = FieldList::new();
    for input in inputs {
        check(&mut Decoder::new(4096), &input, &mut fields);
        check(&mut used(), &input, &mut fields);
    }
}

#[test]
fn all_inputs_of_one_and_two_octets() {
    let one = (0..=255u8).map(|first| alloc::vec![first]);
    let two = (0..=u16::MAX).map(|both| both.to_be_bytes().to_vec());
    check_all(one.chain(two));
}

/// The same decoder goes on after errors, which no connection does: still nothing panics.
#[test]
fn random_inputs_one_after_another() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut fields = FieldList::new();
    let mut decoder = Decoder::new(300);
    for _ in 0..30_000 {
        let len = random() as usize % 40;
        let input: Vec<u8> = (0..len).map(|_| (random() >> 32) as u8).collect();
        check(&mut decoder, &input, &mut fields);
        assert!(decoder.table().size() <= decoder.table().size_max());
    }
}
