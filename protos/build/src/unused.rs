//! What a program does not use: rustc reports it where nothing is public, as in a binary.
//!
//! Whatever the traits of servers mention counts as used. So it is the clients, and types that
//! neither an rpc nor another type mentions, that are excepted.

use std::collections::HashSet;

use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Item, parse_quote};

use crate::messages::RpcTypes;
use crate::shape::type_name;

/// Names of all types that rpcs have as request or reply.
pub(crate) fn rpc_types(types: &RpcTypes) -> HashSet<String> {
    let types = types.values().flatten().flat_map(|(request, reply)| [request, reply]);
    types.filter_map(|path| path.rsplit("::").next()).map(str::to_owned).collect()
}

/// Makes exceptions for all types in `items` that nothing mentions, not even an rpc.
pub(crate) fn allow_unused(items: &mut [Item], rpc_types: &HashSet<String>) {
    let mut mentioned = rpc_types.clone();
    mention(items, &mut mentioned);
    except(items, &mentioned);
}

fn mention(items: &mut [Item], mentioned: &mut HashSet<String>) {
    for item in items {
        let mut mentions = Mentions::default();
        match item {
            Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    mention(items, mentioned);
                }
            }
            Item::Struct(item) => mentions.visit_fields_mut(&mut item.fields),
            Item::Enum(item) => {
                item.variants.iter_mut().for_each(|variant| mentions.visit_variant_mut(variant));
            }
            _ => {}
        }
        // Whoever mentions only itself is not used by that.
        let own = type_name(item).map(ToString::to_string);
        mentioned.extend(mentions.0.into_iter().filter(|name| Some(name) != own.as_ref()));
    }
}

/// The names of the types that fields have. Changes nothing: the other kind of visitor would be as much code once more,
/// which every build script compiles.
#[derive(Default)]
struct Mentions(HashSet<String>);

impl VisitMut for Mentions {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        // Nothing of the package is written with its crate in front.
        if path.leading_colon.is_none() {
            self.0.extend(path.segments.last().map(|last| last.ident.to_string()));
        }
        visit_mut::visit_path_mut(self, path);
    }

    /// Enums are `i32` for the compiler; `#[prost(..)]` knows better.
    fn visit_attribute_mut(&mut self, attribute: &mut Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            let text = list.tokens.to_string();
            let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            self.0.extend(words.map(str::to_owned));
        }
    }
}

fn except(items: &mut [Item], mentioned: &HashSet<String>) {
    for item in items {
        let unused = type_name(item).is_some_and(|name| !mentioned.contains(&name.to_string()));
        match item {
            Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    except(items, mentioned);
                }
            }
            Item::Struct(item) if unused => item.attrs.push(attribute()),
            Item::Enum(item) if unused => item.attrs.push(attribute()),
            // The functions of an enum for the names of its values.
            Item::Impl(item) => item.attrs.push(attribute()),
            _ => {}
        }
    }
}

fn attribute() -> Attribute {
    parse_quote!(#[allow(dead_code, reason = "not every program uses it")])
}

/// The same attribute as text, for the items of services.
pub(crate) const ALLOW_UNUSED: &str = "#[allow(dead_code, reason = \"not every program uses it\")]\n";
