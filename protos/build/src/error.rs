//! What can go wrong, with its place in the proto file.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use miette::{Diagnostic as _, LabeledSpan};

/// Why no code was generated.
///
/// Displays like an error of rustc: message, place and the line it is about.
pub struct Error(Box<Inner>);

#[derive(Default)]
struct Inner {
    message: String,
    place: Option<Place>,
    line: Option<Line>,
    help: Option<String>,
}

struct Place {
    file: PathBuf,
    line_and_column: Option<(usize, usize)>,
}

/// The line that a message is about, with the marked part of it.
struct Line {
    text: String,
    start: usize,
    length: usize,
    label: Option<String>,
}

impl Error {
    /// An error without a place.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Inner { message: message.into(), ..Inner::default() }))
    }

    /// An error about a whole file.
    pub(crate) fn in_file(message: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        let place = Place { file: file.into(), line_and_column: None };
        Self(Box::new(Inner { message: message.into(), place: Some(place), ..Inner::default() }))
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Takes message, place and line from the parser's error; `locate` finds the path of a file name.
    pub(crate) fn from_protox(error: &protox::Error, locate: impl Fn(&str) -> PathBuf) -> Self {
        let mut converted = Self::new(error.to_string());
        converted.0.help = error.help().map(|help| help.to_string());
        converted.0.place = error.file().map(|name| Place { file: locate(name), line_and_column: None });
        let label = error.labels().and_then(first_label);
        let Some((label, code)) = label.zip(error.source_code()) else {
            return converted.with_cause(error);
        };
        let Ok(found) = code.read_span(label.inner(), 0, 0) else { return converted };
        let (line, column) = (found.line(), found.column());
        if let Some(place) = &mut converted.0.place {
            place.line_and_column = Some((line + 1, column + 1));
        }
        converted.0.line = converted.file().and_then(|file| marked_line(file, line, column, &label));
        converted
    }

    fn with_cause(mut self, error: &protox::Error) -> Self {
        if let Some(cause) = std::error::Error::source(error) {
            self.0.message = format!("{}: {cause}", self.0.message);
        }
        self
    }

    /// The file that the error is about.
    pub fn file(&self) -> Option<&Path> {
        self.0.place.as_ref().map(|place| place.file.as_path())
    }

    /// The line of [`file`](Self::file), from 1.
    pub fn line(&self) -> Option<usize> {
        self.0.place.as_ref()?.line_and_column.map(|(line, _)| line)
    }

    /// The column of [`line`](Self::line) in bytes, from 1.
    pub fn column(&self) -> Option<usize> {
        self.0.place.as_ref()?.line_and_column.map(|(_, column)| column)
    }
}

/// The label that comes first in the file: a duplicate, say, is reported where it repeats.
fn first_label(labels: Box<dyn Iterator<Item = LabeledSpan> + '_>) -> Option<LabeledSpan> {
    let mut labels = labels.collect::<Vec<_>>();
    let primary = labels.iter().position(LabeledSpan::primary).unwrap_or(0);
    (!labels.is_empty()).then(|| labels.swap_remove(primary))
}

fn marked_line(file: &Path, line: usize, column: usize, label: &LabeledSpan) -> Option<Line> {
    let code = fs::read_to_string(file).ok()?;
    let text = code.lines().nth(line)?.trim_end().to_owned();
    let length = label.len().clamp(1, text.len().saturating_sub(column).max(1));
    Some(Line { text, start: column, length, label: label.label().map(str::to_owned) })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        let number = self.line().map(|line| line.to_string()).unwrap_or_default();
        let margin = " ".repeat(number.len());
        if let Some(place) = &self.0.place {
            write!(f, "\n{margin}--> {}", place.file.display())?;
            if let Some((line, column)) = place.line_and_column {
                write!(f, ":{line}:{column}")?;
            }
        }
        if let Some(line) = &self.0.line {
            let (before, marks) = (" ".repeat(line.start), "^".repeat(line.length));
            write!(f, "\n{margin} |\n{number} | {}\n{margin} | {before}{marks}", line.text)?;
            if let Some(label) = &line.label {
                write!(f, " {label}")?;
            }
        }
        match &self.0.help {
            Some(help) => write!(f, "\n{margin} = help: {help}"),
            None => Ok(()),
        }
    }
}

/// The same text as [`Display`](fmt::Display), which is what `main` prints when it returns an error.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
