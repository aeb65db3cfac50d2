//! The code of services: traits, clients and methods for the reader, servers and descriptors below.

mod client;
mod descriptor;
mod methods;
mod server;
mod traits;

use std::collections::HashSet;

use prost_types::ServiceDescriptorProto;

use crate::config::Config;
use crate::docs::Docs;
use crate::error::Error;
use crate::generate::Code;
use crate::messages::parse;
use crate::names::{self, ServiceNames};

pub(crate) use descriptor::descriptor_set;

/// A service of a proto file.
pub(crate) struct Service {
    /// The name of its proto file.
    file: String,
    /// `package.Service`.
    proto: String,
    names: ServiceNames,
    docs: Vec<String>,
    deprecated: bool,
    /// Whether it, one of its rpcs or one of their messages is deprecated.
    mentions_deprecated: bool,
    rpcs: Vec<Rpc>,
}

/// An rpc of a service.
struct Rpc {
    proto: String,
    function: String,
    constant: String,
    kind: Kind,
    request: String,
    reply: String,
    docs: Vec<String>,
    deprecated: bool,
}

/// Longest line, not counting one level of indentation.
const LINE_LENGTH: usize = 96;

/// Who sends how many messages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unary,
    ServerStreaming,
    ClientStreaming,
    Bidi,
}

impl Service {
    /// A service whose comments are those of the service `docs.1` in `docs.0`; `types` are the Rust
    /// types of its rpcs.
    pub(crate) fn new(
        file: &str,
        proto: String,
        names: ServiceNames,
        descriptor: &ServiceDescriptorProto,
        types: &[(String, String)],
        docs: (&Docs, usize),
        deprecated_types: &HashSet<String>,
    ) -> Self {
        let (docs, index) = docs;
        let deprecated = descriptor.options.as_ref().is_some_and(|options| options.deprecated());
        let functions = names::methods(descriptor.method.iter().map(|method| method.name()));
        let rpcs = descriptor.method.iter().zip(types).zip(functions).enumerate();
        let rpcs = rpcs.map(|(i, ((method, (request, reply)), (function, constant)))| Rpc {
            proto: method.name().to_owned(),
            function,
            constant,
            kind: Kind::of(method.client_streaming(), method.server_streaming()),
            request: request.clone(),
            reply: reply.clone(),
            docs: docs.method(index, i),
            deprecated: method.options.as_ref().is_some_and(|options| options.deprecated()),
        });
        let rpcs = rpcs.collect::<Vec<_>>();
        let mut used =
            descriptor.method.iter().flat_map(|method| [method.input_type(), method.output_type()]);
        let mentions_deprecated = deprecated
            || rpcs.iter().any(|rpc| rpc.deprecated)
            || used.any(|name| deprecated_types.contains(name));
        let docs = docs.service(index);
        Self { file: file.to_owned(), proto, names, docs, deprecated, mentions_deprecated, rpcs }
    }

    /// What stands in front of each item: nothing, if nothing is deprecated.
    fn allow(&self) -> &'static str {
        if self.mentions_deprecated {
            "#[allow(deprecated, reason = \"something deprecated is part of the service\")]\n"
        } else {
            ""
        }
    }
}

impl Kind {
    fn of(client_streaming: bool, server_streaming: bool) -> Self {
        match (client_streaming, server_streaming) {
            (false, false) => Self::Unary,
            (false, true) => Self::ServerStreaming,
            (true, false) => Self::ClientStreaming,
            (true, true) => Self::Bidi,
        }
    }

    /// The function of `Method` and of the stub that makes such a method or call.
    fn function(self) -> &'static str {
        match self {
            Self::Unary => "unary",
            Self::ServerStreaming => "server_streaming",
            Self::ClientStreaming => "client_streaming",
            Self::Bidi => "bidi",
        }
    }
}

impl Rpc {
    /// `#[deprecated]`, or nothing.
    fn deprecated(&self) -> &'static str {
        deprecated(self.deprecated)
    }

    /// The proto comment, or a neutral sentence.
    fn docs(&self, service: &Service) -> String {
        if self.docs.is_empty() {
            docs(&[format!("Rpc `{}` of `{}`.", self.proto, service.proto)])
        } else {
            docs(&self.docs)
        }
    }

    /// For names that Clippy wants another signature for.
    fn exceptions(&self) -> &'static str {
        let word = self.function.as_str();
        if word.starts_with("into_") || word.starts_with("from_") || word.starts_with("to_") {
            "#[allow(clippy::wrong_self_convention, reason = \"the name comes from the proto file\")]\n"
        } else {
            ""
        }
    }
}

fn deprecated(deprecated: bool) -> &'static str {
    if deprecated { "#[deprecated]\n" } else { "" }
}

/// `lines` as doc comments.
pub(crate) fn docs(lines: &[String]) -> String {
    let line = |line: &String| if line.is_empty() { "///\n".to_owned() } else { format!("/// {line}\n") };
    lines.iter().map(line).collect()
}

/// The code of a package: its messages, which are called `types`, and its services, whose
/// descriptors are in `sets` by the name of their file.
pub(crate) fn package_code(
    config: &Config,
    messages: &syn::File,
    services: &[Service],
    types: &[String],
    sets: &[(&str, Vec<u8>)],
) -> Result<Code, Error> {
    let mut items = airy(&prettyplease::unparse(messages));
    let mut plumbing = String::new();
    for service in services {
        let mut parts = Vec::new();
        if config.server.is_async() {
            parts.push(traits::asynchronous(service));
        }
        if config.server.is_blocking() {
            parts.push(traits::blocking(service));
        }
        if config.client {
            parts.push(client::client(service, types));
        }
        parts.push(methods::methods(service));
        parts.iter().for_each(|part| append(&mut items, part));
        server::plumbing(config, service, types).iter().for_each(|part| append(&mut plumbing, part));
    }
    let described = config.server != crate::Server::None;
    for (file, set) in sets.iter().filter(|_| described) {
        append(&mut plumbing, &descriptor::constant(file, set));
    }
    // A message or rpc cannot be called anything that is not Rust; this finds mistakes of ours.
    parse(&items)?;
    parse(&plumbing)?;
    Ok(Code { items, plumbing })
}

/// Appends a part, with a blank line before it.
fn append(text: &mut String, part: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(part);
}

/// The head of a function: on one line if it fits, with a line for each parameter if not.
fn signature(start: &str, parameters: &[String], output: &str) -> String {
    let line = format!(
        "{start}(&self{}) -> {output}",
        parameters.iter().map(|p| format!(", {p}")).collect::<String>()
    );
    if line.len() <= LINE_LENGTH {
        return line;
    }
    let parameters = parameters.iter().map(|parameter| format!("    {parameter},\n")).collect::<String>();
    format!("{start}(\n    &self,\n{parameters}) -> {output}")
}

/// Indents every line by one level.
pub(crate) fn indent(text: &str) -> String {
    let indent = |line: &str| if line.trim().is_empty() { line.to_owned() } else { format!("    {line}") };
    text.split_inclusive('\n').map(indent).collect()
}

/// An item of `head` and `parts` in braces, with a blank line between parts.
fn block(head: &str, parts: impl Iterator<Item = String>) -> String {
    let parts = parts.map(|part| indent(&part)).collect::<Vec<_>>();
    if parts.is_empty() {
        return format!("{head} {{}}\n");
    }
    format!("{head} {{\n{}}}\n", parts.join("\n"))
}

/// Puts blank lines between items and between functions, which the formatter does not.
fn airy(code: &str) -> String {
    let mut out = String::with_capacity(code.len() + code.len() / 16);
    let mut previous = "";
    for line in code.lines() {
        let ends = previous.ends_with('}') || previous.ends_with(';');
        let indented = line.starts_with(' ');
        let text = line.trim_start();
        let starts =
            text.starts_with("///") || text.starts_with("#[") || (!indented && !text.starts_with('}'));
        let comment = previous.trim_start().starts_with("//");
        if ends && starts && !comment && !previous.trim_start().starts_with("#[") {
            out.push('\n');
        }
        out.push_str(line);
        out.push('\n');
        previous = line;
    }
    out
}
