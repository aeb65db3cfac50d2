//! How figures become goals.

use super::*;
use crate::compare::row::Row;
use crate::counts::Cost;

fn results(rows: &[(&str, &str, &str, &str, &str, f64)]) -> Results {
    let row = |&(group, name, subject, place, figure, value): &(&str, &str, &str, &str, &str, f64)| {
        let mut row = Row::new(group, name, subject, place);
        row.figure(figure, &[value]);
        row
    };
    let rows = rows.iter().map(row).collect();
    Results { machine: serde_json::Value::Null, run: String::new(), rows }
}

fn goal(results: &Results, what: &str) -> Goal {
    let goals = goals(results, &Costs::new());
    goals.into_iter().find(|goal| goal.what == what).expect("there is one")
}

#[test]
fn a_ratio_is_of_the_same_load() {
    let cpu = "server CPU µs";
    let results = results(&[
        ("unary", "1x100, 16 B", "h2load → tonic", ONE, cpu, 12.0),
        ("unary", "1x100, 16 B", "h2load → smol", ONE, cpu, 2.0),
        ("unary", "1x1, 16 B", "h2load → smol", ONE, cpu, 1.0),
    ]);
    let found = goal(&results, "server CPU of a unary call, 1x100, smol");
    assert_eq!((found.ours, found.is_met()), (Some(6.0), Some(true)));
    let found = goal(&results, "server CPU of a unary call, 1x1, smol");
    assert_eq!((found.ours, found.is_met()), (None, None), "tonic was not measured");
    assert!(found.line().contains("| not measured |"));
}

#[test]
fn a_higher_rate_and_a_lower_time_are_better() {
    let results = results(&[
        ("chat", "64 B", "tonic → tonic", ONE, "per second", 100.0),
        ("chat", "64 B", "smol → smol", ONE, "per second", 120.0),
        ("latency", "16 B", "raw → raw", ONE, "p50 µs", 10.0),
        ("latency", "16 B", "blocking → threads", ONE, "p50 µs", 11.0),
    ]);
    let found = goal(&results, "rate of a bidi stream of 64 B, smol → smol");
    assert_eq!((found.ours, found.is_met()), (Some(1.2), Some(false)));
    let found = goal(&results, "median time of a unary call, blocking client, threads server");
    assert_eq!((found.ours, found.is_met()), (Some(1.1), Some(true)));
}

#[test]
fn a_server_stream_is_to_be_ahead_of_connectrpc_too() {
    let aim = |size, what: &str, others: &[(&str, f64)]| {
        let mut rows = vec![("download", size, "smol → smol", ONE, "per second", 7e6)];
        rows.extend(others.iter().map(|&(who, rate)| ("download", size, who, ONE, "per second", rate)));
        let found = goal(&results(&rows), what);
        (found.aim, found.is_met())
    };
    let (tonic, connect) = ("tonic → tonic", "connect → connect");
    let small = |others: &[_]| aim("16 B", "server stream of 16 B, smol → smol", others);
    assert_eq!(small(&[(tonic, 9e6)]), (Aim::Least(6e6), Some(true)), "connectrpc was not measured");
    assert_eq!(small(&[(connect, 3e6)]), (Aim::Least(6e6), Some(true)), "its rate is below the least");
    assert_eq!(small(&[(connect, 8e6)]), (Aim::Least(8e6), Some(false)));
    let large = |others: &[_]| aim("1 MiB", "server stream of 1 MiB, smol → smol", others);
    let mb = 1.048_576;
    assert_eq!(large(&[(tonic, 900.0)]).0, Aim::Least(900.0 * mb));
    assert_eq!(large(&[(tonic, 900.0), (connect, 800.0)]).0, Aim::Least(900.0 * mb));
    assert_eq!(large(&[(tonic, 900.0), (connect, 1e7)]), (Aim::Least(1e7 * mb), Some(false)));
}

#[test]
fn counts_are_the_worst_of_what_they_speak_of() {
    let mut costs = Costs::new();
    costs.insert("pair-1".into(), Cost { instructions: 7000.0, allocations: Some(2.0) });
    let empty = results(&[]);
    let find = |costs: &Costs| {
        goals(&empty, costs)
            .into_iter()
            .find(|goal| goal.what == "unary call, both ends of the core")
            .expect("one")
    };
    assert_eq!(find(&costs).ours, None, "a part is missing");
    costs.insert("pair-100".into(), Cost { instructions: 5000.0, allocations: Some(2.0) });
    assert_eq!((find(&costs).ours, find(&costs).is_met()), (Some(7000.0), Some(false)));
}
