//! Properties that must hold for any untrusted bytes. There is one function for each fuzz target in `fuzz/`, which
//! panics if the property does not hold. The tests replay the seeds in `fuzz/corpus/`.

use crate::sigv4::Credentials;

mod attributes;
mod cache_config;
mod container_uri;
mod duration;
mod http_framing;
mod ini;
mod key_documents;
mod oci;
mod proxies;
mod registry_route;
mod replies;
mod sts;
mod xml;

pub use attributes::attributes;
pub use cache_config::cache_config;
pub use container_uri::container_uri;
pub use duration::duration;
pub use http_framing::http_framing;
pub use ini::ini;
pub use key_documents::key_documents;
pub use oci::oci;
pub use proxies::proxies;
pub use registry_route::registry_route;
pub use replies::replies;
pub use sts::sts;
pub use xml::xml;

/// Asserts that neither id nor secret is missing, and that all of it can be sent.
fn complete(credentials: &Credentials) {
    let graphic = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(graphic(&credentials.access_key_id));
    let secret = credentials.secret_access_key.expose();
    assert!(!secret.is_empty() && secret.trim() == secret && !secret.contains(char::is_control));
    assert!(credentials.session_token.as_ref().is_none_or(|token| graphic(token.expose())));
}

/// Returns whether the text contains a revealing part of the secret. Considers only secrets without blanks, as keys and
/// tokens are, and without asterisks, which mask secrets.
fn shows_part(text: &str, secret: &str) -> bool {
    let is_one = secret.len() >= 12 && secret.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*');
    let text = unescaped(text);
    is_one && secret.as_bytes().windows(12).any(|part| text.as_bytes().windows(12).any(|other| other == part))
}

/// Returns the text before it was made printable: an escape such as `\u{0}` may look like a part of a secret.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let escaped = part.split_once('}').and_then(|(hex, rest)| Some((u32::from_str_radix(hex, 16).ok()?, rest)));
        match escaped.and_then(|(code, rest)| Some((char::from_u32(code)?, rest))) {
            Some((character, rest)) => {
                out.push(character);
                out.push_str(rest);
            }
            None => {
                out.push_str("\\u{");
                out.push_str(part);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::panic::catch_unwind;
    use std::path::PathBuf;

    /// The name of a fuzz target, and its property.
    type Target = (&'static str, fn(&[u8]));

    const TARGETS: &[Target] = &[
        ("attributes", super::attributes),
        ("cache_config", super::cache_config),
        ("container_uri", super::container_uri),
        ("duration", super::duration),
        ("http_framing", super::http_framing),
        ("ini", super::ini),
        ("key_documents", super::key_documents),
        ("oci", super::oci),
        ("proxies", super::proxies),
        ("registry_route", super::registry_route),
        ("replies", super::replies),
        ("sts", super::sts),
        ("xml", super::xml),
    ];

    /// Returns whether this is the published crate, which cannot contain the package `fuzz`.
    fn is_published() -> bool {
        fs::exists(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml.orig")).unwrap()
    }

    #[test]
    fn every_seed_holds() {
        if is_published() {
            return;
        }
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");
        for (target, property) in TARGETS {
            let seeds: Vec<_> =
                fs::read_dir(format!("{corpus}/{target}")).unwrap().map(|seed| seed.unwrap().path()).collect();
            assert!(!seeds.is_empty(), "{target} has no seeds");
            let fails = |seed: &&PathBuf| catch_unwind(|| property(&fs::read(seed).unwrap())).is_err();
            let failed: Vec<&PathBuf> = seeds.iter().filter(fails).collect();
            assert!(failed.is_empty(), "{failed:?}");
        }
    }

    #[test]
    fn every_target_is_replayed() {
        if is_published() {
            return;
        }
        let targets = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/fuzz_targets")).unwrap();
        let targets = targets.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
        let replayed: BTreeSet<String> = TARGETS.iter().map(|(target, _)| (*target).to_owned()).collect();
        assert_eq!(targets.collect::<BTreeSet<_>>(), replayed);
    }
}
