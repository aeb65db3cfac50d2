//! Rows as text.

use super::row::{Row, Spread};

/// A line for the terminal.
pub(crate) fn line(row: &Row) -> String {
    let mut figures: Vec<_> = row.figures.iter().collect();
    figures.sort_by_key(|(name, _)| rank(name));
    let figures = figures.iter().map(|(name, spread)| format!("{name} {}", text(spread)));
    let failed =
        if row.errors.is_empty() { String::new() } else { format!("  FAILED {}", row.errors.join("; ")) };
    let label = format!("{} {} · {} · {}", row.group, row.name, row.subject, row.place);
    format!("{label:<62} {}{failed}", figures.collect::<Vec<_>>().join(" · "))
}

/// The order of figures: what a reader looks for first.
pub(crate) fn rank(figure: &str) -> usize {
    let order = ["per second", "server CPU µs", "client CPU µs", "p50 µs", "p99 µs"];
    order.iter().position(|name| *name == figure).unwrap_or(order.len())
}

/// The median, with the ends.
pub(crate) fn text(spread: &Spread) -> String {
    let Spread { median, min, max } = spread;
    if min == max {
        number(*median)
    } else {
        format!("{} ({}–{})", number(*median), number(*min), number(*max))
    }
}

/// Three digits that count, thousands apart.
pub(crate) fn number(value: f64) -> String {
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    let plain = format!("{value:.decimals$}");
    let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(a, b)| (a, Some(b)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match fraction {
        Some(fraction) => format!("{grouped}.{fraction}"),
        None => grouped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_mean_something() {
        let numbers = [1_234_567.8, 123.4, 12.34, 1.234, 0.0];
        assert_eq!(numbers.map(number), ["1,234,568", "123", "12.3", "1.23", "0.00"]);
    }

    #[test]
    fn a_failed_row_says_so() {
        let mut row = Row::new("unary", "1x1", "a → b", "one core");
        row.errors.push("round 1: no answer in time".into());
        assert!(line(&row).ends_with("FAILED round 1: no answer in time"));
    }
}
