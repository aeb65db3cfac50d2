//! HPACK: streams of header blocks through our decoder and others.

pub mod compare;
pub mod generate;
pub mod peers;

use sailplane::hpack::{DecodeError, DecodeLimits, Decoder, FieldList};

/// What happens to the decoder of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A whole header block.
    Block(Vec<u8>),
    /// The peer acknowledged our SETTINGS_HEADER_TABLE_SIZE.
    TableSize(u32),
}

/// The decoder's life on one connection.
#[derive(Clone, Debug)]
pub struct Case {
    /// What happens, in order.
    pub ops: Vec<Op>,
    /// What each block means, where that is known.
    pub meaning: Option<Vec<Vec<Field>>>,
}

/// A decoded field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// It must never be indexed; false where an implementation does not tell.
    pub never: bool,
}

/// What became of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// Its fields, and the size of the dynamic table after it where an implementation tells that.
    Fields(Vec<Field>, Option<usize>),
    /// Why it cannot be decoded. Nothing follows.
    Fails(String),
}

/// More than any block of a test has.
const LIMITS: DecodeLimits =
    DecodeLimits { header_list_bytes_max: 1 << 30, fields_max: 1 << 20, decode_bytes_max: 1 << 30 };

/// Ours.
#[derive(Debug)]
pub struct Ours {
    decoder: Decoder,
    fields: FieldList,
}

impl Default for Ours {
    fn default() -> Self {
        Self { decoder: Decoder::new(4096), fields: FieldList::new() }
    }
}

impl Ours {
    /// Does one thing; what became of it if it was a block.
    pub fn apply(&mut self, op: &Op) -> Option<Result<Decoded, DecodeError>> {
        match op {
            Op::TableSize(size) => {
                self.decoder.set_table_bytes_max(*size as usize);
                None
            }
            Op::Block(block) => Some(self.decode(block)),
        }
    }

    fn decode(&mut self, block: &[u8]) -> Result<Decoded, DecodeError> {
        self.decoder.decode(block, &LIMITS, &mut self.fields)?;
        let fields = self.fields.iter().map(|field| Field {
            name: field.name.to_vec(),
            value: field.value.to_vec(),
            never: field.never_indexed,
        });
        Ok(Decoded::Fields(fields.collect(), Some(self.decoder.table_size())))
    }

    /// The whole case, up to the first block that fails.
    #[must_use]
    pub fn run(case: &Case) -> Vec<Decoded> {
        let mut ours = Self::default();
        let mut all = Vec::new();
        for outcome in case.ops.iter().filter_map(|op| ours.apply(op)) {
            match outcome {
                Ok(decoded) => all.push(decoded),
                Err(error) => {
                    all.push(Decoded::Fails(format!("{error:?}")));
                    break;
                }
            }
        }
        all
    }
}
