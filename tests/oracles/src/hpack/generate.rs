//! Streams of header blocks: sound ones by the grammar of RFC 7541 §6, then some octets changed.

use sailplane::hpack::{Encoder, Indexing};

use super::{Case, Field, Op};
use crate::rng::Rng;

/// Names that the static table has, that gRPC has, and others.
const NAMES: [&str; 16] = [
    ":method",
    ":path",
    ":status",
    ":authority",
    "content-type",
    "te",
    "user-agent",
    "grpc-timeout",
    "cookie",
    "grpc-status",
    "authorization",
    "x",
    "x-trace-bin",
    "x-request-id",
    "",
    "x-a-rather-long-name-of-a-field",
];
/// Values that the static table has, and others.
const VALUES: [&str; 12] = [
    "",
    "GET",
    "POST",
    "/",
    "200",
    "trailers",
    "application/grpc",
    "0",
    "1S",
    "/greet.Greeter/SayHello",
    "a=b",
    "curl/8.0 (x86_64)",
];
/// Sizes that are set or asked for.
const SIZES: [u32; 8] = [0, 31, 32, 64, 100, 1000, 4096, 8192];

/// The case of a seed.
#[must_use]
pub fn case(seed: u64) -> Case {
    let rng = &mut Rng::new(seed);
    if rng.once_in(4) {
        return encoded(rng);
    }
    let mut case = grammar(rng);
    if rng.once_in(3) {
        let changes = 1 + rng.below(4);
        for _ in 0..changes {
            damage(rng, &mut case);
        }
    }
    case
}

/// What our encoder makes of any fields.
fn encoded(rng: &mut Rng) -> Case {
    let mut encoder = Encoder::new();
    let (mut ops, mut meaning) = (Vec::new(), Vec::new());
    for _ in 0..1 + rng.below(12) {
        if rng.once_in(6) {
            let size = *rng.one_of(&SIZES);
            encoder.set_table_bytes_max(size);
            // The peer acknowledges it by what it sends next.
            ops.push(Op::TableSize(size));
        }
        let mut block = Vec::new();
        let mut fields = Vec::new();
        encoder.begin(&mut block);
        for _ in 0..rng.below(10) {
            let indexing = *rng.one_of(&[Indexing::Indexed, Indexing::NotIndexed, Indexing::Never]);
            let (name, value) = (name(rng), value(rng));
            encoder.literal(&mut block, &name, &value, indexing);
            fields.push(Field { name, value, never: indexing == Indexing::Never });
        }
        ops.push(Op::Block(block));
        meaning.push(fields);
    }
    Case { ops, meaning: Some(meaning) }
}

/// What the writer of a stream must know to write sound blocks.
struct Writer {
    /// About how many entries the table has.
    entries: usize,
    /// The acknowledged setting.
    setting: usize,
    /// The size that the table has.
    size: usize,
    /// The smallest setting since the last block.
    lowest: usize,
}

fn grammar(rng: &mut Rng) -> Case {
    let mut writer = Writer { entries: 0, setting: 4096, size: 4096, lowest: 4096 };
    let mut ops = Vec::new();
    for _ in 0..1 + rng.below(12) {
        if rng.once_in(10) {
            let size = *rng.one_of(&SIZES);
            writer.setting = size as usize;
            writer.lowest = writer.lowest.min(writer.setting);
            ops.push(Op::TableSize(size));
        }
        let block = writer.block(rng);
        ops.push(Op::Block(block));
    }
    Case { ops, meaning: None }
}

impl Writer {
    fn block(&mut self, rng: &mut Rng) -> Vec<u8> {
        let mut out = Vec::new();
        self.size_updates(rng, &mut out);
        for _ in 0..rng.below(10) {
            self.field(rng, &mut out);
        }
        // Rarely an update where none may be.
        if rng.once_in(200) {
            let size = *rng.one_of(&SIZES) as usize;
            put_integer(rng, &mut out, 0x20, 5, size);
        }
        out
    }

    /// RFC 7541 §4.2: the smallest size in between, and the last one.
    fn size_updates(&mut self, rng: &mut Rng, out: &mut Vec<u8>) {
        let must = self.lowest < self.size;
        self.lowest = self.setting;
        if must && rng.once_in(20) || !must && !rng.once_in(12) {
            return;
        }
        let wanted = *rng.one_of(&SIZES) as usize;
        let size = if rng.once_in(30) { wanted } else { wanted.min(self.setting) };
        if must || rng.once_in(3) {
            let first = size.min(self.setting);
            put_integer(rng, out, 0x20, 5, first);
        }
        put_integer(rng, out, 0x20, 5, size);
        if rng.once_in(60) {
            put_integer(rng, out, 0x20, 5, size);
        }
        self.size = size;
        if size < 100 {
            self.entries = 0;
        }
    }

    fn field(&mut self, rng: &mut Rng, out: &mut Vec<u8>) {
        let known = 61 + self.entries.min(20);
        let index = if rng.once_in(2) { 1 + rng.below(61) } else { 1 + rng.below(known) };
        match rng.below(10) {
            0..4 => {
                // Rarely beyond the table, or 0.
                let index = if rng.once_in(60) { rng.below(130) } else { index };
                put_integer(rng, out, 0x80, 7, index);
                return;
            }
            4..7 => {
                self.entries += 1;
                let index = if rng.once_in(2) { index } else { 0 };
                put_integer(rng, out, 0x40, 6, index);
                if index == 0 {
                    put_string(rng, out, true);
                }
            }
            kind => {
                let flags = if kind == 7 { 0x10 } else { 0 };
                let index = if rng.once_in(2) { index } else { 0 };
                put_integer(rng, out, flags, 4, index);
                if index == 0 {
                    put_string(rng, out, true);
                }
            }
        }
        put_string(rng, out, false);
    }
}

fn name(rng: &mut Rng) -> Vec<u8> {
    if rng.once_in(8) { any_text(rng) } else { rng.one_of(&NAMES).as_bytes().to_vec() }
}

fn value(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0 => any_text(rng),
        1 => (0..rng.below(24)).map(|_| rng.octet()).collect(),
        2 if rng.once_in(6) => vec![b'v'; rng.below(5000)],
        _ => rng.one_of(&VALUES).as_bytes().to_vec(),
    }
}

fn any_text(rng: &mut Rng) -> Vec<u8> {
    (0..rng.below(40)).map(|_| b'a' + rng.octet() % 26).collect()
}

fn put_string(rng: &mut Rng, out: &mut Vec<u8>, is_name: bool) {
    let text = if is_name { name(rng) } else { value(rng) };
    if rng.once_in(100) {
        // What claims to be Huffman code.
        let code: Vec<u8> =
            (0..rng.below(6)).map(|_| rng.octet() | if rng.once_in(2) { 0xff } else { 0 }).collect();
        put_integer(rng, out, 0x80, 7, code.len());
        out.extend(code);
    } else if rng.once_in(2) {
        put_integer(rng, out, 0, 7, text.len());
        out.extend(text);
    } else {
        out.extend(best_string(&text));
    }
}

/// A string as our encoder writes it: Huffman code where that is shorter (RFC 7541 §5.2).
fn best_string(text: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    Encoder::new().literal(&mut block, b"x", text, Indexing::NotIndexed);
    // Before it: the kind of the field, and the name with its length.
    block.split_off(3)
}

/// RFC 7541 §5.1; now and then with octets that say nothing.
fn put_integer(rng: &mut Rng, out: &mut Vec<u8>, flags: u8, bits: u32, value: usize) {
    let max = (1usize << bits) - 1;
    if value < max {
        return out.push(flags | value as u8);
    }
    out.push(flags | max as u8);
    let mut rest = value - max;
    while rest >= 128 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    if rng.once_in(150) {
        out.push(rest as u8 | 0x80);
        out.extend(vec![0x80; rng.below(12)]);
        rest = 0;
    }
    out.push(rest as u8);
}

/// Changes one place of one block.
fn damage(rng: &mut Rng, case: &mut Case) {
    case.meaning = None;
    let at = rng.below(case.ops.len());
    let Op::Block(block) = &mut case.ops[at] else { return };
    if block.is_empty() {
        return block.push(rng.octet());
    }
    let place = rng.below(block.len());
    match rng.below(6) {
        0 => block[place] = rng.octet(),
        1 => block[place] ^= 1 << rng.below(8),
        2 => block.insert(place, rng.octet()),
        3 => _ = block.remove(place),
        4 => block.truncate(place),
        _ => {
            let piece: Vec<u8> = block[place..].iter().take(1 + rng.below(8)).copied().collect();
            block.splice(place..place, piece);
        }
    }
}
