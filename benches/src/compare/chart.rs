//! The main ratios as a picture, readable on light and on dark pages.

use super::goals::Goal;
use super::table::number;

const ROW: f64 = 26.0;
const LABELS: f64 = 430.0;
const WIDTH: f64 = 900.0;
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}.head{font-weight:600}.bar{fill:#0969da}\
                     .one{stroke:#8c959f;stroke-dasharray:3 3}\
                     @media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#58a6ff}.one{stroke:#6e7681}}";

/// How many times better than tonic each goal's figure is, where both were measured.
pub(crate) fn svg(goals: &[Goal]) -> String {
    let bars: Vec<(String, f64)> = goals.iter().filter_map(bar).collect();
    let longest = bars.iter().map(|(_, times)| *times).fold(2.0, f64::max);
    let scale = (WIDTH - LABELS - 60.0) / longest;
    let mut height = 40.0;
    let mut rows = String::new();
    for (label, times) in &bars {
        let (middle, width) = (height + 17.0, times * scale);
        rows += &format!("<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{label}</text>\n", LABELS - 10.0);
        let top = height + 4.0;
        rows += &format!(
            "<rect class=\"bar\" x=\"{LABELS}\" y=\"{top}\" width=\"{width:.1}\" height=\"18\" rx=\"2\"/>\n"
        );
        let end = LABELS + width + 6.0;
        rows += &format!("<text x=\"{end:.1}\" y=\"{middle}\">{}×</text>\n", number(*times));
        height += ROW;
    }
    let one = LABELS + scale;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {total}\" role=\"img\" \
         aria-label=\"How many times better than tonic\">\n<style>{STYLE}</style>\n\
         <text class=\"head\" x=\"{LABELS}\" y=\"22\">times better than tonic, which is 1</text>\n{rows}\
         <line class=\"one\" x1=\"{one:.1}\" y1=\"32\" x2=\"{one:.1}\" y2=\"{height}\"/>\n</svg>\n",
        total = height + 10.0
    )
}

/// The label and the ratio.
fn bar(goal: &Goal) -> Option<(String, f64)> {
    let (ours, tonic) = (goal.ours?, goal.tonic?);
    let times = match goal.unit {
        "times less than tonic" | "times tonic" => ours,
        // Rates, where more is better; all else is a cost.
        "calls/s" | "messages/s" | "MB/s" => ours / tonic,
        "times raw TCP" if goal.what.starts_with("rate") => ours / tonic,
        // Not of the same thing: of tonic it is the whole process.
        "instructions" => return None,
        _ => tonic / ours,
    };
    let label = goal.what.replace('&', "&amp;").replace('<', "&lt;");
    let label = if goal.what.starts_with("hello") { format!("{label}, {}", goal.unit) } else { label };
    times.is_finite().then_some((label, times))
}

#[cfg(test)]
mod tests {
    use super::super::goals::Aim;
    use super::*;

    fn goal(unit: &'static str, ours: f64, tonic: f64) -> Goal {
        let (what, command) = ("a <thing>".to_owned(), String::new());
        Goal { what, ours: Some(ours), tonic: Some(tonic), aim: Aim::Most(1.0), unit, command }
    }

    #[test]
    fn costs_and_rates_both_grow_to_the_right() {
        assert_eq!(bar(&goal("B", 2.0, 8.0)).map(|bar| bar.1), Some(4.0));
        assert_eq!(bar(&goal("calls/s", 8.0, 2.0)).map(|bar| bar.1), Some(4.0));
        assert_eq!(bar(&goal("times less than tonic", 4.0, 1.0)).map(|bar| bar.1), Some(4.0));
        assert_eq!(bar(&goal("B", 0.0, 8.0)), None);
    }

    #[test]
    fn labels_are_escaped() {
        let svg = svg(&[goal("B", 2.0, 8.0)]);
        assert!(svg.contains(">a &lt;thing></text>") && svg.contains(">4.00×</text>"), "{svg}");
    }
}
