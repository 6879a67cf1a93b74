//! Integers, with the rules of Go's `strconv.ParseInt` for base 0, as the Go SDK reads the AWS files.

/// Parses an integer in the notation of its prefix, such as `0x10`, `0o17`, `017` and `0b11`.
pub(crate) fn parse_integer(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let (sign, unsigned) = match lower.split_at_checked(1) {
        Some((sign @ ("+" | "-"), rest)) => (sign, rest),
        _ => ("", lower.as_str()),
    };
    let (digits, radix) = match unsigned.strip_prefix('0') {
        None | Some("") => (unsigned, 10),
        Some(rest) => match rest.split_at_checked(1) {
            Some(("x", digits)) => (digits, 16),
            Some(("o", digits)) => (digits, 8),
            Some(("b", digits)) => (digits, 2),
            _ => (rest, 8),
        },
    };
    // Underscores separate digits, also from the prefix.
    let has_prefix = digits.len() < unsigned.len();
    if digits.ends_with('_') || digits.contains("__") || (digits.starts_with('_') && !has_prefix) {
        return None;
    }
    let digits = digits.replace('_', "");
    // Reject a second sign.
    let plain = digits.starts_with(|c: char| c.is_ascii_hexdigit());
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok().filter(|_| plain)
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
            ("1_000", 1000),
            ("0x_1f", 31),
            ("0_17", 15),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(parse_integer(text), Some(number), "{text}");
        }
        for text in [
            "",
            "-",
            "+-1",
            "0x",
            "0x-1",
            "08",
            "1.5",
            " 1",
            "ten",
            "9223372036854775808",
            "_1",
            "1_",
            "1__0",
            "0_",
            "-_1",
        ] {
            assert_eq!(parse_integer(text), None, "{text}");
        }
    }
}
