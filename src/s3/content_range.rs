//! `Content-Range`: the range that a response contains.

/// The bytes from `start` up to `end` of `total`: never empty, never past the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentRange {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) total: u64,
}

impl ContentRange {
    /// Parses `bytes 0-9/100`, whose last byte is inclusive.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.strip_prefix("bytes")?.trim_start().split_once('/')?;
        let (start, last) = range.split_once('-')?;
        let range = Self { start: number(start)?, end: number(last)?.checked_add(1)?, total: number(total)? };
        (range.start < range.end && range.end <= range.total).then_some(range)
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
        assert_eq!(parsed("bytes 0-9/100"), Some((0, 10, 100)));
        assert_eq!(parsed("bytes 99-99/100"), Some((99, 100, 100)));
        for text in [
            "",
            "bytes */100",
            "bytes 0-9/*",
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
