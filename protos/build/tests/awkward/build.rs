//! Generates the code of all protos next to it, whichever crate runs it.

use std::env;
use std::path::{Path, PathBuf};

use sailplane_build::{Config, Server};

fn main() -> Result<(), sailplane_build::Error> {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../awkward/proto");
    let files = [
        "prelude.proto",
        "rpcs.proto",
        "comments.proto",
        "deprecated.proto",
        "deprecated_root.proto",
        "packages/outer.proto",
        "packages/inner.proto",
        "packages/more.proto",
        "proto2.proto",
    ];
    let files = files.map(|file| proto.join(file));
    let config = Config::new()
        .warn_renamed(false)
        .include(&proto)
        .bytes([".prelude.Vec.data"])
        .attribute(".prelude.Option", "#[derive(PartialOrd)]")
        .attribute(".rpcs.Plain.text", "#[doc(alias = \"words\")]");
    config.compile(&files)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    config.clone().server(Server::None).out_dir(out.join("client")).compile(&files)?;
    config.server(Server::Blocking).client(false).out_dir(out.join("blocking")).compile(&files)
}
