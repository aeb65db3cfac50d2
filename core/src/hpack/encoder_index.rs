//! Finds fields in the encoder's table without hashing and without scanning it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::Token;
use super::dynamic_table::DynamicTable;

/// For each token the entries that have it, newest first, as a list through the table.
///
/// Entries are known by the number of their insertion. A number whose entry is evicted leads nowhere, so
/// eviction needs no upkeep.
pub(super) struct EncoderIndex {
    /// The newest entry of each token. Empty until something is inserted.
    newest: Vec<u32>,
    /// For each entry of the table, newest first, the next older entry of the same token.
    older: VecDeque<u32>,
}

impl EncoderIndex {
    pub(super) const fn new() -> Self {
        Self { newest: Vec::new(), older: VecDeque::new() }
    }

    /// Takes over the newest entry of the table.
    pub(super) fn inserted(&mut self, table: &DynamicTable, token: Token) {
        if self.newest.is_empty() {
            self.newest.resize(Token::COUNT, 0);
        }
        if let Some(newest) = self.newest.get_mut(token as usize) {
            self.older.truncate(table.len().saturating_sub(1));
            self.older.push_front(*newest);
            *newest = table.inserted();
        }
    }

    /// The place of a field, looked for among the newest `STEPS_MAX` of its token. Places count from the
    /// newest entry of the table. `unnamed` is the name if the token has none, otherwise empty.
    #[inline]
    pub(super) fn find_field(
        &self,
        table: &DynamicTable,
        token: Token,
        unnamed: &[u8],
        value: &[u8],
    ) -> Option<usize> {
        // The newest one first, on a path without a loop: most names have one value.
        let newest = table.place(*self.newest.get(token as usize)?);
        if table.has_field(newest, token, unnamed, value)? {
            return Some(newest);
        }
        self.find_older(table, token, unnamed, value)
    }

    #[inline(never)]
    fn find_older(&self, table: &DynamicTable, token: Token, unnamed: &[u8], value: &[u8]) -> Option<usize> {
        self.find(table, token, |at| table.has_field(at, token, unnamed, value))
    }

    /// The place of the newest entry with a name, looked for as above.
    pub(super) fn find_name(&self, table: &DynamicTable, token: Token, unnamed: &[u8]) -> Option<usize> {
        self.find(table, token, |at| table.has_name(at, token, unnamed))
    }

    /// Follows the entries of a token until one is it. `None` from `is_it` says that the rest is evicted,
    /// or, after 2^32 insertions, that a number has led to an entry of another token.
    #[inline]
    fn find(
        &self,
        table: &DynamicTable,
        token: Token,
        is_it: impl Fn(usize) -> Option<bool>,
    ) -> Option<usize> {
        let mut at = table.place(*self.newest.get(token as usize)?);
        for _ in 0..STEPS_MAX {
            if is_it(at)? {
                return Some(at);
            }
            at = table.place(*self.older.get(at)?);
        }
        None
    }
}

/// So many values of one name are found again, for example of `:path`.
const STEPS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_newest_sixteen_of_a_token_and_no_evicted_one() {
        let mut table = DynamicTable::new(20 * 39);
        let mut index = EncoderIndex::new();
        assert_eq!(index.find_field(&table, Token::Path, b"", b"/0"), None);
        for value in 0..100u8 {
            assert!(table.insert(Token::Path, b"", &[b'/', value]));
            index.inserted(&table, Token::Path);
            for known in 0..100 {
                let expected = value.checked_sub(known).filter(|&age| age < 16).map(usize::from);
                assert_eq!(index.find_field(&table, Token::Path, b"", &[b'/', known]), expected);
            }
            assert_eq!(index.find_name(&table, Token::Path, b""), Some(0));
            assert_eq!(index.find_name(&table, Token::Te, b""), None);
        }
        for value in 0..table.len() {
            assert!(table.insert(Token::Te, b"", &[b't', b'0', b'0', b'0', value as u8]));
            index.inserted(&table, Token::Te);
            assert!(index.older.len() <= table.len());
        }
        assert_eq!(index.find_name(&table, Token::Path, b""), None);
        table.set_size_max(0);
        assert_eq!(index.find_name(&table, Token::Te, b""), None);
    }

    #[test]
    fn names_without_a_token_are_told_apart() {
        let mut table = DynamicTable::new(4096);
        let mut index = EncoderIndex::new();
        for (name, value) in [(b"x-a", b"1"), (b"x-b", b"1"), (b"x-a", b"2")] {
            assert!(table.insert(Token::Other, name, value));
            index.inserted(&table, Token::Other);
        }
        let find = |name, value| index.find_field(&table, Token::Other, name, value);
        assert_eq!(find(b"x-a", b"1"), Some(2));
        assert_eq!(find(b"x-b", b"1"), Some(1));
        assert_eq!(find(b"x-b", b"2"), None);
        assert_eq!(find(b"x-", b"a2"), None);
        assert_eq!(find(b"", b"x-a2"), None);
        let find = |name| index.find_name(&table, Token::Other, name);
        assert_eq!(find(b"x-a"), Some(0));
        assert_eq!(find(b"x-b"), Some(1));
        assert_eq!(find(b"x-c"), None);
        assert_eq!(find(b"x-"), None);
        assert_eq!(find(b""), None);
    }
}
