//! Writes strings with the escapes of Go's `encoding/json`.

use std::fmt::Write as _;

use crate::go::json::plain::plain_start;

/// Appends `text` as a JSON string, with Go's escapes: also `<`, `>`, `&` and the two Unicode line separators.
pub(crate) fn push_go_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    // U+2028 and U+2029 begin with 0xE2.
    let special = |byte: u8| matches!(byte, ..0x20 | b'"' | b'\\' | b'<' | b'>' | b'&' | 0xE2);
    let next = |rest: &str| {
        let start = plain_start(rest.as_bytes());
        rest.bytes().skip(start).position(special).map(|at| start + at)
    };
    while let Some(at) = next(rest) {
        let (plain, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut after = after.chars();
        push_go_char(out, after.next());
        rest = after.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn push_go_char(out: &mut String, character: Option<char>) {
    match character {
        Some('"') => out.push_str("\\\""),
        Some('\\') => out.push_str("\\\\"),
        Some('\n') => out.push_str("\\n"),
        Some('\r') => out.push_str("\\r"),
        Some('\t') => out.push_str("\\t"),
        Some('\u{8}') => out.push_str("\\b"),
        Some('\u{c}') => out.push_str("\\f"),
        Some(character @ ('\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}')) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        }
        other => out.extend(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        let mut out = String::new();
        push_go_string(&mut out, "<a & b>\u{2028}\u{2029}\"\\/\n\r\t\u{8}\u{c}\u{1}\u{7f}ü\u{1F980}");
        let expected = "\"\\u003ca \\u0026 b\\u003e\\u2028\\u2029\\\"\\\\/\\n\\r\\t\\b\\f\\u0001\u{7f}ü\u{1F980}\"";
        assert_eq!(out, expected);
    }
}
