//! The Huffman code (RFC 7541 Appendix B): the lengths of its codes, and the tables that the compiler
//! derives from them. The code is canonical, so that lengths give the codes.

/// EOS as a symbol; octets are the symbols below.
pub(super) const EOS: u16 = 256;

/// The bits that one look-up sees.
pub(super) const STEP_BITS: u32 = 12;

/// The length of each symbol's code in bits.
#[rustfmt::skip]
pub(super) static LENGTHS: [u8; 257] = LENGTHS_CONST;

#[rustfmt::skip]
const LENGTHS_CONST: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
    6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23,
    23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22,
    22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26,
    27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
    25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

/// The code of each symbol, in the low bits.
pub(super) static CODES: [u32; 257] = CANONICAL.codes;

/// What the next twelve bits hold.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// The symbols; the second is zero if there is none.
    pub(super) symbols: [u8; 2],
    /// How many symbols there are: none if the first code is longer than twelve bits.
    pub(super) count: u8,
    /// The bits of the first code in the low half, the bits of all codes in the high half.
    bits: u8,
}

impl Step {
    const NONE: Self = Self { symbols: [0; 2], count: 0, bits: 0 };

    /// The bits of the first code.
    #[inline]
    pub(super) const fn first_bits(self) -> u32 {
        (self.bits & 0x0f) as u32
    }

    /// The bits of all codes.
    #[inline]
    pub(super) const fn bits(self) -> u32 {
        (self.bits >> 4) as u32
    }
}

/// Look-up by the next twelve bits.
pub(super) static STEPS: [Step; 1 << STEP_BITS] = steps();

/// The codes of one length, which are consecutive.
#[derive(Clone, Copy)]
pub(super) struct Length {
    /// The length in bits.
    pub(super) bits: u32,
    /// The first code, moved up to thirty bits.
    pub(super) first: u32,
    /// The first code of the next length, moved up to thirty bits.
    pub(super) end: u32,
    /// Where the symbols of this length begin in [`SYMBOLS`].
    pub(super) symbols_at: usize,
}

/// The lengths that [`STEPS`] does not cover, in order. Lengths without a code are empty ranges.
pub(super) static LONG_LENGTHS: [Length; 18] = CANONICAL.long_lengths;

/// All symbols in the order of their codes.
pub(super) static SYMBOLS: [u16; 257] = CANONICAL.symbols;

struct Canonical {
    codes: [u32; 257],
    symbols: [u16; 257],
    long_lengths: [Length; 18],
}

const CANONICAL: Canonical = canonical();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs in the compiler, over our own table"
)]
const fn canonical() -> Canonical {
    let none = Length { bits: 0, first: 0, end: 0, symbols_at: 0 };
    let mut table = Canonical { codes: [0; 257], symbols: [0; 257], long_lengths: [none; 18] };
    let mut code = 0;
    let mut sorted = 0;
    let mut bits = 1;
    while bits <= 30 {
        let first = code;
        let symbols_at = sorted;
        let mut symbol = 0;
        while symbol <= EOS {
            if LENGTHS_CONST[symbol as usize] as u32 == bits {
                table.codes[symbol as usize] = code;
                table.symbols[sorted] = symbol;
                code += 1;
                sorted += 1;
            }
            symbol += 1;
        }
        if bits > STEP_BITS {
            let up = 30 - bits;
            let length = Length { bits, first: first << up, end: code << up, symbols_at };
            table.long_lengths[(bits - STEP_BITS - 1) as usize] = length;
        }
        code <<= 1;
        bits += 1;
    }
    table
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs in the compiler, over our own table"
)]
const fn steps() -> [Step; 1 << STEP_BITS] {
    let mut single = [Step::NONE; 1 << STEP_BITS];
    let mut symbol = 0;
    while symbol < EOS {
        let bits = LENGTHS_CONST[symbol as usize];
        if bits as u32 <= STEP_BITS {
            let up = STEP_BITS - bits as u32;
            let mut at = (CANONICAL.codes[symbol as usize] << up) as usize;
            let end = at + (1 << up);
            while at < end {
                single[at] = Step { symbols: [symbol as u8, 0], count: 1, bits: bits | bits << 4 };
                at += 1;
            }
        }
        symbol += 1;
    }
    let mut both = single;
    let mut at = 0;
    while at < both.len() {
        let first = single[at];
        let second = single[(at << first.first_bits()) % single.len()];
        let bits = first.first_bits() + second.first_bits();
        if first.count == 1 && second.count == 1 && bits <= STEP_BITS {
            both[at] = Step {
                symbols: [first.symbols[0], second.symbols[0]],
                count: 2,
                bits: first.first_bits() as u8 | (bits as u8) << 4,
            };
        }
        at += 1;
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7541 Appendix B, column "code as hex".
    #[rustfmt::skip]
    const APPENDIX_B: [u32; 257] = [
        0x1ff8, 0x7fffd8, 0xfffffe2, 0xfffffe3, 0xfffffe4, 0xfffffe5, 0xfffffe6, 0xfffffe7, 0xfffffe8,
        0xffffea, 0x3ffffffc, 0xfffffe9, 0xfffffea, 0x3ffffffd, 0xfffffeb, 0xfffffec, 0xfffffed,
        0xfffffee, 0xfffffef, 0xffffff0, 0xffffff1, 0xffffff2, 0x3ffffffe, 0xffffff3, 0xffffff4,
        0xffffff5, 0xffffff6, 0xffffff7, 0xffffff8, 0xffffff9, 0xffffffa, 0xffffffb, 0x14, 0x3f8, 0x3f9,
        0xffa, 0x1ff9, 0x15, 0xf8, 0x7fa, 0x3fa, 0x3fb, 0xf9, 0x7fb, 0xfa, 0x16, 0x17, 0x18, 0x0, 0x1,
        0x2, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x5c, 0xfb, 0x7ffc, 0x20, 0xffb, 0x3fc, 0x1ffa,
        0x21, 0x5d, 0x5e, 0x5f, 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b,
        0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0xfc, 0x73, 0xfd, 0x1ffb, 0x7fff0, 0x1ffc, 0x3ffc,
        0x22, 0x7ffd, 0x3, 0x23, 0x4, 0x24, 0x5, 0x25, 0x26, 0x27, 0x6, 0x74, 0x75, 0x28, 0x29, 0x2a,
        0x7, 0x2b, 0x76, 0x2c, 0x8, 0x9, 0x2d, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7ffe, 0x7fc, 0x3ffd,
        0x1ffd, 0xffffffc, 0xfffe6, 0x3fffd2, 0xfffe7, 0xfffe8, 0x3fffd3, 0x3fffd4, 0x3fffd5, 0x7fffd9,
        0x3fffd6, 0x7fffda, 0x7fffdb, 0x7fffdc, 0x7fffdd, 0x7fffde, 0xffffeb, 0x7fffdf, 0xffffec,
        0xffffed, 0x3fffd7, 0x7fffe0, 0xffffee, 0x7fffe1, 0x7fffe2, 0x7fffe3, 0x7fffe4, 0x1fffdc,
        0x3fffd8, 0x7fffe5, 0x3fffd9, 0x7fffe6, 0x7fffe7, 0xffffef, 0x3fffda, 0x1fffdd, 0xfffe9,
        0x3fffdb, 0x3fffdc, 0x7fffe8, 0x7fffe9, 0x1fffde, 0x7fffea, 0x3fffdd, 0x3fffde, 0xfffff0,
        0x1fffdf, 0x3fffdf, 0x7fffeb, 0x7fffec, 0x1fffe0, 0x1fffe1, 0x3fffe0, 0x1fffe2, 0x7fffed,
        0x3fffe1, 0x7fffee, 0x7fffef, 0xfffea, 0x3fffe2, 0x3fffe3, 0x3fffe4, 0x7ffff0, 0x3fffe5,
        0x3fffe6, 0x7ffff1, 0x3ffffe0, 0x3ffffe1, 0xfffeb, 0x7fff1, 0x3fffe7, 0x7ffff2, 0x3fffe8,
        0x1ffffec, 0x3ffffe2, 0x3ffffe3, 0x3ffffe4, 0x7ffffde, 0x7ffffdf, 0x3ffffe5, 0xfffff1,
        0x1ffffed, 0x7fff2, 0x1fffe3, 0x3ffffe6, 0x7ffffe0, 0x7ffffe1, 0x3ffffe7, 0x7ffffe2, 0xfffff2,
        0x1fffe4, 0x1fffe5, 0x3ffffe8, 0x3ffffe9, 0xffffffd, 0x7ffffe3, 0x7ffffe4, 0x7ffffe5, 0xfffec,
        0xfffff3, 0xfffed, 0x1fffe6, 0x3fffe9, 0x1fffe7, 0x1fffe8, 0x7ffff3, 0x3fffea, 0x3fffeb,
        0x1ffffee, 0x1ffffef, 0xfffff4, 0xfffff5, 0x3ffffea, 0x7ffff4, 0x3ffffeb, 0x7ffffe6, 0x3ffffec,
        0x3ffffed, 0x7ffffe7, 0x7ffffe8, 0x7ffffe9, 0x7ffffea, 0x7ffffeb, 0xffffffe, 0x7ffffec,
        0x7ffffed, 0x7ffffee, 0x7ffffef, 0x7fffff0, 0x3ffffee, 0x3fffffff,
    ];

    #[test]
    fn codes_are_those_of_appendix_b() {
        assert_eq!(CODES, APPENDIX_B);
    }

    #[test]
    fn the_code_is_complete() {
        let sum: u64 = LENGTHS.iter().map(|&bits| 1 << (30 - bits)).sum();
        assert_eq!(sum, 1 << 30);
    }

    #[test]
    fn every_symbol_is_found_by_its_code() {
        for (symbol, (&code, &bits)) in CODES.iter().zip(&LENGTHS).enumerate() {
            let bits = u32::from(bits);
            if bits <= STEP_BITS {
                let step = STEPS[(code << (STEP_BITS - bits)) as usize];
                assert!(step.count >= 1);
                assert_eq!((usize::from(step.symbols[0]), step.first_bits()), (symbol, bits));
            } else {
                let word = code << (30 - bits);
                let length = LONG_LENGTHS.iter().find(|length| word < length.end).unwrap();
                assert_eq!(length.bits, bits);
                let at = length.symbols_at + ((word - length.first) >> (30 - bits)) as usize;
                assert_eq!(usize::from(SYMBOLS[at]), symbol);
            }
        }
    }
}
