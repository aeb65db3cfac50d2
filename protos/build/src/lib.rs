//! Rust code for [Sailplane] from .proto files: in a build script, without `protoc`.
//!
//! `build.rs`:
//!
//! ```ignore
//! fn main() {
//!     sailplane_build::compile("proto/helloworld.proto")
//! }
//! ```
//!
//! and in the program:
//!
//! ```ignore
//! mod helloworld {
//!     sailplane::include_proto!("helloworld");
//! }
//! ```
//!
//! # What is generated
//!
//! For `service Greeter` of the package `helloworld`, next to the messages:
//!
//! | item | what it is |
//! |---|---|
//! | `Greeter` | the async server's trait, for services on an executor |
//! | `GreeterBlocking` | the blocking server's trait, for services on threads |
//! | `GreeterClient<C>` | the client, async or blocking as its channel `C` is |
//! | `GreeterMethods` | a constant for each rpc: path, kind and codec |
//! | `GreeterServer<S>`, `GreeterBlockingServer<S>` | what a server takes |
//!
//! Rpcs become functions in snake case: `GetV2URL` is `get_v2url`. A Rust keyword is written raw
//! (`r#type`), or with an underscore where Rust has no raw form (`self_`). An rpc called `New` is
//! `new_`, since clients have a `new`. If two names would be the same, the later one gets an
//! underscore; if a message has the name of a service's item, the item gets it, and the build prints
//! a warning that says so.
//!
//! Messages are made by [`prost-build`] and refer to `prost` through `sailplane`: a program needs no
//! dependency on either. The well-known types of `google.protobuf` are generated like any other
//! message.
//!
//! # Which file to include
//!
//! - `sailplane::include_protos!()` includes `sailplane.rs`: all packages, as nested modules. This is
//!   the one to use if packages refer to each other or to well-known types.
//! - `sailplane::include_proto!("helloworld")` includes `helloworld.rs`: one package, which finds
//!   other packages only if they are included next to it in modules that have their names. What has
//!   no package is in `_.rs`.
//!
//! Generated code documents every item and raises no warning of rustc or of Clippy's default lints, in
//! libraries and programs alike. Where that takes an exception, it is on the item and has its reason:
//! clients that a server does not use, names that a proto file gives, deprecated things that others
//! refer to. In crates that warn about `unreachable_pub` or `unnameable_types`, include it in a
//! `pub mod`.
//!
//! [Sailplane]: https://docs.rs/sailplane
//! [`prost-build`]: https://docs.rs/prost-build
#![forbid(unsafe_code)]

mod comments;
mod config;
mod deprecated;
mod docs;
mod error;
mod generate;
mod messages;
mod names;
mod output;
mod service;
mod shape;
mod source;
mod tree;
mod unused;

use std::path::Path;

pub use config::{Config, Server};
pub use error::Error;

/// Generates the code of one .proto file and what it imports, into `OUT_DIR`.
///
/// For more than this, see [`Config`].
///
/// # Panics
/// With the message of the [`Error`], if there is one.
pub fn compile(proto: impl AsRef<Path>) {
    if let Err(error) = Config::new().compile([proto]) {
        panic!("\nerror: {error}\n");
    }
}
