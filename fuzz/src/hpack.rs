//! Header blocks: any octets to the decoder, and what the encoder writes back to it.

use sailplane::error::ErrorCode;
use sailplane::hpack::{DecodeError, DecodeLimits, Decoder, Encoder, FieldList, Indexing, Token};

use crate::Input;
use crate::oracle::fenced;

const TABLES: [usize; 6] = [4096, 0, 32, 100, 1000, 65_536];

/// Name, value, whether never indexed.
type Plain = (Vec<u8>, Vec<u8>, bool);

fn plain(fields: &FieldList) -> Vec<Plain> {
    fields.iter().map(|field| (field.name.to_vec(), field.value.to_vec(), field.never_indexed)).collect()
}

/// A sequence of blocks for one decoder.
///
/// The decoder agrees with one that remembers no blocks and paths, keeps its limits, says a code of RFC 7541
/// or RFC 9113 for every error; what it decodes survives encoding; and `hpack` 0.3.0 decodes the same.
pub fn hpack_decode(data: &[u8]) {
    let mut input = Input::new(data);
    let table = input.pick(&TABLES);
    let limits = [
        DecodeLimits { header_list_bytes_max: 16 << 10, fields_max: 128, decode_bytes_max: 64 << 10 },
        DecodeLimits { header_list_bytes_max: 100, fields_max: 2, decode_bytes_max: 200 },
        DecodeLimits { header_list_bytes_max: 300, fields_max: 50, decode_bytes_max: 5000 },
    ];
    let limits = input.pick(&limits);
    let mut decoders = Decoders::new(table);
    let mut previous: &[u8] = &[];
    while !input.is_empty() {
        let block = match input.byte() {
            255 => previous,
            254 => {
                let acked = input.pick(&TABLES);
                decoders.ours.set_table_bytes_max(acked);
                decoders.forgetful.set_table_bytes_max(acked);
                // The oracle does not know that a size update is owed.
                decoders.oracle = None;
                continue;
            }
            253 => input.rest(),
            len => input.take(usize::from(len)),
        };
        if !decoders.decode(block, &limits) {
            return;
        }
        previous = block;
    }
}

struct Decoders {
    ours: Decoder,
    forgetful: Decoder,
    oracle: Option<hpack::Decoder<'static>>,
    encoder: Encoder,
    back: Decoder,
}

impl Decoders {
    fn new(table: usize) -> Self {
        let mut oracle = hpack::Decoder::new();
        oracle.set_max_table_size(table);
        Self {
            ours: Decoder::new(table),
            forgetful: Decoder::new(table),
            oracle: Some(oracle),
            encoder: Encoder::new(),
            back: Decoder::new(4096),
        }
    }

    /// Whether the connection would go on.
    fn decode(&mut self, block: &[u8], limits: &DecodeLimits) -> bool {
        let (mut fields, mut others) = (FieldList::new(), FieldList::new());
        let result = self.ours.decode(block, limits, &mut fields);
        self.forgetful.shrink();
        assert_eq!(self.forgetful.decode(block, limits, &mut others), result, "without memory");
        assert!(fields == others, "without memory: {fields:?} and {others:?}");
        match result {
            Ok(()) => {
                check_fields(&fields, limits);
                if !fields.is_truncated() {
                    self.ask(block, &fields);
                    self.encode(&fields);
                } else {
                    self.oracle = None;
                }
                true
            }
            Err(error) => {
                assert!(fields.is_empty() && fields.size() == 0);
                let too_much = matches!(error, DecodeError::TooLarge | DecodeError::StringTooLong);
                let code = if too_much { ErrorCode::ENHANCE_YOUR_CALM } else { ErrorCode::COMPRESSION_ERROR };
                assert_eq!(error.code(), code);
                false
            }
        }
    }

    /// What is sound for us is the same to the oracle.
    fn ask(&mut self, block: &[u8], fields: &FieldList) {
        let Some(mut oracle) = self.oracle.take().filter(|_| !is_misnamed(fields)) else { return };
        let Some(answer) = fenced(|| oracle.decode(block)) else { return };
        let Ok(list) = answer else { return };
        let ours: Vec<_> = plain(fields).into_iter().map(|(name, value, _)| (name, value)).collect();
        assert_eq!(list, ours, "hpack 0.3.0");
        self.oracle = Some(oracle);
    }

    /// The same list through our encoder and back.
    fn encode(&mut self, fields: &FieldList) {
        let mut block = Vec::new();
        self.encoder.begin(&mut block);
        for field in fields.iter() {
            let indexing = if field.never_indexed { Indexing::Never } else { Indexing::Indexed };
            self.encoder.literal(&mut block, field.name, field.value, indexing);
        }
        let mut back = FieldList::new();
        self.back.decode(&block, &UNLIMITED, &mut back).expect("our own block is sound");
        assert_eq!(plain(&back), plain(fields), "encoded and decoded");
    }
}

/// The oracle's static table lacks the end of one name (entry 15, RFC 7541 Appendix A), and its sizes differ with it.
fn is_misnamed(fields: &FieldList) -> bool {
    fields.iter().any(|field| field.name == b"accept-charset" || field.name == b"accept-")
}

const UNLIMITED: DecodeLimits =
    DecodeLimits { header_list_bytes_max: 1 << 24, fields_max: 100_000, decode_bytes_max: 1 << 24 };

fn check_fields(fields: &FieldList, limits: &DecodeLimits) {
    let stored: usize = fields.iter().map(|field| field.name.len() + field.value.len() + 32).sum();
    assert!(fields.len() <= limits.fields_max && stored <= limits.header_list_bytes_max);
    assert!(fields.size() <= limits.decode_bytes_max);
    assert_eq!(fields.is_truncated(), stored != fields.size(), "{stored} of {}", fields.size());
    for field in fields.iter() {
        assert_eq!(field.token, Token::of(field.name));
    }
}

const NAMES: [&str; 16] = [
    ":method",
    ":path",
    ":status",
    ":authority",
    "te",
    "content-type",
    "grpc-status",
    "grpc-timeout",
    "x",
    "x-request-id",
    "authorization",
    "cookie",
    "grpc-message",
    "a-name-that-no-table-has",
    "x-bin",
    "",
];
const VALUES: [&str; 10] = [
    "",
    "POST",
    "200",
    "/greet.Greeter/SayHello",
    "trailers",
    "application/grpc",
    "0",
    "a value of some length",
    "\u{0}\u{1}\u{7f}~~~~~~~",
    "1000000u",
];

/// Field lists through the encoder and back, while the table's size changes; the oracle reads what the encoder
/// writes, and the decoder what the oracle writes.
pub fn hpack_round_trip(data: &[u8]) {
    let mut input = Input::new(data);
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    let mut oracle = Some(hpack::Decoder::new());
    let mut other = Some((hpack::Encoder::new(), Decoder::new(4096)));
    let mut fields = FieldList::new();
    while !input.is_empty() {
        if input.one_in(8) {
            // RFC 7541 §4.2: both ends take the new size over; the oracle takes what it is told.
            let size = input.pick(&TABLES).min(4096);
            decoder.set_table_bytes_max(size);
            encoder.set_table_bytes_max(u32::try_from(size).unwrap_or(u32::MAX));
        }
        let (list, block) = encode(&mut input, &mut encoder);
        decoder.decode(&block, &UNLIMITED, &mut fields).expect("our own block is sound");
        assert_eq!(plain(&fields), list, "our block");
        if is_misnamed(&fields) {
            (oracle, other) = (None, None);
        }
        let pairs: Vec<_> = list.into_iter().map(|(name, value, _)| (name, value)).collect();
        if let Some(mut theirs) = oracle.take() {
            let answer = fenced(|| theirs.decode(&block)).expect("the oracle survives a sound block");
            assert_eq!(answer.expect("the oracle takes a sound block"), pairs);
            oracle = Some(theirs);
        }
        let Some((other, back)) = &mut other else { continue };
        let block = other.encode(pairs.iter().map(|(name, value)| (&name[..], &value[..])));
        back.decode(&block, &UNLIMITED, &mut fields).expect("the oracle's block is sound");
        let back: Vec<_> = plain(&fields).into_iter().map(|(name, value, _)| (name, value)).collect();
        assert_eq!(back, pairs, "the oracle's block");
    }
}

fn encode(input: &mut Input<'_>, encoder: &mut Encoder) -> (Vec<Plain>, Vec<u8>) {
    let (mut list, mut block) = (Vec::new(), Vec::new());
    encoder.begin(&mut block);
    for _ in 0..input.below(12) {
        let known = input.pick(&NAMES).as_bytes();
        let name = if known.is_empty() { input.chunk() } else { known };
        let value = if input.one_in(3) { input.chunk() } else { input.pick(&VALUES).as_bytes() };
        let indexing = input.pick(&[Indexing::Indexed, Indexing::NotIndexed, Indexing::Never]);
        let token = Token::of(name);
        if token.name().is_some() && input.one_in(2) {
            encoder.field(&mut block, token, value, indexing);
        } else {
            encoder.literal(&mut block, name, value, indexing);
        }
        list.push((name.to_vec(), value.to_vec(), indexing == Indexing::Never));
    }
    (list, block)
}
