//! Decoders of others.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Case, Decoded, Field, Op};
use crate::python::{Answer, Python, Worker, put_number, put_string};

/// A decoder of somebody else.
pub trait Peer {
    /// What it is called.
    fn name(&self) -> &'static str;
    /// Whether it says that a field must never be indexed.
    fn tells_never(&self) -> bool;
    /// What becomes of the blocks of each case, up to the first that fails.
    fn run(&mut self, cases: &[Case]) -> Vec<Vec<Decoded>>;
}

/// The crate `hpack`, which panics on some input (RUSTSEC-2023-0084, RUSTSEC-2023-0085).
#[derive(Clone, Copy, Debug)]
pub struct HpackCrate;

impl Peer for HpackCrate {
    fn name(&self) -> &'static str {
        "hpack crate"
    }

    fn tells_never(&self) -> bool {
        false
    }

    fn run(&mut self, cases: &[Case]) -> Vec<Vec<Decoded>> {
        let run = |case: &Case| {
            let mut decoder = hpack::Decoder::new();
            blocks(&case.ops, |op| match op {
                // It knows nothing of the setting, only of updates within blocks.
                Op::TableSize(_) => None,
                Op::Block(block) => Some(fenced(|| {
                    let mut fields = decoder.decode(block).map_err(|error| format!("{error:?}"))?;
                    // Its static table has this name cut short (RFC 7541 Appendix A, index 15).
                    for (name, _) in fields.iter_mut().filter(|(name, _)| name == b"accept-") {
                        name.extend_from_slice(b"charset");
                    }
                    Ok(fields)
                })),
            })
        };
        cases.iter().map(run).collect()
    }
}

/// The crate `loona-hpack`.
#[derive(Clone, Copy, Debug)]
pub struct LoonaHpack;

impl Peer for LoonaHpack {
    fn name(&self) -> &'static str {
        "loona-hpack"
    }

    fn tells_never(&self) -> bool {
        false
    }

    fn run(&mut self, cases: &[Case]) -> Vec<Vec<Decoded>> {
        let run = |case: &Case| {
            let mut decoder = loona_hpack::Decoder::new();
            decoder.set_max_allowed_table_size(4096);
            blocks(&case.ops, |op| match op {
                Op::TableSize(size) => {
                    decoder.set_max_allowed_table_size(*size as usize);
                    None
                }
                Op::Block(block) => {
                    Some(fenced(|| decoder.decode(block).map_err(|error| format!("{error:?}"))))
                }
            })
        };
        cases.iter().map(run).collect()
    }
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Keeps a panic from the test.
fn fenced(decode: impl FnOnce() -> Result<Pairs, String>) -> Decoded {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(pairs)) => {
            let field = |(name, value)| Field { name, value, never: false };
            Decoded::Fields(pairs.into_iter().map(field).collect(), None)
        }
        Ok(Err(error)) => Decoded::Fails(error),
        Err(_) => Decoded::Fails("panic".into()),
    }
}

/// Everything up to the first block that fails.
fn blocks(ops: &[Op], mut apply: impl FnMut(&Op) -> Option<Decoded>) -> Vec<Decoded> {
    let mut all = Vec::new();
    for decoded in ops.iter().filter_map(&mut apply) {
        let fails = matches!(decoded, Decoded::Fails(_));
        all.push(decoded);
        if fails {
            break;
        }
    }
    all
}

/// A decoder in a process of Python's.
#[derive(Debug)]
pub struct InPython {
    name: &'static str,
    worker: Worker,
}

impl InPython {
    /// Python's `hpack`.
    #[must_use]
    pub fn hpack(python: &Python) -> Self {
        Self { name: "python hpack", worker: python.worker("hpack_worker.py", &["python"]) }
    }

    /// The inflater of libnghttp2. The Python has to be [`Python::with_nghttp2`].
    #[must_use]
    pub fn nghttp2(python: &Python) -> Self {
        Self { name: "nghttp2", worker: python.worker("hpack_worker.py", &["nghttp2"]) }
    }
}

impl Peer for InPython {
    fn name(&self) -> &'static str {
        self.name
    }

    fn tells_never(&self) -> bool {
        true
    }

    fn run(&mut self, cases: &[Case]) -> Vec<Vec<Decoded>> {
        let mut request = Vec::new();
        put_number(&mut request, cases.len());
        for case in cases {
            put_number(&mut request, case.ops.len());
            for op in &case.ops {
                match op {
                    Op::Block(block) => {
                        request.push(0);
                        put_string(&mut request, block);
                    }
                    Op::TableSize(size) => {
                        request.push(1);
                        put_string(&mut request, &size.to_be_bytes());
                    }
                }
            }
        }
        let answer = self.worker.ask(&request);
        let mut answer = Answer(&answer);
        cases
            .iter()
            .map(|case| blocks(&case.ops, |op| matches!(op, Op::Block(_)).then(|| read(&mut answer))))
            .collect()
    }
}

fn read(answer: &mut Answer<'_>) -> Decoded {
    if answer.octet() == 0 {
        return Decoded::Fails(String::from_utf8_lossy(answer.string()).into_owned());
    }
    let table = answer.number() as usize;
    let count = answer.number();
    let fields = (0..count).map(|_| {
        let never = answer.octet() != 0;
        let (name, value) = (answer.string().to_vec(), answer.string().to_vec());
        Field { name, value, never }
    });
    Decoded::Fields(fields.collect(), Some(table))
}
