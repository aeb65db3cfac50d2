//! The client, async or blocking as its channel is.

use super::{Kind, Rpc, Service, block, deprecated, docs, signature};
use crate::names::parameter;
use crate::unused::ALLOW_UNUSED;

/// The client of a service; its type parameter hides none of `types`.
pub(super) fn client(service: &Service, types: &[String]) -> String {
    let (name, channel) = (&service.names.client, parameter("C", types));
    // Programs that are servers only have the client, too.
    let allow = format!("{}{ALLOW_UNUSED}", service.allow());
    let mut lines = vec![
        format!(
            "Client of `{}`. On an async channel a call returns a future (or stream handle) of",
            service.proto
        ),
        "`Result`, on a blocking one the `Result` itself. Cheap to clone.".to_owned(),
    ];
    if !service.docs.is_empty() {
        lines.push(String::new());
        lines.extend_from_slice(&service.docs);
    }
    let new = format!(
        "/// A client of the service that `channel` leads to.
pub const fn new(channel: {channel}) -> Self {{
    Self {{ stub: ::sailplane::StubCore::new(channel) }}
}}
"
    );
    let functions = service.rpcs.iter().map(|rpc| {
        let attributes = rpc.deprecated().to_owned() + rpc.exceptions() + like_a_trait(rpc);
        rpc.docs(service) + &attributes + &function(rpc, &service.names.methods, &channel)
    });
    let head = format!("{allow}impl<{channel}: ::sailplane::Channel> {name}<{channel}>");
    let definition = format!(
        "#[derive(Clone, Debug)]
pub struct {name}<{channel}> {{
    stub: ::sailplane::StubCore<{channel}>,
}}

"
    );
    let attributes = docs(&lines) + deprecated(service.deprecated) + &allow;
    attributes + &definition + &block(&head, std::iter::once(new).chain(functions))
}

/// For functions that look like those of a trait of `core`.
fn like_a_trait(rpc: &Rpc) -> &'static str {
    let one_argument = matches!(rpc.kind, Kind::Unary | Kind::ServerStreaming);
    let alike = match rpc.function.as_str() {
        "cmp" => one_argument,
        "clone" => !one_argument,
        _ => false,
    };
    if alike {
        "#[allow(clippy::should_implement_trait, reason = \"the name comes from the proto file\")]\n"
    } else {
        ""
    }
}

fn function(rpc: &Rpc, methods: &str, channel: &str) -> String {
    let Rpc { function, constant, request, reply, .. } = rpc;
    let of_stub = rpc.kind.function();
    let (alias, types) = match rpc.kind {
        Kind::Unary => ("Unary", reply.clone()),
        Kind::ServerStreaming => ("ServerStreaming", reply.clone()),
        Kind::ClientStreaming => ("ClientStreaming", format!("{request}, {reply}")),
        Kind::Bidi => ("Bidi", format!("{request}, {reply}")),
    };
    let (parameters, argument) = match rpc.kind {
        Kind::Unary | Kind::ServerStreaming => (vec![format!("request: &{request}")], ", request"),
        Kind::ClientStreaming | Kind::Bidi => (Vec::new(), ""),
    };
    let output = format!("::sailplane::kinds::{alias}<{channel}, {types}>");
    let head = signature(&format!("pub fn {function}"), &parameters, &output);
    format!("{head} {{\n    self.stub.{of_stub}(&{methods}::{constant}{argument})\n}}\n")
}
