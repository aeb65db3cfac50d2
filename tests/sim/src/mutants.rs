//! Planted bugs: is the simulation able to find what it is there for?
//!
//! A mutant is a file in `mutants/`: one line that says what it breaks, and edits, each of a text that occurs
//! once in a file of the core. They are applied to a copy below `target/`, in which the simulation is built
//! and run until it fails.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Within so many seeds each must be found.
pub const SEEDS: u64 = 10_000;
/// A run that takes longer hangs; and what `timeout` says then.
const SECONDS: u32 = 240;
const TIMED_OUT: i32 = 124;

/// One replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The file, from the root of the workspace.
    pub file: String,
    /// What occurs in it once.
    pub text: String,
    /// What stands there instead.
    pub with: String,
}

/// A planted bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// Its file's name.
    pub name: String,
    /// What it breaks.
    pub title: String,
    /// How.
    pub edits: Vec<Edit>,
}

impl Mutant {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is missing.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut parts = text.split("\nin ");
        let title = parts.next().unwrap_or_default().trim().to_owned();
        let mut edits = Vec::new();
        for part in parts {
            let (file, rest) = part.split_once("\nreplace\n").ok_or("an edit lacks `replace`")?;
            let (text, with) = rest.split_once("\nwith\n").ok_or("an edit lacks `with`")?;
            edits.push(Edit {
                file: file.trim().to_owned(),
                text: text.to_owned(),
                with: with.trim_end_matches('\n').to_owned(),
            });
        }
        if title.is_empty() || edits.is_empty() {
            return Err("it has no title or no edit".to_owned());
        }
        Ok(Self { name: name.to_owned(), title, edits })
    }

    /// The files that it changes below `root`, with their new text.
    ///
    /// # Errors
    /// A text that does not occur, or more than once.
    pub fn apply(&self, root: &Path) -> Result<Vec<(String, String)>, String> {
        let mut files: Vec<(String, String)> = Vec::new();
        for edit in &self.edits {
            let place = match files.iter().position(|(file, _)| *file == edit.file) {
                Some(place) => place,
                None => {
                    let text = fs::read_to_string(root.join(&edit.file))
                        .map_err(|error| format!("{}: {error}", edit.file))?;
                    files.push((edit.file.clone(), text));
                    files.len() - 1
                }
            };
            let text = &mut files[place].1;
            let count = text.matches(&edit.text).count();
            if count != 1 {
                return Err(format!("{}: {count} places are {:?}", edit.file, edit.text));
            }
            *text = text.replacen(&edit.text, &edit.with, 1);
        }
        Ok(files)
    }
}

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All mutants, by name.
///
/// # Errors
/// A file that cannot be read.
pub fn all() -> Result<Vec<Mutant>, String> {
    let folder = root().join("tests/sim/mutants");
    let mut mutants = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|error| error.to_string())?.flatten() {
        let name = entry.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(entry.path()).map_err(|error| format!("{name}: {error}"))?;
        mutants.push(Mutant::parse(&name, &text).map_err(|error| format!("{name}: {error}"))?);
    }
    mutants.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(mutants)
}

/// What became of a mutant.
enum Found {
    /// The first seed that fails, and the invariant.
    At(u64, String),
    /// It does not come back.
    Hangs,
    No,
}

/// Builds and runs all mutants, or those that are named, and writes the table. Whether each was found.
///
/// # Errors
/// What cannot be built.
pub fn run_all(names: &[String]) -> Result<bool, String> {
    let root = root();
    let copy = root.join("target/mutants/work");
    prepare(&root, &copy).map_err(|error| format!("the copy cannot be made: {error}"))?;
    let mut table = String::from(
        "# Planted bugs, and how soon the simulation finds them\n\n\
         Written by `cargo run --profile sim -p sailplane-simulation -- mutants`. Each is an edit of the core \
         in `mutants/`,\napplied to a copy; seeds run from 0 until one fails.\n\n\
         | mutant | what it breaks | found in seeds | by |\n|---|---|---|---|\n",
    );
    let mut good = true;
    for mutant in all()?.iter().filter(|mutant| names.is_empty() || names.contains(&mutant.name)) {
        let found = try_one(mutant, &root, &copy)?;
        let (seeds, by) = match &found {
            Found::At(seed, invariant) => ((seed + 1).to_string(), invariant.clone()),
            Found::Hangs => ("hangs".to_owned(), "I9".to_owned()),
            Found::No => (format!("not in {SEEDS}"), "-".to_owned()),
        };
        good &= !matches!(found, Found::No);
        println!("{:26} {seeds:>12}  {by}", mutant.name);
        let _ = writeln!(table, "| `{}` | {} | {seeds} | {by} |", mutant.name, mutant.title);
    }
    if names.is_empty() {
        fs::write(root.join("tests/sim/MUTANTS.md"), table).map_err(|error| error.to_string())?;
    }
    Ok(good)
}

fn try_one(mutant: &Mutant, root: &Path, copy: &Path) -> Result<Found, String> {
    let text = |error: io::Error| format!("{}: {error}", mutant.name);
    sync(&root.join("core/src"), &copy.join("core/src")).map_err(text)?;
    for (file, changed) in mutant.apply(copy)? {
        fs::write(copy.join(file), changed).map_err(text)?;
    }
    let built = Command::new("cargo")
        .args(["build", "--offline", "--quiet", "--release", "-p", "sailplane-simulation"])
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", copy.join("../target"))
        .env("RUSTFLAGS", "--cap-lints allow")
        .output()
        .map_err(text)?;
    if !built.status.success() {
        return Err(format!("{} cannot be built: {}", mutant.name, String::from_utf8_lossy(&built.stderr)));
    }
    let output = Command::new("timeout")
        .arg(SECONDS.to_string())
        .arg(copy.join("../target/release/sailplane-simulation"))
        .args(["--until-failure", &format!("0..{SEEDS}")])
        .output()
        .map_err(text)?;
    if output.status.code() == Some(TIMED_OUT) {
        return Ok(Found::Hangs);
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = said.split_whitespace();
    let found = match (words.next(), words.next(), words.next(), words.next()) {
        (Some("seed"), Some(seed), Some("breaks"), Some(by)) => {
            Found::At(seed.parse().unwrap_or(0), by.trim_end_matches(':').to_owned())
        }
        _ => Found::No,
    };
    Ok(found)
}

/// A workspace of nothing but the core and the simulation.
fn prepare(root: &Path, copy: &Path) -> io::Result<()> {
    fs::create_dir_all(copy)?;
    let workspace = fs::read_to_string(root.join("Cargo.toml"))?;
    let mut sections = sections(&workspace);
    sections.retain(|section| !["[workspace]", "[profile"].iter().any(|other| section.starts_with(other)));
    let text = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [\"core\", \"tests/sim\"]\n\n{}\n\
         [profile.release]\ndebug-assertions = true\noverflow-checks = true\nincremental = true\n",
        sections.join("")
    );
    write_new(&copy.join("Cargo.toml"), &text)?;
    write_new(&copy.join("Cargo.lock"), &fs::read_to_string(root.join("Cargo.lock"))?)?;
    for folder in ["core", "tests/sim"] {
        let manifest = fs::read_to_string(root.join(folder).join("Cargo.toml"))?;
        let mut sections = self::sections(&manifest);
        sections.retain(|section| !section.starts_with("[dev-") && !section.starts_with("[["));
        fs::create_dir_all(copy.join(folder))?;
        write_new(&copy.join(folder).join("Cargo.toml"), &sections.join(""))?;
        sync(&root.join(folder).join("src"), &copy.join(folder).join("src"))?;
    }
    Ok(())
}

/// The tables of a manifest.
fn sections(manifest: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    for line in manifest.lines() {
        if line.starts_with('[') {
            sections.push(String::new());
        }
        if let Some(last) = sections.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    sections
}

/// Makes `to` equal to `from`; files that are equal keep their time, so that nothing is built for them.
fn sync(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)?.flatten() {
        if !from.join(entry.file_name()).exists() && entry.path().is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    for entry in fs::read_dir(from)?.flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            sync(&entry.path(), &target)?;
        } else {
            write_new(&target, &fs::read_to_string(entry.path())?)?;
        }
    }
    Ok(())
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    match fs::read_to_string(path) {
        Ok(old) if old == text => Ok(()),
        _ => fs::write(path, text),
    }
}
