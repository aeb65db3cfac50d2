//! The traits that servers implement.

use super::{Kind, Rpc, Service, block, deprecated, docs, signature};

/// The trait whose functions are async.
pub(super) fn asynchronous(service: &Service) -> String {
    let names = &service.names;
    let role = format!("Async server side of `{}`; serve it with [`{}`].", service.proto, names.server);
    let handles = Handles { sender: "::sailplane::Sender", streaming: "::sailplane::Streaming" };
    definition(service, &names.service, &role, |rpc| {
        let result = handles.result(rpc);
        let future = format!("impl ::core::future::Future<Output = {result}> + ::core::marker::Send");
        handles.function(rpc, &future)
    })
}

/// The trait whose functions block.
pub(super) fn blocking(service: &Service) -> String {
    let names = &service.names;
    let role =
        format!("Blocking server side of `{}`; serve it with [`{}`].", service.proto, names.blocking_server);
    let handles =
        Handles { sender: "::sailplane::blocking::Sender", streaming: "::sailplane::blocking::Streaming" };
    definition(service, &names.blocking, &role, |rpc| handles.function(rpc, &handles.result(rpc)))
}

fn definition(service: &Service, name: &str, role: &str, function: impl Fn(&Rpc) -> String) -> String {
    let mut lines = service.docs.clone();
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(role.to_owned());
    let head = format!("pub trait {name}: ::core::marker::Send + ::core::marker::Sync + 'static");
    let functions = service
        .rpcs
        .iter()
        .map(|rpc| rpc.docs(service) + rpc.deprecated() + rpc.exceptions() + &function(rpc) + ";\n");
    docs(&lines) + deprecated(service.deprecated) + service.allow() + &block(&head, functions)
}

/// The types that streams are handled with.
struct Handles {
    sender: &'static str,
    streaming: &'static str,
}

impl Handles {
    fn result(&self, rpc: &Rpc) -> String {
        match rpc.kind {
            Kind::Unary | Kind::ClientStreaming => format!("::sailplane::Result<{}>", rpc.reply),
            Kind::ServerStreaming | Kind::Bidi => "::sailplane::Result<()>".to_owned(),
        }
    }

    fn function(&self, rpc: &Rpc, output: &str) -> String {
        let mut parameters = vec![match rpc.kind {
            Kind::Unary | Kind::ServerStreaming => format!("request: {}", rpc.request),
            Kind::ClientStreaming | Kind::Bidi => format!("requests: {}<{}>", self.streaming, rpc.request),
        }];
        if matches!(rpc.kind, Kind::ServerStreaming | Kind::Bidi) {
            parameters.push(format!("replies: {}<{}>", self.sender, rpc.reply));
        }
        parameters.push("call: &::sailplane::Call".to_owned());
        signature(&format!("fn {}", rpc.function), &parameters, output)
    }
}
