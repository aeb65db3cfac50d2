//! Fields → header blocks (RFC 7541 §6).

use alloc::vec::Vec;
use core::fmt;

use super::dynamic_table::{DynamicTable, field_size};
use super::encoder_index::EncoderIndex;
use super::resting::RestingTable;
use super::static_table::{self, DYNAMIC_INDEX_MIN};
use super::{Token, integer, string};

/// Encodes the header blocks of one direction of a connection.
pub struct Encoder {
    table: DynamicTable,
    index: EncoderIndex,
    /// Set while the next block must begin with a size update: the lowest size since the last block.
    update_required: Option<usize>,
    epoch: u64,
}

/// An encoder between blocks, until the next one is written.
#[derive(Debug)]
pub(crate) struct RestingEncoder {
    table: RestingTable,
    update_required: Option<usize>,
}

impl RestingEncoder {
    /// The encoder as it was.
    pub(crate) fn wake(&self) -> Encoder {
        let mut index = EncoderIndex::new();
        let table = self.table.wake(|table, token, unnamed, value| {
            if table.insert(token, unnamed, value) {
                index.inserted(table, token);
            }
        });
        Encoder { table, index, update_required: self.update_required, epoch: 0 }
    }
}

/// How a field is put into a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexing {
    /// As an index if a table has it, otherwise as a literal that goes into the table unless it is
    /// large.
    Indexed,
    /// As a literal that goes into no table (RFC 7541 §6.2.2).
    NotIndexed,
    /// As a literal whose value differs from block to block. One goes into the table, so that those after
    /// it have an index for their name.
    NameIndexed,
    /// As a literal that no hop may put into a table (RFC 7541 §6.2.3): for secrets.
    Never,
}

impl Encoder {
    /// An encoder with the initial table size of 4,096. Allocates nothing until a field is inserted.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            table: DynamicTable::new(TABLE_BYTES_MAX),
            index: EncoderIndex::new(),
            update_required: None,
            epoch: 0,
        }
    }

    /// Takes over the peer's SETTINGS_HEADER_TABLE_SIZE. The table stays at 4,096 if the peer allows
    /// more: its setting never sizes our memory.
    pub fn set_table_bytes_max(&mut self, peer_setting: u32) {
        let size = usize::try_from(peer_setting).unwrap_or(usize::MAX).min(TABLE_BYTES_MAX);
        if size == self.table.size_max() {
            return;
        }
        self.table.set_size_max(size);
        self.epoch = self.epoch.wrapping_add(1);
        let lowest = self.update_required.unwrap_or(size);
        self.update_required = Some(lowest.min(size));
    }

    /// In little space. What was kept of blocks may not be used with the encoder that wakes.
    pub(crate) fn rest(&self) -> RestingEncoder {
        RestingEncoder { table: RestingTable::new(&self.table), update_required: self.update_required }
    }

    /// Starts a block. Call it before the first field of each block, also of trailers.
    ///
    /// RFC 7541 §4.2: "the smallest maximum table size that occurs in that interval MUST be signaled in
    /// a dynamic table size update. The final maximum size is always signaled".
    #[inline]
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        if let Some(lowest) = self.update_required.take() {
            self.epoch = self.epoch.wrapping_add(1);
            if lowest < self.table.size_max() {
                integer::put(out, SIZE_UPDATE, 0x1f, lowest);
            }
            integer::put(out, SIZE_UPDATE, 0x1f, self.table.size_max());
        }
    }

    /// Appends a field whose name is that of a token.
    ///
    /// [`Token::UnknownPseudo`] and [`Token::Other`] have no name: with them nothing is written.
    #[inline]
    pub fn field(&mut self, out: &mut Vec<u8>, token: Token, value: &[u8], indexing: Indexing) {
        if indexing == Indexing::Indexed {
            if let Some(index) = static_table::field_index(token, value) {
                return integer::put(out, INDEXED, 0x7f, index);
            }
            if let Some(at) = self.index.find_field(&self.table, token, &[], value) {
                return integer::put(out, INDEXED, 0x7f, dynamic_index(at));
            }
        }
        let Some(name) = token.name() else {
            debug_assert!(false, "a field needs a name");
            return;
        };
        let name_index = static_table::name_index(token);
        let name = Name { token, text: name.as_bytes(), unnamed: &[], name_index };
        self.put_literal(out, name, value, indexing);
    }

    /// Appends a field with any name, which must be lower case.
    pub fn literal(&mut self, out: &mut Vec<u8>, name: &[u8], value: &[u8], indexing: Indexing) {
        let token = Token::of(name);
        if token.name().is_some() {
            return self.field(out, token, value, indexing);
        }
        if indexing == Indexing::Indexed {
            if let Some(at) = self.index.find_field(&self.table, token, name, value) {
                return integer::put(out, INDEXED, 0x7f, dynamic_index(at));
            }
        }
        let name_index = static_table::unnamed_index(name);
        let name = Name { token, text: name, unnamed: name, name_index };
        self.put_literal(out, name, value, indexing);
    }

    /// Counts what may change the meaning of indexes: insertions and changes of the size. While it is
    /// the same, a block that was encoded without changing it means the same, and may be sent again
    /// as it is.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Appends a field that no table has.
    #[inline(never)]
    fn put_literal(&mut self, out: &mut Vec<u8>, name: Name<'_>, value: &[u8], indexing: Indexing) {
        // The place of a name is that before the insertion, even if that evicts it.
        let name_index = name.name_index.or_else(|| {
            let at = self.index.find_name(&self.table, name.token, name.unnamed)?;
            Some(dynamic_index(at))
        });
        let inserts = match indexing {
            Indexing::Indexed => true,
            Indexing::NameIndexed => name_index.is_none(),
            Indexing::NotIndexed | Indexing::Never => false,
        };
        let (flags, mask) = match indexing {
            _ if inserts && self.insert(name, value) => (WITH_INDEXING, 0x3f),
            Indexing::Indexed | Indexing::NotIndexed | Indexing::NameIndexed => (0, 0x0f),
            Indexing::Never => (NEVER_INDEXED, 0x0f),
        };
        integer::put(out, flags, mask, name_index.unwrap_or(0));
        if name_index.is_none() {
            string::put(out, name.text);
        }
        string::put(out, value);
    }

    /// Inserts a field, unless it would take much of the table. Returns whether it did.
    fn insert(&mut self, name: Name<'_>, value: &[u8]) -> bool {
        let size = field_size(name.token, name.unnamed.len(), value.len());
        if size > self.table.size_max() / INSERTED_PART_MAX {
            return false;
        }
        if !self.table.insert(name.token, name.unnamed, value) {
            return false;
        }
        self.index.inserted(&self.table, name.token);
        self.epoch = self.epoch.wrapping_add(1);
        true
    }

    #[cfg(test)]
    pub(super) const fn table(&self) -> &DynamicTable {
        &self.table
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("table_bytes_max", &self.table.size_max())
            .field("table_len", &self.table.len())
            .finish_non_exhaustive()
    }
}

/// A name and what is known of it.
#[derive(Clone, Copy)]
struct Name<'a> {
    token: Token,
    text: &'a [u8],
    /// The text if the token has no name, otherwise empty.
    unnamed: &'a [u8],
    /// Its index in the static table.
    name_index: Option<usize>,
}

/// The index of a place in the dynamic table (RFC 7541 §2.3.3).
const fn dynamic_index(at: usize) -> usize {
    at.wrapping_add(DYNAMIC_INDEX_MIN)
}

/// RFC 7541 §6.1.
const INDEXED: u8 = 0x80;
/// RFC 7541 §6.2.1.
const WITH_INDEXING: u8 = 0x40;
/// RFC 7541 §6.2.3.
const NEVER_INDEXED: u8 = 0x10;
/// RFC 7541 §6.3.
const SIZE_UPDATE: u8 = 0x20;
/// The largest table, whatever the peer allows.
const TABLE_BYTES_MAX: usize = 4096;
/// A field that takes more than a fourth of the table is not inserted: it would evict what pays more.
const INSERTED_PART_MAX: usize = 4;
