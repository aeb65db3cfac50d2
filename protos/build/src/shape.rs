//! What the code of `prost-build` lacks: exceptions for Clippy where names come from the proto file,
//! and `#[deprecated]`.

use std::collections::HashSet;

use heck::ToSnakeCase;
use prost_build::Module;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Ident, Item, ItemEnum, parse_quote};

use crate::deprecated::{GiveReasons, allow_deprecated, hide_deprecated};
use crate::names::{camel, snake};
use crate::unused::allow_unused;

/// Names of the types at the top of `code`.
pub(crate) fn type_names(code: &syn::File) -> Vec<String> {
    let names = code.items.iter().filter_map(type_name).map(Ident::to_string);
    names.chain(code.items.iter().filter_map(reexported)).collect()
}

pub(crate) fn type_name(item: &Item) -> Option<&Ident> {
    match item {
        Item::Struct(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        _ => None,
    }
}

/// The type that [`hide_deprecated`] moved.
fn reexported(item: &Item) -> Option<String> {
    let Item::Use(item) = item else { return None };
    let syn::UseTree::Path(path) = &item.tree else { return None };
    let syn::UseTree::Name(name) = &*path.tree else { return None };
    Some(name.ident.to_string())
}

/// Completes the messages of the package `name`.
///
/// `deprecated` are full names of types, `rpc_types` the last parts of those that rpcs have.
pub(crate) fn shape(
    code: &mut syn::File,
    module: &Module,
    name: &str,
    deprecated: &HashSet<String>,
    rpc_types: &HashSet<String>,
) {
    let prefix = if name.is_empty() { ".".to_owned() } else { format!(".{name}.") };
    let own = deprecated.iter().filter_map(|name| name.strip_prefix(&prefix)).map(rust_path).collect();
    let names = deprecated.iter().filter_map(|name| Some(camel(name.rsplit('.').next()?))).collect();
    let mut shaper = Shaper { deprecated: own, deprecated_names: names, path: Vec::new() };
    let parent = module.parts().last().map(str::to_owned);
    shaper.items(&mut code.items, parent.as_deref());
    allow_unused(&mut code.items, rpc_types);
    GiveReasons.visit_file_mut(code);
    hide_deprecated(&mut code.items);
}

/// `Outer.Inner` is `["outer", "Inner"]`.
fn rust_path(proto: &str) -> Vec<String> {
    let mut parts = proto.split('.').collect::<Vec<_>>();
    let last = parts.pop().map(camel);
    parts.into_iter().map(snake).chain(last).collect()
}

struct Shaper {
    /// Paths of the deprecated types of this package.
    deprecated: HashSet<Vec<String>>,
    /// Names of all deprecated types; which of the types of that name is meant makes no difference.
    deprecated_names: HashSet<String>,
    path: Vec<String>,
}

impl Shaper {
    fn items(&mut self, items: &mut [Item], parent: Option<&str>) {
        for item in items {
            if let Item::Mod(module) = item {
                let name = module.ident.to_string();
                if parent == Some(&name) {
                    module.attrs.push(same_name());
                }
                if let Some((_, items)) = &mut module.content {
                    self.path.push(name.clone());
                    let nested_deprecated = items.iter().any(|item| self.is_deprecated(item));
                    self.items(items, Some(&name));
                    self.path.pop();
                    if nested_deprecated {
                        module.attrs.push(allow_deprecated());
                    }
                }
                continue;
            }
            let (is_deprecated, mentions) = (self.is_deprecated(item), self.mentions_deprecated(item));
            let attributes = match item {
                Item::Struct(item) => {
                    SayItself(&item.ident.clone()).visit_fields_mut(&mut item.fields);
                    &mut item.attrs
                }
                Item::Enum(item) => {
                    exceptions(item);
                    &mut item.attrs
                }
                _ => continue,
            };
            if is_deprecated {
                attributes.push(parse_quote!(#[deprecated]));
            } else if mentions {
                attributes.push(allow_deprecated());
            }
        }
    }

    fn is_deprecated(&self, item: &Item) -> bool {
        let path = type_name(item).map(|name| self.path.iter().cloned().chain([name.to_string()]).collect());
        path.is_some_and(|path: Vec<String>| self.deprecated.contains(&path))
    }

    fn mentions_deprecated(&self, item: &mut Item) -> bool {
        struct Search<'a>(&'a HashSet<String>, bool);
        impl VisitMut for Search<'_> {
            fn visit_path_mut(&mut self, path: &mut syn::Path) {
                self.1 |= path.segments.last().is_some_and(|last| self.0.contains(&last.ident.to_string()));
                visit_mut::visit_path_mut(self, path);
            }
        }
        let mut search = Search(&self.deprecated_names, false);
        search.visit_item_mut(item);
        search.1
    }
}

/// A message that has itself as a field says `Self`.
struct SayItself<'a>(&'a Ident);

impl VisitMut for SayItself<'_> {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        if path.is_ident(self.0) {
            *path = parse_quote!(Self);
        }
        visit_mut::visit_path_mut(self, path);
    }

    fn visit_attribute_mut(&mut self, _: &mut Attribute) {}
}

/// For a module inside of another one that is called the same.
pub(crate) fn same_name() -> Attribute {
    parse_quote!(#[allow(clippy::module_inception, reason = "the names come from the proto file")])
}

/// Exceptions for Clippy's opinions on enums, where they would be raised.
fn exceptions(item: &mut ItemEnum) {
    let has_payload = item.variants.iter().any(|variant| !variant.fields.is_empty());
    if has_payload && item.variants.len() > 1 {
        item.attrs.push(parse_quote!(
            #[allow(clippy::large_enum_variant, reason = "the sizes come from the proto file")]
        ));
    }
    let variants = item.variants.iter().map(|variant| words(&variant.ident.to_string())).collect::<Vec<_>>();
    let all_same = |word: fn(&Vec<String>) -> Option<&String>| {
        variants.windows(2).all(|pair| word(&pair[0]) == word(&pair[1]))
    };
    let own = words(&item.ident.to_string());
    let repeats = |variant: &Vec<String>| variant.starts_with(&own) || variant.ends_with(&own);
    if all_same(|words| words.first()) || all_same(|words| words.last()) || variants.iter().any(repeats) {
        item.attrs.push(parse_quote!(
            #[allow(clippy::enum_variant_names, reason = "the names come from the proto file")]
        ));
    }
}

fn words(name: &str) -> Vec<String> {
    name.to_snake_case().split('_').map(str::to_owned).collect()
}
