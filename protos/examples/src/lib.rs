//! Generated code for the examples of Sailplane's crates: the messages and services of `proto/`.
#![forbid(unsafe_code)]

pub mod guide;

/// `proto/helloworld.proto`: one service with one rpc.
pub mod helloworld {
    sailplane::include_proto!("helloworld");
}

/// `proto/greet.proto`: one service with all four kinds of rpcs.
pub mod greet {
    sailplane::include_proto!("greet");
}

/// `proto/route_guide.proto`: the service of the gRPC tutorials.
pub mod routeguide {
    sailplane::include_proto!("routeguide");
}

/// Everything in `proto/` as one tree. `pb::shop` is the sample of packages that refer to each other
/// and to well-known types.
pub mod pb {
    sailplane::include_protos!();
}
