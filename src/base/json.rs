//! JSON as Go's `encoding/json` reads and writes it, where that differs from what `serde_json` does.

use std::fmt::Write as _;

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
                        while let Some(key) = map.next_key::<String>()? {
                            $(if key.eq_ignore_ascii_case($key) {
                                if let Some(value) = map.next_value::<Option<$type>>()? {
                                    out.$field = value;
                                }
                                continue;
                            })*
                            map.next_value::<serde::de::IgnoredAny>()?;
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
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\u{0}'..='\u{1f}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    go_struct!(Sample { "name" => name: String, "sizeBytes" => size_bytes: i64 });

    fn read(text: &str) -> Option<(String, i64)> {
        serde_json::from_str::<Sample>(text).ok().map(|sample| (sample.name, sample.size_bytes))
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
            ("[]", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
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
