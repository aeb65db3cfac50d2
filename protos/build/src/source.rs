//! From paths of .proto files to checked descriptors.

use std::env;
use std::path::{Path, PathBuf};

use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, GoogleFileResolver, IncludeFileResolver};

use crate::error::Error;

/// One .proto file, parsed and checked.
pub(crate) struct ProtoFile {
    /// The descriptor, with source info.
    pub(crate) descriptor: FileDescriptorProto,
    /// The descriptor without source info, encoded; extension options are in it.
    pub(crate) encoded: Vec<u8>,
    /// `None` for a file that comes with the parser.
    pub(crate) path: Option<PathBuf>,
    /// Asked for, rather than imported.
    pub(crate) is_input: bool,
}

impl ProtoFile {
    /// The file in words, for headers and messages: never an absolute path below this crate.
    pub(crate) fn display(&self) -> String {
        let Some(path) = &self.path else { return self.descriptor.name().to_owned() };
        let here = env::current_dir().unwrap_or_default();
        let path = path.strip_prefix(here).unwrap_or(path);
        path.to_string_lossy().replace('\\', "/").trim_start_matches("./").to_owned()
    }
}

/// A `FileDescriptorSet` whose files stay encoded: decoding would drop extension options.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EncodedSet {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(crate) file: Vec<Vec<u8>>,
}

/// Parses `inputs` and all that they import; imported files come first.
pub(crate) fn parse(inputs: &[PathBuf], includes: &[PathBuf]) -> Result<Vec<ProtoFile>, Error> {
    if let Some(missing) = inputs.iter().find(|input| !input.is_file()) {
        return Err(Error::in_file("no such file", missing).help("paths are relative to Cargo.toml"));
    }
    let roots = roots(inputs, includes);
    let mut resolver = ChainFileResolver::new();
    for root in &roots {
        resolver.add(IncludeFileResolver::new(root.clone()));
    }
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    let locate = |name: &str| {
        let found = roots.iter().map(|root| root.join(name)).find(|path| path.is_file());
        found.unwrap_or_else(|| name.into())
    };
    for input in inputs {
        compiler.open_file(input).map_err(|error| Error::from_protox(&error, locate))?;
    }
    compiler.include_imports(true).include_source_info(false);
    let encoded = EncodedSet::decode(compiler.encode_file_descriptor_set().as_slice());
    let encoded = encoded.map_err(|error| Error::new(error.to_string()))?;
    compiler.include_source_info(true);
    let FileDescriptorSet { file: descriptors } = compiler.file_descriptor_set();
    let files = descriptors.into_iter().zip(encoded.file).zip(compiler.files());
    Ok(files
        .map(|((descriptor, encoded), file)| ProtoFile {
            descriptor,
            encoded,
            path: file.path().map(Path::to_owned),
            is_input: !file.is_import(),
        })
        .collect())
}

/// Where imports are looked up: `includes`, `proto/`, then each input's own tree.
fn roots(inputs: &[PathBuf], includes: &[PathBuf]) -> Vec<PathBuf> {
    let mut roots = includes.to_vec();
    let conventional = PathBuf::from("proto");
    let own = inputs.iter().flat_map(|input| own_roots(input));
    for root in std::iter::once(conventional).filter(|root| root.is_dir()).chain(own) {
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    roots
}

/// The tree that `input` lies in: if it lies in `acme/v1/` and its package is `acme.v1`, what
/// holds `acme`; its folder in any case.
fn own_roots(input: &Path) -> Vec<PathBuf> {
    let folder = match input.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let package = File::open("", input).ok().map(|file| file.file_descriptor_proto().package().to_owned());
    let package = package.unwrap_or_default().replace('.', "/");
    let ends_like_package = !package.is_empty() && folder.ends_with(&package);
    let above = ends_like_package.then(|| folder.ancestors().nth(package.split('/').count())).flatten();
    let above = above.map(|root| if root == Path::new("") { Path::new(".") } else { root });
    above.into_iter().chain([folder]).map(Path::to_owned).collect()
}
