//! Encoder → decoder, and both against the `hpack` crate, which is given valid input only.

use super::*;
use quickcheck::{Arbitrary, Gen, QuickCheck};

/// What one end says on one connection.
#[derive(Clone, Debug)]
struct Script(Vec<Block>);

#[derive(Clone, Debug)]
struct Block {
    /// Settings that the peer sends before the block.
    settings: Vec<u32>,
    fields: Vec<(Vec<u8>, Vec<u8>, Indexing)>,
}

const NAMES: [&str; 22] = [
    ":method",
    ":path",
    ":scheme",
    ":authority",
    ":status",
    ":odd",
    "te",
    "content-type",
    "grpc-status",
    "grpc-message",
    "grpc-timeout",
    "user-agent",
    "accept-language",
    "www-authenticate",
    "age",
    "x-a",
    "x-b",
    "x-c",
    "x-long-name-of-somebody-bin",
    "cookie",
    "via",
    "etag",
];
const VALUES: [&str; 14] = [
    "",
    "GET",
    "POST",
    "/",
    "/a.B/C",
    "http",
    "https",
    "200",
    "204",
    "trailers",
    "0",
    "1S",
    "application/grpc",
    "\\\\\\\\",
];

impl Arbitrary for Script {
    fn arbitrary(g: &mut Gen) -> Self {
        let blocks = usize::arbitrary(g) % 30;
        Self((0..blocks).map(|_| Block::arbitrary(g)).collect())
    }

    fn shrink(&self) -> alloc::boxed::Box<dyn Iterator<Item = Self>> {
        alloc::boxed::Box::new(self.0.shrink().map(Script))
    }
}

impl Arbitrary for Block {
    fn arbitrary(g: &mut Gen) -> Self {
        let settings = match u8::arbitrary(g) % 8 {
            0 => (0..u8::arbitrary(g) % 3).map(|_| u32::from(u16::arbitrary(g)) % 5000).collect(),
            _ => Vec::new(),
        };
        let fields = usize::arbitrary(g) % 20;
        let fields = (0..fields).map(|_| field(g)).collect();
        Self { settings, fields }
    }

    fn shrink(&self) -> alloc::boxed::Box<dyn Iterator<Item = Self>> {
        let settings = self.settings.clone();
        let fewer = (0..self.fields.len()).map({
            let fields = self.fields.clone();
            move |at| {
                let mut fields = fields.clone();
                fields.remove(at);
                Self { settings: settings.clone(), fields }
            }
        });
        alloc::boxed::Box::new(fewer)
    }
}

fn field(g: &mut Gen) -> (Vec<u8>, Vec<u8>, Indexing) {
    let name = match u8::arbitrary(g) % 8 {
        0 => [b"x-".to_vec(), Vec::arbitrary(g)].concat(),
        _ => g.choose(&NAMES).unwrap().as_bytes().to_vec(),
    };
    let value = match u8::arbitrary(g) % 4 {
        0 => Vec::arbitrary(g),
        1 if bool::arbitrary(g) => alloc::vec![u8::arbitrary(g); usize::arbitrary(g) % 1200],
        _ => g.choose(&VALUES).unwrap().as_bytes().to_vec(),
    };
    let indexing = match u8::arbitrary(g) % 6 {
        0 => Indexing::NotIndexed,
        1 => Indexing::Never,
        _ => Indexing::Indexed,
    };
    (name, value, indexing)
}

impl Block {
    fn plain(&self) -> Vec<Owned> {
        self.fields.iter().map(|(name, value, _)| (name.clone(), value.clone())).collect()
    }

    fn encode(&self, encoder: &mut Encoder) -> Vec<u8> {
        let mut out = Vec::new();
        encoder.begin(&mut out);
        for (name, value, indexing) in &self.fields {
            encoder.literal(&mut out, name, value, *indexing);
        }
        out
    }
}

fn quickcheck(tests: u64, property: fn(Script)) {
    QuickCheck::new().tests(tests).quickcheck(property as fn(Script));
}

#[test]
fn what_is_encoded_is_decoded() {
    quickcheck(300, |script| {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
        let mut fields = FieldList::new();
        for block in script.0 {
            for &setting in &block.settings {
                encoder.set_table_bytes_max(setting);
                decoder.set_table_bytes_max(setting as usize);
            }
            let wire = block.encode(&mut encoder);
            decoder.decode(&wire, &WIDE, &mut fields).unwrap();
            assert_eq!(owned(&fields), block.plain());
            for (field, (name, _, indexing)) in fields.iter().zip(&block.fields) {
                assert_eq!(field.never_indexed, *indexing == Indexing::Never);
                assert_eq!(field.token, Token::of(name));
            }
            assert_eq!(table(encoder.table()), table(decoder.table()));
            assert!(encoder.table().size() <= 4096);
        }
    });
}

#[test]
fn the_oracle_decodes_what_is_encoded() {
    // The oracle decodes Huffman bit by bit through a hash map.
    quickcheck(25, |script| {
        let (mut encoder, mut oracle) = (Encoder::new(), hpack::Decoder::new());
        for block in script.0 {
            for &setting in &block.settings {
                encoder.set_table_bytes_max(setting);
            }
            let wire = block.encode(&mut encoder);
            assert_eq!(oracle.decode(&wire).unwrap(), block.plain());
        }
    });
}

#[test]
fn what_the_oracle_encodes_is_decoded() {
    quickcheck(300, |script| {
        let (mut oracle, mut decoder) = (hpack::Encoder::new(), Decoder::new(4096));
        for block in script.0 {
            let plain = block.plain();
            let borrowed = plain.iter().map(|(name, value)| (&name[..], &value[..]));
            let wire = oracle.encode(borrowed);
            assert_eq!(decode(&mut decoder, &wire), Ok(plain));
        }
    });
}

#[test]
fn representations_are_as_asked() {
    let mut encoder = Encoder::new();
    let mut put = |token, value: &[u8], indexing| {
        let mut out = Vec::new();
        encoder.begin(&mut out);
        encoder.field(&mut out, token, value, indexing);
        out
    };
    // What the static table has is one octet.
    assert_eq!(put(Token::Method, b"POST", Indexing::Indexed), [0x83]);
    assert_eq!(put(Token::Scheme, b"https", Indexing::Indexed), [0x87]);
    assert_eq!(put(Token::Status, b"200", Indexing::Indexed), [0x88]);
    assert_eq!(put(Token::Path, b"/", Indexing::Indexed), [0x84]);
    // Inserted once, then one octet, and its name serves others.
    assert_eq!(put(Token::GrpcStatus, b"0", Indexing::Indexed)[0], 0x40);
    assert_eq!(put(Token::GrpcStatus, b"0", Indexing::Indexed), [0xbe]);
    assert_eq!(put(Token::GrpcStatus, b"\\", Indexing::NotIndexed), [0x0f, 47, 1, b'\\']);
    assert_eq!(put(Token::GrpcStatus, b"\\", Indexing::Never), [0x1f, 47, 1, b'\\']);
    assert_eq!(put(Token::GrpcStatus, b"\\", Indexing::Indexed), [0x7e, 1, b'\\']);
    // Never means never, also for what a table has.
    assert_eq!(put(Token::GrpcStatus, b"0", Indexing::Never)[0], 0x1f);
    assert_eq!(put(Token::Authorization, b"~~", Indexing::Never)[..2], [0x1f, 23 - 15]);
    // Too large a part of the table.
    assert_eq!(put(Token::Path, &[b'/'; 1100], Indexing::Indexed)[0], 0x04);
    assert_eq!(put(Token::Path, &[b'/'; 900], Indexing::Indexed)[0], 0x44);
}

#[test]
fn a_block_of_the_same_epoch_may_be_sent_again() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    let trailers = |encoder: &mut Encoder| {
        let mut block = Vec::new();
        encoder.begin(&mut block);
        encoder.field(&mut block, Token::GrpcStatus, b"0", Indexing::Indexed);
        block
    };
    let start = encoder.epoch();
    let first = trailers(&mut encoder);
    assert_ne!(encoder.epoch(), start, "the first one inserts");
    let epoch = encoder.epoch();
    let second = trailers(&mut encoder);
    assert_eq!(encoder.epoch(), epoch);
    let expected = decode(&mut decoder, &first);
    for _ in 0..3 {
        assert_eq!(decode(&mut decoder, &second), expected);
    }
    encoder.set_table_bytes_max(4096);
    assert_eq!(encoder.epoch(), epoch);
    encoder.set_table_bytes_max(100);
    assert_ne!(encoder.epoch(), epoch);
    let epoch = encoder.epoch();
    let updated = trailers(&mut encoder);
    assert_ne!(encoder.epoch(), epoch, "a block with a size update is not sent again");
    assert_eq!(decode(&mut decoder, &updated), expected);
}
