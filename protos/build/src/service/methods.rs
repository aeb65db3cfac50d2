//! The constants that describe each rpc.

use super::{Rpc, Service, block};
use crate::unused::ALLOW_UNUSED;

/// The methods of a service: a type that has nothing but constants.
pub(super) fn methods(service: &Service) -> String {
    let (name, proto) = (&service.names.methods, &service.proto);
    let constants = service.rpcs.iter().map(|rpc| {
        let Rpc { proto: rpc_proto, constant, request, reply, .. } = rpc;
        let kind = rpc.kind.function();
        format!(
            "/// `/{proto}/{rpc_proto}`.
pub const {constant}: ::sailplane::Method<{request}, {reply}> =
    ::sailplane::Method::{kind}(\"/{proto}/{rpc_proto}\");
"
        )
    });
    let head = format!("{}impl {name}", service.allow());
    // Without constants, nothing uses it.
    let allow = if service.rpcs.is_empty() { ALLOW_UNUSED } else { "" };
    let definition = format!(
        "/// Method descriptors of `{proto}`.\n{allow}#[derive(Clone, Copy, Debug)]\npub struct {name};\n\n"
    );
    definition + &block(&head, constants)
}
