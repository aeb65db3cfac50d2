//! Header blocks → fields (RFC 7541 §3, §6).

use core::fmt;

use super::block_memo::{BlockMemo, Known, Stamp};
use super::dynamic_table::{DynamicTable, TableField, field_size};
use super::path_cache::PathCache;
use super::resting::RestingTable;
use super::static_table::{self, DYNAMIC_INDEX_MIN};
use super::string::EncodedString;
use super::{DecodeError, FieldList, Token, integer};

/// Decodes the header blocks of one direction of a connection.
pub struct Decoder {
    table: DynamicTable,
    /// The acknowledged SETTINGS_HEADER_TABLE_SIZE: no size update may exceed it.
    table_bytes_max: usize,
    /// Set while the next block must begin with a size update: the lowest setting acknowledged since
    /// the last block, which that update must not exceed.
    update_required: Option<usize>,
    paths: PathCache,
    blocks: BlockMemo,
}

/// A decoder between blocks, until the next one comes.
#[derive(Debug)]
pub(crate) struct RestingDecoder {
    table: RestingTable,
    table_bytes_max: usize,
    update_required: Option<usize>,
}

impl RestingDecoder {
    /// The decoder as it was.
    pub(crate) fn wake(&self) -> Decoder {
        let table = self.table.wake(|table, token, unnamed, value| {
            table.insert(token, unnamed, value);
        });
        let Self { table_bytes_max, update_required, .. } = *self;
        Decoder { table, table_bytes_max, update_required, paths: PathCache::new(), blocks: BlockMemo::new() }
    }
}

/// How much of a block is decoded and how much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// The largest list that is stored whole. Fields from there on are decoded but not stored, and the
    /// list says that it [is truncated](FieldList::is_truncated).
    pub header_list_bytes_max: usize,
    /// The most fields that are stored; beyond it as above.
    pub fields_max: usize,
    /// The largest list that is decoded at all. A larger one fails, and the connection with it. At
    /// most 1 GiB.
    pub decode_bytes_max: usize,
}

impl Decoder {
    /// A decoder whose table may have this size, which is the acknowledged (at first 4,096)
    /// SETTINGS_HEADER_TABLE_SIZE. Allocates nothing until a field is inserted.
    #[must_use]
    pub const fn new(table_bytes_max: usize) -> Self {
        let table_bytes_max = clamp(table_bytes_max, TABLE_BYTES_MAX);
        Self {
            table: DynamicTable::new(table_bytes_max),
            table_bytes_max,
            update_required: None,
            paths: PathCache::new(),
            blocks: BlockMemo::new(),
        }
    }

    /// Takes over our SETTINGS_HEADER_TABLE_SIZE once it is acknowledged. If that is below the size of
    /// the table, the next block must begin with a size update.
    pub fn set_table_bytes_max(&mut self, acked: usize) {
        let acked = acked.min(TABLE_BYTES_MAX);
        self.table_bytes_max = acked;
        if acked < self.table.size_max() {
            let lowest = self.update_required.unwrap_or(acked);
            self.update_required = Some(lowest.min(acked));
        }
    }

    /// The size of the dynamic table's entries (RFC 7541 §4.1): equal to that of the peer's encoder once all
    /// blocks are decoded.
    #[must_use]
    pub const fn table_size(&self) -> usize {
        self.table.size()
    }

    /// Drops what only saves time, for a connection that becomes idle.
    pub fn shrink(&mut self) {
        self.paths = PathCache::new();
        self.blocks.shrink();
    }

    /// Without what only saves time, in little space.
    pub(crate) fn rest(&self) -> RestingDecoder {
        RestingDecoder {
            table: RestingTable::new(&self.table),
            table_bytes_max: self.table_bytes_max,
            update_required: self.update_required,
        }
    }

    /// Decodes one complete header block into `fields`, which it clears before.
    ///
    /// The effect on the table is always complete, also if the list is truncated. After an error it is
    /// not: the connection must end with [`DecodeError::code`]. `fields` is empty then.
    pub fn decode(
        &mut self,
        block: &[u8],
        limits: &DecodeLimits,
        fields: &mut FieldList,
    ) -> Result<(), DecodeError> {
        if let Some(stamp) = self.recognise_or_decode(block, limits, fields)? {
            self.copy_recognised(stamp, fields);
        }
        Ok(())
    }

    /// As [`decode`](Self::decode), but leaves `fields` as it is where the block is one that came before,
    /// octet for octet, and means the same. Its stamp says which, and `copy_recognised` gives its fields.
    #[inline]
    pub(crate) fn recognise_or_decode(
        &mut self,
        block: &[u8],
        limits: &DecodeLimits,
        fields: &mut FieldList,
    ) -> Result<Option<Stamp>, DecodeError> {
        let known = match self.blocks.get(block) {
            Known::Fields(stamp, list) if list.is_within(limits) && self.update_required.is_none() => {
                return Ok(Some(stamp));
            }
            Known::Fields(..) | Known::Nothing => None,
            Known::Block(at) => Some(at),
        };
        self.decode_unknown(block, limits, fields, known)?;
        Ok(None)
    }

    /// The fields of the block that was recognised last.
    pub(crate) fn copy_recognised(&self, stamp: Stamp, fields: &mut FieldList) {
        match self.blocks.fields(stamp) {
            Some(list) => fields.copy_from(list),
            None => {
                debug_assert!(false, "a stamp is asked for before the next block is decoded");
                fields.clear();
            }
        }
    }

    /// Decodes a block whose fields are not kept. `known` is its place if it came before.
    #[inline(never)]
    fn decode_unknown(
        &mut self,
        block: &[u8],
        limits: &DecodeLimits,
        fields: &mut FieldList,
        known: Option<usize>,
    ) -> Result<(), DecodeError> {
        fields.clear();
        let decode_bytes_max = limits.decode_bytes_max.min(DECODE_BYTES_MAX);
        let limits = DecodeLimits {
            header_list_bytes_max: limits.header_list_bytes_max.min(decode_bytes_max),
            fields_max: limits.fields_max,
            decode_bytes_max,
        };
        let changes = self.table.changes();
        if let Err(error) = self.decode_block(block, &limits, fields) {
            fields.clear();
            self.blocks.forget();
            return Err(error);
        }
        if self.table.changes() != changes {
            self.blocks.forget();
        } else if let Some(at) = known {
            self.blocks.put_fields(at, fields);
        } else {
            self.blocks.put_block(block);
        }
        Ok(())
    }

    fn decode_block(
        &mut self,
        mut input: &[u8],
        limits: &DecodeLimits,
        fields: &mut FieldList,
    ) -> Result<(), DecodeError> {
        let updates = self.take_size_updates(&mut input)?;
        while let Some((&first, rest)) = input.split_first() {
            if first & 0x80 != 0 {
                let index = match first & 0x7f {
                    0x7f => integer::take(&mut input, 0x7f)?,
                    short => {
                        input = rest;
                        usize::from(short)
                    }
                };
                // RFC 7541 §6.1.
                let field = self.get(index)?;
                if fields.admit(field.size as usize, limits)? {
                    fields.store(field);
                }
            } else if first & 0x40 != 0 {
                self.take_literal(&mut input, 0x3f, limits, fields)?;
            } else if first & 0x20 == 0 {
                self.take_literal(&mut input, 0x0f, limits, fields)?;
            } else if updates == SIZE_UPDATES_MAX && fields.size() == 0 {
                return Err(DecodeError::TooManySizeUpdates);
            } else {
                return Err(DecodeError::SizeUpdateNotAtStart);
            }
        }
        Ok(())
    }

    /// Takes the size updates at the start of a block and returns how many there were.
    ///
    /// RFC 7541 §4.2: "This dynamic table size update MUST occur at the beginning of the first header
    /// block following the change to the dynamic table size." Two are enough for any number of changes.
    fn take_size_updates(&mut self, input: &mut &[u8]) -> Result<u32, DecodeError> {
        let mut updates = 0u32;
        while updates < SIZE_UPDATES_MAX && input.first().is_some_and(|first| first & 0xe0 == 0x20) {
            let size = integer::take(input, 0x1f)?;
            // RFC 7541 §6.3: "The new maximum size MUST be lower than or equal to the limit determined
            // by the protocol using HPACK."
            if size > self.table_bytes_max {
                return Err(DecodeError::SizeUpdateTooLarge);
            }
            if self.update_required.take().is_some_and(|lowest| size > lowest) {
                return Err(DecodeError::MissingSizeUpdate);
            }
            self.table.set_size_max(size);
            updates = updates.wrapping_add(1);
        }
        // RFC 9113 §4.3.1: a block after a reduction that was acknowledged starts with a conformant update.
        if self.update_required.is_some() {
            return Err(DecodeError::MissingSizeUpdate);
        }
        Ok(updates)
    }

    /// RFC 7541 §6.2. The text goes to the end of the list's buffer, and from there to the table; if the
    /// field is not stored it is taken back.
    fn take_literal(
        &mut self,
        input: &mut &[u8],
        index_mask: u8,
        limits: &DecodeLimits,
        fields: &mut FieldList,
    ) -> Result<(), DecodeError> {
        let never_indexed = input.first().is_some_and(|first| first & 0xf0 == 0x10);
        let start = fields.text.len();
        // What this field may still have.
        let len_max = limits.decode_bytes_max.saturating_sub(fields.size()).saturating_sub(32);

        let index = integer::take(input, index_mask)?;
        let token = if index == 0 {
            let name = EncodedString::take(input, limits.decode_bytes_max)?;
            name.decode(&mut fields.text, len_max)?;
            let token = Token::of(fields.text.get(start..).unwrap_or_default());
            if token.name().is_some() {
                fields.text.truncate(start);
            }
            token
        } else {
            let field = self.get(index)?;
            fields.text.extend_from_slice(field.unnamed());
            field.token
        };
        let value_start = fields.text.len();

        let value = EncodedString::take(input, limits.decode_bytes_max)?;
        if token == Token::Path && value.is_huffman {
            self.decode_path(value, fields, len_max)?;
        } else {
            value.decode(&mut fields.text, len_max)?;
        }

        let unnamed_len = value_start.saturating_sub(start);
        let value_len = fields.text.len().saturating_sub(value_start);
        let is_stored = fields.admit(field_size(token, unnamed_len, value_len), limits)?;
        if index_mask == 0x3f {
            let text = fields.text.get(start..).unwrap_or_default();
            let (unnamed, value) = text.split_at_checked(unnamed_len).unwrap_or_default();
            self.table.insert(token, unnamed, value);
        }
        if is_stored {
            fields.record(token, start, unnamed_len, never_indexed);
        } else {
            fields.text.truncate(start);
        }
        Ok(())
    }

    fn decode_path(
        &mut self,
        value: EncodedString<'_>,
        fields: &mut FieldList,
        len_max: usize,
    ) -> Result<(), DecodeError> {
        if let Some(text) = self.paths.get(value.octets) {
            fields.text.extend_from_slice(text);
            return Ok(());
        }
        let start = fields.text.len();
        value.decode(&mut fields.text, len_max)?;
        self.paths.put(value.octets, fields.text.get(start..).unwrap_or_default());
        Ok(())
    }

    /// The field at an index of both tables (RFC 7541 §2.3.3).
    #[inline]
    fn get(&self, index: usize) -> Result<TableField<'_>, DecodeError> {
        let field = match index.checked_sub(DYNAMIC_INDEX_MIN) {
            Some(at) => self.table.get(at),
            None => static_table::get(index),
        };
        field.ok_or(DecodeError::InvalidIndex)
    }

    #[cfg(test)]
    pub(super) const fn table(&self) -> &DynamicTable {
        &self.table
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("table_bytes_max", &self.table_bytes_max)
            .field("table_len", &self.table.len())
            .finish_non_exhaustive()
    }
}

const fn clamp(value: usize, max: usize) -> usize {
    if value < max { value } else { max }
}

/// More than two size updates in a block never mean anything.
const SIZE_UPDATES_MAX: u32 = 2;
/// What an integer can say; keeps the records of the table small.
const TABLE_BYTES_MAX: usize = 1 << 28;
/// Keeps the records of a list small.
const DECODE_BYTES_MAX: usize = 1 << 30;
