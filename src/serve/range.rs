//! The header `Range`.

use std::ops::Range;

/// What part of a blob a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Whole,
    /// These bytes, which exist.
    Part(Range<u64>),
    /// Bytes that do not exist.
    Nothing,
}

/// Returns what the header asks for, of a blob of `size` bytes. As RFC 9110 allows, what is invalid is ignored, and so
/// are several ranges at once, which no client of a registry needs.
pub(crate) fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some((unit, range)) = header.and_then(|header| header.split_once('=')) else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return Wanted::Whole;
    }
    let Some((first, last)) = range.trim().split_once('-') else { return Wanted::Whole };
    match (number(first), number(last)) {
        (Number::Given(first), Number::Given(last)) if last < first => Wanted::Whole,
        (Number::Given(first), Number::Given(last)) => part(first, last.saturating_add(1), size),
        (Number::Given(first), Number::None) => part(first, u64::MAX, size),
        (Number::None, Number::Given(0)) => Wanted::Nothing,
        (Number::None, Number::Given(last)) => part(size.saturating_sub(last), size, size),
        _ => Wanted::Whole,
    }
}

enum Number {
    Given(u64),
    None,
    Invalid,
}

fn number(text: &str) -> Number {
    match text {
        "" => Number::None,
        // More digits than any size has.
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => Number::Given(text.parse().unwrap_or(u64::MAX)),
        _ => Number::Invalid,
    }
}

fn part(first: u64, end: u64, size: u64) -> Wanted {
    if first < size { Wanted::Part(first..end.min(size)) } else { Wanted::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_the_rfc_says() {
        use Wanted::{Nothing, Part, Whole};
        for (header, expected) in [
            ("bytes=0-0", Part(0..1)),
            ("bytes=2-5", Part(2..6)),
            ("bytes=2-", Part(2..10)),
            ("Bytes = 2-", Part(2..10)),
            ("bytes=9-9", Part(9..10)),
            ("bytes=0-99999999999999999999999", Part(0..10)),
            ("bytes=-3", Part(7..10)),
            ("bytes=-99", Part(0..10)),
            ("bytes=10-", Nothing),
            ("bytes=99999999999999999999999-", Nothing),
            ("bytes=-0", Nothing),
            ("bytes=5-2", Whole),
            ("bytes=0-1,3-4", Whole),
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("bytes", Whole),
            ("lines=0-1", Whole),
        ] {
            assert_eq!(wanted(Some(header), 10), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Whole);
        for header in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(wanted(Some(header), 0), Nothing, "{header}");
        }
    }
}
