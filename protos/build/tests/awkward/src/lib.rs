//! Code generated from protos that are hard to generate code for. That it compiles, without a single
//! warning, is the test; `tests/` uses some of it.
#![deny(warnings, missing_docs, clippy::all)]
#![deny(clippy::use_self, clippy::manual_let_else, clippy::semicolon_if_nothing_returned)]
#![deny(clippy::unwrap_used, clippy::or_fun_call, clippy::allow_attributes_without_reason)]
#![deny(unused_qualifications, unreachable_pub, unnameable_types)]
#![forbid(unsafe_code)]

/// All packages.
pub mod pb {
    sailplane::include_protos!();
}

/// A package alone, in a module that is not called like it.
pub mod alone {
    /// The names of the prelude.
    pub mod names {
        sailplane::include_proto!("prelude");
    }

    /// What is deprecated.
    pub mod obsolete {
        sailplane::include_proto!("deprecated");
    }
}

/// A file without a package.
pub mod root {
    sailplane::include_proto!("_");
}

/// A module that only this crate sees, where Clippy has more opinions.
#[allow(dead_code, unreachable_pub, unnameable_types, reason = "it is private")]
mod private {
    sailplane::include_protos!();
}
