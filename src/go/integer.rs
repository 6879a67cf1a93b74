//! Integers, with the rules of Go's `strconv.ParseInt` for base 0, as the Go SDK reads the AWS files.

/// Parses an integer in the notation of its prefix, such as `0x10`, `0o17`, `017` and `0b11`.
pub(crate) fn parse_integer(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let (sign, lower) = match lower.strip_prefix('-') {
        Some(rest) => (-1, rest.to_owned()),
        None => (1, lower.strip_prefix('+').map(str::to_owned).unwrap_or(lower)),
    };
    let (digits, radix) = match lower.strip_prefix('0') {
        None | Some("") => (lower.as_str(), 10),
        Some(rest) => match rest.split_at_checked(1) {
            Some(("x", digits)) => (digits, 16),
            Some(("o", digits)) => (digits, 8),
            Some(("b", digits)) => (digits, 2),
            _ => (rest, 8),
        },
    };
    // Reject a second sign.
    let plain = digits.starts_with(|c: char| c.is_ascii_hexdigit());
    i64::from_str_radix(digits, radix).ok().filter(|_| plain).map(|number| sign * number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_as_go_reads_them() {
        for (text, number) in [
            ("0", 0),
            ("16", 16),
            ("+7", 7),
            ("-1", -1),
            ("0x10", 16),
            ("-0X1f", -31),
            ("0o17", 15),
            ("017", 15),
            ("0b11", 3),
        ] {
            assert_eq!(parse_integer(text), Some(number), "{text}");
        }
        for text in ["", "-", "+-1", "0x", "0x-1", "08", "1.5", " 1", "ten", "9223372036854775808"] {
            assert_eq!(parse_integer(text), None, "{text}");
        }
    }
}
