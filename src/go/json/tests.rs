use proptest::prelude::*;

use crate::go::json::problem::{JsonProblem, Read};
use crate::go::json::{GoJson, JsonReader, ParsedText, go_struct, read_go_json};

go_struct!(Sample { "name" => name: String, "sizeBytes" => size_bytes: i64 });

fn read(text: &str) -> Option<(String, i64)> {
    read_bytes(text.as_bytes())
}

fn read_bytes(json: &[u8]) -> Option<(String, i64)> {
    read_go_json::<Sample>(json).ok().map(|sample| (sample.name, sample.size_bytes))
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
        (r#"{"sizeBytes":-0}"#, some("", 0)),
        (r#"{"sizeBytes":-}"#, None),
        ("{},", None),
        ("{}\0", None),
        ("\u{feff}{}", None),
        ("", None),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn invalid_unicode_becomes_the_replacement_character() {
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
fn errors_state_what_was_expected_and_where() {
    for (text, problem) in [
        ("", "expected an object at byte 0, where the document ends"),
        ("{} x", "expected the end at byte 3"),
        (r#"{"name" 1}"#, "expected a colon at byte 8"),
        (r#"{"name":1}"#, "expected a string at byte 8"),
        (r#"{"sizeBytes":1.5}"#, "expected an integer of 64 bits at byte 13"),
        (r#"{"sizeBytes":x}"#, "expected a value at byte 13"),
        (r#"{"x":[1 2]}"#, "expected a comma or the end of an object or a list at byte 8"),
        (r#"{"x":"\q"}"#, "expected an escape at byte 7"),
        (r#"{"x":"a"#, "expected the end of a string at byte 7, where the document ends"),
    ] {
        assert_eq!(read_go_json::<Sample>(text.as_bytes()).unwrap_err().to_string(), problem, "{text}");
    }
}

/// Any JSON value: its text.
struct Any(String);

impl GoJson for Any {
    fn read(reader: &mut JsonReader<'_>) -> Read<Self> {
        reader.space();
        let start = reader.at;
        reader.skip()?;
        Ok(Self(String::from_utf8(reader.bytes[start..reader.at].to_vec()).unwrap()))
    }
}

fn is_the_same_to_serde(text: &str) {
    let ours = read_go_json::<Any>(text.as_bytes()).map(|any| any.0);
    let theirs = serde_json::from_str::<Box<serde_json::value::RawValue>>(text);
    assert_eq!(ours.as_deref().ok(), theirs.as_ref().ok().map(|raw| raw.get()), "{text}");
    let ours = read_go_json::<Vec<Option<String>>>(text.as_bytes());
    // serde_json rejects unpaired surrogates.
    if let Ok(theirs) = serde_json::from_str::<Vec<Option<String>>>(text) {
        assert_eq!(ours, Ok(theirs));
    } else if !text.contains("\\u") {
        assert!(ours.is_err(), "{text}");
    }
    let ours = read_go_json::<Vec<i64>>(text.as_bytes());
    // Go reads -0 as an integer.
    if !text.contains("-0") {
        assert_eq!(ours.ok(), serde_json::from_str::<Vec<i64>>(text).ok(), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn json_is_accepted_exactly_as_in_serde(
        pieces in prop::collection::vec(prop::sample::select(&[
            "{", "}", "[", "]", "[[", "]]", ",", ":", "\"", "\"a\"", "\"a\":", "\\", "\\u00e9", "\\ud83e\\udd80", "\\n",
            " ", "\n", "\t", "0", "1", "-", "-0", "12", ".", "5", "e", "E+", "true", "false", "null", "nul", "é", "\u{1}",
            "[\"", "\"]", "\",\"", "[1", ",2]", "9223372036854775807", "9223372036854775808",
        ][..]), 0..9),
    ) {
        is_the_same_to_serde(&pieces.concat());
    }

    #[test]
    fn strings_decode_as_in_serde(texts in prop::collection::vec(prop::option::of(any::<String>()), 0..5)) {
        let text = serde_json::to_string(&texts).unwrap();
        prop_assert_eq!(read_go_json::<Vec<Option<String>>>(text.as_bytes()), Ok(texts));
    }
}

/// A value that takes far more memory than its text.
struct Fat([u64; 64]);

impl GoJson for Fat {
    fn read(reader: &mut JsonReader<'_>) -> Read<Self> {
        reader.skip()?;
        Ok(Self([7; 64]))
    }
}

#[test]
fn values_far_larger_than_the_document_are_rejected() {
    let list = |count: usize| format!("[{}1]", "1,".repeat(count - 1)).into_bytes();
    assert_eq!(read_go_json::<Vec<Fat>>(&list(40_000)).unwrap().iter().map(|fat| fat.0[0]).sum::<u64>(), 280_000);
    let problem = read_go_json::<Vec<Fat>>(&list(100_000)).map(|_| ()).unwrap_err();
    assert!(matches!(problem, JsonProblem::Memory(limit) if limit < 24 << 20), "{problem:?}");
    assert!(problem.to_string().starts_with("its values would take more than "), "{problem}");
}

#[test]
fn long_texts_are_kept_only_in_text_fields() {
    let long = "\\u0061".repeat(100_000);
    let bad: ParsedText<crate::go::Timestamp> = read_go_json(format!("\"{long}\"").as_bytes()).unwrap();
    assert!(matches!(bad, ParsedText::Bad(text) if text.len() < 1000));
    assert_eq!(read(&format!("{{\"{long}\":1,\"name\":\"a\"}}")), Some(("a".to_owned(), 0)));
    assert_eq!(read(&format!("{{\"name\":\"{long}\"}}")).map(|(name, _)| name.len()), Some(100_000));
}
