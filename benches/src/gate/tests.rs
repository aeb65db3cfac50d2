//! What the gate lets through, and what not.

use super::*;

fn costs(costs: &[(&str, f64, Option<f64>)]) -> Costs {
    let cost = |(name, instructions, allocations): &(&str, f64, Option<f64>)| {
        ((*name).to_owned(), Cost { instructions: *instructions, allocations: *allocations })
    };
    costs.iter().map(cost).collect()
}

fn check(before: &[(&str, f64, Option<f64>)], after: &[(&str, f64, Option<f64>)]) -> Vec<String> {
    findings(&costs(before), &costs(after)).iter().map(ToString::to_string).collect()
}

#[test]
fn three_percent_pass_and_more_does_not() {
    let before = [("pair-1", 1000.0, Some(2.0))];
    assert_eq!(check(&before, &[("pair-1", 1030.0, Some(2.0))]), [""; 0]);
    let found = check(&before, &[("pair-1", 1031.0, Some(2.0))]);
    assert_eq!(found, ["pair-1: instructions rose from 1000.00 to 1031.00 (+3.1 %)"]);
}

#[test]
fn a_server_may_vary_by_ten_percent() {
    let before = [("smol-1", 1000.0, None)];
    assert_eq!(check(&before, &[("smol-1", 1100.0, None)]), [""; 0]);
    assert_eq!(check(&before, &[("smol-1", 1101.0, None)]).len(), 1);
}

#[test]
fn one_more_allocation_is_found_and_a_rare_one_is_not() {
    let before = [("pair-1", 1000.0, Some(0.0))];
    assert_eq!(check(&before, &[("pair-1", 1000.0, Some(0.01))]), [""; 0]);
    let found = check(&before, &[("pair-1", 1000.0, Some(1.0))]);
    assert_eq!(found, ["pair-1: allocations rose from 0.00 to 1.00 (+inf %)"]);
}

#[test]
fn less_is_never_wrong() {
    let before = [("pair-1", 1000.0, Some(2.0)), ("smol-1", 1000.0, None)];
    assert_eq!(check(&before, &[("pair-1", 10.0, Some(0.0)), ("smol-1", 10.0, None)]), [""; 0]);
}

#[test]
fn the_baseline_has_what_is_counted_and_nothing_else() {
    let found = check(&[("a", 1.0, None)], &[("b", 1.0, None)]);
    assert_eq!(found, ["a: in the baseline and not counted", "b: not in the baseline"]);
}

#[test]
fn what_grows_with_the_streams_beside_it_is_found_even_when_blessed() {
    let same = [("beside-1-stream", 1000.0, Some(1.0)), ("beside-10000-streams", 1101.0, Some(1.0))];
    let expected = "beside-10000-streams: 1101 instructions, 1000 with next to nothing beside";
    assert_eq!(check(&same, &same), [expected]);
}

#[test]
fn what_depends_on_who_is_faster_is_counted_once_more_and_nothing_else() {
    let before = [("pair-1", 1000.0, None), ("blocking-1", 1000.0, None), ("smol-100", 1000.0, None)];
    let after = [("pair-1", 1200.0, None), ("blocking-1", 1200.0, None), ("smol-100", 1000.0, None)];
    assert_eq!(doubtful(&findings(&costs(&before), &costs(&after))), ["blocking-1"]);
    let beside = [("smol-1-beside-100", 1000.0, None), ("smol-1-beside-1000", 1200.0, None)];
    let found = findings(&costs(&beside), &costs(&beside));
    assert_eq!(doubtful(&found), ["smol-1-beside-100", "smol-1-beside-1000"]);
    let streams = [("beside-1-stream", 1000.0, None), ("beside-100-streams", 1200.0, None)];
    assert_eq!(doubtful(&findings(&costs(&streams), &costs(&streams))), [""; 0]);
    assert_eq!(doubtful(&findings(&costs(&before), &costs(&[]))), [""; 0]);
}

#[test]
fn a_baseline_survives_its_file() {
    let costs = costs(&[("pair-1", 1234.57, Some(2.0)), ("smol-1", 9.0, None)]);
    let baseline = Baseline { rustc: "rustc 1.95.0".into(), costs };
    assert_eq!(Baseline::from_json(&baseline.to_json()), Some(baseline));
    assert_eq!(Baseline::from_json(&json!({"costs": {}})), None);
}
