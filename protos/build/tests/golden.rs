//! The code generated for `greet.proto` is the one in `golden/greet.rs`.
//!
//! After a change that is meant, `UPDATE_GOLDEN=1 cargo test -p sailplane-build` writes the file anew;
//! the difference is what to review.

use std::path::Path;
use std::{env, fs};

#[test]
fn greet() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden");
    let config = sailplane_build::Config::new().out_dir(&out);
    config.compile(["../examples/proto/greet.proto"]).unwrap();
    let generated = fs::read_to_string(out.join("greet.rs")).unwrap();
    let golden = Path::new("tests/golden/greet.rs");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(golden, &generated).unwrap();
    }
    let expected = fs::read_to_string(golden).unwrap_or_default();
    let difference = generated.lines().zip(expected.lines()).enumerate().find(|(_, (new, old))| new != old);
    if let Some((i, (new, old))) = difference {
        panic!(
            "{}:{}:\n- {old}\n+ {new}\nrun with UPDATE_GOLDEN=1 if this is meant",
            golden.display(),
            i + 1
        );
    }
    assert_eq!(generated.len(), expected.len(), "run with UPDATE_GOLDEN=1 if this is meant");
}
