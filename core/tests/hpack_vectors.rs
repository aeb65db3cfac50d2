//! The public vectors of hpack-test-case: what a dozen encoders wrote, and what went into them.
//!
//! `SAILPLANE_TEST_VECTORS` names the folder that holds `hpack-test-case/`. Run with
//! `cargo test -p sailplane --test hpack_vectors -- --ignored`.
#![expect(clippy::unwrap_used, reason = "a vector that cannot be read fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

use sailplane::hpack::{DecodeLimits, Decoder, Encoder, FieldList, Indexing};
use serde_json::Value;

const WIDE: DecodeLimits =
    DecodeLimits { header_list_bytes_max: 1 << 24, fields_max: 1 << 16, decode_bytes_max: 1 << 24 };

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

struct Case {
    table_size: Option<usize>,
    wire: Vec<u8>,
    fields: Fields,
}

#[test]
#[ignore = "needs SAILPLANE_TEST_VECTORS"]
fn every_story_of_every_encoder_is_decoded() {
    let mut blocks = 0;
    let mut encoders = 0;
    for encoder in sorted(&folder()) {
        if !encoder.is_dir() || encoder.ends_with("raw-data") {
            continue;
        }
        encoders += 1;
        for (story, cases) in stories(&encoder) {
            let mut decoder = Decoder::new(4096);
            let mut list = FieldList::new();
            for (at, case) in cases.iter().enumerate() {
                if let Some(size) = case.table_size {
                    decoder.set_table_bytes_max(size);
                }
                let result = decoder.decode(&case.wire, &WIDE, &mut list);
                assert_eq!(result, Ok(()), "{story}, case {at}");
                assert_eq!(owned(&list), case.fields, "{story}, case {at}");
                blocks += 1;
            }
        }
    }
    assert!(encoders >= 11 && blocks > 1000, "{encoders} encoders, {blocks} blocks");
    println!("{encoders} encoders, {blocks} blocks");
}

#[test]
#[ignore = "needs SAILPLANE_TEST_VECTORS"]
fn raw_data_survives_our_encoder() {
    let (mut plain, mut coded) = (0, 0);
    for (story, cases) in stories(&folder().join("raw-data")) {
        let mut encoder = Encoder::new();
        let mut decoder = Decoder::new(4096);
        let mut oracle = hpack::Decoder::new();
        let mut list = FieldList::new();
        for (at, case) in cases.iter().enumerate() {
            let mut block = Vec::new();
            encoder.begin(&mut block);
            for (name, value) in &case.fields {
                encoder.literal(&mut block, name, value, Indexing::Indexed);
                plain += name.len() + value.len();
            }
            coded += block.len();
            decoder.decode(&block, &WIDE, &mut list).unwrap();
            assert_eq!(owned(&list), case.fields, "{story}, case {at}");
            assert_eq!(corrected(oracle.decode(&block).unwrap()), case.fields, "{story}");
        }
    }
    // An encoder that does not index would be far above this.
    assert!(coded * 2 < plain, "{coded} of {plain} octets");
    println!("{plain} octets in {coded}: {} %", coded * 100 / plain);
}

/// The oracle's static table has a wrong name at index 15.
fn corrected(mut fields: Fields) -> Fields {
    for (name, _) in &mut fields {
        if name == b"accept-" {
            *name = b"accept-charset".to_vec();
        }
    }
    fields
}

fn owned(list: &FieldList) -> Fields {
    list.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect()
}

fn folder() -> PathBuf {
    let root = std::env::var_os("SAILPLANE_TEST_VECTORS")
        .expect("SAILPLANE_TEST_VECTORS must name the folder that holds hpack-test-case/");
    let folder = Path::new(&root).join("hpack-test-case");
    assert!(folder.is_dir(), "{} is not a folder", folder.display());
    folder
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn stories(folder: &Path) -> Vec<(String, Vec<Case>)> {
    let stories: Vec<_> = sorted(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let cases = json["cases"].as_array().unwrap().iter().map(case).collect();
            (path.display().to_string(), cases)
        })
        .collect();
    assert!(!stories.is_empty(), "{} has no story", folder.display());
    stories
}

fn case(json: &Value) -> Case {
    let fields = json["headers"].as_array().unwrap().iter().map(|header| {
        let mut pairs = header.as_object().unwrap().iter();
        let (name, value) = pairs.next().unwrap();
        assert!(pairs.next().is_none());
        (name.as_bytes().to_vec(), value.as_str().unwrap().as_bytes().to_vec())
    });
    let wire = json["wire"].as_str().unwrap_or_default();
    let wire =
        (0..wire.len()).step_by(2).map(|at| u8::from_str_radix(&wire[at..at + 2], 16).unwrap()).collect();
    let table_size = json["header_table_size"].as_u64().map(|size| size.try_into().unwrap());
    Case { table_size, wire, fields: fields.collect() }
}
