//! Durations, with the rules of Go's `time.ParseDuration`.

use std::time::Duration;

/// Parses a duration such as `24h`, `1h30m`, `1.5h`, `300ms` or `0`. Returns `None` for anything else, for a negative
/// duration, and for one above Go's limit of 2⁶³ − 1 nanoseconds (about 292 years).
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    // Go accepts a zero without a unit.
    if unsigned == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = unsigned;
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = leading_digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => leading_digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end)?;
        let nanos = nanos_of(unit)?;
        let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
        let value = whole.checked_mul(nanos)?.checked_add(fraction_of(fraction, nanos))?;
        total = total.checked_add(value).filter(|&total| i64::try_from(total).is_ok())?;
        rest = next;
    }
    // Negative zero equals zero.
    (total == 0 || !text.starts_with('-')).then(|| Duration::from_nanos(total))
}

fn leading_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Converts `digits`, the decimals of one unit, to nanoseconds, rounded down. Even for an hour, digits after the 13th
/// have no effect.
fn fraction_of(digits: &str, nanos: u64) -> u64 {
    let mut scale: u128 = 1;
    let mut value: u128 = 0;
    for digit in digits.bytes().take(18) {
        value = value * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    u64::try_from(value * u128::from(nanos) / scale).unwrap_or(0)
}

fn nanos_of(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        // The micro sign and the Greek letter mu.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_reads_them() {
        let cases: &[(&str, u64)] = &[
            ("0", 0),
            ("+0", 0),
            ("-0", 0),
            ("0s", 0),
            ("-0h0.0s", 0),
            ("5ns", 5),
            ("1us", 1_000),
            ("1\u{b5}s", 1_000),
            ("1\u{3bc}s", 1_000),
            ("300ms", 300_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("30m1h", 5_400_000_000_000),
            ("+24h", 86_400_000_000_000),
            ("0.9999999999ns", 0),
            ("9223372036854775807ns", 9_223_372_036_854_775_807),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse_duration(text), Some(Duration::from_nanos(*nanos)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_durations() {
        let texts = [
            "", "+", "+-0", "-", "--0", "1", "1.5", "s", ".s", ".", "1d", "-1s", "--1s", "1 s", " 1s", "1s ", "1h-3m",
            "1S", "1e3s", "٣s",
        ];
        for text in texts {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(parse_duration("9223372036854775808ns"), None);
        assert_eq!(parse_duration("2562048h"), None);
        assert_eq!(parse_duration("99999999999999999999h"), None);
    }
}
