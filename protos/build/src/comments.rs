//! Proto comments turned into rustdoc text that can neither link, nor run, nor warn.

/// Turns the text of a proto comment into lines of Markdown for `///`.
///
/// Brackets and angle brackets are escaped, addresses become links, code becomes `text` blocks that
/// rustdoc does not compile, and continued list items are indented the way Markdown wants them.
pub(crate) fn doc_lines(comment: &str) -> Vec<String> {
    let mut out = Lines::default();
    // What is left of `/**`.
    let comment = comment.strip_prefix('*').unwrap_or(comment);
    comment.lines().for_each(|line| out.push(&clean(line)));
    out.finish()
}

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    block: Block,
    /// Width of the marker of the list item that the next line may continue.
    item: Option<usize>,
}

#[derive(Default, PartialEq)]
enum Block {
    #[default]
    Text,
    Fenced(&'static str),
    Indented,
}

const FENCE: &str = "```";

impl Lines {
    fn push(&mut self, line: &str) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        let text = line.trim();
        match self.block {
            Block::Fenced(fence) if text.starts_with(fence) => self.close(),
            Block::Fenced(_) => self.lines.push(verbatim(line)),
            Block::Indented if text.is_empty() => self.lines.push(String::new()),
            Block::Indented if indent(line) >= 4 => self.lines.push(verbatim(&line[4..])),
            Block::Indented => {
                self.close();
                self.push_text(line, text);
            }
            Block::Text => self.push_text(line, text),
        }
    }

    fn push_text(&mut self, line: &str, text: &str) {
        let after_blank = self.lines.last().is_none_or(String::is_empty);
        if text.is_empty() {
            self.item = None;
            if !after_blank {
                self.lines.push(String::new());
            }
            return;
        }
        for fence in [FENCE, "~~~"] {
            if text.starts_with(fence) {
                return self.open(Block::Fenced(fence));
            }
        }
        if after_blank && indent(line) >= 4 {
            self.open(Block::Indented);
            return self.lines.push(verbatim(&line[4..]));
        }
        if let Some((marker, rest)) = list_item(text) {
            self.item = Some(marker.len() + 1);
            return self.lines.push(format!("{marker} {}", escape(rest)));
        }
        let indent = " ".repeat(self.item.unwrap_or(0));
        self.lines.push(format!("{indent}{}", escape(text)));
    }

    fn open(&mut self, block: Block) {
        self.block = block;
        self.item = None;
        self.lines.push(format!("{FENCE}text"));
    }

    fn close(&mut self) {
        self.block = Block::Text;
        let mut blank = false;
        while self.lines.last().is_some_and(String::is_empty) {
            blank = true;
            self.lines.pop();
        }
        self.lines.push(FENCE.into());
        if blank {
            self.lines.push(String::new());
        }
    }

    fn finish(mut self) -> Vec<String> {
        if self.block != Block::Text {
            self.close();
        }
        while self.lines.last().is_some_and(String::is_empty) {
            self.lines.pop();
        }
        self.lines
    }
}

/// Drops what no source file should contain: control, bidirectional and invisible characters.
fn clean(line: &str) -> String {
    let keep = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    line.replace('\t', "    ").chars().filter(keep).collect()
}

fn verbatim(line: &str) -> String {
    // A fence inside would end ours early.
    line.trim_end().replace(FENCE, "'''")
}

fn indent(line: &str) -> usize {
    line.bytes().take_while(|b| *b == b' ').count()
}

/// Splits `- item`, `* item`, `+ item`, `1. item` and `1) item`.
fn list_item(text: &str) -> Option<(&str, &str)> {
    let (marker, rest) = text.split_once(' ')?;
    let numbered = marker
        .strip_suffix(['.', ')'])
        .is_some_and(|n| (1..=9).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()));
    (numbered || matches!(marker, "-" | "*" | "+")).then(|| (marker, rest.trim_start()))
}

/// Escapes one line of text outside of code.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    let mut in_code = false;
    if let Some(after) = text.strip_prefix('>') {
        out.push_str("\\>");
        rest = after;
    }
    while let Some(c) = rest.chars().next() {
        if c == '`' {
            // Only a pair of backticks on one line is code.
            let pairs = in_code || rest[1..].contains('`');
            out.push_str(if pairs { "`" } else { "\\`" });
            in_code = pairs && !in_code;
        } else if in_code {
            out.push(c);
        } else if let Some(length) = escaped_already(rest).or_else(|| address(rest, &mut out)) {
            if rest.starts_with('\\') {
                out.push_str(&rest[..length]);
            }
            rest = &rest[length..];
            continue;
        } else {
            if matches!(c, '[' | ']' | '<' | '>') {
                out.push('\\');
            }
            out.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

fn escaped_already(rest: &str) -> Option<usize> {
    let next = rest.strip_prefix('\\')?.chars().next()?;
    next.is_ascii_punctuation().then_some(2)
}

/// Writes the address that `rest` starts with as `<address>`; returns how much of `rest` it was.
fn address(rest: &str, out: &mut String) -> Option<usize> {
    let bracketed = rest.starts_with('<');
    let start = usize::from(bracketed);
    let text = &rest[start..];
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return None;
    }
    let stop = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | ')' | '[' | ']' | '"' | '`');
    let end = text.find(stop).unwrap_or(text.len());
    let url = text[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', '\'']);
    out.push('<');
    out.push_str(url);
    out.push('>');
    let closed = bracketed && text[url.len()..].starts_with('>');
    Some(start + url.len() + usize::from(closed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(comment: &str, expected: &[&str]) {
        assert_eq!(doc_lines(comment), expected, "{comment}");
    }

    #[test]
    fn brackets_neither_link_nor_open_tags() {
        check(" see [x] and <b>, `a[0]` stays", &[r"see \[x\] and \<b\>, `a[0]` stays"]);
        check(" \\[done\\] ` alone", &[r"\[done\] \` alone"]);
        check(" > quoted", &[r"\> quoted"]);
    }

    #[test]
    fn addresses_become_links() {
        check(" See https://a.b/c. Or <http://d>!", &["See <https://a.b/c>. Or <http://d>!"]);
        check(" [text](https://a.b/c)", &[r"\[text\](<https://a.b/c>)"]);
    }

    #[test]
    fn code_is_not_tested() {
        check(
            " Use:\n\n     let x = [1];\n\n done",
            &["Use:", "", "```text", "let x = [1];", "```", "", "done"],
        );
        check(" ```rust\n fn f() {}\n ```", &["```text", "fn f() {}", "```"]);
        check(" ~~~\n open", &["```text", "open", "```"]);
    }

    #[test]
    fn lists_are_indented() {
        check(
            " - one\n goes on\n 2. two\n     more\n\n after",
            &["- one", "  goes on", "2. two", "   more", "", "after"],
        );
    }

    #[test]
    fn stars_of_block_comments_go() {
        check("*\n words\n", &["words"]);
        check("* words", &["words"]);
    }

    #[test]
    fn odd_characters_go() {
        check(" a\tb\u{202e}c\r\n", &["a    bc"]);
    }
}
