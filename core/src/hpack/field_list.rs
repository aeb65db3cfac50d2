//! Decoded fields without a map and without an allocation per field.

use alloc::vec::Vec;
use core::fmt;

use super::dynamic_table::{TableField, field_size};
use super::{DecodeError, DecodeLimits, Token};

/// The fields of one block, in order: their text in one buffer, a small record for each.
///
/// Meant to be used again for the next block: [`FieldList::clear`] keeps the buffers.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FieldList {
    /// The text of the fields one after another: names that have no token, and values.
    pub(super) text: Vec<u8>,
    records: Vec<Record>,
    size: usize,
    truncated: bool,
}

/// A field of a [`FieldList`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// What the name is known as.
    pub token: Token,
    /// The name, also if the token has one. May be empty, which is malformed in HTTP/2.
    pub name: &'a [u8],
    /// The value as the peer sent it: any octets.
    pub value: &'a [u8],
    /// The peer demands that this field is never indexed on any hop (RFC 7541 §7.1.3).
    pub never_indexed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Record {
    start: u32,
    /// The length of the name as far as it is stored: zero if the token says it.
    unnamed_len: u32,
    value_len: u32,
    token: Token,
    never_indexed: bool,
}

impl FieldList {
    /// An empty list. Allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: Vec::new(), records: Vec::new(), size: 0, truncated: false }
    }

    /// Removes all fields and keeps the buffers.
    #[inline]
    pub fn clear(&mut self) {
        self.text.clear();
        self.records.clear();
        self.size = 0;
        self.truncated = false;
    }

    /// Removes all fields, and also the buffers if they are larger than what common blocks need. For a
    /// connection that becomes idle.
    pub fn shrink(&mut self) {
        self.clear();
        if self.text.capacity() > KEEP_TEXT_BYTES {
            self.text = Vec::new();
        }
        if self.records.capacity() > KEEP_RECORDS {
            self.records = Vec::new();
        }
    }

    /// Appends a field, whatever the limits. For lists that were not received.
    pub fn push(&mut self, name: &[u8], value: &[u8], never_indexed: bool) {
        let token = Token::of(name);
        let unnamed = if token.name().is_some() { &[] } else { name };
        self.size = self.size.saturating_add(field_size(token, unnamed.len(), value.len()));
        let start = self.text.len();
        self.text.extend_from_slice(unnamed);
        self.text.extend_from_slice(value);
        self.record(token, start, unnamed.len(), never_indexed);
    }

    /// How many fields are stored.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no field is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The stored fields in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> + Clone {
        self.records.iter().map(|record| self.field(record))
    }

    /// The value of the first field with this token.
    #[must_use]
    #[inline]
    pub fn get(&self, token: Token) -> Option<&[u8]> {
        let record = self.records.iter().find(|record| record.token == token)?;
        Some(self.field(record).value)
    }

    /// The size of the list (RFC 9113 §6.5.2): name, value and 32 for each field of the block, also for
    /// those that are not stored.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Whether the block has fields that are not stored, since the list was at a limit.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Whether the lists are the same but for the values of fields with this token.
    pub(crate) fn is_same_but(&self, other: &Self, token: Token) -> bool {
        self.records.len() == other.records.len()
            && self.truncated == other.truncated
            && self.records.iter().zip(&other.records).all(|(mine, theirs)| {
                mine.token == theirs.token
                    && mine.never_indexed == theirs.never_indexed
                    && (mine.token == token
                        || mine.unnamed_len == theirs.unnamed_len
                            && self.text_of(mine) == other.text_of(theirs))
            })
    }

    /// Name, as far as it is stored, and value.
    #[inline]
    fn text_of(&self, record: &Record) -> &[u8] {
        let len = (record.unnamed_len as usize).wrapping_add(record.value_len as usize);
        self.text.get(record.start as usize..).and_then(|text| text.get(..len)).unwrap_or_default()
    }

    /// Becomes the same as another list and keeps its buffers.
    #[inline]
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.clear();
        self.text.extend_from_slice(&other.text);
        self.records.extend_from_slice(&other.records);
        self.size = other.size;
        self.truncated = other.truncated;
    }

    /// Whether the whole list is within these limits.
    #[inline]
    pub(super) fn is_within(&self, limits: &DecodeLimits) -> bool {
        self.size <= limits.header_list_bytes_max
            && self.size <= limits.decode_bytes_max
            && self.records.len() <= limits.fields_max
            && !self.truncated
    }

    /// Counts a field of a block. Returns whether it is to be stored.
    #[inline]
    pub(super) fn admit(&mut self, field_size: usize, limits: &DecodeLimits) -> Result<bool, DecodeError> {
        self.size = self.size.saturating_add(field_size);
        // Once true this stays true: the size never shrinks, and no field is stored from there on.
        if self.size > limits.header_list_bytes_max || self.records.len() >= limits.fields_max {
            self.truncated = true;
            if self.size > limits.decode_bytes_max {
                return Err(DecodeError::TooLarge);
            }
            return Ok(false);
        }
        Ok(true)
    }

    /// Appends a field of a table.
    #[inline]
    pub(super) fn store(&mut self, field: TableField<'_>) {
        let start = self.text.len();
        self.text.extend_from_slice(field.text);
        self.records.push(Record {
            start: start as u32,
            unnamed_len: field.unnamed_len,
            value_len: (field.text.len() as u32).wrapping_sub(field.unnamed_len),
            token: field.token,
            never_indexed: false,
        });
    }

    /// Appends a field with the text that already stands at `start`, to the end of the buffer.
    ///
    /// `start` fits since a block has at most 1 GiB of text.
    #[inline]
    pub(super) fn record(&mut self, token: Token, start: usize, unnamed_len: usize, never: bool) {
        let len = self.text.len().saturating_sub(start);
        self.records.push(Record {
            start: start as u32,
            unnamed_len: unnamed_len as u32,
            value_len: len.saturating_sub(unnamed_len) as u32,
            token,
            never_indexed: never,
        });
    }

    #[inline]
    fn field(&self, record: &Record) -> Field<'_> {
        let text = self.text.get(record.start as usize..).unwrap_or_default();
        let (unnamed, text) = text.split_at_checked(record.unnamed_len as usize).unwrap_or_default();
        Field {
            token: record.token,
            name: record.token.name().map_or(unnamed, str::as_bytes),
            value: text.get(..record.value_len as usize).unwrap_or_default(),
            never_indexed: record.never_indexed,
        }
    }
}

/// Shows the text of the fields, except of those that must never be indexed.
impl fmt::Debug for FieldList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for field in self.iter() {
            let value = if field.never_indexed { &b"(sensitive)"[..] } else { field.value };
            map.entry(
                &format_args!("{}", field.name.escape_ascii()),
                &format_args!("{}", value.escape_ascii()),
            );
        }
        if self.truncated { map.finish_non_exhaustive() } else { map.finish() }
    }
}

/// The text of a gRPC request without large metadata fits.
const KEEP_TEXT_BYTES: usize = 1024;
/// As many fields as such a request may have.
const KEEP_RECORDS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn fields_come_back_in_order() {
        let mut list = FieldList::new();
        list.push(b":path", b"/a", false);
        list.push(b"x-user", b"me", true);
        list.push(b"", b"", false);
        list.push(b":path", b"/b", false);
        assert_eq!((list.len(), list.is_empty(), list.is_truncated()), (4, false, false));
        assert_eq!(list.size(), 7 + 8 + 7 + 4 * 32);
        assert_eq!(list.get(Token::Path), Some(&b"/a"[..]));
        assert_eq!(list.get(Token::Other), Some(&b"me"[..]));
        assert_eq!(list.get(Token::Te), None);
        let field = list.iter().nth(1).unwrap();
        assert_eq!((field.name, field.value, field.never_indexed), (&b"x-user"[..], &b"me"[..], true));
        let field = list.iter().nth(3).unwrap();
        assert_eq!((field.name, field.value, field.token), (&b":path"[..], &b"/b"[..], Token::Path));
        list.clear();
        assert_eq!((list.len(), list.size()), (0, 0));
    }

    #[test]
    fn only_large_buffers_are_dropped() {
        let mut list = FieldList::new();
        list.push(b"x", &[0; 100], false);
        list.shrink();
        assert!(list.text.capacity() >= 100 && list.is_empty());
        list.push(b"x", &[0; 2000], false);
        list.shrink();
        assert_eq!(list.text.capacity(), 0);
    }

    #[test]
    fn debug_hides_sensitive_values() {
        let mut list = FieldList::new();
        list.push(b"te", b"trailers\n", false);
        list.push(b"authorization", b"secret", true);
        assert_eq!(format!("{list:?}"), r"{te: trailers\n, authorization: (sensitive)}");
    }
}
