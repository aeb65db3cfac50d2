//! The results as pages: `results.md`, the chart, and what other pages quote between their markers.

use std::fmt::Write as _;

use sailplane_benches::Error;

use super::goals::{self, Goal};
use super::results::{Results, file};
use super::row::Row;
use super::{chart, table};
use crate::gate::Baseline;

/// What the project's page quotes.
const SUMMARY: [&str; 9] = [
    "server CPU of a unary call, 1x1, smol",
    "server CPU of a unary call, 1x100, smol",
    "server CPU of a unary call, 100x10, threads",
    "client CPU of a unary call, 1x100, smol",
    "unary calls, our client and server on one core, 1x100",
    "median time of a unary call, blocking client, threads server",
    "rate of unary echoes of 1 MiB, blocking → threads",
    "memory of an idle connection after a call, smol",
    "hello world, smol",
];

/// Before and after what is written into a page.
const BEGIN: &str = "<!-- results: written by `compare` -->\n";
const END: &str = "<!-- end of results -->";

/// Writes all of them.
pub(crate) fn write(results: &Results) -> Result<(), Error> {
    let goals = goals::goals(results, &Baseline::read()?.costs);
    let page = page(results, &goals);
    std::fs::write(file("results.md"), page)?;
    std::fs::write(file("results.svg"), chart::svg(&goals))?;
    quote("README.md", &format!("{}\n{}", machine(results), goal_table(&goals)))?;
    quote("../README.md", &summary(&goals))
}

/// Puts the text between the markers of a page.
fn quote(page: &str, insert: &str) -> Result<(), Error> {
    let path = file(page);
    let text =
        replaced(&std::fs::read_to_string(&path)?, insert).ok_or_else(|| format!("{page}: no markers"))?;
    Ok(std::fs::write(path, text)?)
}

/// A few figures, for those who do not want all of them.
fn summary(goals: &[Goal]) -> String {
    let mut text =
        String::from("| measured in the same run | unit | tonic | Sailplane |\n|---|---|---|---|\n");
    for goal in goals.iter().filter(|goal| SUMMARY.contains(&goal.what.as_str())) {
        let figure = |figure: Option<f64>| figure.map_or_else(|| "–".into(), table::number);
        let (tonic, ours) = (figure(goal.tonic), figure(goal.ours));
        let _ = writeln!(text, "| {} | {} | {tonic} | {ours} |", goal.what, goal.unit);
    }
    text
}

fn page(results: &Results, goals: &[Goal]) -> String {
    let mut page = String::from("# What was measured\n\n");
    page += "Written by `cargo run --release -p sailplane-benches -- compare`; [README.md](README.md) says what each row is.\n\n";
    page += &machine(results);
    page += "\n## Goals\n\n";
    page += &goal_table(goals);
    let mut groups: Vec<&str> = Vec::new();
    for row in &results.rows {
        if !groups.contains(&row.group.as_str()) {
            groups.push(&row.group);
        }
    }
    for group in groups {
        let rows: Vec<&Row> = results.rows.iter().filter(|row| row.group == group).collect();
        // Writing to a string does not fail.
        let _ = write!(page, "\n## {group}\n\n{}", group_table(&rows));
    }
    page
}

/// On what, and how often.
fn machine(results: &Results) -> String {
    let mut lines = String::new();
    for (name, value) in results.machine.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = writeln!(lines, "- {name}: {value}");
    }
    let _ = writeln!(lines, "- each load: {}; medians, with the least and the most", results.run);
    lines
}

fn goal_table(goals: &[Goal]) -> String {
    let lines: Vec<String> = goals.iter().map(Goal::line).collect();
    format!("{}{}\n", goals::HEAD, lines.join("\n"))
}

fn group_table(rows: &[&Row]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in rows.iter().flat_map(|row| row.figures.keys()) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.sort_by_key(|name| table::rank(name));
    let mut text = format!(
        "| what | who | where | {} |\n|---|---|---|{}\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    for row in rows {
        let figure = |name: &&str| row.figures.get(*name).map_or_else(|| "–".into(), table::text);
        let figures: Vec<String> = names.iter().map(figure).collect();
        let failed = if row.errors.is_empty() {
            String::new()
        } else {
            format!(" (failed: {})", row.errors.join("; "))
        };
        let Row { name, subject, place, .. } = row;
        let _ = writeln!(text, "| {name} | {subject}{failed} | {place} | {} |", figures.join(" | "));
    }
    if let Some(row) = rows.first() {
        let _ = writeln!(text, "\n`{}`", row.command);
    }
    text
}

/// `text` with `insert` between the markers.
fn replaced(text: &str, insert: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{insert}{END}{after}"))
}

/// The pages of the results in the file, without measuring anything.
pub(crate) fn again() -> Result<(), Error> {
    write(&Results::read().ok_or("there is no results.json, or it is of another version")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let text = format!("# A\n{BEGIN}old\n{END}\nB\n");
        assert_eq!(replaced(&text, "new\n"), Some(format!("# A\n{BEGIN}new\n{END}\nB\n")));
        assert_eq!(replaced("# A\n", "new"), None);
    }

    #[test]
    fn a_table_has_a_column_for_each_figure_of_its_rows() {
        let mut one = Row::new("unary", "1x1", "a → b", "one core");
        one.figure("per second", &[1000.0]);
        let mut other = Row::new("unary", "1x1", "c → d", "one core");
        other.figure("server CPU µs", &[2.0]);
        other.errors.push("round 1: it broke".into());
        let table = group_table(&[&one, &other]);
        assert!(table.contains("| what | who | where | per second | server CPU µs |"), "{table}");
        assert!(table.contains("| 1x1 | a → b | one core | 1,000 | – |"), "{table}");
        assert!(
            table.contains("| 1x1 | c → d (failed: round 1: it broke) | one core | – | 2.00 |"),
            "{table}"
        );
    }

    #[test]
    fn what_the_project_quotes_is_there() {
        let results = Results { machine: serde_json::Value::Null, run: String::new(), rows: Vec::new() };
        let goals = goals::goals(&results, &crate::counts::Costs::new());
        for what in SUMMARY {
            assert!(goals.iter().any(|goal| goal.what == what), "{what}");
        }
    }

    #[test]
    fn the_machine_is_a_list() {
        let machine_value = serde_json::json!({"cores": 2, "kernel": "6.1"});
        let results = Results { machine: machine_value, run: "2 rounds of 0.5 s".into(), rows: Vec::new() };
        let expected = "- cores: 2\n- kernel: 6.1\n- each load: 2 rounds of 0.5 s; medians, with the least and the most\n";
        assert_eq!(machine(&results), expected);
    }
}
