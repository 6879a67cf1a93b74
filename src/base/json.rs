//! JSON as Go's `encoding/json` reads and writes it, where that differs from `serde_json`.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::de::DeserializeOwned;

/// Reads a document as Go does: invalid UTF-8 bytes and unpaired surrogates become U+FFFD.
pub(crate) fn from_go_json<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    let text = mend_utf8(json);
    serde_json::from_str(&mend_surrogates(&text))
}

/// Replaces invalid UTF-8 bytes. Outside of strings, the replacement is a syntax error just as the byte is.
pub(super) fn mend_utf8(json: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(json) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(mended_length(json));
    for chunk in json.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(out)
}

/// Returns the length of what [`mend_utf8`] returns.
pub(super) fn mended_length(json: &[u8]) -> usize {
    let replacement = char::REPLACEMENT_CHARACTER.len_utf8();
    json.utf8_chunks().map(|chunk| chunk.valid().len() + chunk.invalid().len() * replacement).sum()
}

/// Replaces each unpaired surrogate (`\ud800` to `\udfff`) with `\ufffd`.
fn mend_surrogates(text: &str) -> Cow<'_, str> {
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let next = || escape.get(6..).and_then(utf16_escape);
        let (kept, length) = match utf16_escape(escape) {
            Some(0xD800..=0xDBFF) if matches!(next(), Some(0xDC00..=0xDFFF)) => (true, 12),
            Some(0xD800..=0xDFFF) => (false, 6),
            // At least two bytes, so that the second backslash of `\\\\` does not start an escape.
            _ => (true, 1 + escape.chars().nth(1).map_or(0, char::len_utf8)),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        out.push_str(if kept { escape } else { "\\ufffd" });
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Decodes a string whose escapes are valid. Unpaired surrogates become U+FFFD.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let next = || escape.get(6..).and_then(utf16_escape);
        let (character, length) = match (utf16_escape(escape), escape.chars().nth(1)) {
            (Some(high @ 0xD800..=0xDBFF), _) => match next() {
                Some(low @ 0xDC00..=0xDFFF) => {
                    (char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)), 12)
                }
                _ => (None, 6),
            },
            (Some(unit), _) => (char::from_u32(unit), 6),
            (None, Some('b')) => (Some('\u{8}'), 2),
            (None, Some('f')) => (Some('\u{c}'), 2),
            (None, Some('n')) => (Some('\n'), 2),
            (None, Some('r')) => (Some('\r'), 2),
            (None, Some('t')) => (Some('\t'), 2),
            (None, other) => (other, 2),
        };
        out.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Returns the number in `\uXXXX` at the start of `text`.
fn utf16_escape(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.chars().try_fold(0, |value, digit| Some(value * 16 + digit.to_digit(16)?))
}

/// Returns the length of a prefix of `bytes` that needs no escaping or unescaping: ASCII without control characters,
/// quotes, backslashes and the characters that Go escapes. Checks eight bytes at a time.
pub(super) fn plain_start(bytes: &[u8]) -> usize {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    // A byte's high bit is set if the byte is below the limit (at most 0x80), or equal.
    let below = |word: u64, limit: u64| word.wrapping_sub(EACH * limit) & !word;
    let equal = |word: u64, byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    let is_plain = |chunk: &&[u8; 8]| {
        let word = u64::from_ne_bytes(**chunk);
        let quote_or_and = equal(word | (EACH * 4), b'&');
        let angle = equal(word | (EACH * 2), b'>');
        (word | below(word, 0x20) | quote_or_and | angle | equal(word, b'\\')) & (EACH * 0x80) == 0
    };
    let (chunks, _) = bytes.as_chunks();
    8 * chunks.iter().take_while(is_plain).count()
}

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
