//! HPACK from outside: header blocks in, fields out (RFC 7541). The examples of its appendix C, size updates
//! and limits are beside the code.

use crate::support::wire::{END_HEADERS, REQUEST};
use crate::support::{Pair, unary};
use crate::table::Bench;
use bytes::Bytes;
use sailplane::hpack::{DecodeError, DecodeLimits, Decoder, FieldList};

const LIMITS: DecodeLimits =
    DecodeLimits { header_list_bytes_max: 1 << 16, fields_max: 1000, decode_bytes_max: 1 << 20 };

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<String, DecodeError> {
    let mut fields = FieldList::new();
    decoder.decode(block, &LIMITS, &mut fields)?;
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    Ok(fields
        .iter()
        .map(|field| format!("{}: {}", text(field.name), text(field.value)))
        .collect::<Vec<_>>()
        .join("\n"))
}

/// A literal with incremental indexing and a new name (RFC 7541 §6.2.1).
fn insert(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    let mut block = vec![0x40, length(name)];
    block.extend_from_slice(name.as_bytes());
    block.push(length(value));
    block.extend_from_slice(value.as_bytes());
    block
}

/// Which of the first entries of the dynamic table there are, by their values.
fn entries(decoder: &mut Decoder) -> Vec<String> {
    let mut found = Vec::new();
    for index in 62..80_u8 {
        match decode(decoder, &[0x80 | index]) {
            Ok(field) => found.push(field.split(": ").nth(1).unwrap_or_default().to_owned()),
            Err(error) => {
                assert_eq!(error, DecodeError::InvalidIndex, "RFC 7541 §2.3.3");
                break;
            }
        }
    }
    found
}

/// RFC 7541 §2.3.2, §2.3.3, §3.1, §3.2: the newest entry comes first, and fields keep their order.
#[test]
fn order_of_fields_and_entries() {
    let mut decoder = Decoder::new(4096);
    let block = [insert("a", "1"), vec![0x82], insert("b", "2"), vec![0xbf, 0xbe], insert("a", "1")].concat();
    assert_eq!(decode(&mut decoder, &block).unwrap(), "a: 1\n:method: GET\nb: 2\na: 1\nb: 2\na: 1");
    assert_eq!(entries(&mut decoder), ["1", "2", "1"], "duplicates are entries of their own");
}

/// RFC 7541 §2.2: each direction, and each decoder, has a table of its own.
#[test]
fn tables_are_not_shared() {
    let (mut one, mut other) = (Decoder::new(4096), Decoder::new(4096));
    decode(&mut one, &insert("a", "1")).unwrap();
    assert_eq!(decode(&mut one, &[0xbe]).unwrap(), "a: 1");
    assert_eq!(decode(&mut other, &[0xbe]), Err(DecodeError::InvalidIndex));
}

/// RFC 7541 §4.1: an entry costs its octets and 32; RFC 7541 §4.3, §4.4: what has no room is evicted, from the oldest.
#[test]
fn sizes_and_evictions() {
    for length in 0..=100_usize {
        for room in 0..=300_usize {
            let mut decoder = Decoder::new(room);
            let value = "v".repeat(length);
            for _ in 0..9 {
                decode(&mut decoder, &insert("k", &value)).unwrap();
            }
            let size = 32 + 1 + length;
            assert_eq!(entries(&mut decoder).len(), (room / size).min(9), "{length} in {room}");
        }
    }
    let mut decoder = Decoder::new(4096);
    for value in ["1", "22", "333"] {
        decode(&mut decoder, &insert("k", value)).unwrap();
    }
    // RFC 7541 §4.3: a lower size evicts at once, a higher one brings nothing back.
    for (update, left) in [
        (&[0x3f, 0x51][..], vec!["333", "22", "1"]),
        (&[0x3f, 0x49], vec!["333", "22"]),
        (&[0x3f, 0x27], vec!["333"]),
        (&[0x3f, 0xe1, 0x1f], vec!["333"]),
        (&[0x20], vec![]),
    ] {
        decode(&mut decoder, update).unwrap();
        assert_eq!(entries(&mut decoder), left, "{update:x?}");
    }
    // RFC 7541 §4.4: an entry larger than the table empties it, and is still a field.
    let mut decoder = Decoder::new(60);
    decode(&mut decoder, &insert("k", "1")).unwrap();
    let large = "v".repeat(28);
    assert_eq!(decode(&mut decoder, &insert("k", &large)).unwrap(), format!("k: {large}"));
    assert_eq!(entries(&mut decoder), [""; 0]);
}

/// RFC 7541 §6.1, §6.2: only the literal with incremental indexing changes the table.
#[test]
fn representations_and_the_table() {
    for (name, block, field, stays) in [
        ("indexed, RFC 7541 §6.1", &b"\x88"[..], ":status: 200", 0),
        ("with indexing, RFC 7541 §6.2.1", b"\x48\x03307", ":status: 307", 1),
        ("without indexing, RFC 7541 §6.2.2", b"\x08\x03307", ":status: 307", 0),
        ("never indexed, RFC 7541 §6.2.3", b"\x18\x03307", ":status: 307", 0),
        ("with indexing, a new name", b"\x40\x01a\x01b", "a: b", 1),
        ("without indexing, a new name", b"\x00\x01a\x01b", "a: b", 0),
        ("never indexed, a new name", b"\x10\x01a\x01b", "a: b", 0),
        ("nothing", b"", "", 0),
    ] {
        let mut decoder = Decoder::new(4096);
        assert_eq!(decode(&mut decoder, block).as_deref(), Ok(field), "{name}");
        assert_eq!(entries(&mut decoder).len(), stays, "{name}");
    }
}

/// RFC 7541 §5.1: integers up to 2^28 with any padding that fits five octets, as index, length and size.
#[test]
fn integers_at_their_bounds() {
    let mut decoder = Decoder::new(4096);
    for (block, expected) in [
        (&[0x3f, 0x00][..], Ok("")),
        (&[0x3f, 0x80, 0x00], Ok("")),
        (&[0x3f, 0x80, 0x80, 0x80, 0x80, 0x00], Ok("")),
        (&[0x3f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], Err(DecodeError::IntegerTooLarge)),
        (&[0x3f, 0xe2, 0xff, 0xff, 0x7f], Err(DecodeError::IntegerTooLarge)),
        (&[0x3f, 0xe1, 0xff, 0xff, 0x7f], Err(DecodeError::SizeUpdateTooLarge)),
        (&[0x3f, 0x80], Err(DecodeError::UnterminatedInteger)),
    ] {
        assert_eq!(decode(&mut decoder, block).as_deref(), expected.as_ref().map(|text| *text), "{block:x?}");
    }
}

/// RFC 7541 §7.1.3, §6.2.3: secrets go out as never-indexed literals, and what came so goes on so.
#[test]
fn secrets_are_never_indexed() {
    let mut bench = Bench::server();
    let mut block = bench.peer.block(&REQUEST);
    block.extend_from_slice(b"\x10\x06secret\x01s\x00\x05plain\x01p");
    bench.peer.frame(1, END_HEADERS, 1, &block);
    bench.answer();
    let call = bench.calls()[0];
    let head = bench.end().connection.take_request(call).unwrap();
    let sensitive: Vec<_> = head.metadata.iter().map(|field| (field.name(), field.is_sensitive())).collect();
    assert_eq!(sensitive, [("secret", true), ("plain", false)]);

    let mut pair = Pair::new();
    let mut start = unary("m");
    start.head.metadata = head.metadata.clone();
    start.head.metadata.append("authorization", "bearer").unwrap();
    start.head.metadata.append("cookie", "crumb").unwrap();
    start.head.metadata.append("some-bin", Bytes::from_static(b"\0")).unwrap();
    start.head.metadata.append_sensitive("token", "t").unwrap();
    pair.start(start);
    pair.client.drain(pair.now);
    let wrote = &pair.client.written;
    // The HEADERS frame, whose type and flags are 1 and 4.
    let at = wrote.windows(2).position(|pair| pair == [1, 4]).unwrap() - 3;
    let length = usize::from(wrote[at + 1]) * 256 + usize::from(wrote[at + 2]);
    let mut fields = FieldList::new();
    Decoder::new(4096).decode(&wrote[at + 9..at + 9 + length], &LIMITS, &mut fields).unwrap();
    let never: Vec<_> = fields
        .iter()
        .filter(|field| field.never_indexed)
        .map(|field| String::from_utf8_lossy(field.name).into_owned())
        .collect();
    assert_eq!(never, ["secret", "authorization", "cookie", "some-bin", "token"]);
}
