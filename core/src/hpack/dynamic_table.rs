//! The dynamic table (RFC 7541 §2.3.2, §4).

use alloc::collections::VecDeque;

use super::Token;
use super::byte_queue::ByteQueue;

/// Fields in the order of their insertion, the newest first. Allocates at the first insertion.
pub(super) struct DynamicTable {
    entries: VecDeque<Entry>,
    /// The text of the entries: names that have no token, and values.
    text: ByteQueue,
    /// The sum of the entries' sizes (RFC 7541 §4.1), at most `size_max`.
    size: usize,
    size_max: usize,
    /// How many fields were ever inserted; wraps.
    inserted: u32,
    /// How many insertions, also of fields too large, and size updates there were; wraps.
    changes: u32,
}

#[derive(Clone, Copy)]
struct Entry {
    position: u32,
    /// The length of the name as far as it is stored: zero if the token says it.
    unnamed_len: u32,
    value_len: u32,
    /// The octets of name and value plus 32 (RFC 7541 §4.1).
    size: u32,
    token: Token,
}

/// A field of a table.
#[derive(Clone, Copy)]
pub(super) struct TableField<'a> {
    pub(super) token: Token,
    /// The name if the token has none, then the value.
    pub(super) text: &'a [u8],
    pub(super) unnamed_len: u32,
    /// The octets of name and value plus 32 (RFC 7541 §4.1).
    pub(super) size: u32,
}

impl<'a> TableField<'a> {
    /// The name if the token has none, otherwise empty.
    pub(super) fn unnamed(self) -> &'a [u8] {
        self.text.get(..self.unnamed_len as usize).unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn value(self) -> &'a [u8] {
        &self.text[self.unnamed_len as usize..]
    }
}

/// The size of a field (RFC 7541 §4.1). `unnamed` is the name if the token has none.
#[inline]
pub(super) fn field_size(token: Token, unnamed_len: usize, value_len: usize) -> usize {
    let name_len = token.name().map_or(unnamed_len, str::len);
    name_len.saturating_add(value_len).saturating_add(32)
}

impl DynamicTable {
    pub(super) const fn new(size_max: usize) -> Self {
        Self { entries: VecDeque::new(), text: ByteQueue::new(), size: 0, size_max, inserted: 0, changes: 0 }
    }

    /// Sets the maximum size and evicts what is beyond it (RFC 7541 §4.3).
    pub(super) fn set_size_max(&mut self, size_max: usize) {
        self.changes = self.changes.wrapping_add(1);
        self.size_max = size_max;
        self.evict_above(size_max);
    }

    /// Inserts a field, which is not a part of this table, and evicts what has no room beside it.
    /// Returns whether it is in the table. `unnamed` is the name if the token has none, otherwise empty.
    ///
    /// RFC 7541 §4.4: "an attempt to add an entry larger than the maximum size causes the table to be
    /// emptied of all existing entries and results in an empty table."
    pub(super) fn insert(&mut self, token: Token, unnamed: &[u8], value: &[u8]) -> bool {
        self.changes = self.changes.wrapping_add(1);
        let size = field_size(token, unnamed.len(), value.len());
        self.evict_above(self.size_max.saturating_sub(size));
        if size > self.size_max {
            return false;
        }
        let position = self.text.push(unnamed, value);
        self.entries.push_front(Entry {
            position,
            unnamed_len: unnamed.len() as u32,
            value_len: value.len() as u32,
            size: size as u32,
            token,
        });
        self.size = self.size.saturating_add(size);
        self.inserted = self.inserted.wrapping_add(1);
        true
    }

    fn evict_above(&mut self, size_max: usize) {
        while self.size > size_max {
            let Some(entry) = self.entries.pop_back() else {
                break;
            };
            self.text.drop_front(entry.text_len());
            self.size = self.size.saturating_sub(entry.size as usize);
        }
    }

    /// The field at a place, counted from the newest, which is at zero.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<TableField<'_>> {
        let entry = self.entries.get(at)?;
        Some(TableField {
            token: entry.token,
            text: self.text.get(entry.position, entry.text_len()),
            unnamed_len: entry.unnamed_len,
            size: entry.size,
        })
    }

    /// The place of the entry with this number of insertion, if it is in the table. Numbers begin at
    /// one.
    #[inline]
    pub(super) fn place(&self, number: u32) -> usize {
        self.inserted.wrapping_sub(number) as usize
    }

    /// Whether the field at a place has this name, or `None` if its token is another or there is none.
    #[inline]
    pub(super) fn has_name(&self, at: usize, token: Token, unnamed: &[u8]) -> Option<bool> {
        let entry = self.entries.get(at).filter(|entry| entry.token == token)?;
        // To compare nothing with nothing may cost a hundred cycles: `memcmp` is given an address without memory.
        let same_length = entry.unnamed_len as usize == unnamed.len();
        Some(same_length && (unnamed.is_empty() || self.text.get(entry.position, unnamed.len()) == unnamed))
    }

    /// Whether the field at a place has this name and value, or `None` as above.
    #[inline]
    pub(super) fn has_field(&self, at: usize, token: Token, unnamed: &[u8], value: &[u8]) -> Option<bool> {
        let entry = self.entries.get(at).filter(|entry| entry.token == token)?;
        let has_lengths =
            entry.unnamed_len as usize == unnamed.len() && entry.value_len as usize == value.len();
        if !has_lengths {
            return Some(false);
        }
        if unnamed.is_empty() {
            return Some(self.text.get(entry.position, value.len()) == value);
        }
        let text = self.text.get(entry.position, entry.text_len());
        Some(text.strip_prefix(unnamed) == Some(value))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) const fn size_max(&self) -> usize {
        self.size_max
    }

    pub(super) const fn changes(&self) -> u32 {
        self.changes
    }

    pub(super) const fn inserted(&self) -> u32 {
        self.inserted
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }

    #[cfg(test)]
    pub(super) const fn moved(&self) -> usize {
        self.text.moved
    }
}

impl Entry {
    #[inline]
    const fn text_len(&self) -> usize {
        (self.unnamed_len as usize).wrapping_add(self.value_len as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    fn values(table: &DynamicTable) -> Vec<&[u8]> {
        (0..table.len()).map(|at| table.get(at).unwrap().value()).collect()
    }

    #[test]
    fn newest_first_and_oldest_evicted() {
        let mut table = DynamicTable::new(3 * (32 + 3));
        for value in [b"aa", b"bb", b"cc"] {
            assert!(table.insert(Token::Other, b"x", value));
        }
        assert_eq!(values(&table), [b"cc", b"bb", b"aa"]);
        assert!(table.insert(Token::Other, b"x", b"d"));
        assert_eq!(values(&table), [&b"d"[..], b"cc", b"bb"]);
        assert_eq!(table.size(), 34 + 35 + 35);
        table.set_size_max(70);
        assert_eq!(values(&table), [&b"d"[..], b"cc"]);
        table.set_size_max(0);
        assert_eq!((table.len(), table.size()), (0, 0));
        assert!(!table.insert(Token::Other, b"", b""));
    }

    #[test]
    fn an_entry_larger_than_the_table_empties_it() {
        let mut table = DynamicTable::new(100);
        assert!(table.insert(Token::Other, b"x", b"1"));
        assert!(!table.insert(Token::Other, b"x", &[b'y'; 68]));
        assert_eq!((table.len(), table.size()), (0, 0));
        assert!(table.insert(Token::Other, b"x", &[b'y'; 67]));
        assert_eq!(table.size(), 100);
    }

    #[test]
    fn names_of_tokens_count_though_they_are_not_stored() {
        let mut table = DynamicTable::new(4096);
        assert!(table.insert(Token::Path, b"", b"/a"));
        assert_eq!(table.size(), 5 + 2 + 32);
        assert!(table.get(0).unwrap().unnamed().is_empty());
        assert!(table.insert(Token::UnknownPseudo, b":odd", b""));
        assert_eq!(table.get(0).unwrap().unnamed(), b":odd");
        assert!(table.get(2).is_none());
    }

    #[test]
    fn each_inserted_octet_moves_at_most_once() {
        let mut table = DynamicTable::new(4096);
        let mut inserted = 0;
        for turn in 0..20_000usize {
            let value = vec![b'v'; turn * 31 % 900];
            inserted += value.len() + 3;
            table.insert(Token::Other, b"x-a", &value);
        }
        assert!(table.moved() <= inserted, "{} of {inserted}", table.moved());
    }
}
