//! A header table in little space, for a connection that rests.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::dynamic_table::DynamicTable;
use super::{Token, integer};

/// What a dynamic table holds, without the room to work with it.
#[derive(Debug)]
pub(super) struct RestingTable {
    size_max: usize,
    /// The fields, oldest first: token, lengths of name and value, name and value. The name only where the
    /// token does not say it.
    fields: Box<[u8]>,
}

/// Of a field, beside its text, unless it is long.
const RECORD_BYTES: usize = 3;

impl RestingTable {
    pub(super) fn new(table: &DynamicTable) -> Self {
        // The text is a part of the size, which has 32 octets more for each field.
        let mut fields = Vec::with_capacity(table.size().min(table.len().saturating_mul(RECORD_BYTES + 32)));
        for field in (0..table.len()).rev().filter_map(|at| table.get(at)) {
            let unnamed_len = field.unnamed_len as usize;
            fields.push(field.token as u8);
            integer::put(&mut fields, 0, u8::MAX, unnamed_len);
            integer::put(&mut fields, 0, u8::MAX, field.text.len().saturating_sub(unnamed_len));
            fields.extend_from_slice(field.text);
        }
        Self { size_max: table.size_max(), fields: fields.into_boxed_slice() }
    }

    /// The table; `insert` adds a field to it.
    pub(super) fn wake(
        &self,
        mut insert: impl FnMut(&mut DynamicTable, Token, &[u8], &[u8]),
    ) -> DynamicTable {
        let mut table = DynamicTable::new(self.size_max);
        let mut rest = &*self.fields;
        while let Some((token, unnamed, value)) = take(&mut rest) {
            insert(&mut table, token, unnamed, value);
        }
        table
    }
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<(Token, &'a [u8], &'a [u8])> {
    let (token, behind) = rest.split_first()?;
    *rest = behind;
    let token = Token::numbered(*token);
    let unnamed_len = integer::take(rest, u8::MAX).ok()?;
    let value_len = integer::take(rest, u8::MAX).ok()?;
    let (unnamed, behind) = rest.split_at_checked(unnamed_len)?;
    let (value, behind) = behind.split_at_checked(value_len)?;
    *rest = behind;
    Some((token, unnamed, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    fn fields(table: &DynamicTable) -> Vec<(Token, u32, Vec<u8>)> {
        let fields = (0..table.len()).filter_map(|at| table.get(at));
        fields
            .map(|field| (field.token, field.size, [field.unnamed(), b"=", field.value()].concat()))
            .collect()
    }

    quickcheck! {
        fn a_table_wakes_as_it_was(inserted: Vec<(u8, Vec<u8>, Vec<u8>)>, size_max: u16) -> bool {
            let mut table = DynamicTable::new(usize::from(size_max % 5000));
            for (name, unnamed, value) in inserted {
                let token = Token::numbered(name % 64);
                let value = value.repeat(usize::from(name % 7));
                table.insert(token, if token.name().is_some() { &[] } else { &unnamed }, &value);
            }
            let woken = RestingTable::new(&table).wake(|table, token, unnamed, value| {
                assert!(table.insert(token, unnamed, value));
            });
            fields(&woken) == fields(&table)
                && (woken.size(), woken.size_max()) == (table.size(), table.size_max())
        }
    }

    #[test]
    fn a_usual_table_takes_little() {
        let mut table = DynamicTable::new(4096);
        for (token, value) in
            [(Token::Authority, "127.0.0.1:50051"), (Token::ContentType, "application/grpc")]
        {
            table.insert(token, &[], value.as_bytes());
        }
        assert_eq!(RestingTable::new(&table).fields.len(), 15 + 16 + 2 * RECORD_BYTES);
    }
}
