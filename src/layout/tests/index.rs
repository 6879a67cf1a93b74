//! `index.json`.

use proptest::prelude::*;

use crate::base::Digest;
use crate::base::Error;
use crate::layout::index::Index;
use crate::layout::tests::reference;

#[test]
fn an_index_is_parsed_like_go() {
    let entry = |tag: &[u8]| {
        let digest = Digest::of(b"").to_string();
        [
            br#"{"digest":""#,
            digest.as_bytes(),
            br#"","annotations":{"org.opencontainers.image.ref.name":""#,
            tag,
            b"\"}}",
        ]
        .concat()
    };
    let deep = [vec![b'['; 1000], vec![b']'; 1000]].concat();
    let json = [
        &b"{\"a\xff\":\"\xff\",\"\\ud800\":1,\"deep\":"[..],
        &deep,
        b",\"manifests\":[",
        &entry(b"bad \xc3 byte"),
        b",",
        &entry(b"\\udc00"),
        b"]}",
    ]
    .concat();
    let mut index = Index::parse(&json).unwrap();
    assert!(index.find("bad \u{fffd} byte").is_ok() && index.find("\u{fffd}").is_ok());
    index.set("new", "m", &reference(0)).unwrap();
    let printed = index.print();
    let text = std::str::from_utf8(&printed).unwrap();
    assert!(text.contains("\"a\u{fffd}\":\"\u{fffd}\",\"\u{fffd}\":1,\"deep\":[[["), "{text}");
    assert_eq!(Index::parse(&printed).unwrap().print(), printed);
    // Outside of strings, such a byte is still invalid.
    assert!(matches!(Index::parse(b"{\xff}"), Err(Error::Integrity(_))));
}

#[test]
fn an_image_name_wins_over_a_tag() {
    let entry = |annotation: &str, digit: &str| {
        let digest = digit.repeat(64);
        format!(r#"{{"digest":"sha256:{digest}","size":1,"annotations":{{"{annotation}":"app"}}}}"#)
    };
    let (tag, name) = (entry("org.opencontainers.image.ref.name", "1"), entry("io.containerd.image.name", "2"));
    let mut index = Index::parse(format!(r#"{{"manifests":[{tag},{name}]}}"#).as_bytes()).unwrap();
    assert_eq!(index.find("app").unwrap().digest.hex(), "2".repeat(64));
    assert!(matches!(index.set("app", "x", &reference(0)), Err(Error::Conflict(_))));
}

#[test]
fn entries_and_fields_of_other_tools_are_kept() {
    let old = r#"{ "x": {"b":1.0,"a":[1e400]}, "manifests": [
        {"digest":"other","size":1,"annotations":{"org.opencontainers.image.ref.name":"other"},"platform":{}},
        {"digest":"old","annotations":{"org.opencontainers.image.ref.name":"latest"}},
        {"digest":"named","annotations":{"org.opencontainers.image.ref.name":"latest","io.containerd.image.name":"n"}}
    ], "annotations": null, "schemaVersion": 2 }"#;
    let mut index = Index::parse(old.as_bytes()).unwrap();
    index.set("latest", "m", &reference(7)).unwrap();
    let new = concat!(
        r#"{"mediaType":"application/vnd.oci.image.index.v1+json","x":{"b":1.0,"a":[1e400]},"manifests":["#,
        r#"{"digest":"other","size":1,"annotations":{"org.opencontainers.image.ref.name":"other"},"platform":{}},"#,
        r#"{"digest":"named","annotations":{"org.opencontainers.image.ref.name":"latest","#,
        r#""io.containerd.image.name":"n"}},{"mediaType":"m","#,
        r#""digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":7,"#,
        r#""annotations":{"org.opencontainers.image.ref.name":"latest"}}],"annotations":null,"schemaVersion":2}"#
    );
    assert_eq!(String::from_utf8(index.print()).unwrap(), new);
    let empty = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    for text in ["", "{}", "null", r#"{"manifests":null,"schemaVersion":0,"mediaType":""}"#] {
        let printed = Index::parse(text.as_bytes()).unwrap().print();
        assert_eq!(Index::parse(&printed).unwrap().print(), printed);
        assert_eq!(printed.len(), empty.len());
    }
    assert_eq!(Index::parse(b"").unwrap().print(), empty.as_bytes());
}

proptest! {
    #[test]
    fn any_tag_that_was_set_is_found(tags in prop::collection::vec(any::<String>(), 1..5)) {
        let mut index = Index::parse(b"").unwrap();
        for (at, tag) in tags.iter().enumerate() {
            index.set(tag, "m", &reference(at as u64)).unwrap();
        }
        let again = Index::parse(&index.print()).unwrap();
        prop_assert_eq!(again.print(), index.print());
        for tag in &tags {
            let last = tags.iter().rposition(|other| other == tag).unwrap();
            prop_assert_eq!(again.find(tag).unwrap().size, last as u64);
        }
    }

    #[test]
    fn parsing_never_panics_and_printing_is_stable(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(index) = Index::parse(&bytes) {
            let printed = index.print();
            prop_assert_eq!(Index::parse(&printed).unwrap().print(), printed);
        }
    }
}
