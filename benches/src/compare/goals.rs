//! What the figures are to be, and what they are.

use super::results::Results;
use super::row;
use super::table::number;
use crate::counts::Costs;

/// One aim, and how near it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Goal {
    pub(crate) what: String,
    /// The figure, if it was measured.
    pub(crate) ours: Option<f64>,
    /// The same of tonic, where there is one.
    pub(crate) tonic: Option<f64>,
    pub(crate) aim: Aim,
    pub(crate) unit: &'static str,
    pub(crate) command: String,
}

/// At most, or at least, so much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Aim {
    Most(f64),
    Least(f64),
}

impl Aim {
    const fn is_met(self, figure: f64) -> bool {
        match self {
            Self::Most(most) => figure <= most,
            Self::Least(least) => figure >= least,
        }
    }
}

impl Goal {
    /// Whether it is met; nothing of what was not measured.
    pub(crate) fn is_met(&self) -> Option<bool> {
        self.ours.map(|figure| self.aim.is_met(figure))
    }

    /// A row of the table.
    pub(crate) fn line(&self) -> String {
        let figure = |figure: Option<f64>| figure.map_or_else(|| "–".into(), number);
        let aim = match self.aim {
            Aim::Most(most) => format!("≤ {}", number(most)),
            Aim::Least(least) => format!("≥ {}", number(least)),
        };
        let met = match self.is_met() {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "not measured",
        };
        let Self { what, unit, command, .. } = self;
        format!(
            "| {what} | {unit} | {} | {} | {aim} | {met} | `{command}` |",
            figure(self.tonic),
            figure(self.ours)
        )
    }
}

/// The heads of the columns.
pub(crate) const HEAD: &str = "| what | unit | tonic | Sailplane | goal | met | command: `cargo run --release -p sailplane-benches` … |\n\
                               |---|---|---|---|---|---|---|\n";

/// All goals.
pub(crate) fn goals(results: &Results, costs: &Costs) -> Vec<Goal> {
    let figures = Figures { results, costs };
    let mut goals = Vec::new();
    figures.counts(&mut goals);
    figures.unary(&mut goals);
    figures.latency(&mut goals);
    figures.streams(&mut goals);
    figures.memory(&mut goals);
    figures.weight(&mut goals);
    goals
}

struct Figures<'a> {
    results: &'a Results,
    costs: &'a Costs,
}

const ONE: &str = "one core";
const ALL: &str = "all cores";

impl Figures<'_> {
    fn of(&self, id: &str, figure: &str) -> Option<f64> {
        let row = self.results.rows.iter().find(|row| row.id() == id)?;
        row.figures.get(figure).map(|spread| spread.median)
    }

    fn by(&self, group: &str, name: &str, subject: &str, figure: &str) -> Option<f64> {
        self.of(&row::id(group, name, subject, ONE), figure)
    }

    /// The most expensive of these counts.
    fn worst(&self, names: &[&str], of: fn(&crate::counts::Cost) -> Option<f64>) -> Option<f64> {
        let all: Option<Vec<f64>> = names.iter().map(|name| of(self.costs.get(*name)?)).collect();
        all?.into_iter().reduce(f64::max)
    }

    fn counts(&self, goals: &mut Vec<Goal>) {
        let servers = ["server-1-h2load", "server-100-h2load", "server-1-tonic", "server-100-tonic"];
        let pairs = ["pair-1", "pair-100"];
        let mut goal = |what: &str, ours, tonic, most, unit| {
            let (what, command, aim) = (what.to_owned(), "-- counts ''".to_owned(), Aim::Most(most));
            goals.push(Goal { what, ours, tonic, aim, unit, command });
        };
        let instructions = |cost: &crate::counts::Cost| Some(cost.instructions);
        let tonic = self.of(&row::id("instructions", "server process, 100 in flight", "tonic", ALL), "each");
        let what = "unary call at the core's server (tonic: its whole process)";
        goal(what, self.worst(&servers, instructions), tonic, 3_000.0, "instructions");
        goal(
            "unary call, both ends of the core",
            self.worst(&pairs, instructions),
            None,
            6_000.0,
            "instructions",
        );
        let allocations = |cost: &crate::counts::Cost| cost.allocations;
        goal("unary call at the core's server", self.worst(&servers, allocations), None, 0.0, "allocations");
        goal("unary call, both ends of the core", self.worst(&pairs, allocations), None, 4.0, "allocations");
    }

    /// How many times less than tonic: more is better.
    fn times_less(&self, group: &str, name: &str, subjects: [&str; 2], figure: &str) -> Option<f64> {
        let [tonic, ours] = subjects.map(|subject| self.by(group, name, subject, figure));
        Some(tonic? / ours?)
    }

    fn unary(&self, goals: &mut Vec<Goal>) {
        let mut goal = |what: String, group: &str, name: &str, subjects: [&str; 2], figure, least| {
            let ours = self.times_less(group, name, subjects, figure);
            let command = format!("-- compare --only '{group}/{name}'");
            let (aim, unit) = (Aim::Least(least), "times less than tonic");
            goals.push(Goal { what, ours, tonic: Some(1.0), aim, unit, command });
        };
        for (shape, threads, smol) in
            [("1x1", 1.6, 1.2), ("1x100", 8.0, 6.0), ("10x10", 4.0, 3.3), ("100x10", 6.5, 4.5)]
        {
            for (server, least) in [("threads", threads), ("smol", smol)] {
                let subjects = ["h2load → tonic", &format!("h2load → {server}")];
                let what = format!("server CPU of a unary call, {shape}, {server}");
                goal(what, "unary", &format!("{shape}, 16 B"), subjects, "server CPU µs", least);
            }
        }
        for server in ["threads", "smol"] {
            let subjects = ["h2load → tonic", &format!("h2load → {server}")];
            let what = format!("server CPU of a unary call of 1 KiB, 10x10, {server}");
            goal(what, "payload", "10x10, 1 KiB", subjects, "server CPU µs", 4.0);
        }
        let subjects = ["tonic → tonic", "smol → smol"];
        let what = "client CPU of a unary call, 1x100, smol".to_owned();
        goal(what, "unary", "1x100, 16 B", subjects, "client CPU µs", 4.0);
        let rate = |subject| self.by("unary", "1x100, 16 B", subject, "per second");
        let ours = [rate("smol → smol"), rate("smol → threads")].into_iter().flatten().reduce(f64::max);
        goals.push(Goal {
            what: "unary calls, our client and server on one core, 1x100".into(),
            ours,
            tonic: rate("tonic → tonic"),
            aim: Aim::Least(700_000.0),
            unit: "calls/s",
            command: "-- compare --only 'unary/1x100'".into(),
        });
    }

    /// Over raw TCP.
    fn latency(&self, goals: &mut Vec<Goal>) {
        let over = |group: &str, name: &str, subject: &str, figure: &str| {
            let [raw, ours] = ["raw → raw", subject].map(|subject| self.by(group, name, subject, figure));
            Some(ours? / raw?)
        };
        for (server, most) in [("threads", 1.15), ("smol", 1.45)] {
            let p50 = |subject: &str| over("latency", "16 B", subject, "p50 µs");
            goals.push(Goal {
                what: format!("median time of a unary call, blocking client, {server} server"),
                ours: p50(&format!("blocking → {server}")),
                tonic: p50("tonic → tonic"),
                aim: Aim::Most(most),
                unit: "times raw TCP",
                command: "-- compare --only latency".into(),
            });
        }
        for subject in ["blocking → threads", "smol → smol"] {
            goals.push(Goal {
                what: format!("rate of unary echoes of 1 MiB, {subject}"),
                ours: over("echo", "1 MiB", subject, "per second"),
                tonic: over("echo", "1 MiB", "tonic → tonic", "per second"),
                aim: Aim::Least(0.9),
                unit: "times raw TCP",
                command: "-- compare --only echo".into(),
            });
        }
    }

    fn streams(&self, goals: &mut Vec<Goal>) {
        let ours = ["blocking → threads", "smol → smol"];
        for (size, rate, cpu) in [("64 B", 1.3, 2.0), ("1 KiB", 1.8, 2.1)] {
            for subject in ours {
                let command = "-- compare --only chat".to_owned();
                let less = self.times_less("chat", size, [subject, "tonic → tonic"], "per second");
                let (what, unit) = (format!("rate of a bidi stream of {size}, {subject}"), "times tonic");
                goals.push(Goal { what, ours: less, tonic: Some(1.0), aim: Aim::Least(rate), unit, command });
                let command = "-- compare --only chat".to_owned();
                let less = self.times_less("chat", size, ["tonic → tonic", subject], "server CPU µs");
                let what = format!("server CPU of a bidi stream of {size}, {subject}");
                let unit = "times less than tonic";
                goals.push(Goal { what, ours: less, tonic: Some(1.0), aim: Aim::Least(cpu), unit, command });
            }
        }
        for subject in ours {
            for (size, least, unit, scale) in
                [("16 B", Some(6e6), "messages/s", 1.0), ("1 MiB", None, "MB/s", 1.048_576)]
            {
                let rate = |subject| Some(self.by("download", size, subject, "per second")? * scale);
                let (tonic, connect) = (rate("tonic → tonic"), rate("connect → connect"));
                // The aim is to be ahead in the same run: of connectrpc, beside a rate of its own for small
                // messages, and for large ones of tonic as well.
                let ahead_of = [least.or(tonic), connect].into_iter().flatten().fold(0.0, f64::max);
                goals.push(Goal {
                    what: format!("server stream of {size}, {subject}"),
                    ours: rate(subject),
                    tonic,
                    aim: Aim::Least(ahead_of),
                    unit,
                    command: "-- compare --only download".into(),
                });
            }
        }
    }

    fn memory(&self, goals: &mut Vec<Goal>) {
        let rows = [
            ("idle connection", 1536.0, 3072.0),
            ("idle connection after a call", 1536.0, 3072.0),
            ("idle stream", 1024.0, 1024.0),
        ];
        for (name, threads, smol) in rows {
            let bytes = |server| self.of(&row::id("memory", name, server, ALL), "B each");
            for (server, most) in [("threads", threads), ("smol", smol)] {
                goals.push(Goal {
                    what: format!("memory of an {name}, {server}"),
                    ours: bytes(server),
                    tonic: bytes("tonic"),
                    aim: Aim::Most(most),
                    unit: "B",
                    command: "-- compare --only memory".into(),
                });
            }
        }
    }

    fn weight(&self, goals: &mut Vec<Goal>) {
        let start = |server| self.by("start", "first octet", server, "ms");
        for server in ["threads", "smol"] {
            goals.push(Goal {
                what: format!("process start to first octet, {server}"),
                ours: start(server),
                tonic: start("tonic"),
                aim: Aim::Most(2.0),
                unit: "ms",
                command: "-- compare --only start".into(),
            });
        }
        let weights = [
            ("core", "crates", 15.0),
            ("smol", "crates", 45.0),
            ("smol", "build CPU s", 60.0),
            ("smol", "MB", 1.2),
        ];
        for (project, figure, most) in weights {
            let of = |project| self.of(&row::id("weight", "hello world", project, ALL), figure);
            goals.push(Goal {
                what: format!("hello world, {project}"),
                ours: of(project),
                tonic: of("tonic"),
                aim: Aim::Most(most),
                unit: figure,
                command: "-- compare --only weight".into(),
            });
        }
    }
}

#[cfg(test)]
mod tests;
