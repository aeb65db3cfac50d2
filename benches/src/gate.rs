//! Holds the counts to their baseline.

use std::fmt;
use std::path::PathBuf;

use sailplane_benches::Error;
use serde_json::{Map, Value, json};

use crate::counts::{self, Cost, Costs};

/// How much a count may rise above its baseline: what the same code shows from one layout of it to another.
const RISE: f64 = 0.03;
/// The same for processes, whose threads meet in another order each time, and for reactors.
const RISE_OF_PROCESSES: f64 = 0.10;
/// Allocations that are too few to be one in each call.
const ALLOCATIONS_SLACK: f64 = 0.02;
/// How much more a call may cost beside thousands of streams or connections than beside none.
const FLAT: f64 = 1.10;
/// The costs that are flat: of the first, beside others. Of smol beside a hundred: the tree in which its reactor keeps timers
/// costs more at each wait once it has more than one node.
const FLAT_PAIRS: [(&str, &str); 4] = [
    ("beside-1-stream", "beside-100-streams"),
    ("beside-1-stream", "beside-10000-streams"),
    ("threads-1", "threads-1-beside-1000"),
    ("smol-1-beside-100", "smol-1-beside-1000"),
];

/// Costs that were accepted, and the compiler that they are of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Baseline {
    pub(crate) rustc: String,
    pub(crate) costs: Costs,
}

/// Why a change is not accepted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Finding {
    /// It costs more than before.
    Rose { name: String, what: &'static str, before: f64, after: f64 },
    /// It depends on how much else there is.
    NotFlat { name: String, beside_nothing: f64, beside_many: f64 },
    /// The baseline lacks it.
    New { name: String },
    /// It is not counted any more.
    Gone { name: String },
}

/// What is against these costs. Lower ones are not: they become the baseline when somebody blesses them.
pub(crate) fn findings(baseline: &Costs, costs: &Costs) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, before) in baseline {
        match costs.get(name) {
            Some(after) => findings.extend(rises(name, before, after)),
            None => findings.push(Finding::Gone { name: name.clone() }),
        }
    }
    let new = costs.keys().filter(|name| !baseline.contains_key(*name));
    findings.extend(new.map(|name| Finding::New { name: name.clone() }));
    findings.extend(FLAT_PAIRS.iter().filter_map(|(few, many)| not_flat(costs, few, many)));
    findings
}

fn rises(name: &str, before: &Cost, after: &Cost) -> Vec<Finding> {
    let rose = |what, before: f64, after: f64| Finding::Rose { name: name.into(), what, before, after };
    let mut found = Vec::new();
    let rise = if counts::is_repeatable(name) { RISE } else { RISE_OF_PROCESSES };
    if after.instructions > before.instructions * (1.0 + rise) {
        found.push(rose("instructions", before.instructions, after.instructions));
    }
    if let (Some(before), Some(after)) = (before.allocations, after.allocations) {
        if after > before * (1.0 + rise) + ALLOCATIONS_SLACK {
            found.push(rose("allocations", before, after));
        }
    }
    found
}

fn not_flat(costs: &Costs, few: &str, many: &str) -> Option<Finding> {
    let (beside_nothing, beside_many) = (costs.get(few)?.instructions, costs.get(many)?.instructions);
    (beside_many > beside_nothing * FLAT).then(|| Finding::NotFlat {
        name: many.into(),
        beside_nothing,
        beside_many,
    })
}

/// What is to be counted once more before it is held against a change, since it depends on who is faster: what a change
/// costs shows both times.
pub(crate) fn doubtful(findings: &[Finding]) -> Vec<String> {
    let mut names = Vec::new();
    for finding in findings {
        match finding {
            Finding::Rose { name, .. } => names.push(name.clone()),
            Finding::NotFlat { name, .. } => {
                names.push(name.clone());
                let pairs = FLAT_PAIRS.iter().filter(|(_, many)| many == name);
                names.extend(pairs.map(|(few, _)| (*few).to_owned()));
            }
            Finding::New { .. } | Finding::Gone { .. } => {}
        }
    }
    names.retain(|name| !counts::is_repeatable(name));
    names.sort();
    names.dedup();
    names
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rose { name, what, before, after } => {
                let percent = (after / before - 1.0) * 100.0;
                write!(f, "{name}: {what} rose from {before:.2} to {after:.2} ({percent:+.1} %)")
            }
            Self::NotFlat { name, beside_nothing, beside_many } => {
                write!(
                    f,
                    "{name}: {beside_many:.0} instructions, {beside_nothing:.0} with next to nothing beside"
                )
            }
            Self::New { name } => write!(f, "{name}: not in the baseline"),
            Self::Gone { name } => write!(f, "{name}: in the baseline and not counted"),
        }
    }
}

/// Puts the instructions of a call into `counts.json`, in the folder that `SAILPLANE_LEDGER` names, if it names one.
pub(crate) fn tell(costs: &Costs) -> Result<(), Error> {
    let Some(folder) = std::env::var_os("SAILPLANE_LEDGER") else { return Ok(()) };
    let counts: Map<String, Value> =
        costs.iter().map(|(name, cost)| (name.clone(), json!(cost.instructions.round()))).collect();
    Ok(std::fs::write(PathBuf::from(folder).join("counts.json"), Value::Object(counts).to_string())?)
}

impl Baseline {
    /// The file beside the code.
    pub(crate) fn file() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("baseline.json")
    }

    /// The baseline in the file.
    pub(crate) fn read() -> Result<Self, Error> {
        let file = Self::file();
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        Self::from_json(&serde_json::from_str(&text)?).ok_or_else(|| "baseline.json: not a baseline".into())
    }

    /// Makes the file.
    pub(crate) fn write(&self) -> Result<(), Error> {
        Ok(std::fs::write(Self::file(), format!("{:#}\n", self.to_json()))?)
    }

    fn to_json(&self) -> Value {
        let round = |value: f64| (value * 100.0).round() / 100.0;
        let cost = |cost: &Cost| match cost.allocations {
            Some(allocations) => {
                json!({"instructions": round(cost.instructions), "allocations": round(allocations)})
            }
            None => json!({"instructions": round(cost.instructions)}),
        };
        let costs: Map<String, Value> =
            self.costs.iter().map(|(name, value)| (name.clone(), cost(value))).collect();
        json!({"rustc": self.rustc, "costs": costs})
    }

    fn from_json(value: &Value) -> Option<Self> {
        let mut costs = Costs::new();
        for (name, cost) in value.get("costs")?.as_object()? {
            let instructions = cost.get("instructions")?.as_f64()?;
            let allocations = cost.get("allocations").and_then(Value::as_f64);
            costs.insert(name.clone(), Cost { instructions, allocations });
        }
        Some(Self { rustc: value.get("rustc")?.as_str()?.to_owned(), costs })
    }
}

#[cfg(test)]
mod tests;
