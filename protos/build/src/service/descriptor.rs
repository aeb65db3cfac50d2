//! Descriptors, for reflection.

use std::collections::HashSet;

use prost::Message;

use crate::source::{EncodedSet, ProtoFile};

/// The encoded `FileDescriptorSet` of `file`: all that it imports, and last itself.
pub(crate) fn descriptor_set(file: &ProtoFile, files: &[ProtoFile]) -> Vec<u8> {
    let mut needed = HashSet::from([file.descriptor.name()]);
    let mut set = Vec::new();
    // Imported files come first in `files`.
    for file in files.iter().rev() {
        if needed.contains(file.descriptor.name()) {
            needed.extend(file.descriptor.dependency.iter().map(String::as_str));
            set.push(file.encoded.clone());
        }
    }
    set.reverse();
    EncodedSet { file: set }.encode_to_vec()
}

/// The name of the constant that holds the descriptor of a proto file.
pub(super) fn name(file: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("DESCRIPTOR_OF_{}", file.chars().map(letter).collect::<String>())
}

/// The constant that holds the descriptor of a proto file.
pub(super) fn constant(file: &str, set: &[u8]) -> String {
    let name = name(file);
    let mut code = format!("/// The encoded `FileDescriptorSet` of `{file}` and what it imports.\n");
    code += &format!("const {name}: &[u8] = b\"\\\n");
    let mut line = String::new();
    for (i, byte) in set.iter().enumerate() {
        let escaped = byte.escape_ascii().to_string();
        // Rust skips white space after a line break in a literal.
        line += if line.is_empty() && *byte == b' ' { "\\x20" } else { &escaped };
        if line.len() >= 90 && i + 1 < set.len() {
            code += &format!("    {line}\\\n");
            line.clear();
        }
    }
    code + &format!("    {line}\";\n")
}
