//! Specifications are cited where they bind, and what is cited has a test that cites it too.
//!
//! A citation is `RFC 9113 §6.9.1` in a comment or a row of a table; in a list (`RFC 9113 §6.1, §6.2`) the
//! number is that of the last RFC named. In the tables of `core/tests/conformance` a bare `§` is RFC 9113's.

use std::collections::{BTreeMap, BTreeSet};

use super::{assert_none, files, is_test, read, root};

/// A section of an RFC.
type Section = (u32, String);

/// The sections of RFC 9113.
const HTTP2: &str = "1 2 2.1 2.2 3 3.1 3.2 3.3 3.4 4 4.1 4.2 4.3 4.3.1 5 5.1 5.1.1 5.1.2 5.2 5.2.1 5.2.2 5.2.3 5.3 5.3.1 \
    5.3.2 5.4 5.4.1 5.4.2 5.4.3 5.5 6 6.1 6.2 6.3 6.4 6.5 6.5.1 6.5.2 6.5.3 6.6 6.7 6.8 6.9 6.9.1 6.9.2 6.10 7 8 8.1 \
    8.1.1 8.2 8.2.1 8.2.2 8.2.3 8.3 8.3.1 8.3.2 8.4 8.4.1 8.4.2 8.5 8.6 8.7 8.8 9 9.1 9.1.1 9.2 9.2.1 9.2.2 9.2.3 10 \
    10.1 10.2 10.3 10.4 10.5 10.5.1 10.5.2 10.6 10.7 10.8 10.9 11 11.1 11.2";
/// The sections of RFC 7541.
const HPACK: &str = "1 1.1 1.2 1.3 2 2.1 2.2 2.3 2.3.1 2.3.2 2.3.3 2.4 3 3.1 3.2 4 4.1 4.2 4.3 4.4 5 5.1 5.2 6 6.1 6.2 \
    6.2.1 6.2.2 6.2.3 6.3 7 7.1 7.1.1 7.1.2 7.1.3 7.2 7.3 7.4 8";
/// What is cited of others.
const OTHERS: [(u32, &str); 7] = [
    (3986, "3.2 6.2 6.2.3"),
    (4648, "4 10"),
    (7540, "5.3.1 6.3"),
    (8441, "3 4"),
    (8446, "5.1"),
    (9110, "7.2 7.6.1 8.6 15 15.2"),
    (9112, "2 3 4"),
];

/// Sections whose MUSTs bind a gRPC endpoint over a given byte stream: cited in the core, each of them.
const BINDING: [(u32, &str); 2] = [
    (
        9113,
        "3.4 4.1 4.2 4.3 4.3.1 5.1 5.1.1 5.1.2 5.2 5.4.1 5.4.2 5.5 6.1 6.2 6.3 6.4 6.5 6.5.2 6.5.3 6.6 6.7 6.8 6.9 6.9.1 \
         6.9.2 6.10 7 8.1 8.1.1 8.2 8.2.1 8.2.2 8.3 8.3.1 8.3.2 8.4 8.5 8.6 8.7 10.5.1",
    ),
    (7541, "2.2 2.3.2 2.3.3 4.1 4.2 4.3 4.4 5.1 5.2 6.1 6.2.1 6.2.2 6.2.3 6.3 7.1.3"),
];

fn exists((rfc, section): &Section) -> bool {
    let sections = match rfc {
        9113 => HTTP2,
        7541 => HPACK,
        _ => OTHERS.iter().find(|(other, _)| other == rfc).map_or("", |(_, sections)| sections),
    };
    sections.split_whitespace().any(|other| other == section)
}

/// The citations of a text, with their lines. `bare` is the RFC of a `§` before any is named in its line.
fn citations(text: &str, bare: Option<u32>) -> Vec<(usize, Section)> {
    let mut found = Vec::new();
    let mut named = bare;
    for (index, line) in text.lines().enumerate() {
        // A comment goes on in the next line; code and rows do not.
        if !line.trim_start().starts_with("//") {
            named = bare;
        }
        let mut rest = line;
        while let Some(at) = rest.find("RFC ").into_iter().chain(rest.find('§')).min() {
            let after = &rest[at..];
            if let Some(number) = after.strip_prefix("RFC ") {
                let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
                named = digits.parse().ok().or(named);
                rest = number;
            } else {
                rest = &after['§'.len_utf8()..];
                let section: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
                let section = section.trim_end_matches('.').to_owned();
                if let Some(rfc) = named.filter(|_| !section.is_empty()) {
                    found.push((index + 1, (rfc, section)));
                }
            }
        }
    }
    found
}

/// Every citation and where it is: in code that ships, and in tests.
#[derive(Default)]
struct Cited {
    code: BTreeMap<Section, String>,
    tests: BTreeMap<Section, String>,
}

fn collect() -> Cited {
    let root = root();
    let mut cited = Cited::default();
    let folders = ["core/src", "core/tests", "adapters", "tests", "fuzz"];
    for path in folders.iter().flat_map(|folder| files(&root.join(folder), ".rs")) {
        // This very file names what it looks for.
        if path.ends_with("tidy/citations.rs") {
            continue;
        }
        let text = read(&path);
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        let bare = name.starts_with("core/tests/conformance/").then_some(9113);
        let code_ends = if is_test(&path) { 0 } else { code_lines(&text) };
        for (line, section) in citations(&text, bare) {
            let part = if line <= code_ends { &mut cited.code } else { &mut cited.tests };
            part.entry(section).or_insert_with(|| format!("{name}:{line}"));
        }
    }
    cited
}

/// The lines of a file before its tests.
fn code_lines(text: &str) -> usize {
    text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default().lines().count()
}

#[test]
fn what_is_cited_exists() {
    let cited = collect();
    let all = cited.code.iter().chain(&cited.tests);
    let unknown = all.filter(|(section, _)| !exists(section));
    let unknown: Vec<_> = unknown.map(|((rfc, section), at)| format!("{at}: RFC {rfc} §{section}")).collect();
    assert_none("sections that do not exist, or are not listed in tests/tests/tidy/citations.rs", &unknown);
}

/// A chapter (`§6`) is tested by a test of any of its sections.
#[test]
fn what_the_core_cites_has_a_test_that_cites_it() {
    let cited = collect();
    let core = cited.code.iter().filter(|(_, at)| at.starts_with("core/src/"));
    let tested = |(rfc, section): &Section| {
        let below = format!("{section}.");
        let chapter = !section.contains('.');
        cited
            .tests
            .keys()
            .any(|(other, test)| other == rfc && (test == section || chapter && test.starts_with(&below)))
    };
    let missing = core.filter(|(section, _)| !tested(section));
    let missing: Vec<_> = missing.map(|((rfc, section), at)| format!("{at}: RFC {rfc} §{section}")).collect();
    assert_none("citations without a test that cites the section", &missing);
}

#[test]
fn what_binds_is_cited_where_it_does() {
    let code: BTreeSet<_> = collect().code.into_keys().collect();
    let mut missing = Vec::new();
    for (rfc, sections) in BINDING {
        let sections = sections.split_whitespace().map(|section| (rfc, section.to_owned()));
        missing.extend(sections.filter(|section| !code.contains(section)));
    }
    let missing: Vec<_> = missing.iter().map(|(rfc, section)| format!("RFC {rfc} §{section}")).collect();
    assert_none("sections that bind and are cited nowhere in the core", &missing);
}

#[test]
fn citations_are_found_in_comments_lists_and_rows() {
    let text =
        "// RFC 9113 §6.1, §6.2: \"x\" (RFC 7541 §4.2.)\n/// goes on in §6.3.\nRow(\"a\", \"§5.1\")\n§ 7";
    let section = |rfc, section: &str| (rfc, String::from(section));
    let expected = [
        (1, section(9113, "6.1")),
        (1, section(9113, "6.2")),
        (1, section(7541, "4.2")),
        (2, section(7541, "6.3")),
        (3, section(9113, "5.1")),
    ];
    assert_eq!(citations(text, Some(9113)), expected);
    assert_eq!(citations("Row(\"§5.1\")", None), []);
}
