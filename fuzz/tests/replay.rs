//! Every input of the corpora and every input that once failed, through its target.

use sailplane_fuzz::TARGETS;
use std::fs;
use std::path::{Path, PathBuf};

/// A corpus is kept small: it is minimised before it is committed.
const CORPUS_FILES_MAX: usize = 300;

/// All targets' files stay below this.
const CORPORA_BYTES_MAX: u64 = 2 << 20;

fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target)
}

fn inputs(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Says which input it was.
struct Running<'a>(&'a Path);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input is {}", self.0.display());
        }
    }
}

fn replay(name: &str) {
    let (_, target) = TARGETS.into_iter().find(|(other, _)| *other == name).expect("a target");
    let corpus = inputs(&folder("corpus", name));
    assert!(!corpus.is_empty(), "the corpus of {name} is empty");
    assert!(corpus.len() <= CORPUS_FILES_MAX, "{name}: {} files, minimise them", corpus.len());
    for path in corpus.iter().chain(&inputs(&folder("regressions", name))) {
        let _running = Running(path);
        target(&fs::read(path).expect("a readable file"));
    }
    // An empty input, and one octet of each value.
    target(&[]);
    (0..=255).for_each(|octet| target(&[octet]));
}

macro_rules! replay {
    ($($name:ident)*) => {
        $( #[test] fn $name() { replay(stringify!($name)); } )*

        #[test]
        fn every_target_is_replayed() {
            assert_eq!(TARGETS.map(|(name, _)| name), [$(stringify!($name)),*]);
        }
    };
}

replay! {
    hpack_decode
    hpack_round_trip
    frame_reader
    server_connection
    client_connection
    pair
    grpc_message
    texts
    metadata
    generated_code
}

#[test]
fn the_corpora_stay_small() {
    let files = TARGETS.iter().flat_map(|(name, _)| inputs(&folder("corpus", name)));
    let octets: u64 = files.map(|path| fs::metadata(path).expect("a file").len()).sum();
    assert!(octets < CORPORA_BYTES_MAX, "{octets} octets");
}
