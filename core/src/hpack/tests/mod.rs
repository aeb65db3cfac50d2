//! Header blocks whole: examples, an oracle, limits.

mod examples;
mod limits;
mod no_panic;
mod recognition;
mod round_trip;
mod size_updates;
mod steady_state;

use super::*;
use alloc::string::String;
use alloc::vec::Vec;

/// Limits that no test reaches.
const WIDE: DecodeLimits =
    DecodeLimits { header_list_bytes_max: 1 << 26, fields_max: 1 << 20, decode_bytes_max: 1 << 27 };

type Owned = (Vec<u8>, Vec<u8>);

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn owned(fields: &FieldList) -> Vec<Owned> {
    fields.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<Owned>, DecodeError> {
    let mut fields = FieldList::new();
    decoder.decode(block, &WIDE, &mut fields)?;
    assert!(!fields.is_truncated());
    Ok(owned(&fields))
}

/// The table's fields, newest first, as `name: value`.
fn table(table: &dynamic_table::DynamicTable) -> Vec<String> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    (0..table.len())
        .map(|at| {
            let field = table.get(at).unwrap();
            let name = field.token.name().map_or_else(|| text(field.unnamed()), String::from);
            alloc::format!("{name}: {}", text(field.value()))
        })
        .collect()
}
