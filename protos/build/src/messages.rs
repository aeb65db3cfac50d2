//! Messages and enums, by `prost-build`.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use prost_build::{Module, Service, ServiceGenerator};
use prost_types::{DescriptorProto, FileDescriptorProto};
use syn::parse::Parser as _;

use crate::config::Config;
use crate::docs::{Docs, document, unmask};
use crate::error::Error;

/// Rust types of each rpc's request and reply, as seen from the package, by the proto name of the
/// service.
pub(crate) type RpcTypes = HashMap<String, Vec<(String, String)>>;

/// What `prost-build` made of all files.
pub(crate) struct Messages {
    /// The code of each package that has messages or enums, by the package's Rust modules.
    pub(crate) code: HashMap<Module, syn::File>,
    pub(crate) types: RpcTypes,
}

/// Generates the messages of `files`, which need no comments of their own.
pub(crate) fn generate(config: &Config, files: &[(&FileDescriptorProto, &Docs)]) -> Result<Messages, Error> {
    check(config)?;
    let requests = files.iter().map(|(file, docs)| {
        let mut file = (*file).clone();
        document(&mut file, docs);
        (Module::from_protobuf_package_name(file.package()), file)
    });
    let requests = requests.collect::<Vec<_>>();
    let types = Rc::default();
    let mut prost = prost_build::Config::new();
    prost.prost_path("::sailplane::prost").compile_well_known_types();
    prost.service_generator(Box::new(Capture { types: Rc::clone(&types) }));
    prost.bytes(&config.bytes);
    for (proto, rust) in &config.extern_paths {
        prost.extern_path(proto, rust);
    }
    let paths = Paths::of(files.iter().map(|(file, _)| *file));
    for (path, attribute) in &config.attributes {
        match paths.kind(path) {
            Some(Kind::Member) => prost.field_attribute(path, attribute),
            Some(Kind::Type) => prost.type_attribute(path, attribute),
            None => return Err(unknown_path("attribute", path)),
        };
    }
    if let Some(path) = config.bytes.iter().find(|path| paths.kind(path).is_none()) {
        return Err(unknown_path("bytes", path));
    }
    let code = prost.generate(requests).map_err(|error| Error::new(error.to_string()))?;
    let code = code.into_iter().map(|(module, code)| Ok((module, parse(&unmask(&code))?)));
    let code = code.collect::<Result<_, Error>>()?;
    Ok(Messages { code, types: types.take() })
}

/// Parses generated code.
pub(crate) fn parse(code: &str) -> Result<syn::File, Error> {
    // Attributes and paths of the user's are checked before, names by the proto parser.
    syn::parse_file(code).map_err(|error| Error::new(format!("the generated code is not Rust: {error}")))
}

/// Checks what goes into the generated code as it is.
fn check(config: &Config) -> Result<(), Error> {
    for (path, attribute) in &config.attributes {
        if let Err(error) = syn::Attribute::parse_outer.parse_str(attribute) {
            return Err(Error::new(format!("attribute of `{path}`: {error}: {attribute}")));
        }
    }
    for (path, rust) in &config.extern_paths {
        if let Err(error) = syn::parse_str::<syn::Path>(rust) {
            return Err(Error::new(format!("extern_path of `{path}`: {error}: {rust}")));
        }
    }
    Ok(())
}

fn unknown_path(option: &str, path: &str) -> Error {
    Error::new(format!("{option}: nothing in the proto files is called `{path}`"))
        .help("paths look like `.package.Message` or `.package.Message.field`; `.` is everything")
}

/// Generates nothing, but remembers how `prost-build` spells the types of each rpc.
struct Capture {
    types: Rc<RefCell<RpcTypes>>,
}

impl ServiceGenerator for Capture {
    fn generate(&mut self, service: Service, _: &mut String) {
        let name = full_name(&service.package, &service.proto_name);
        let methods = service.methods.into_iter().map(|method| (method.input_type, method.output_type));
        self.types.borrow_mut().insert(name, methods.collect());
    }
}

/// `package.Name`, or `Name` without a package.
pub(crate) fn full_name(package: &str, name: &str) -> String {
    if package.is_empty() { name.to_owned() } else { format!("{package}.{name}") }
}

/// What a path in the configuration can refer to.
#[derive(Clone, Copy)]
enum Kind {
    /// A message, an enum, a oneof, or a package with all of its types.
    Type,
    /// A field or an enum value.
    Member,
}

/// The full names of everything in the proto files.
#[derive(Default)]
struct Paths {
    types: HashSet<String>,
    members: HashSet<String>,
}

impl Paths {
    fn of<'a>(files: impl Iterator<Item = &'a FileDescriptorProto>) -> Self {
        let mut paths = Self::default();
        paths.types.insert(".".into());
        for file in files {
            let package = full_name("", file.package());
            let mut scope = String::new();
            for part in package.split('.').filter(|part| !part.is_empty()) {
                scope = format!("{scope}.{part}");
                paths.types.insert(scope.clone());
            }
            file.message_type.iter().for_each(|message| paths.message(&scope, message));
            file.enum_type.iter().for_each(|found| paths.proto_enum(&scope, found));
        }
        paths
    }

    fn message(&mut self, scope: &str, message: &DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for field in &message.field {
            self.members.insert(format!("{name}.{}", field.name()));
            if let Some(oneof) =
                field.oneof_index.and_then(|i| message.oneof_decl.get(usize::try_from(i).ok()?))
            {
                self.members.insert(format!("{name}.{}.{}", oneof.name(), field.name()));
            }
        }
        for oneof in &message.oneof_decl {
            self.types.insert(format!("{name}.{}", oneof.name()));
        }
        message.nested_type.iter().for_each(|nested| self.message(&name, nested));
        message.enum_type.iter().for_each(|nested| self.proto_enum(&name, nested));
        self.types.insert(name);
    }

    fn proto_enum(&mut self, scope: &str, found: &prost_types::EnumDescriptorProto) {
        let name = format!("{scope}.{}", found.name());
        for value in &found.value {
            self.members.insert(format!("{name}.{}", value.name()));
        }
        self.types.insert(name);
    }

    /// `prost-build` also takes paths without the leading dot, for whatever ends like them.
    fn kind(&self, path: &str) -> Option<Kind> {
        let suffix = format!(".{path}");
        let has = |names: &HashSet<String>| {
            names.contains(path)
                || (!path.starts_with('.') && names.iter().any(|name| name.ends_with(&suffix)))
        };
        if has(&self.types) { Some(Kind::Type) } else { has(&self.members).then_some(Kind::Member) }
    }
}
