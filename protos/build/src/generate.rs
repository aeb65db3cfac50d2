//! From parsed files to the code of each package.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use prost_build::Module;
use prost_types::{DescriptorProto, FileDescriptorProto};

use crate::config::Config;
use crate::deprecated;
use crate::docs::Docs;
use crate::error::Error;
use crate::messages::{self, RpcTypes, full_name};
use crate::names;
use crate::service::{self, Service};
use crate::shape;
use crate::source::ProtoFile;
use crate::unused;

/// The code of all packages.
pub(crate) struct Generated {
    pub(crate) packages: Vec<Package>,
    /// A sentence for each item that could not have its usual name.
    pub(crate) renamed: Vec<String>,
}

/// The code of one package.
pub(crate) struct Package {
    /// The package's name in the proto files.
    pub(crate) name: String,
    pub(crate) module: Module,
    /// The files that it comes from.
    pub(crate) sources: Vec<String>,
    /// What the `package` statements say about it.
    pub(crate) docs: Vec<String>,
    pub(crate) code: Code,
}

/// Formatted code, in the order in which it is read.
#[derive(Default)]
pub(crate) struct Code {
    /// Messages, traits, clients, methods.
    pub(crate) items: String,
    /// Servers and descriptors.
    pub(crate) plumbing: String,
}

/// One file that code is generated for.
struct Used<'a> {
    file: &'a ProtoFile,
    docs: Docs,
}

/// Generates the code of all files that are used.
pub(crate) fn generate(config: &Config, files: &[ProtoFile]) -> Result<Generated, Error> {
    let used = used(files);
    let used = files.iter().filter(|file| used.contains(file.descriptor.name()));
    let used = used.map(|file| Used { file, docs: Docs::of(&file.descriptor) }).collect::<Vec<_>>();
    let descriptors = used.iter().map(|used| (&used.file.descriptor, &used.docs)).collect::<Vec<_>>();
    let mut messages = messages::generate(config, &descriptors)?;
    let deprecated = deprecated::deprecated_types(descriptors.iter().map(|(file, _)| *file));

    let rpc_types = unused::rpc_types(&messages.types);
    let mut by_package = BTreeMap::<&str, Vec<&Used<'_>>>::new();
    for used in used.iter().filter(|used| !is_extern(config, used.file)) {
        by_package.entry(used.file.descriptor.package()).or_default().push(used);
    }
    let mut generated = Generated { packages: Vec::new(), renamed: Vec::new() };
    for (name, used) in by_package {
        let module = Module::from_protobuf_package_name(name);
        if let Some(other) = generated.packages.iter().find(|package| package.module == module) {
            let name = &other.name;
            return Err(Error::new(format!("a second package has the Rust module of `{name}`")));
        }
        let mut code = messages.code.remove(&module).unwrap_or_else(|| syn::parse_quote!());
        shape::shape(&mut code, &module, name, &deprecated, &rpc_types);
        let types = shape::type_names(&code);
        let (services, notes) = services(&used, &types, &messages.types, &deprecated);
        generated.renamed.extend(notes.into_iter().map(|note| format!("package `{name}`: {note}")));
        let closure = |used: &Used<'_>| service::descriptor_set(used.file, files);
        let sets = used.iter().filter(|used| !used.file.descriptor.service.is_empty());
        let sets = sets.map(|used| (used.file.descriptor.name(), closure(used))).collect::<Vec<_>>();
        generated.packages.push(Package {
            name: name.to_owned(),
            module,
            sources: used.iter().map(|used| used.file.display()).collect(),
            docs: used
                .iter()
                .map(|used| used.docs.package())
                .find(|docs| !docs.is_empty())
                .unwrap_or_default(),
            code: service::package_code(config, &code, &services, &types, &sets)?,
        });
    }
    Ok(generated)
}

/// The services of a package, with their Rust names.
fn services(
    used: &[&Used<'_>],
    types: &[String],
    rpc_types: &RpcTypes,
    deprecated: &HashSet<String>,
) -> (Vec<Service>, Vec<String>) {
    let all = used.iter().flat_map(|used| {
        used.file.descriptor.service.iter().enumerate().map(move |(i, service)| (*used, i, service))
    });
    let all = all.collect::<Vec<_>>();
    let protos = all.iter().map(|(_, _, service)| service.name()).collect::<Vec<_>>();
    let (names, notes) = names::services(types, &protos);
    let services = all.iter().zip(names).map(|((used, i, service), names)| {
        let full = full_name(used.file.descriptor.package(), service.name());
        let rpc_types = rpc_types.get(&full).map(Vec::as_slice).unwrap_or_default();
        let file = used.file.descriptor.name();
        Service::new(file, full, names, service, rpc_types, (&used.docs, *i), deprecated)
    });
    (services.collect(), notes)
}

/// Names of the files that code is generated for or refers to: the inputs, and imported files that a
/// message or service of theirs needs. A file imported for its options alone is not among them.
fn used(files: &[ProtoFile]) -> HashSet<&str> {
    let mut used = HashSet::new();
    let mut needed = BTreeSet::new();
    // Imported files come first, so each file is seen after all that need it.
    for file in files.iter().rev() {
        let defined = types(&file.descriptor);
        if file.is_input || defined.iter().any(|name| needed.contains(name)) {
            used.insert(file.descriptor.name());
            needed.extend(references(&file.descriptor));
        }
    }
    used
}

/// Whether all of the file's package is said to be elsewhere.
fn is_extern(config: &Config, file: &ProtoFile) -> bool {
    let package = format!(".{}.", file.descriptor.package());
    config.extern_paths.iter().any(|(path, _)| package.starts_with(&format!("{path}.")))
}

/// Full names of all types that a file defines, with a leading dot.
fn types(file: &FileDescriptorProto) -> Vec<String> {
    fn visit(scope: &str, message: &DescriptorProto, found: &mut Vec<String>) {
        let name = format!("{scope}.{}", message.name());
        message.nested_type.iter().for_each(|nested| visit(&name, nested, found));
        found.extend(message.enum_type.iter().map(|nested| format!("{name}.{}", nested.name())));
        found.push(name);
    }
    let scope = if file.package().is_empty() { String::new() } else { format!(".{}", file.package()) };
    let mut found = file.enum_type.iter().map(|found| format!("{scope}.{}", found.name())).collect();
    file.message_type.iter().for_each(|message| visit(&scope, message, &mut found));
    found
}

/// Full names of all types that a file's fields and rpcs have, with a leading dot.
fn references(file: &FileDescriptorProto) -> Vec<String> {
    fn visit(message: &DescriptorProto, found: &mut Vec<String>) {
        found.extend(message.field.iter().filter_map(|field| field.type_name.clone()));
        message.nested_type.iter().for_each(|nested| visit(nested, found));
    }
    let rpcs = file.service.iter().flat_map(|service| &service.method);
    let mut found =
        rpcs.flat_map(|rpc| [rpc.input_type().to_owned(), rpc.output_type().to_owned()]).collect();
    file.message_type.iter().for_each(|message| visit(message, &mut found));
    found
}
