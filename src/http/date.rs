//! Times in HTTP headers.

use std::time::SystemTime;

use crate::go::Timestamp;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Parses HTTP's `Date` and `Last-Modified`: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn parse_http_date(text: &str) -> Option<SystemTime> {
    let [weekday, day, month, year, clock, zone] = split_exact(text.trim(), ' ')?;
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    if !weekday.ends_with(',') || zone != "GMT" {
        return None;
    }
    format!("{year}-{month:02}-{day}T{clock}Z").parse::<Timestamp>().ok()?.to_system_time()
}

fn split_exact<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    let mut parts = text.split(separator);
    let mut out = [""; N];
    for slot in &mut out {
        *slot = parts.next()?;
    }
    parts.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn http_dates() {
        let time = parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(time, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777));
        for text in [
            "yesterday",
            "Sun 06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37+01:00 GMT",
            "Sun, 06 Nov 1994 08:49:37.5Z GMT",
        ] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }
}
