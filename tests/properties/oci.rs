//! `index.json` and cache manifests.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::base::{Digest, Error};
use crate::layout::index::Index;
use crate::layout::manifest::{self, Manifest, Reference};

const TAG: &str = "latest";
const MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Twenty tags of 128 characters, each with Rust's longest escapes, and some words.
const MAX_SHOWN_BYTES: usize = 32 * 1024;

/// Files survive being read and written, setting a tag leaves unknown fields unchanged, no digest can escape its
/// directory, and no error is long.
pub fn oci(data: &[u8]) {
    match Index::parse(data) {
        Ok(index) => the_index_is_kept(data, index),
        Err(error) => is_short(&error),
    }
    match Manifest::parse(data) {
        Ok(manifest) => the_manifest_is_kept(data, &manifest),
        Err(error) => is_short(&error),
    }
}

fn the_index_is_kept(data: &[u8], mut index: Index) {
    let printed = index.print();
    assert!(printed.len() <= 256 + 6 * data.len());
    assert_eq!(print_again(&printed), Some(printed.clone()));
    // This crate reads invalid UTF-8 and lone surrogates, but serde does not.
    let before = try_read(if data.is_empty() { b"{}" } else { data });
    let is_kept = |now: &Fields| before.as_ref().is_none_or(|before| unknown(now) == unknown(before));
    assert!(is_kept(&read(&printed)));
    match index.find(TAG) {
        Ok(reference) => is_sha256(&reference.digest.to_string()),
        Err(error) => is_short(&error),
    }

    let reference = Reference { digest: Digest::of(data), size: data.len() as u64 };
    if let Err(error) = index.set(TAG, MEDIA_TYPE, &reference) {
        is_short(&error);
        assert_eq!(index.print(), printed);
        return;
    }
    let set = index.print();
    assert_eq!(print_again(&set), Some(set.clone()));
    assert!(is_kept(&read(&set)));
    assert_eq!(index.find(TAG).ok(), Some(reference));
    let (old, mut new) = (manifests(&read(&printed)), manifests(&read(&set)));
    assert!(new.pop().is_some());
    // The other entries keep their order; the removed ones had the tag.
    let mut left = new.iter();
    let mut next = left.next();
    for entry in &old {
        if next == Some(entry) {
            next = left.next();
        } else {
            let text = format!("{{\"manifests\":[{entry}]}}");
            assert!(Index::parse(text.as_bytes()).is_ok_and(|index| index.find(TAG).is_ok() || is_broken(&index)));
        }
    }
    assert_eq!(next, None);
    assert!(index.set(TAG, MEDIA_TYPE, &reference).is_ok());
    assert_eq!(index.print(), set);
}

/// Returns whether the tag is present, but its reference is invalid.
fn is_broken(index: &Index) -> bool {
    matches!(index.find(TAG), Err(Error::Integrity(_)))
}

fn print_again(printed: &[u8]) -> Option<Vec<u8>> {
    Index::parse(printed).ok().map(|index| index.print())
}

type Fields = BTreeMap<String, Box<RawValue>>;

fn try_read(json: &[u8]) -> Option<Fields> {
    serde_json::from_slice::<Option<Fields>>(json).ok().map(Option::unwrap_or_default)
}

fn read(json: &[u8]) -> Fields {
    let fields = try_read(json);
    assert!(fields.is_some());
    fields.unwrap_or_default()
}

fn unknown(fields: &Fields) -> Vec<(&str, &str)> {
    let known = |key: &str| ["schemaversion", "mediatype", "manifests"].contains(&&*key.to_ascii_lowercase());
    fields.iter().filter(|(key, _)| !known(key)).map(|(key, value)| (&**key, value.get())).collect()
}

fn manifests(fields: &Fields) -> Vec<String> {
    let list = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case("manifests"));
    let list: Option<Vec<Box<RawValue>>> = list.and_then(|(_, list)| serde_json::from_str(list.get()).ok());
    assert!(list.is_some());
    list.into_iter().flatten().map(|entry| entry.get().to_owned()).collect()
}

fn the_manifest_is_kept(data: &[u8], manifest: &Manifest) {
    is_sha256(&manifest.config.digest.to_string());
    for layer in &manifest.layers {
        is_sha256(&layer.digest.to_string());
        assert!(layer.size >= 0);
    }
    let print = |manifest: &Manifest| manifest::print(&manifest.config, manifest.layers.iter().cloned());
    let printed = print(manifest);
    assert!(printed.len() <= 512 + 6 * data.len());
    let again = Manifest::parse(&printed);
    let same = again.is_ok_and(|again| {
        (again.config, again.layers.len()) == (manifest.config, manifest.layers.len()) && print(&again) == printed
    });
    assert!(same);
}

fn is_sha256(digest: &str) {
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    assert!(hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{digest:?}");
}

fn is_short(error: &Error) {
    let shown = format!("{} {}", error.chain(), error.hint().unwrap_or_default());
    assert!(shown.len() <= MAX_SHOWN_BYTES && !shown.contains(char::is_control), "{} bytes", shown.len());
}

#[cfg(test)]
mod tests {
    #[test]
    fn long_texts_in_the_wrong_place() {
        let long = format!("\"{}\"", "\u{7f}\u{1b}".replace('\u{1b}', "\\u001b").repeat(100_000));
        for field in ["manifests", "layers", "config", "mediaType", "schemaVersion"] {
            super::oci(format!("{{\"{field}\":{long}}}").as_bytes());
        }
        for field in ["mediaType", "digest", "size", "annotations"] {
            super::oci(format!("{{\"manifests\":[{{\"{field}\":{long}}}]}}").as_bytes());
            super::oci(format!("{{\"layers\":[{{\"{field}\":{long}}}]}}").as_bytes());
        }
        let tag = format!("{{\"annotations\":{{\"org.opencontainers.image.ref.name\":{long}}}}}");
        super::oci(format!("{{\"manifests\":[{tag}]}}").as_bytes());
    }
}
