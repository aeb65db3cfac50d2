//! The differences as a page: a row for each, with the reason.

use std::fs;
use std::path::Path;

use crate::ledger;

/// What both said.
#[derive(Clone, Debug)]
pub struct Answers {
    /// The situation.
    pub situation: String,
    /// What ours said.
    pub ours: String,
    /// What grpcio said.
    pub theirs: String,
}

/// Checks that the page has every difference, and no other.
///
/// # Panics
/// Otherwise.
pub fn check(name: &str, page: &Path, answers: &[Answers]) {
    let text = fs::read_to_string(page).expect("the page of differences");
    let section = text.split(&format!("## {name}\n")).nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let row =
        |answers: &Answers| format!("| {} | {} | {} |", answers.situation, answers.ours, answers.theirs);
    let differences: Vec<_> = answers.iter().filter(|answers| answers.ours != answers.theirs).collect();
    let (mut missing, mut gone) = (Vec::new(), Vec::new());
    for answers in &differences {
        let start = row(answers);
        let reason = section.lines().find_map(|line| line.strip_prefix(start.as_str()));
        if reason.is_none_or(|reason| reason.len() <= 10) {
            missing.push(start);
        }
    }
    for line in section.lines().filter(|line| line.starts_with("| ")).skip(1) {
        if !differences.iter().any(|answers| line.starts_with(&row(answers))) {
            gone.push(line);
        }
    }
    println!("{name}: {} situations, {} differences", answers.len(), differences.len());
    ledger::record("scripts", &format!("grpcio, {name}"), answers.len() as u64);
    ledger::record("differences_by_peer", &format!("grpcio, {name}"), differences.len() as u64);
    let (missing, gone) = (missing.join("\n"), gone.join("\n"));
    assert!(missing.is_empty() && gone.is_empty(), "{name}: not in the page:\n{missing}\nno more:\n{gone}");
}
