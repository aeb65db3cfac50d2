//! From proto names to Rust names.

use std::collections::HashSet;

use heck::{ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};

/// Words that are identifiers only with `r#` in front, in any edition.
const KEYWORDS: [&str; 47] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try",
    "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Words that are no identifiers even with `r#`.
const NEVER: [&str; 6] = ["_", "super", "self", "Self", "extern", "crate"];

/// Makes an identifier of a word, the way `prost-build` does it.
pub(crate) fn identifier(word: &str) -> String {
    if KEYWORDS.contains(&word) {
        format!("r#{word}")
    } else if NEVER.contains(&word) {
        format!("{word}_")
    } else if word.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{word}")
    } else {
        word.to_owned()
    }
}

/// The name of a function, field or module.
pub(crate) fn snake(proto: &str) -> String {
    identifier(&proto.to_snake_case())
}

/// The name of a type.
pub(crate) fn camel(proto: &str) -> String {
    identifier(&proto.to_upper_camel_case())
}

/// Identifiers that are in use in one scope.
#[derive(Default)]
pub(crate) struct Scope {
    taken: HashSet<String>,
}

impl Scope {
    pub(crate) fn reserve(&mut self, name: impl Into<String>) {
        self.taken.insert(name.into());
    }

    /// Takes `wanted`, with as many underscores behind it as make it free.
    pub(crate) fn take(&mut self, wanted: &str) -> String {
        let mut word = wanted.to_owned();
        while !self.taken.insert(identifier(&word)) {
            word.push('_');
        }
        identifier(&word)
    }
}

/// Function and constant of every rpc of a service.
///
/// A client's inherent functions are its rpcs and `new`, so only `new` is given away.
pub(crate) fn methods<'a>(protos: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    let (mut functions, mut constants) = (Scope::default(), Scope::default());
    functions.reserve("new");
    protos
        .map(|proto| {
            // Underscores alone are a legal proto name.
            let proto = if proto.trim_matches('_').is_empty() { "unnamed" } else { proto };
            (functions.take(&proto.to_snake_case()), constants.take(&proto.to_shouty_snake_case()))
        })
        .collect()
}

/// The names of the items that are generated for a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceNames {
    pub(crate) service: String,
    pub(crate) blocking: String,
    pub(crate) client: String,
    pub(crate) methods: String,
    pub(crate) server: String,
    pub(crate) blocking_server: String,
    pub(crate) info: String,
}

/// Names the items of all services of a package; `messages` keep their names.
///
/// Returns a sentence for each item that had to move, too.
pub(crate) fn services(messages: &[String], protos: &[&str]) -> (Vec<ServiceNames>, Vec<String>) {
    let mut scope = Scope::default();
    let mut notes = Vec::new();
    messages.iter().for_each(|name| scope.reserve(name));
    let mut take = |proto: &str, wanted: String| {
        let name = scope.take(&wanted);
        if name != identifier(&wanted) {
            notes.push(format!("service `{proto}`: `{wanted}` is taken, so this item is called `{name}`"));
        }
        name
    };
    // A service itself goes before what is derived from another one.
    let bases = protos.iter().map(|proto| proto.to_upper_camel_case()).collect::<Vec<_>>();
    let traits = protos.iter().zip(&bases).map(|(proto, base)| take(proto, base.clone())).collect::<Vec<_>>();
    let names = protos.iter().zip(&bases).zip(traits).map(|((proto, base), service)| ServiceNames {
        service,
        blocking: take(proto, format!("{base}Blocking")),
        client: take(proto, format!("{base}Client")),
        methods: take(proto, format!("{base}Methods")),
        server: take(proto, format!("{base}Server")),
        blocking_server: take(proto, format!("{base}BlockingServer")),
        info: take(proto, format!("{}_INFO", base.to_shouty_snake_case())),
    });
    (names.collect(), notes)
}

/// A type parameter that hides none of `types`.
pub(crate) fn parameter(wanted: &str, types: &[String]) -> String {
    let mut scope = Scope::default();
    types.iter().for_each(|name| scope.reserve(name));
    scope.take(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rpc_names() {
        let names = |protos: &[&str]| methods(protos.iter().copied());
        let of = |function: &str, constant: &str| (function.to_owned(), constant.to_owned());
        assert_eq!(names(&["GetV2URL", "getFoo"]), [of("get_v2url", "GET_V2URL"), of("get_foo", "GET_FOO")]);
        assert_eq!(names(&["GetFoo", "Get_Foo"]), [of("get_foo", "GET_FOO"), of("get_foo_", "GET_FOO_")]);
        assert_eq!(names(&["New", "new_"]), [of("new_", "NEW"), of("new__", "NEW_")]);
        assert_eq!(names(&["type", "self"]), [of("r#type", "TYPE"), of("self_", "SELF")]);
        assert_eq!(names(&["_1", "_"]), [of("_1", "_1"), of("unnamed", "UNNAMED")]);
    }

    #[test]
    fn services_step_aside_for_messages() {
        let messages = ["GreeterClient".to_owned(), "Echo".to_owned()];
        let (names, notes) = services(&messages, &["Greeter", "echo"]);
        assert_eq!(names[0].service, "Greeter");
        assert_eq!(names[0].client, "GreeterClient_");
        assert_eq!(names[1].service, "Echo_");
        assert_eq!(names[1].client, "EchoClient");
        assert_eq!(notes.len(), 2);
    }

    #[test]
    fn a_service_goes_before_the_items_of_another() {
        let (names, _) = services(&[], &["Foo", "FooClient"]);
        assert_eq!(names[0].client, "FooClient_");
        assert_eq!(names[1].service, "FooClient");
        assert_eq!(names[1].client, "FooClientClient");
    }

    #[test]
    fn parameters_hide_no_message() {
        assert_eq!(parameter("C", &["C".into()]), "C_");
    }
}
