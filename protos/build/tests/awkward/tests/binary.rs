//! In a program nothing is public: what it does not use of the generated code raises no warning.
#![deny(warnings, clippy::all)]
#![allow(unnameable_types, unreachable_pub, reason = "lints of this workspace, off by default")]

mod comments {
    sailplane::include_proto!("comments");
}

mod pb {
    sailplane::include_protos!();
}

mod client_only {
    include!(concat!(env!("OUT_DIR"), "/client/sailplane.rs"));
}

mod blocking_only {
    include!(concat!(env!("OUT_DIR"), "/blocking/sailplane.rs"));
}

mod client_alone {
    include!(concat!(env!("OUT_DIR"), "/client/prelude.rs"));
}

#[test]
fn a_program_uses_little_of_it() {
    assert_eq!(comments::CommentedMethods::RUN.path(), "/comments.Commented/Run");
    assert_eq!(pb::comments::CommentedMethods::RUN.path(), "/comments.Commented/Run");
}
