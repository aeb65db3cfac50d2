//! Comments for everything that a proto file leaves uncommented.
//!
//! `prost-build` documents an item with its proto comment or not at all, and it takes the comments
//! from the source info of the descriptor. So a new source info is written before it runs, with one
//! comment for each item.

use std::collections::HashMap;

use prost_types::source_code_info::Location;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, SourceCodeInfo};

use crate::comments::doc_lines;

/// Field numbers in `descriptor.proto`, which make up the path of a location.
mod tag {
    pub(super) const FILE_PACKAGE: i32 = 2;
    pub(super) const FILE_MESSAGE: i32 = 4;
    pub(super) const FILE_ENUM: i32 = 5;
    pub(super) const FILE_SERVICE: i32 = 6;
    pub(super) const MESSAGE_FIELD: i32 = 2;
    pub(super) const MESSAGE_NESTED: i32 = 3;
    pub(super) const MESSAGE_ENUM: i32 = 4;
    pub(super) const MESSAGE_ONEOF: i32 = 8;
    pub(super) const ENUM_VALUE: i32 = 2;
    pub(super) const SERVICE_METHOD: i32 = 2;
}

/// The comments of one file, as lines of Markdown, by the path of what they belong to.
pub(crate) struct Docs {
    by_path: HashMap<Vec<i32>, Vec<String>>,
}

impl Docs {
    /// Reads the comments of `file`: leading, then trailing.
    pub(crate) fn of(file: &FileDescriptorProto) -> Self {
        let mut by_path = HashMap::new();
        for location in file.source_code_info.iter().flat_map(|info| &info.location) {
            let mut lines = doc_lines(location.leading_comments());
            let trailing = doc_lines(location.trailing_comments());
            if !lines.is_empty() && !trailing.is_empty() {
                lines.push(String::new());
            }
            lines.extend(trailing);
            if !lines.is_empty() {
                by_path.insert(location.path.clone(), lines);
            }
        }
        Self { by_path }
    }

    /// The comment on the `package` statement.
    pub(crate) fn package(&self) -> Vec<String> {
        self.get(&[tag::FILE_PACKAGE])
    }

    /// The comment on a service.
    pub(crate) fn service(&self, service: usize) -> Vec<String> {
        self.get(&[tag::FILE_SERVICE, index(service)])
    }

    /// The comment on an rpc.
    pub(crate) fn method(&self, service: usize, method: usize) -> Vec<String> {
        self.get(&[tag::FILE_SERVICE, index(service), tag::SERVICE_METHOD, index(method)])
    }

    fn get(&self, path: &[i32]) -> Vec<String> {
        self.by_path.get(path).cloned().unwrap_or_default()
    }
}

/// Gives every message, field, oneof, enum and value of `file` a comment.
pub(crate) fn document(file: &mut FileDescriptorProto, docs: &Docs) {
    let mut writer = Writer { docs, path: Vec::new(), locations: Vec::new() };
    for (i, message) in file.message_type.iter().enumerate() {
        writer.at(tag::FILE_MESSAGE, i, |writer| writer.message(message));
    }
    for (i, proto_enum) in file.enum_type.iter().enumerate() {
        writer.at(tag::FILE_ENUM, i, |writer| writer.proto_enum(proto_enum));
    }
    for (i, service) in file.service.iter().enumerate() {
        writer.at(tag::FILE_SERVICE, i, |writer| {
            writer.write(String::new);
            for (i, _) in service.method.iter().enumerate() {
                writer.at(tag::SERVICE_METHOD, i, |writer| writer.write(String::new));
            }
        });
    }
    file.source_code_info = Some(SourceCodeInfo { location: writer.locations });
}

struct Writer<'a> {
    docs: &'a Docs,
    path: Vec<i32>,
    locations: Vec<Location>,
}

impl Writer<'_> {
    fn at(&mut self, tag: i32, i: usize, visit: impl FnOnce(&mut Self)) {
        self.path.extend([tag, index(i)]);
        visit(self);
        self.path.truncate(self.path.len() - 2);
    }

    fn message(&mut self, message: &DescriptorProto) {
        let name = message.name();
        self.write(|| format!("Message `{name}`."));
        for (i, field) in message.field.iter().enumerate() {
            self.at(tag::MESSAGE_FIELD, i, |writer| {
                writer.write(|| format!("Field `{}` of `{name}`.", field.name()));
            });
        }
        for (i, nested) in message.nested_type.iter().enumerate() {
            self.at(tag::MESSAGE_NESTED, i, |writer| writer.message(nested));
        }
        for (i, nested) in message.enum_type.iter().enumerate() {
            self.at(tag::MESSAGE_ENUM, i, |writer| writer.proto_enum(nested));
        }
        for (i, oneof) in message.oneof_decl.iter().enumerate() {
            self.at(tag::MESSAGE_ONEOF, i, |writer| {
                writer.write(|| format!("Oneof `{}` of `{name}`.", oneof.name()));
            });
        }
    }

    fn proto_enum(&mut self, proto_enum: &EnumDescriptorProto) {
        let name = proto_enum.name();
        self.write(|| format!("Enum `{name}`."));
        for (i, value) in proto_enum.value.iter().enumerate() {
            self.at(tag::ENUM_VALUE, i, |writer| {
                writer.write(|| format!("Value `{}` of `{name}`.", value.name()));
            });
        }
    }

    /// Writes the comment of the current path, or a neutral one.
    fn write(&mut self, neutral: impl FnOnce() -> String) {
        let lines = self.docs.by_path.get(&self.path).cloned();
        let lines = lines.unwrap_or_else(|| vec![neutral()]);
        let comment = lines.iter().map(|line| mask(line)).collect::<Vec<_>>().join("\n");
        self.locations.push(Location {
            path: self.path.clone(),
            leading_comments: Some(comment),
            ..Location::default()
        });
    }
}

fn index(i: usize) -> i32 {
    i32::try_from(i).unwrap_or(i32::MAX)
}

/// Marks the start of a masked line; stands for nothing.
const START: char = '\u{1}';
/// What `prost-build` would escape or turn into links a second time, and what stands for it.
const MASKS: [(&str, &str); 3] = [("[", "\u{2}"), ("]", "\u{3}"), ("://", ":\u{4}//")];

/// Hides a finished line from the escaping of `prost-build`.
fn mask(line: &str) -> String {
    let space = if line.is_empty() { "" } else { " " };
    let line = MASKS.iter().fold(line.to_owned(), |line, (plain, masked)| line.replace(plain, masked));
    format!("{START}{space}{line}")
}

/// Restores what [`mask`] hid.
pub(crate) fn unmask(code: &str) -> String {
    let code = code.replace(&format!("/// {START}"), "///");
    MASKS.iter().fold(code, |code, (plain, masked)| code.replace(masked, plain))
}
