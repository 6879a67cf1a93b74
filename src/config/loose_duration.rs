//! Parses durations as people write them (`1d`, `2 weeks`), to suggest the spelling that Go accepts.

const SECOND: u128 = 1_000_000_000;
const HOUR: u128 = 3600;

/// Returns the duration in Go's spelling (`24h` for `1d`), or `None` if `text` is not a positive duration in days,
/// weeks, or units that are spelt out or capitalised.
pub(super) fn as_go_writes_it(text: &str) -> Option<String> {
    let text: String = text.to_lowercase().split_whitespace().collect();
    let mut rest = text.as_str();
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit() || c == '.')?;
        let (unit, next) = split(after, |c| c.is_alphabetic())?;
        nanos = nanos.checked_add(product(number, nanos_of(unit)?)?)?;
        rest = next;
    }
    let seconds = nanos / SECOND;
    let parts = [(seconds / HOUR, "h"), (seconds % HOUR / 60, "m"), (seconds % 60, "s")];
    let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}"));
    Some(parts.collect::<String>()).filter(|text| !text.is_empty() && i64::try_from(nanos).is_ok())
}

/// Splits off the leading characters that `belongs` accepts, of which there must be at least one.
fn split(text: &str, belongs: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    if end == 0 { None } else { text.split_at_checked(end) }
}

fn product(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // Beyond nine decimals, even a week loses less than a millisecond.
    let fraction = fraction.get(..fraction.len().min(9))?;
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parse = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<u128>().ok() };
    let whole = parse(whole)?.checked_mul(unit)?;
    whole.checked_add(parse(fraction)?.checked_mul(unit)? / scale)
}

fn nanos_of(unit: &str) -> Option<u128> {
    let seconds = match unit {
        "w" | "week" | "weeks" => 7 * 24 * HOUR,
        "d" | "day" | "days" => 24 * HOUR,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        _ => return None,
    };
    Some(seconds * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::go::parse_duration;

    #[test]
    fn days_and_weeks_become_hours() {
        for (text, go) in [
            ("1d", "24h"),
            ("2w", "336h"),
            ("1d12h", "36h"),
            ("1.5d", "36h"),
            (".5d", "12h"),
            ("7 days", "168h"),
            ("1w1d", "192h"),
            ("24H", "24h"),
            ("90min", "1h30m"),
            ("1day1s", "24h1s"),
        ] {
            assert_eq!(as_go_writes_it(text).as_deref(), Some(go), "{text}");
            assert!(parse_duration(go).is_some(), "{go}");
        }
    }

    #[test]
    fn anything_else_has_no_other_spelling() {
        for text in
            ["", "24", "d", "-1d", "1d-", "1y", "0d", "1.2.3d", "999999999d", "9999999999999999999999999999d", "1é"]
        {
            assert_eq!(as_go_writes_it(text), None, "{text}");
        }
    }
}
