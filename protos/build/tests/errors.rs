//! What is wrong with a proto file is said with file, line and column.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::path::{Path, PathBuf};
use std::{fs, panic};

use sailplane_build::{Config, Error};

fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn error(test: &str, proto: &str) -> Error {
    let folder = folder(test);
    let file = folder.join("wrong.proto");
    fs::write(&file, proto).unwrap();
    Config::new().out_dir(folder).compile([file]).unwrap_err()
}

/// Checks place and text, which is the same in `Display` and `Debug`.
fn check(error: &Error, line: usize, column: usize, texts: &[&str]) {
    let text = error.to_string();
    assert_eq!((error.line(), error.column()), (Some(line), Some(column)), "{text}");
    let place = format!("{}:{line}:{column}", error.file().unwrap().display());
    assert!(text.contains(&format!("--> {place}\n")), "{text}");
    for expected in texts {
        assert!(text.contains(expected), "{expected}\nis not in\n{text}");
    }
    assert_eq!(format!("{error:?}"), text);
}

#[test]
fn syntax() {
    let error = error("syntax", "syntax = \"proto3\";\nmessage M {\n  string name 1;\n}\n");
    check(&error, 3, 15, &["expected '='", "\n3 |   string name 1;\n  |               ^ "]);
    assert!(error.file().unwrap().ends_with("wrong.proto"));
}

#[test]
fn missing_import() {
    let error = error("import", "syntax = \"proto3\";\n\nimport \"gone/away.proto\";\n");
    check(&error, 3, 1, &["import 'gone/away.proto' not found", "imported here"]);
}

#[test]
fn unknown_type() {
    let error = error("type", "syntax = \"proto3\";\nservice S {\n  rpc Go(Gone) returns (Gone);\n}\n");
    check(&error, 3, 10, &["'Gone'", "\n3 |   rpc Go(Gone) returns (Gone);\n  |          ^^^^"]);
}

#[test]
fn duplicate() {
    let error = error("twice", "syntax = \"proto3\";\nmessage M {}\nservice M {}\n");
    assert!(error.line().is_some(), "{error}");
}

#[test]
fn error_in_an_imported_file() {
    let folder = folder("imported");
    fs::write(folder.join("inner.proto"), "syntax = \"proto3\";\nmessage {}\n").unwrap();
    let error = error("imported", "syntax = \"proto3\";\nimport \"inner.proto\";\n");
    assert!(error.file().unwrap().ends_with("inner.proto"), "{error}");
    check(&error, 2, 9, &[]);
}

#[test]
fn no_such_file() {
    let error = Config::new().out_dir(folder("none")).compile(["proto/none.proto"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no such file\n--> proto/none.proto\n = help: paths are relative to Cargo.toml"
    );
}

#[test]
fn options_about_nothing() {
    let greet = ["../examples/proto/greet.proto"];
    let config = || Config::new().out_dir(folder("options"));
    let error = |config: Config| config.compile(greet).unwrap_err().to_string();
    assert!(error(config().attribute(".greet.Gone", "#[x]")).contains("`.greet.Gone`"));
    assert!(error(config().bytes([".greet.HelloRequest.gone"])).contains("`.greet.HelloRequest.gone`"));
    assert!(error(config().attribute(".greet.HelloReply", "derive(Eq)")).contains("attribute of"));
    assert!(error(config().extern_path(".greet", "not a path")).contains("extern_path of"));
}

#[test]
fn the_short_form_panics_with_the_error() {
    let caught = panic::catch_unwind(|| sailplane_build::compile("proto/none.proto")).unwrap_err();
    let message = caught.downcast_ref::<String>().unwrap();
    assert!(message.contains("error: ") && message.contains("proto/none.proto"), "{message}");
}
