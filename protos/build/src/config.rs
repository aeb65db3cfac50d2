//! The build script's side: what to compile, and how.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::{generate, output, source};

/// Which server traits are generated for a service `Greeter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Server {
    /// `Greeter`, whose functions are async.
    Async,
    /// `GreeterBlocking`, whose functions block.
    Blocking,
    /// Both of them.
    #[default]
    Both,
    /// None, for programs that are clients only.
    None,
}

impl Server {
    pub(crate) fn is_async(self) -> bool {
        matches!(self, Self::Async | Self::Both)
    }

    pub(crate) fn is_blocking(self) -> bool {
        matches!(self, Self::Blocking | Self::Both)
    }
}

/// How to generate code; [`compile`](Self::compile) does it.
///
/// ```no_run
/// fn main() -> Result<(), sailplane_build::Error> {
///     sailplane_build::Config::new()
///         .include("third_party/googleapis")
///         .server(sailplane_build::Server::Async)
///         .bytes([".shop.Picture.data"])
///         .attribute(".shop.Customer", "#[derive(PartialOrd)]")
///         .compile(["proto/shop.proto", "proto/stock.proto"])
/// }
/// ```
///
/// Paths of messages and fields are written as `prost-build` takes them: `.package.Message` is that
/// message and all that is nested in it, `.package.Message.field` a field, `.package` a package with
/// everything below, `.` everything.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) includes: Vec<PathBuf>,
    pub(crate) server: Server,
    pub(crate) client: bool,
    pub(crate) warn_renamed: bool,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) bytes: Vec<String>,
    pub(crate) extern_paths: Vec<(String, String)>,
    pub(crate) out_dir: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            includes: Vec::new(),
            server: Server::Both,
            client: true,
            warn_renamed: true,
            attributes: Vec::new(),
            bytes: Vec::new(),
            extern_paths: Vec::new(),
            out_dir: None,
        }
    }
}

impl Config {
    /// Clients, both kinds of servers, and files in `OUT_DIR`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks imports up in `folder`, too; folders given first go first.
    ///
    /// After them come `proto/`, the tree that each compiled file lies in, and the well-known types
    /// of `google.protobuf`, which need no file.
    #[must_use]
    pub fn include(mut self, folder: impl Into<PathBuf>) -> Self {
        self.includes.push(folder.into());
        self
    }

    /// Which server traits to generate: [`Server::Both`] if not said.
    #[must_use]
    pub fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// Whether to generate clients: they are, if not said.
    #[must_use]
    pub fn client(mut self, client: bool) -> Self {
        self.client = client;
        self
    }

    /// Whether to print a warning for each item that cannot have its usual name: it is printed, if not
    /// said.
    #[must_use]
    pub fn warn_renamed(mut self, warn: bool) -> Self {
        self.warn_renamed = warn;
        self
    }

    /// Puts `attribute` on the message, enum, oneof, field or enum value at `path`.
    #[must_use]
    pub fn attribute(mut self, path: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.attributes.push((path.into(), attribute.into()));
        self
    }

    /// Makes the `bytes` fields at `paths` a `bytes::Bytes`, which shares its memory, not a `Vec<u8>`.
    #[must_use]
    pub fn bytes(mut self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.bytes.extend(paths.into_iter().map(Into::into));
        self
    }

    /// Generates nothing for `proto_path`, a package or a type; refers to `rust_path` instead.
    ///
    /// `.extern_path(".google.protobuf", "::prost_types")` takes the well-known types of
    /// `prost-types`, for one.
    #[must_use]
    pub fn extern_path(mut self, proto_path: impl Into<String>, rust_path: impl Into<String>) -> Self {
        self.extern_paths.push((proto_path.into(), rust_path.into()));
        self
    }

    /// Writes to `folder`, which is created if need be, and not to `OUT_DIR`.
    #[must_use]
    pub fn out_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(folder.into());
        self
    }

    /// Generates the code of `protos` and of all that they use from imported files.
    ///
    /// Tells Cargo which files to watch. Files whose content stays the same are not written.
    ///
    /// # Errors
    /// A file cannot be read or written, is not a valid .proto file, or an option names something
    /// that does not exist.
    pub fn compile(&self, protos: impl IntoIterator<Item = impl AsRef<Path>>) -> Result<(), Error> {
        let inputs = protos.into_iter().map(|path| path.as_ref().to_owned()).collect::<Vec<_>>();
        let files = source::parse(&inputs, &self.includes)?;
        for path in files.iter().filter_map(|file| file.path.as_ref()) {
            println!("cargo:rerun-if-changed={}", path.display());
        }
        let out_dir = self.out_dir.clone().or_else(|| env::var_os("OUT_DIR").map(Into::into));
        let out_dir = out_dir.ok_or_else(|| {
            Error::new("OUT_DIR is not set").help("outside of a build script, say `.out_dir(..)`")
        })?;
        let generated = generate::generate(self, &files)?;
        for note in generated.renamed.iter().filter(|_| self.warn_renamed) {
            println!("cargo:warning=sailplane-build: {note}");
        }
        output::write(&out_dir, &generated.packages)
    }
}
