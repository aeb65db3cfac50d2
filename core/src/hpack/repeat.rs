//! A header block that is sent over and over, octet for octet.

use alloc::vec::Vec;

use super::Encoder;

/// The last encoding of a header list that repeats: most heads and trailers of calls are the same, and as
/// long as no table changed they are the same octets.
#[derive(Debug, Default)]
pub(crate) struct Repeat {
    /// Empty while there is none.
    block: Vec<u8>,
    /// The epoch of the encoder in which `block` was encoded, and which it did not change.
    epoch: u64,
}

impl Repeat {
    /// The block, where it would be written as it was.
    #[inline]
    pub(crate) fn get(&self, encoder: &Encoder) -> Option<&[u8]> {
        if self.epoch == encoder.epoch() && !self.block.is_empty() { Some(&self.block) } else { None }
    }

    /// What is written next differs.
    #[inline]
    pub(crate) fn forget(&mut self) {
        self.block.clear();
    }

    /// Appends the block: as it was, or encoded by `encode`, which must write the same header list each
    /// time, from [`Encoder::begin`] on.
    #[inline]
    pub(crate) fn write(
        &mut self,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
        encode: impl FnOnce(&mut Encoder, &mut Vec<u8>),
    ) {
        if let Some(block) = self.get(encoder) {
            return out.extend_from_slice(block);
        }
        let (start, epoch) = (out.len(), encoder.epoch());
        encode(encoder, out);
        self.block.clear();
        if epoch == encoder.epoch() {
            self.block.extend_from_slice(out.get(start..).unwrap_or_default());
            self.epoch = epoch;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DecodeLimits, Decoder, FieldList, Indexing, Token};
    use super::*;
    use quickcheck::quickcheck;

    const LIMITS: DecodeLimits =
        DecodeLimits { header_list_bytes_max: 1 << 16, fields_max: 100, decode_bytes_max: 1 << 16 };

    fn list(number: u8) -> [(Token, Vec<u8>); 2] {
        [(Token::Path, alloc::vec![b'/', b'a'.wrapping_add(number)]), (Token::Te, b"trailers".to_vec())]
    }

    fn encode(number: u8, encoder: &mut Encoder, out: &mut Vec<u8>) {
        encoder.begin(out);
        for (token, value) in list(number) {
            encoder.field(out, token, &value, Indexing::Indexed);
        }
    }

    quickcheck! {
        /// With and without repetition the octets are the same, whatever changes or evicts in between, and a
        /// decoder understands them.
        fn repeated_blocks_are_what_the_encoder_would_write(steps: Vec<(u8, u8)>) -> bool {
            let (mut plain, mut memo) = (Encoder::new(), Encoder::new());
            let mut repeats: [Repeat; 3] = Default::default();
            let mut decoder = Decoder::new(4096);
            let mut fields = FieldList::new();
            for (what, number) in steps {
                if what % 8 == 0 {
                    let size = u32::from(number) * 8;
                    plain.set_table_bytes_max(size);
                    memo.set_table_bytes_max(size);
                    continue;
                }
                let (mut expected, mut out) = (Vec::new(), Vec::new());
                let number = if what % 8 == 1 { number } else { number % 3 };
                encode(number, &mut plain, &mut expected);
                match repeats.get_mut(usize::from(number)) {
                    Some(repeat) => repeat.write(&mut memo, &mut out, |encoder, out| encode(number, encoder, out)),
                    None => encode(number, &mut memo, &mut out),
                }
                decoder.decode(&out, &LIMITS, &mut fields).unwrap();
                let decoded: Vec<_> = fields.iter().map(|field| (field.token, field.value.to_vec())).collect();
                if out != expected || decoded != list(number) {
                    return false;
                }
            }
            true
        }
    }
}
