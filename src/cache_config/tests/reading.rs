//! Which configs are read and which are refused, with which errors.

use crate::cache_config::tests::{annotations, blob, layer_json, refusal, time};
use crate::cache_config::{CacheConfig, Descriptor};
use crate::go::read_go_json;

fn layers(json: &str) -> Vec<Option<usize>> {
    let config = CacheConfig::from_s3_json(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
    config.parents()
}

#[test]
fn parent_missing_means_layer_zero() {
    let (a, b) = (layer_json("a", r#","parent":-1"#), layer_json("b", ""));
    assert_eq!(layers(&format!(r#"{{"layers":[{a},{b}]}}"#)), [None, Some(0)]);
    let b = layer_json("b", r#","parent":null"#);
    assert_eq!(layers(&format!(r#"{{"layers":[{a},{b}]}}"#)), [None, Some(0)]);
    let a = layer_json("a", "");
    assert!(refusal(&format!(r#"{{"layers":[{a}]}}"#)).contains("layer 0 is its own ancestor"));
}

#[test]
fn keys_duplicates_and_nulls_are_parsed_like_go() {
    let a = layer_json("a", r#","Parent":0,"PARENT":-1,"parent":null,"x":{"parent":[7]}"#);
    let json = format!("\n{{\"layers\":[],\"LAYERS\":[{a}],\"records\":null,\"more\":[[]]}}\r\n\t ");
    assert_eq!(layers(&json), [None]);
    for nothing in ["{}", "null", r#"{"layers":null,"records":[]}"#, r#"{"layer":[1],"recordS":null}"#] {
        assert_eq!(CacheConfig::from_s3_json(nothing.as_bytes()).unwrap().to_s3_json(), b"{}", "{nothing}");
    }
    // Strings are preserved, and written as Go writes them.
    let json = r#"{"records":[{"digest":"\u003c\ud800\/","inputs":null},{"digest":"b","inputs":[[{"selector":"\u007f\u0008é","link":0}]]}]}"#;
    let written = CacheConfig::from_s3_json(json.as_bytes()).unwrap().to_s3_json();
    let expected = "{\"records\":[{\"digest\":\"\\u003c\u{fffd}/\"},{\"digest\":\"b\",\"inputs\":[[{\"selector\":\"\u{7f}\\bé\",\"link\":0}]]}]}";
    assert_eq!(String::from_utf8(written).unwrap(), expected);
}

#[test]
fn input_that_is_not_a_cache_config_is_refused() {
    for json in [
        "",
        " ",
        "[]",
        "1",
        "{",
        "{} {}",
        "{}x",
        "\u{feff}{}",
        "{\"layers\":{}}",
        "{\"layers\":[1]}",
        r#"{"records":[{"digest":1}]}"#,
        r#"{"records":[{"digest":"a","inputs":[{}]}]}"#,
        "{'layers':[]}",
        "{,}",
        r#"{"records":[],}"#,
    ] {
        assert!(refusal(json).starts_with("not a cache config: "), "{json}");
    }
    // Only digits that fit Go's 64-bit int are valid.
    for number in ["1.0", "1e0", "9223372036854775808", "-9223372036854775809", "1e400", "01", "+1", "\"1\"", "true"] {
        let json = format!(r#"{{"layers":[{}]}}"#, layer_json("a", &format!(r#","parent":{number}"#)));
        assert!(refusal(&json).starts_with("not a cache config: "), "{number}");
    }
}

#[test]
fn each_problem_is_reported_with_its_layer_or_record() {
    let a = layer_json("a", r#","parent":-1"#);
    let good = blob("b");
    let records = |records: &str| format!(r#"{{"layers":[{a}],"records":[{records}]}}"#);
    let layer = |fields: &str| format!(r#"{{"layers":[{a},{{{fields}}}]}}"#);
    let noted = |notes: &str| layer(&format!(r#""blob":"{good}","parent":-1,"annotations":{{{notes}}}"#));
    for (json, problem) in [
        (layer(r#""blob":"sha256:AB","parent":-1"#), "layer 1: blob: \"sha256:AB\" is not a digest"),
        (layer(&format!(r#""blob":"{good}","parent":-1"#)), "layer 1: it has no annotations"),
        (noted(""), "layer 1: its annotations have no diffID"),
        (noted(r#""diffID":"../x""#), "layer 1: diffID: \"../x\" is not a digest"),
        (noted(&format!(r#""diffID":"{good}","size":-1"#)), "layer 1: its size -1 is negative"),
        (noted(&format!(r#""diffID":"{good}","createdAt":"""#)), "layer 1: createdAt: \"\" is not an RFC 3339"),
        (
            format!(r#"{{"layers":[{}]}}"#, layer_json("a", r#","parent":-2"#)),
            "parent -2 is out of range: the config has 1 layer",
        ),
        (
            format!(r#"{{"layers":[{}]}}"#, layer_json("a", r#","parent":1"#)),
            "parent 1 is out of range: the config has 1 layer",
        ),
        (records("{}"), "record 0: it has no digest"),
        (records("null"), "record 0: it has no digest"),
        (
            records(r#"{"digest":"d","layers":[{"layer":1}]}"#),
            "record 0: layer 1 is out of range: the config has 1 layer",
        ),
        (records(r#"{"digest":"d","layers":[{"layer":-1}]}"#), "record 0: layer -1 is out of range"),
        (records(r#"{"digest":"d","layers":[{"createdAt":"x"}]}"#), "record 0: createdAt: \"x\" is not"),
        (records(r#"{"digest":"d","chains":[{"layers":[0,9]}]}"#), "record 0: layer 9 is out of range"),
        (records(r#"{"digest":"d","chains":[{"createdAt":"x"}]}"#), "record 0: createdAt: \"x\" is not"),
        (records(r#"{"digest":"d","inputs":[[]]}"#), "record 0: input 0 is empty"),
        (records(r#"{"digest":"d","inputs":[null]}"#), "record 0: input 0 is empty"),
        (
            records(r#"{"digest":"d","inputs":[[{"link":1}]]}"#),
            "record 0: link 1 is out of range: the config has 1 record",
        ),
        (records(r#"{"digest":"d","inputs":[[{"link":9223372036854775807}]]}"#), "record 0: link 9223372036854775807"),
        (records(r#"{"digest":"d","inputs":[[{}]]}"#), "record 0 is its own input"),
        (
            records(
                r#"{"digest":"d","inputs":[[{"link":1}]]},{"digest":"d","inputs":[[{"link":2},{"link":2}]]},{"digest":"d","inputs":[[{"link":1}]]}"#,
            ),
            "the cache config has 1 problem: record 1 is its own input",
        ),
        (
            format!(r#"{{"layers":[{},{}]}}"#, layer_json("a", r#","parent":1"#), layer_json("b", "")),
            "the cache config has 1 problem: layer 0 is its own ancestor",
        ),
        (
            format!(r#"{{"layers":[{a},{}]}}"#, a.replace(r#""size":3"#, r#""size":4"#)),
            "layers 0 and 1 give one blob two sizes or diffIDs",
        ),
    ] {
        let message = refusal(&json);
        assert!(message.contains(problem), "{json}: {message}");
    }
}

#[test]
fn the_first_twenty_problems_and_the_total_are_reported() {
    let message = refusal(&format!(r#"{{"records":[{}]}}"#, vec!["{}"; 25].join(",")));
    assert!(message.starts_with("the cache config has 25 problems: record 0: "), "{message}");
    assert_eq!(message.matches("it has no digest").count(), 20);
    assert!(message.ends_with("; and 5 more"), "{message}");
    let message = refusal(&format!(r#"{{"records":[{}]}}"#, vec!["{}"; 20].join(",")));
    assert!(message.ends_with("record 19: it has no digest"), "{message}");
}

#[test]
fn a_local_layer_gets_its_annotations_from_its_descriptor() {
    let json = format!(r#"{{"layers":[{{"blob":"{}","parent":-1}}]}}"#, blob("a"));
    let descriptor = |annotations: &str, size: &str| -> Descriptor {
        let media_type = "application/vnd.docker.image.rootfs.diff.tar.gzip";
        let digest = blob("a");
        let json = format!(
            r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size},"urls":["x"],"annotations":{{{annotations}}}}}"#
        );
        read_go_json(json.as_bytes()).unwrap()
    };
    let read = |descriptors: &[Descriptor]| {
        let config = CacheConfig::from_local_json(json.as_bytes(), descriptors);
        config.map(|config| config.layers[0].annotations.clone()).map_err(|error| error.to_string())
    };
    let diff_id = format!(r#""containerd.io/uncompressed":"{}""#, annotations("a").diff_id);
    assert_eq!(read(&[descriptor(&diff_id, "3")]), Ok(annotations("a")));
    // The time is converted to UTC.
    let dated = format!(r#"{diff_id},"buildkit/createdat":"2026-01-02T03:04:05.60+01:30""#);
    let mut expected = annotations("a");
    expected.created_at = time("2026-01-02T01:34:05.6Z");
    assert_eq!(read(&[descriptor(&dated, "3")]), Ok(expected.clone()));
    assert_eq!(expected.created_at.to_string(), "2026-01-02T01:34:05.6Z");
    // The last of several descriptors counts.
    assert_eq!(read(&[descriptor(&diff_id, "3"), descriptor(&dated, "3")]), Ok(expected));
    for (descriptors, problem) in [
        (&[][..], "layer 0: its blob is not in the manifest"),
        (&[descriptor("", "3")], "layer 0: its descriptor has no containerd.io/uncompressed"),
        (&[descriptor(r#""containerd.io/uncompressed":null"#, "3")], "has no containerd.io/uncompressed"),
        (
            &[descriptor(r#""containerd.io/uncompressed":"x""#, "3")],
            "containerd.io/uncompressed: \"x\" is not a digest",
        ),
        (&[descriptor(&diff_id, "-3")], "its size -3 is negative"),
        (&[descriptor(&format!(r#"{diff_id},"buildkit/createdat":"x""#), "3")], "buildkit/createdat: \"x\" is not"),
        (
            &[descriptor(&format!(r#"{diff_id},"buildkit/createdat":"0000-01-01T00:00:00+01:00""#), "3")],
            "has no time in UTC",
        ),
    ] {
        let message = read(descriptors).unwrap_err();
        assert!(message.contains(problem), "{message}");
    }
}
