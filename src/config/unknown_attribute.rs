//! Reports an unknown attribute and suggests the one that was probably meant.

use crate::base::Error;
use crate::config::attribute::{About, Content};
use crate::config::did_you_mean::{did_you_mean, question};

/// The attributes of one type of cache.
pub(super) struct Known {
    /// The value of `type`.
    pub(super) kind: &'static str,
    pub(super) attributes: Vec<About>,
}

impl Known {
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.attributes.iter().map(|about| about.name).collect()
    }

    /// Returns names that other tools use, as (alias, name).
    pub(super) fn aliases(&self) -> Vec<(&'static str, &'static str)> {
        let pairs = |about: &About| about.aliases.iter().map(|alias| (*alias, about.name)).collect::<Vec<_>>();
        self.attributes.iter().flat_map(pairs).collect()
    }

    fn has(&self, name: &str, content: Content) -> bool {
        self.attributes.iter().any(|about| about.name == name && about.content == content)
    }
}

/// Returns the error for the attribute at `at`, which is not among the `known` ones; `other` is the other type of
/// cache.
///
/// The error shows the attribute's name only if it cannot be the end of a secret that contains a comma.
pub(super) fn unknown(pairs: &[(String, &str)], at: usize, known: &Known, other: &Known) -> Error {
    let key = pairs.get(at).map_or("", |(key, _)| key.as_str());
    if other.has(key, Content::OfLayers) {
        return Error::usage(format!("the attribute {key} is not supported: layers are copied unchanged"))
            .with_hint("set it on the build that writes the local cache: --cache-to type=local,…");
    }
    // Words from our own vocabulary reveal nothing about a secret.
    let (names, aliases) = (known.names(), known.aliases());
    let own = names.iter().copied().chain(aliases.iter().map(|(alias, _)| *alias));
    let vocabulary: Vec<_> = own.chain(other.names()).flat_map(|name| name.split('_')).collect();
    let familiar = key.split('_').all(|word| vocabulary.contains(&word));
    let after_secret = pairs.iter().take(at).any(|(key, _)| known.has(key, Content::Secret));
    let looks_like_a_name = (2..=24).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'));
    if !familiar && (after_secret || !looks_like_a_name) {
        let hint = "if a value before it has a comma, quote that field: \"secret_access_key=…\"";
        return Error::usage(format!("field {} is not a known attribute", at + 1)).with_hint(hint);
    }
    let hint = question(&did_you_mean(key, &names, &aliases)).unwrap_or_else(|| {
        if other.names().contains(&key) {
            format!("{key} is an attribute of type={}", other.kind)
        } else {
            format!("the attributes of type={} are {}", known.kind, names.join(", "))
        }
    });
    Error::usage(format!("unknown attribute {key}")).with_hint(hint)
}
