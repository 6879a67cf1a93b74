//! Reports an unknown attribute and suggests the one that was probably meant.

use crate::base::{Error, Problem};
use crate::config::did_you_mean::{did_you_mean, question};

/// The attributes of one type of cache.
pub(super) struct Known {
    /// The value of `type`.
    pub(super) kind: &'static str,
    pub(super) names: &'static [&'static str],
    /// Names that other tools use, as (alias, name).
    pub(super) aliases: &'static [(&'static str, &'static str)],
}

/// Other tools' names for the attributes of `type=s3`. Words that are part of an attribute's name are found without an
/// alias.
pub(super) const S3_ALIASES: &[(&str, &str)] = &[
    ("attempts", "retry_max_attempts"),
    ("bucket_name", "bucket"),
    ("concurrency", "upload_parallelism"),
    ("connections", "upload_parallelism"),
    ("default_region", "region"),
    ("endpoint_uri", "endpoint_url"),
    ("force_path_style", "use_path_style"),
    ("host", "endpoint_url"),
    ("jobs", "upload_parallelism"),
    ("key_prefix", "prefix"),
    ("location", "region"),
    ("manifest", "name"),
    ("no_sign_request", "anonymous"),
    ("parallel_uploads", "upload_parallelism"),
    ("password", "secret_access_key"),
    ("path", "prefix"),
    ("path_style", "use_path_style"),
    ("public", "anonymous"),
    ("ref", "name"),
    ("retries", "retry_max_attempts"),
    ("scope", "name"),
    ("server", "endpoint_url"),
    ("sse", "server_side_encryption"),
    ("tag", "name"),
    ("threads", "upload_parallelism"),
    ("unsigned", "anonymous"),
    ("uri", "endpoint_url"),
    ("url", "endpoint_url"),
    ("user", "access_key_id"),
    ("username", "access_key_id"),
    ("workers", "upload_parallelism"),
];
/// Other tools' names for the attributes of `type=local`.
pub(super) const LOCAL_ALIASES: &[(&str, &str)] = &[
    ("dir", "src"),
    ("directory", "src"),
    ("from", "src"),
    ("name", "tag"),
    ("output", "dest"),
    ("path", "src"),
    ("ref", "tag"),
    ("to", "dest"),
];
/// Attributes whose values are never shown.
const SECRET: &[&str] = &["secret_access_key", "session_token"];
/// BuildKit's attributes for creating layers.
const LAYERS: &[&str] = &["compression", "compression-level", "force-compression", "oci-mediatypes", "image-manifest"];

/// Returns the error for the attribute at `at`, which is not among the `known` ones; `other` is the other type of
/// cache.
///
/// The error shows the attribute's name only if it cannot be the end of a secret that contains a comma.
pub(super) fn unknown(pairs: &[(String, &str)], at: usize, known: &Known, other: &Known) -> Error {
    let key = pairs.get(at).map_or("", |(key, _)| key.as_str());
    if LAYERS.contains(&key) {
        return usage(
            format!("the attribute {key} is not supported: layers are moved as they are"),
            "give it to the build that writes the local cache: --cache-to type=local,…",
        );
    }
    // Words from our own vocabulary reveal nothing about a secret.
    let aliases = known.aliases.iter().map(|(alias, _)| alias);
    let vocabulary: Vec<_> =
        known.names.iter().chain(other.names).chain(aliases).flat_map(|name| name.split('_')).collect();
    let familiar = key.split('_').all(|word| vocabulary.contains(&word));
    let after_secret = pairs.iter().take(at).any(|(key, _)| SECRET.contains(&key.as_str()));
    let looks_like_a_name = (2..=24).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'));
    if !familiar && (after_secret || !looks_like_a_name) {
        let hint = "if a value before it has a comma, quote that field: \"secret_access_key=…\"";
        return usage(format!("field {} is not a known attribute", at + 1), hint);
    }
    let hint = question(&did_you_mean(key, known.names, known.aliases)).unwrap_or_else(|| {
        if other.names.contains(&key) {
            format!("{key} is an attribute of type={}", other.kind)
        } else {
            format!("the attributes of type={} are {}", known.kind, known.names.join(", "))
        }
    });
    usage(format!("unknown attribute {key}"), hint)
}

fn usage(message: String, hint: impl Into<String>) -> Error {
    Error::Usage(Problem::new(message).hint(hint))
}
