//! Decodes strings: invalid UTF-8 bytes and unpaired surrogates become U+FFFD.

use std::borrow::Cow;

/// Replaces invalid UTF-8 bytes. Outside of strings, the replacement is a syntax error just as the byte is.
pub(super) fn lossy_utf8(json: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(json) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(lossy_length(json));
    for chunk in json.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(out)
}

/// Returns the length of what [`lossy_utf8`] returns.
pub(super) fn lossy_length(json: &[u8]) -> usize {
    let replacement = char::REPLACEMENT_CHARACTER.len_utf8();
    json.utf8_chunks().map(|chunk| chunk.valid().len() + chunk.invalid().len() * replacement).sum()
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
