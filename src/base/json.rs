//! JSON as Go's `encoding/json` reads and writes it, where that differs from what `serde_json` does.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, Visitor};

/// More is said of no JSON error.
const MAX_PROBLEM_CHARS: usize = 300;

/// Reads a document as Go reads one: a byte that is not UTF-8 and half a surrogate pair become U+FFFD.
pub(crate) fn from_go_json<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    let text = mend_utf8(json);
    serde_json::from_str(&mend_surrogates(&text))
}

/// What is wrong with a document: serde repeats a text that it did not expect, however long it is.
pub(crate) fn json_problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.char_indices().nth(MAX_PROBLEM_CHARS).and_then(|(end, _)| text.get(..end)) {
        Some(start) => format!("{start}… at line {} column {}", error.line(), error.column()),
        None => text,
    }
}

/// Outside of strings the replacement is as wrong as what it replaces.
fn mend_utf8(json: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(json) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(json.len());
    for chunk in json.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(out)
}

/// Makes `\ufffd` of each `\ud800` to `\udfff` that is not one of a pair.
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
            // Two bytes at least, lest the second of `\\\\` be taken for the start of an escape.
            _ => (true, 1 + escape.chars().nth(1).map_or(0, char::len_utf8)),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        out.push_str(if kept { escape } else { "\\ufffd" });
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The number in `\uXXXX` at the start of `text`.
fn utf16_escape(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.chars().try_fold(0, |value, digit| Some(value * 16 + digit.to_digit(16)?))
}

/// Reads the key of an object: the one of these names that it is, exact or in another ASCII case.
#[derive(Clone, Copy)]
pub(crate) struct KnownKey(pub(crate) &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for KnownKey {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KnownKey {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().copied().find(|name| name.eq_ignore_ascii_case(key)))
    }
}

/// A struct that is read as Go reads one: keys exact or in another ASCII case, the last duplicate wins, `null` leaves
/// the field as it is, unknown keys are skipped.
macro_rules! go_struct {
    ($(#[$meta:meta])* $name:ident { $($key:literal => $field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type,)*
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;

                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_unit<E: serde::de::Error>(self) -> Result<$name, E> {
                        Ok($name::default())
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut out = $name::default();
                        while let Some(key) = map.next_key_seed($crate::base::KnownKey(&[$($key),*]))? {
                            match key {
                                $(Some($key) => {
                                    if let Some(value) = map.next_value::<Option<$type>>()? {
                                        out.$field = value;
                                    }
                                })*
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(out)
                    }
                }

                deserializer.deserialize_any(Fields)
            }
        }
    };
}

pub(crate) use go_struct;

/// Appends `text` as a JSON string, escaped as Go escapes it: also `<`, `>`, `&` and the two Unicode line separators.
pub(crate) fn push_go_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    // U+2028 and U+2029 begin with 0xE2.
    let special = |byte: u8| matches!(byte, ..0x20 | b'"' | b'\\' | b'<' | b'>' | b'&' | 0xE2);
    while let Some(at) = rest.bytes().position(special) {
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

    go_struct!(Sample { "name" => name: String, "sizeBytes" => size_bytes: i64 });

    fn read(text: &str) -> Option<(String, i64)> {
        read_bytes(text.as_bytes())
    }

    fn read_bytes(json: &[u8]) -> Option<(String, i64)> {
        from_go_json::<Sample>(json).ok().map(|sample| (sample.name, sample.size_bytes))
    }

    #[test]
    fn keys_nulls_and_duplicates_are_read_as_go_reads_them() {
        let some = |name: &str, size| Some((name.to_owned(), size));
        for (text, expected) in [
            (r#"{"name":"a","sizeBytes":3}"#, some("a", 3)),
            (r#"{"NAME":"a","sizebytes":3,"other":{"x":[1]}}"#, some("a", 3)),
            (r#"{"name":"a","Name":"b","name":null}"#, some("b", 0)),
            ("{}", some("", 0)),
            ("null", some("", 0)),
            (r#"{"sizeBytes":1.5}"#, None),
            (r#"{"sizeBytes":9223372036854775808}"#, None),
            (r#"{"sizeBytes":"1"}"#, None),
            (r#"{"sizeBytes":1.0}"#, None),
            (r#"{"sizeBytes":1e2}"#, None),
            (r#"{"sizeBytes":01}"#, None),
            (r#"{"sizeBytes":-9223372036854775808}"#, some("", i64::MIN)),
            (r#"{"\u006eame":"a","other":1e999}"#, some("a", 0)),
            (r#"{"name":1}"#, None),
            ("[]", None),
            (" {} \r\n\t", some("", 0)),
            ("{} x", None),
            ("{}{}", None),
            ("{},", None),
            ("{}\0", None),
            ("\u{feff}{}", None),
            ("", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_unicode_becomes_the_replacement_character() {
        for (text, name) in [
            (&br#"{"name":"\ud83e\uDD80"}"#[..], "\u{1F980}"),
            (br#"{"name":"\ud800"}"#, "\u{fffd}"),
            (br#"{"name":"\uDFFFx"}"#, "\u{fffd}x"),
            (br#"{"name":"\ud800\u0041\ud800\ud83e\udd80"}"#, "\u{fffd}A\u{fffd}\u{1F980}"),
            (br#"{"name":"\udc00\ud800\n"}"#, "\u{fffd}\u{fffd}\n"),
            (br#"{"name":"\\ud800\\\ud800"}"#, "\\ud800\\\u{fffd}"),
            (br#"{"name":"\/\u002f\"\u0000"}"#, "//\"\0"),
            (b"{\"name\":\"a\xffb\"}", "a\u{fffd}b"),
            (b"{\"name\":\"\xe2\x82\"}", "\u{fffd}\u{fffd}"),
            (b"{\"name\":\"\xed\xa0\x80\x7f\"}", "\u{fffd}\u{fffd}\u{fffd}\u{7f}"),
        ] {
            assert_eq!(read_bytes(text), Some((name.to_owned(), 0)), "{}", String::from_utf8_lossy(text));
        }
        for text in [
            &b"{\xff\"name\":\"a\"}"[..],
            b"{\"name\":\"\n\"}",
            br#"{"name":"\ud8"}"#,
            br#"{"name":"\ud8000"#,
            br#"{"name":"\x"}"#,
            br#"{"name":"\"#,
        ] {
            assert_eq!(read_bytes(text), None, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        let mut out = String::new();
        push_go_string(&mut out, "<a & b>\u{2028}\u{2029}\"\\/\n\r\t\u{8}\u{c}\u{1}\u{7f}ü\u{1F980}");
        let expected = "\"\\u003ca \\u0026 b\\u003e\\u2028\\u2029\\\"\\\\/\\n\\r\\t\\b\\f\\u0001\u{7f}ü\u{1F980}\"";
        assert_eq!(out, expected);
    }
}
