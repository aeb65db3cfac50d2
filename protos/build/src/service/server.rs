//! What a server takes: a service, and how its rpcs are dispatched.

use super::{Kind, Rpc, Service, block, deprecated, descriptor, docs};
use crate::config::Config;
use crate::names::parameter;

/// Where generated code finds `Arc` and `Box`, whether its crate has `std` or not.
const ALLOC: &str = "::sailplane::prost::alloc";

/// Servers, description and stub of a service, each with its parts in the order of reading.
pub(super) fn plumbing(config: &Config, service: &Service, types: &[String]) -> Vec<String> {
    let mut parts = Vec::new();
    let parameter = parameter("S", types);
    for flavor in [Flavor::Async, Flavor::Blocking] {
        let wanted = match flavor {
            Flavor::Async => config.server.is_async(),
            Flavor::Blocking => config.server.is_blocking(),
        };
        if wanted {
            parts.push(Server { service, flavor, parameter: &parameter }.code());
        }
    }
    if !parts.is_empty() {
        parts.push(info(service));
    }
    if config.client {
        parts.push(stub(service, types));
    }
    parts
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flavor {
    Async,
    Blocking,
}

struct Server<'a> {
    service: &'a Service,
    flavor: Flavor,
    parameter: &'a str,
}

impl Server<'_> {
    fn code(&self) -> String {
        [self.definition(), self.service_impl(), self.conversion()].join("\n")
    }

    /// The names of server and trait.
    fn names(&self) -> (&str, &str) {
        let names = &self.service.names;
        match self.flavor {
            Flavor::Async => (&names.server, &names.service),
            Flavor::Blocking => (&names.blocking_server, &names.blocking),
        }
    }

    /// What one or the other kind of server has, and its `.await`.
    fn module(&self) -> (&str, &str) {
        match self.flavor {
            Flavor::Async => ("::sailplane", ".await"),
            Flavor::Blocking => ("::sailplane::blocking", ""),
        }
    }

    fn definition(&self) -> String {
        let ((name, of), s, allow) = (self.names(), self.parameter, self.service.allow());
        let lines = [format!("Serves a [`{of}`]: what a server takes.")];
        let attributes = docs(&lines) + deprecated(self.service.deprecated) + allow;
        let new = format!(
            "/// Serves `service`.
pub const fn new(service: {s}) -> Self {{
    Self(service)
}}
"
        );
        let constructor = block(&format!("{allow}impl<{s}: {of}> {name}<{s}>"), [new].into_iter());
        format!("{attributes}#[derive(Clone, Debug)]\npub struct {name}<{s}>({s});\n\n{constructor}")
    }

    fn service_impl(&self) -> String {
        let ((name, of), s, (module, _)) = (self.names(), self.parameter, self.module());
        let info = format!(
            "fn info(&self) -> &'static ::sailplane::ServiceInfo {{
    &{}
}}
",
            self.service.names.info
        );
        let head = format!("{}impl<{s}: {of}> {module}::Service for {name}<{s}>", self.service.allow());
        block(&head, [info, self.serve()].into_iter())
    }

    fn serve(&self) -> String {
        let module = self.module().0;
        let unused = if self.service.rpcs.is_empty() { "_" } else { "" };
        let (method, rpc) = (format!("{unused}method: usize"), format!("{unused}rpc"));
        let body = super::indent(&self.body());
        match self.flavor {
            Flavor::Async => format!(
                "fn serve(
    self: {ALLOC}::sync::Arc<Self>,
    {method},
    {rpc}: {module}::ServerCall,
) -> ::sailplane::BoxFuture<'static, ::sailplane::Result<::sailplane::Reply>> {{
    {ALLOC}::boxed::Box::pin(async move {{
{}    }})
}}
",
                super::indent(&body)
            ),
            Flavor::Blocking => format!(
                "fn serve(
    &self,
    {method},
    {rpc}: &{module}::ServerCall,
) -> ::sailplane::Result<::sailplane::Reply> {{
{body}}}
"
            ),
        }
    }

    /// One arm for each rpc; a server gives no index but those of the service's own list.
    fn body(&self) -> String {
        let Some(last) = self.service.rpcs.len().checked_sub(1) else {
            return "::core::result::Result::Err(::sailplane::Status::unimplemented(\"no such method\"))\n"
                .into();
        };
        let arms = self.service.rpcs.iter().enumerate().map(|(i, rpc)| {
            let pattern = if i == last { "_".to_owned() } else { i.to_string() };
            format!("{pattern} => {{\n{}}}\n", super::indent(&self.arm(rpc)))
        });
        let arms = arms.map(|arm| super::indent(&arm)).collect::<String>();
        if last == 0 {
            // A match of one arm is no match.
            let rpc = self.service.rpcs.iter().map(|rpc| self.arm(rpc)).collect::<String>();
            return format!("let _ = method;\n{rpc}");
        }
        format!("match method {{\n{arms}}}\n")
    }

    fn arm(&self, rpc: &Rpc) -> String {
        let (s, (_, wait)) = (self.parameter, self.module());
        let (function, constant) =
            (&rpc.function, format!("&{}::{}", self.service.names.methods, rpc.constant));
        let (argument, input) = match rpc.kind {
            Kind::Unary | Kind::ServerStreaming => ("request", format!("rpc.request({constant}){wait}?")),
            Kind::ClientStreaming | Kind::Bidi => ("requests", format!("rpc.streaming({constant})")),
        };
        let input = format!("let {argument} = {input};\n");
        match rpc.kind {
            Kind::Unary | Kind::ClientStreaming => format!(
                "{input}let reply = {s}::{function}(&self.0, {argument}, rpc.call()){wait}?;
rpc.reply({constant}, &reply)
"
            ),
            Kind::ServerStreaming | Kind::Bidi => format!(
                "{input}let replies = rpc.sender({constant});
{s}::{function}(&self.0, {argument}, replies, rpc.call()){wait}?;
::core::result::Result::Ok(::sailplane::Reply::Streamed)
"
            ),
        }
    }

    fn conversion(&self) -> String {
        let ((name, of), s, allow) = (self.names(), self.parameter, self.service.allow());
        let variant = match self.flavor {
            Flavor::Async => "Async",
            Flavor::Blocking => "Blocking",
        };
        format!(
            "{allow}impl<{s}: {of}> ::core::convert::From<{name}<{s}>> for ::sailplane::AnyService {{
    fn from(server: {name}<{s}>) -> Self {{
        Self::{variant}({ALLOC}::sync::Arc::new(server))
    }}
}}
"
        )
    }
}

/// What servers know of the service.
fn info(service: &Service) -> String {
    let methods =
        service.rpcs.iter().map(|rpc| format!("{}::{}.info()", service.names.methods, rpc.constant));
    let methods = methods.map(|method| format!("        {method},\n")).collect::<String>();
    let methods = if methods.is_empty() { methods } else { format!("\n{methods}    ") };
    format!(
        "static {}: ::sailplane::ServiceInfo = ::sailplane::ServiceInfo {{
    name: \"{}\",
    methods: &[{methods}],
    file_descriptor_set: {},
}};
",
        service.names.info,
        service.proto,
        descriptor::name(&service.file)
    )
}

/// Brings the client its `with_timeout` and so on.
fn stub(service: &Service, types: &[String]) -> String {
    let (name, c, allow) = (&service.names.client, parameter("C", types), service.allow());
    format!(
        "{allow}impl<{c}: ::core::clone::Clone> ::sailplane::Stub for {name}<{c}> {{
    fn options_mut(&mut self) -> &mut ::sailplane::CallOptions {{
        self.stub.options_mut()
    }}
}}
"
    )
}
