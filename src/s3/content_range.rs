//! `Content-Range`: the range that a response contains.

/// Our code for a response that is not the range that was asked for.
pub(super) const WRONG_RANGE: &str = "InvalidContentRange";

/// The bytes from `start` up to `end` of `total`: never empty, never past the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentRange {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// `None` where the server does not say.
    pub(crate) total: Option<u64>,
}

impl ContentRange {
    /// Parses `bytes 0-9/100`, whose last byte is inclusive.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.strip_prefix("bytes")?.trim_start().split_once('/')?;
        let (start, last) = range.split_once('-')?;
        let total = if total.trim() == "*" { None } else { Some(number(total)?) };
        let range = Self { start: number(start)?, end: number(last)?.checked_add(1)?, total };
        (range.start < range.end && total.is_none_or(|total| range.end <= total)).then_some(range)
    }
}

/// Accepts digits with surrounding blanks. Rust's parser alone would also accept a plus sign.
fn number(text: &str) -> Option<u64> {
    let digits = text.trim();
    if digits.starts_with('+') { None } else { digits.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        let parsed = |text| ContentRange::parse(text).map(|range| (range.start, range.end, range.total));
        assert_eq!(parsed("bytes 0-9/100"), Some((0, 10, Some(100))));
        assert_eq!(parsed("bytes 99-99/100"), Some((99, 100, Some(100))));
        assert_eq!(parsed("bytes 0-9/*"), Some((0, 10, None)));
        for text in [
            "",
            "bytes */100",
            "bytes 9-0/*",
            "bytes 9-0/100",
            "bytes 0-100/100",
            "0-9/100",
            "bytes 0-9",
            "bytes 0-18446744073709551615/100",
            "bytes -1-9/100",
            "bytes +0-9/100",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
