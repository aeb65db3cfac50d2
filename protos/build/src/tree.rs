//! All packages as nested modules.

use std::collections::BTreeMap;

use crate::generate::Package;
use crate::output::join;
use crate::service::{docs, indent};
use crate::shape;

/// The module of a package, or of what only the names of packages have in common.
#[derive(Default)]
struct Node<'a> {
    package: Option<&'a Package>,
    children: BTreeMap<&'a str, Self>,
}

/// The code of all packages, each in the module that its name says.
pub(crate) fn tree(packages: &[Package]) -> String {
    let mut root = Node::default();
    for package in packages {
        let node =
            package.module.parts().fold(&mut root, |node, part| node.children.entry(part).or_default());
        node.package = Some(package);
    }
    root.write(&mut Vec::new())
}

impl<'a> Node<'a> {
    fn write(&self, path: &mut Vec<&'a str>) -> String {
        let mut text = self.package.map(|package| join(&package.code)).unwrap_or_default();
        for (name, child) in &self.children {
            path.push(name);
            let content = child.write(path);
            path.pop();
            // A message with nested types has a module, too: `a.B` and the package `a.b` share theirs.
            if !merge(&mut text, name, &content) {
                let inner = indent(&content);
                let same = path.last() == Some(name);
                let attribute = if same { same_name() } else { String::new() };
                let docs = child.docs(path, name);
                text.push_str(&format!("{docs}{attribute}pub mod {name} {{\n{inner}}}\n"));
            }
        }
        text
    }

    fn docs(&self, path: &[&str], name: &str) -> String {
        let module = path.iter().chain([&name]).map(|part| part.trim_start_matches("r#"));
        let module = module.collect::<Vec<_>>().join(".");
        let full = self.package.map_or(module.as_str(), |package| &package.name);
        let own = self.package.map(|package| package.docs.as_slice()).unwrap_or_default();
        let neutral = match self.package {
            Some(_) => format!("Package `{full}`."),
            None => format!("Packages below `{full}`."),
        };
        let lines = if own.is_empty() { std::slice::from_ref(&neutral) } else { own };
        docs(lines)
    }
}

/// Puts `content` at the end of the module `name` at the top of `text`, if there is one.
fn merge(text: &mut String, name: &str, content: &str) -> bool {
    let opening = format!("pub mod {name} {{\n");
    let Some(start) = find_line(text, &opening) else { return false };
    let Some(end) = find_line(&text[start..], "}\n") else { return false };
    text.insert_str(start + end, &indent(content));
    true
}

/// Where `line` starts, if it is a line of its own.
fn find_line(text: &str, line: &str) -> Option<usize> {
    text.match_indices(line).map(|(at, _)| at).find(|at| *at == 0 || text[..*at].ends_with('\n'))
}

/// The attribute of a module inside of another one that is called the same.
fn same_name() -> String {
    let attribute = shape::same_name();
    prettyplease::unparse(&syn::parse_quote!(#attribute mod m {})).replace("mod m {}\n", "")
}
