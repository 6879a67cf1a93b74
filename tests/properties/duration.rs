//! Durations.

use crate::go::parse_duration;

/// The reader agrees with a second implementation that parses byte by byte with wider integers.
pub fn duration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = parse_duration(text).map(|duration| duration.as_nanos());
    assert_eq!(read, by_the_byte(text.as_bytes()), "{text:?}");
}

fn by_the_byte(text: &[u8]) -> Option<u128> {
    if matches!(text, b"0" | b"+0" | b"-0") {
        return Some(0);
    }
    let (sign, mut rest) = match text {
        [sign @ (b'+' | b'-'), rest @ ..] => (*sign, rest),
        _ => (b'+', text),
    };
    let mut total = 0_u128;
    loop {
        let (mut whole, mut decimals, mut scale) = (0_u128, 0_u128, 1_u128);
        let (mut digits, mut point) = (0, false);
        while let [byte @ (b'0'..=b'9' | b'.'), after @ ..] = rest {
            match byte {
                b'.' if point => return None,
                b'.' => point = true,
                digit if !point => whole = whole.saturating_mul(10).saturating_add(u128::from(digit - b'0')),
                // Digits after the 18th decimal are less than a nanosecond, even of an hour.
                digit if scale < 1_000_000_000_000_000_000 => {
                    decimals = decimals * 10 + u128::from(digit - b'0');
                    scale *= 10;
                }
                _ => {}
            }
            digits += usize::from(*byte != b'.');
            rest = after;
        }
        let units: [(&[u8], u128); 8] = [
            (b"ns", 1),
            (b"us", 1_000),
            ("\u{b5}s".as_bytes(), 1_000),
            ("\u{3bc}s".as_bytes(), 1_000),
            (b"ms", 1_000_000),
            (b"s", 1_000_000_000),
            (b"m", 60_000_000_000),
            (b"h", 3_600_000_000_000),
        ];
        let (after, unit) = units.iter().find_map(|(name, unit)| Some((rest.strip_prefix(*name)?, unit)))?;
        total = total.saturating_add(whole.saturating_mul(*unit)).saturating_add(decimals * unit / scale);
        match after.first() {
            _ if digits == 0 => return None,
            None if sign == b'-' => return (total == 0).then_some(0),
            None => return (total < 1 << 63).then_some(total),
            Some(b'0'..=b'9' | b'.') => rest = after,
            Some(_) => return None,
        }
    }
}
