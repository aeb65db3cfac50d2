//! Style and structure as tests: what the map in `core/ARCHITECTURE.md` promises.

#[path = "tidy/citations.rs"]
mod citations;

use std::fs;
use std::path::{Path, PathBuf};

/// Layers of the core: each imports only from those before it, and from [`ANYWHERE`].
const LAYERS: [&str; 8] = ["wire", "hpack", "stream", "call", "connection", "channel", "server", "stub"];
const ANYWHERE: [&str; 5] = ["time", "limits", "error", "random", "transmit"];
/// The uses that the core makes of `std`: file, and what it names.
const STD_IN_CORE: [(&str, &str); 8] = [
    ("lib.rs", "extern crate std"),
    ("transmit.rs", "std::io::IoSlice"),
    ("time/mod.rs", "std::time::Instant"),
    ("time/mod.rs", "std::sync::OnceLock"),
    ("call/spare.rs", "std::sync"),
    ("stub/cancel.rs", "std::sync"),
    ("stub/info.rs", "std::sync"),
    ("stub/client.rs", "std::time::Instant"),
];
const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf()
}

/// All files below `folder` with this ending, generated ones and build output apart.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(files(&path, ending));
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The part of a source file that ships: without its tests, comments and strings of documentation.
fn shipped(text: &str) -> Vec<(usize, &str)> {
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = code.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//")).collect()
}

fn is_test(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    path.components().any(|part| part.as_os_str() == "tests") || name.as_deref() == Some("tests.rs")
}

fn core_sources() -> Vec<(String, String)> {
    let folder = root().join("core/src");
    let sources = files(&folder, ".rs").into_iter().filter(|path| !is_test(path));
    let named = sources.map(|path| {
        let name = path.strip_prefix(&folder).expect("below it").to_string_lossy().into_owned();
        (name, read(&path))
    });
    named.collect()
}

fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn a_layer_imports_only_from_those_above_it() {
    let rank = |module: &str| LAYERS.iter().position(|layer| *layer == module);
    let mut found = Vec::new();
    for (name, text) in core_sources() {
        let own = name.split(['/', '.']).next().unwrap_or_default().to_owned();
        for (number, line) in shipped(&text) {
            for used in line.split("crate::").skip(1) {
                let module: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let (Some(own_rank), Some(rank)) = (rank(&own), rank(&module)) else {
                    let low = ANYWHERE.contains(&own.as_str()) && rank(&module).is_some();
                    if low && (own.as_str(), module.as_str()) != ("error", "wire") {
                        found.push(format!("core/src/{name}:{number}: {own} imports {module}"));
                    }
                    continue;
                };
                if rank > own_rank {
                    found.push(format!("core/src/{name}:{number}: {own} imports {module}"));
                }
            }
        }
    }
    assert_none("imports against the order of the layers", &found);
}

#[test]
fn the_core_uses_of_std_only_what_is_named() {
    let mut found = Vec::new();
    for (name, text) in core_sources() {
        for (number, line) in shipped(&text) {
            let uses = line.contains("std::") || line.contains("extern crate std");
            let named = STD_IN_CORE.iter().any(|(file, what)| *file == name && line.contains(what));
            if uses && !named {
                found.push(format!("core/src/{name}:{number}: {}", line.trim()));
            }
        }
    }
    assert_none("std in the core", &found);
    assert!(read(&root().join("core/src/lib.rs")).contains("\n#![no_std]\n"));
}

#[test]
fn no_crate_allows_unsafe_code() {
    let members = ["adapters", "benches", "core", "protos", "tests", "fuzz"];
    let roots = members.iter().flat_map(|folder| files(&root().join(folder), ".rs"));
    let roots = roots.filter(|path| path.ends_with("src/lib.rs") || path.ends_with("src/main.rs"));
    let missing = roots.filter(|path| !read(path).contains("#![forbid(unsafe_code)]"));
    let missing: Vec<_> = missing.map(|path| path.display().to_string()).collect();
    assert_none("crates without #![forbid(unsafe_code)]", &missing);
}

fn shipped_sources() -> Vec<PathBuf> {
    let folders = ["adapters", "core", "protos"];
    let sources = folders.iter().flat_map(|folder| files(&root().join(folder), ".rs"));
    sources.filter(|path| !is_test(path) && !path.to_string_lossy().ends_with("_table.rs")).collect()
}

#[test]
fn files_stay_within_their_room() {
    let mut found = Vec::new();
    for path in shipped_sources() {
        let lines = read(&path).split("\n#[cfg(test)]\nmod ").next().unwrap_or_default().lines().count();
        if lines > FILE_LINES {
            found.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert_none("files over their budget", &found);
}

#[test]
fn functions_fit_a_screen() {
    let mut found = Vec::new();
    for path in shipped_sources() {
        let text = read(&path);
        let lines: Vec<_> = text.lines().collect();
        let mut index = 0;
        while let Some(line) = lines.get(index) {
            let indent = line.len() - line.trim_start().len();
            let code = line.trim_start();
            let starts = code.starts_with("fn ")
                || (code.starts_with("pub") && code.contains("fn "))
                || code.starts_with("async fn ");
            // What ends in two braces is a template for generated code.
            if starts && !code.ends_with(';') && !code.ends_with("{{") {
                let close = format!("{}}}", " ".repeat(indent));
                let length = lines.iter().skip(index).position(|line| *line == close).unwrap_or(0) + 1;
                if length > FUNCTION_LINES {
                    found.push(format!("{}:{}: {length} lines", path.display(), index + 1));
                }
            }
            index += 1;
        }
    }
    assert_none("functions over their budget", &found);
}

#[test]
fn nothing_is_left_for_later() {
    let words = ["todo!(", "unimplemented!(", "TODO", "FIXME", "XXX"];
    let mut found = Vec::new();
    for path in shipped_sources() {
        for (index, line) in read(&path).lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{}: {}", path.display(), index + 1, line.trim()));
            }
        }
    }
    assert_none("left for later", &found);
}

#[test]
fn every_allowed_lint_has_a_reason() {
    let mut found = Vec::new();
    for path in shipped_sources() {
        let text = read(&path);
        let starts = ["\n#[allow(", "\n#![allow(", " #[allow(", "\n#[expect(", " #[expect("];
        for (start, _) in starts.iter().flat_map(|start| text.match_indices(start)) {
            let attribute = text[start..].split(")]").next().unwrap_or_default();
            if !attribute.contains("reason") {
                found.push(format!("{}: {attribute}", path.display()));
            }
        }
    }
    assert_none("lints allowed without a reason", &found);
}

#[test]
fn tests_do_not_sleep() {
    let mut found = Vec::new();
    for folder in ["adapters", "core", "protos", "tests"] {
        for path in files(&root().join(folder), ".rs").into_iter().filter(|path| is_test(path)) {
            // This very file names what it looks for.
            if path.ends_with("tidy.rs") {
                continue;
            }
            for (index, line) in read(&path).lines().enumerate() {
                if line.contains(concat!("thread::", "sleep")) || line.contains(concat!("Timer::", "after("))
                {
                    found.push(format!("{}:{}: {}", path.display(), index + 1, line.trim()));
                }
            }
        }
    }
    assert_none("sleeps in tests", &found);
}

#[test]
fn the_example_on_a_hand_written_loop_stays_short() {
    let lines = read(&root().join("core/examples/greeter_loop.rs")).lines().count();
    assert!(lines <= 60, "{lines} lines");
}
