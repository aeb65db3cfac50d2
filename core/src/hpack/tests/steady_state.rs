//! What a connection costs once its peer's fields are known.

use super::*;

/// A request as nghttp2 and h2 send it: `:path` a Huffman literal that they never index.
fn request(encoder: &mut Encoder, path: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    encoder.begin(&mut block);
    encoder.field(&mut block, Token::Method, b"POST", Indexing::Indexed);
    encoder.field(&mut block, Token::Scheme, b"http", Indexing::Indexed);
    encoder.field(&mut block, Token::Path, path, Indexing::NotIndexed);
    encoder.field(&mut block, Token::Authority, b"127.0.0.1:50051", Indexing::Indexed);
    encoder.field(&mut block, Token::Te, b"trailers", Indexing::Indexed);
    encoder.field(&mut block, Token::ContentType, b"application/grpc", Indexing::Indexed);
    encoder.field(&mut block, Token::UserAgent, b"tonic/0.14.2", Indexing::Indexed);
    block
}

#[test]
fn a_repeated_request_grows_no_buffer() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    let mut fields = FieldList::new();
    let mut capacity = None;
    for turn in 0..100 {
        let block = request(&mut encoder, b"/helloworld.Greeter/SayHello");
        decoder.decode(&block, &WIDE, &mut fields).unwrap();
        assert_eq!(fields.get(Token::Path), Some(&b"/helloworld.Greeter/SayHello"[..]));
        assert_eq!(fields.get(Token::UserAgent), Some(&b"tonic/0.14.2"[..]));
        if turn > 0 {
            assert_eq!(block.len(), 6 + 1 + 1 + 21);
            let now = fields.text.capacity();
            assert_eq!(capacity.replace(now).unwrap_or(now), now);
        }
    }
}

/// Paths that take turns in the cache come out as themselves.
#[test]
fn many_paths_in_turn() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    let mut fields = FieldList::new();
    for turn in 0..500u32 {
        let path = alloc::format!("/helloworld.Greeter/Method{}", turn * turn % 13);
        let block = request(&mut encoder, path.as_bytes());
        decoder.decode(&block, &WIDE, &mut fields).unwrap();
        assert_eq!(fields.get(Token::Path), Some(path.as_bytes()));
    }
}

/// What is kept to save time never changes a result: a decoder that keeps it against one that does not.
/// Both go on after errors, which no connection does.
#[test]
fn nothing_kept_changes_a_result() {
    let blocks = [
        "83 86 04 8360d5485f be c0",
        "83 86 04 8360d5485f be c0",
        "83 86 04 8360d5485f bf",
        "82 be bf",
        "be be be be",
        "1001 7801 79",
        "4001 7801 79 be",
        "44 8360d5485f",
        "3f21 82",
        "20",
        "3f e1 1f 82",
        "04 8360d548",
        "",
    ]
    .map(hex);
    let limits = [
        WIDE,
        DecodeLimits { header_list_bytes_max: 130, ..WIDE },
        DecodeLimits { fields_max: 2, ..WIDE },
        DecodeLimits { decode_bytes_max: 140, ..WIDE },
    ];
    let settings = [4096, 4096, 4096, 64, 0];
    let mut state = 1u32;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    let mut kept = 0;
    for _ in 0..200 {
        let (mut decoder, mut forgetful) = (Decoder::new(4096), Decoder::new(4096));
        let (mut fields, mut expected) = (FieldList::new(), FieldList::new());
        for _ in 0..300 {
            if random(20) == 0 {
                let setting = settings[random(settings.len())];
                decoder.set_table_bytes_max(setting);
                forgetful.set_table_bytes_max(setting);
            }
            let block = &blocks[random(blocks.len())];
            let limits = &limits[random(12).saturating_sub(8)];
            forgetful.shrink();
            let result = forgetful.decode(block, limits, &mut expected);
            assert_eq!(decoder.decode(block, limits, &mut fields), result);
            assert!(fields.iter().eq(expected.iter()));
            assert_eq!(fields.size(), expected.size());
            assert_eq!(fields.is_truncated(), expected.is_truncated());
            assert_eq!(table(decoder.table()), table(forgetful.table()));
            kept += usize::from(result.is_ok());
        }
    }
    assert!(kept > 20_000, "{kept}");
}
