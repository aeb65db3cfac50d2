//! `core/BOUNDS.md` is what the table says. `BLESS=1` writes it.

use std::fmt::Write;
use std::{env, fs};

use sailplane::Limits;
use sailplane::limits::FIXED;

const INTRODUCTION: &str = "\
# Limits

What a peer can make a connection hold or do, and where that stops. A field of `sailplane::Limits` for each
row of the first table; every row of both has a test of its own, `core/tests/limits/`. This page is made
from the table in `core/src/limits.rs`.

A budget of frames or resets is a bucket that refills: a burst, and so many per second on top. Weights: a
frame without a purpose costs 1; a request that is malformed, or answered before a handler sees it, 10; a
refused stream 2; RST_STREAM on a closed stream 2. What may honestly have been on its way to a stream
when it was closed costs nothing.

## Memory

What a peer can make one connection hold, at the defaults, is at most the sum of

| what | octets |
|---|---|
| messages that nobody takes (`unread_bytes_max`) | 4 Mi |
| the windows of streams that were open at that time (`concurrent_calls_max` × `stream_window_bytes`), and a sixteenth, for buffers grow in steps | 6.65 Mi |
| the one message that may still finish (`message_bytes_max`), and half of it, for the old buffer is there while it grows | 6 Mi |
| the one that an older call's took over from, unfinished (`message_bytes_max`) | 4 Mi |
| metadata (`request_metadata_bytes_max`) | 1 Mi |
| answers that it does not read (`unsent_bytes_max`), and the first message of each call | 1 Mi + |
| all else | 192 Ki |

and 1.5 Ki for a connection without calls. Of 64 KiB of input, eight times as much is allocated at the most. A test counts what the allocator gives out under an attack on
each of these, `core/tests/attacks/memory.rs`.
";

/// The text of a documentation comment, without its links.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.trim();
    while let Some((before, after)) = rest.split_once("](") {
        out.push_str(&before.replacen('[', "", before.matches('[').count()));
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out.replace("  ", " ")
}

fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("\n## Bounds with a knob\n\n| bound | default | of what | at the bound | source |\n|---|---|---|---|---|\n");
    for row in Limits::default().rows() {
        let unit = match row.unit {
            "time" => String::new(),
            unit => format!(" {unit}"),
        };
        let (bounds, consequence) = (plain(row.bounds), row.consequence);
        writeln!(
            page,
            "| `{}` | {}{unit} | {bounds} | {consequence} | {} |",
            row.name, row.value, row.source
        )
        .unwrap();
    }
    page.push_str(
        "\n## Bounds without one\n\n| bound | of what | at the bound | source |\n|---|---|---|---|\n",
    );
    for (name, bounds, consequence, source) in FIXED {
        writeln!(page, "| {name} | {bounds} | {consequence} | {source} |").unwrap();
    }
    page
}

#[test]
fn the_page_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/BOUNDS.md");
    let page = page();
    if env::var_os("BLESS").is_some() {
        fs::write(path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap_or_default(), page, "BLESS=1 writes the page");
}
