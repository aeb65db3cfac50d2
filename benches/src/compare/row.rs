//! What was measured, and how it is kept.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The middle of several figures, and their ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// None of no figures.
    pub(crate) fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        let odd = sorted.len() % 2 == 1;
        let median = if odd { upper } else { f64::midpoint(upper, *sorted.get(middle - 1)?) };
        Some(Self { median, min, max })
    }
}

/// One thing that was measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// What it belongs to: `unary`, `latency`, …
    pub(crate) group: String,
    /// What was asked: `1x100`, `1024 octets`, …
    pub(crate) name: String,
    /// Who did it: a server, or `client → server`.
    pub(crate) subject: String,
    /// On which processors.
    pub(crate) place: String,
    /// The figures, by name with unit.
    pub(crate) figures: BTreeMap<String, Spread>,
    /// Rounds that failed, and why.
    pub(crate) errors: Vec<String>,
    /// What measures this row alone.
    pub(crate) command: String,
}

impl Row {
    pub(crate) fn new(group: &str, name: &str, subject: &str, place: &str) -> Self {
        let command = format!("cargo run --release -p sailplane-benches -- compare --only {group}");
        Self {
            group: group.into(),
            name: name.into(),
            subject: subject.into(),
            place: place.into(),
            figures: BTreeMap::new(),
            errors: Vec::new(),
            command,
        }
    }

    /// Identifies the row.
    pub(crate) fn id(&self) -> String {
        id(&self.group, &self.name, &self.subject, &self.place)
    }

    /// Adds a figure, if there is any.
    pub(crate) fn figure(&mut self, name: &str, figures: &[f64]) {
        if let Some(spread) = Spread::of(figures) {
            self.figures.insert(name.into(), spread);
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let figures = self.figures.iter().map(|(name, spread)| {
            (name.clone(), json!({"median": spread.median, "min": spread.min, "max": spread.max}))
        });
        json!({
            "group": self.group, "name": self.name, "subject": self.subject, "place": self.place,
            "figures": figures.collect::<serde_json::Map<_, _>>(), "errors": self.errors,
            "command": self.command,
        })
    }

    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        let spread = |value: &Value| {
            let number = |key: &str| value.get(key)?.as_f64();
            Some(Spread { median: number("median")?, min: number("min")?, max: number("max")? })
        };
        let figures = value.get("figures")?.as_object()?.iter();
        let errors = value.get("errors")?.as_array()?.iter();
        Some(Self {
            group: text("group")?,
            name: text("name")?,
            subject: text("subject")?,
            place: text("place")?,
            figures: figures.filter_map(|(name, value)| Some((name.clone(), spread(value)?))).collect(),
            errors: errors.filter_map(|error| error.as_str().map(str::to_owned)).collect(),
            command: text("command")?,
        })
    }
}

/// What identifies a row.
pub(crate) fn id(group: &str, name: &str, subject: &str, place: &str) -> String {
    format!("{group}/{name}/{subject}/{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_the_ends() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
    }

    #[test]
    fn a_row_survives_its_file() {
        let mut row = Row::new("unary", "1x100", "smol → smol", "one core");
        row.figure("calls/s", &[1.0, 2.0]);
        row.figure("nothing", &[]);
        row.errors.push("round 2: no answer in time".into());
        assert_eq!(Row::from_json(&row.to_json()), Some(row.clone()));
        assert_eq!(row.id(), "unary/1x100/smol → smol/one core");
        assert_eq!(Row::from_json(&json!({"group": "unary"})), None);
    }
}
