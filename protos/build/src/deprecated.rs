//! What is deprecated: where it is marked, and how generated code that uses it stays without warnings.

use std::collections::HashSet;

use prost_types::{DescriptorProto, FileDescriptorProto};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Ident, Item, parse_quote};

use crate::names::Scope;
use crate::shape::type_name;

/// Full proto names of all deprecated messages and enums, with a leading dot.
pub(crate) fn deprecated_types<'a>(files: impl Iterator<Item = &'a FileDescriptorProto>) -> HashSet<String> {
    fn visit(scope: &str, message: &DescriptorProto, found: &mut HashSet<String>) {
        let name = format!("{scope}.{}", message.name());
        message.nested_type.iter().for_each(|nested| visit(&name, nested, found));
        let enums =
            message.enum_type.iter().filter(|found| found.options.as_ref().is_some_and(|o| o.deprecated()));
        found.extend(enums.map(|found| format!("{name}.{}", found.name())));
        if message.options.as_ref().is_some_and(|options| options.deprecated()) {
            found.insert(name);
        }
    }
    let mut found = HashSet::new();
    for file in files {
        let scope = if file.package().is_empty() { String::new() } else { format!(".{}", file.package()) };
        file.message_type.iter().for_each(|message| visit(&scope, message, &mut found));
        let enums =
            file.enum_type.iter().filter(|found| found.options.as_ref().is_some_and(|o| o.deprecated()));
        found.extend(enums.map(|found| format!("{scope}.{}", found.name())));
    }
    found
}

pub(crate) fn allow_deprecated() -> Attribute {
    parse_quote!(#[allow(deprecated, reason = "a deprecated message is part of it")])
}

/// Moves deprecated types at the top of the code to a module of their own, and re-exports them.
///
/// The derived code of a deprecated type warns about its use. Only a module around both can allow
/// that, and a file that is included has none.
pub(crate) fn hide_deprecated(items: &mut Vec<Item>) {
    let is_deprecated = |item: &Item| {
        let attributes = match item {
            Item::Struct(item) => &item.attrs,
            Item::Enum(item) => &item.attrs,
            _ => return false,
        };
        attributes.iter().any(|attribute| attribute.path().is_ident("deprecated"))
    };
    let (moved, rest) = std::mem::take(items).into_iter().partition::<Vec<_>, _>(is_deprecated);
    *items = rest;
    if moved.is_empty() {
        return;
    }
    let names = moved.iter().filter_map(type_name).cloned().collect::<Vec<_>>();
    let mut modules = Scope::default();
    for item in items.iter() {
        if let Item::Mod(module) = item {
            modules.reserve(module.ident.to_string());
        }
    }
    let (mut moved, mut module_items) = (moved, Vec::new());
    moved.iter_mut().for_each(|item| Deepen.visit_item_mut(item));
    module_items.append(&mut moved);
    // Enums have an `impl`, which names them.
    let is_impl = |item: &Item| match item {
        Item::Impl(item) => match &*item.self_ty {
            syn::Type::Path(path) => names.iter().any(|name| path.path.is_ident(name)),
            _ => false,
        },
        _ => false,
    };
    let (impls, rest) = std::mem::take(items).into_iter().partition::<Vec<_>, _>(is_impl);
    *items = rest;
    module_items.extend(impls);
    let module = syn::parse_str::<Ident>(&modules.take("deprecated_types"));
    let Ok(module) = module else { return };
    let allow = allow_deprecated();
    for name in names {
        items.push(parse_quote!(#allow pub use #module::#name;));
    }
    items.push(parse_quote!(#allow mod #module { #(#module_items)* }));
}

/// Rewrites relative paths for a place one module deeper.
struct Deepen;

impl VisitMut for Deepen {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        visit_mut::visit_path_mut(self, path);
        let first = path.segments.first().map(|first| first.ident.to_string()).unwrap_or_default();
        let primitive = ["bool", "i32", "i64", "u32", "u64", "f32", "f64", "u8", "Self", "crate"];
        if path.leading_colon.is_none() && !primitive.contains(&first.as_str()) {
            path.segments.insert(0, parse_quote!(super));
        }
    }

    /// In `#[prost(..)]`, paths are strings.
    fn visit_attribute_mut(&mut self, attribute: &mut Attribute) {
        let syn::Meta::List(list) = &mut attribute.meta else { return };
        if !list.path.is_ident("prost") {
            return;
        }
        let mut text = list.tokens.to_string();
        for start in ["enumeration = \"", "oneof = \"", "enumeration("] {
            for absolute in ["::", "crate::"] {
                text = text.replace(&format!("{start}{absolute}"), &format!("{start}\u{1}{absolute}"));
            }
            text = text.replace(start, &format!("{start}super::"));
            text = text.replace("super::\u{1}", "");
        }
        if let Ok(tokens) = text.parse() {
            list.tokens = tokens;
        }
    }
}

/// Gives a reason to the exceptions that `prost-build` makes for deprecated enum values.
pub(crate) struct GiveReasons;

impl VisitMut for GiveReasons {
    fn visit_attribute_mut(&mut self, attribute: &mut Attribute) {
        let plain: Attribute = parse_quote!(#[allow(deprecated)]);
        if attribute.meta == plain.meta {
            *attribute = parse_quote!(#[allow(deprecated, reason = "a deprecated value is one of them")]);
        }
    }
}
