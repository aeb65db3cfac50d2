//! `grpc-timeout` (PROTOCOL-HTTP2.md): at most eight digits and a unit.

use core::time::Duration;

/// Eight digits.
const COUNT_MAX: u64 = 99_999_999;

/// Nanoseconds of each unit, and the most that is said in it.
const UNITS: [(u64, u8, u64); 6] = [
    (1, b'n', 999_999),
    (1_000, b'u', 999_999),
    (1_000_000, b'm', 999_999),
    (1_000_000_000, b'S', COUNT_MAX),
    (60_000_000_000, b'M', COUNT_MAX),
    (3_600_000_000_000, b'H', COUNT_MAX),
];

/// The text of a `grpc-timeout`: at most nine octets, kept inline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutText {
    octets: [u8; 9],
    start: u8,
}

impl TimeoutText {
    /// `timeout` in four digits, rounded up: a peer never gives up earlier than this side. Calls that have about the
    /// same time left say the same, so their header blocks are the same (as in the C core of gRPC).
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        let Ok(nanoseconds) = u64::try_from(timeout.as_nanos()) else {
            // Five hundred years and more have too many minutes.
            let seconds = timeout.as_secs().saturating_add(u64::from(timeout.subsec_nanos() > 0));
            return Self::render(four_digits(seconds.div_ceil(3600)).min(COUNT_MAX), b'H');
        };
        let fits = |(size, unit, max): (u64, u8, u64)| {
            let count = four_digits(nanoseconds.div_ceil(size));
            (count <= max).then_some((count, unit))
        };
        let (count, unit) = UNITS.into_iter().find_map(fits).unwrap_or((COUNT_MAX, b'H'));
        Self::render(count, unit)
    }

    fn render(count: u64, unit: u8) -> Self {
        let mut text = Self { octets: [b'0', b'0', b'0', b'0', b'0', b'0', b'0', b'0', unit], start: 8 };
        let mut rest = count;
        for place in text.octets.iter_mut().take(8).rev() {
            *place = u8::try_from(rest % 10).unwrap_or(0).saturating_add(b'0');
            rest /= 10;
            text.start = text.start.saturating_sub(1);
            if rest == 0 {
                break;
            }
        }
        text
    }

    /// The octets of the header's value.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(usize::from(self.start)..).unwrap_or_default()
    }
}

/// `count` rounded up to four digits and zeros behind them.
fn four_digits(count: u64) -> u64 {
    let mut step = 1_u64;
    while count.div_ceil(step) > 9_999 {
        step = step.saturating_mul(10);
    }
    count.div_ceil(step).saturating_mul(step)
}

/// Reads a `grpc-timeout`; `None` where it is malformed.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Duration> {
    let (unit, digits) = text.split_last()?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    // Eight digits fit.
    let (count, legal) = digits.iter().fold((0_u64, true), |(count, legal), digit| {
        let digit = digit.wrapping_sub(b'0');
        (count.wrapping_mul(10).wrapping_add(u64::from(digit)), legal & (digit < 10))
    });
    if !legal {
        return None;
    }
    Some(match unit {
        b'n' => Duration::from_nanos(count),
        b'u' => Duration::from_micros(count),
        b'm' => Duration::from_millis(count),
        b'S' => Duration::from_secs(count),
        b'M' => Duration::from_secs(count.saturating_mul(60)),
        b'H' => Duration::from_secs(count.saturating_mul(3600)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(timeout: Duration) -> alloc::string::String {
        alloc::string::String::from_utf8(TimeoutText::new(timeout).as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn four_digits_are_said_in_the_finest_unit_that_has_few_zeros() {
        assert_eq!(text(Duration::ZERO), "0n");
        assert_eq!(text(Duration::from_nanos(1)), "1n");
        assert_eq!(text(Duration::from_nanos(9_999)), "9999n");
        assert_eq!(text(Duration::from_nanos(10_001)), "10010n");
        assert_eq!(text(Duration::from_nanos(999_900)), "999900n");
        assert_eq!(text(Duration::from_nanos(999_901)), "1000u");
        assert_eq!(text(Duration::from_nanos(123_456_789)), "123500u");
        assert_eq!(text(Duration::from_secs(1)), "1000m");
        assert_eq!(text(Duration::from_nanos(59_999_985_000)), "60000m");
        assert_eq!(text(Duration::from_nanos(59_989_985_000)), "59990m");
        assert_eq!(text(Duration::from_secs(999)), "999000m");
        assert_eq!(text(Duration::from_secs(1000)), "1000S");
        assert_eq!(text(Duration::from_secs(99_990_000)), "99990000S");
        assert_eq!(text(Duration::from_secs(99_990_001)), "1667000M");
        assert_eq!(text(Duration::from_secs(5_999_999_940)), "1667000H");
        assert_eq!(text(Duration::from_nanos(u64::MAX)), "5125000H");
        assert_eq!(text(Duration::new(3600 * 6_000_000, 1)), "6001000H");
        assert_eq!(text(Duration::MAX), "99999999H");
    }

    #[test]
    fn calls_that_start_together_say_the_same() {
        let said = |past: u64| text(Duration::from_secs(5) - Duration::from_micros(past));
        assert_eq!(said(0), "5000m");
        assert!((0..1000).all(|past| said(past) == "5000m"));
        assert_eq!(said(1000), "4999m");
    }

    #[test]
    fn a_timeout_survives_the_wire_and_never_shrinks() {
        for nanoseconds in [0, 1, 999, 100_000_000, 123_456_789_012, 86_400_000_000_001] {
            let timeout = Duration::from_nanos(nanoseconds);
            let back = parse(TimeoutText::new(timeout).as_bytes()).unwrap();
            assert!(back >= timeout && back - timeout <= timeout / 1000 + Duration::from_micros(1));
        }
    }

    #[test]
    fn what_is_said_of_a_time_is_said_of_every_longer_one_up_to_it() {
        for shift in 0..64 {
            for nanoseconds in [u64::MAX, 0x9e37_79b9_7f4a_7c15, 999_901 << 40, 99_990_001 << 36] {
                let least = Duration::from_nanos(nanoseconds >> shift);
                let most = parse(TimeoutText::new(least).as_bytes()).unwrap();
                for part in 0..=8 {
                    let between = least + (most - least) * part / 8;
                    assert_eq!(text(between), text(least), "{between:?} and {least:?}");
                }
            }
        }
    }

    #[test]
    fn malformed_timeouts_are_noticed() {
        for bad in ["", "n", "1", "123456789n", "1x", "-1n", "+1n", " 1n", "1 n", "1.5S"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(parse(b"99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(parse(b"00000001S"), Some(Duration::from_secs(1)));
    }
}
