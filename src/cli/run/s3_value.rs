//! One `type=s3` value of a build's cache option, and what replaces it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use s3_build_cache::options::{AccessKeys, DefaultAttributes};
use s3_build_cache::program::{parse_fields, quote_field};
use s3_build_cache::{CacheOptions, Error, Result};

/// The attributes that BuildKit applies during the build, whatever the type of the cache, besides those of layers.
const OF_THE_BUILD: &[&str] = &["mode", "ignore-error"];
/// Those that the library refuses for S3, because it moves layers as they are.
const OF_LAYERS: &[&str] =
    &["compression", "compression-level", "force-compression", "oci-mediatypes", "image-manifest"];
/// The attributes of BuildKit's own S3 cache besides those of the build.
const OF_BUILDKIT: &[&str] = &[
    "type",
    "bucket",
    "region",
    "name",
    "prefix",
    "blobs_prefix",
    "manifests_prefix",
    "endpoint_url",
    "use_path_style",
    "touch_refresh",
    "upload_parallelism",
    "disable_accept_encoding",
    "retry_mode",
    "retry_max_attempts",
];
/// The attributes that are passed in the environment instead, where no other process can see them.
const KEYS: &[&str] = &["access_key_id", "secret_access_key", "session_token"];

/// Whether a cache is written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    To,
    From,
}

/// A `type=s3` value.
#[derive(Clone, Debug)]
pub(crate) struct S3Value {
    /// What the server needs of it, with a `mode` that drops nothing: the build has applied its own.
    pub(crate) options: CacheOptions,
    /// The lower-case names and the values, in order.
    fields: Vec<(String, String)>,
    /// The number of fields that were given. The others are defaults.
    given: usize,
}

impl Direction {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::To => "to",
            Self::From => "from",
        }
    }
}

impl S3Value {
    /// Parses the value of a cache option, completed with the defaults. Returns `None` for other types of caches.
    ///
    /// # Errors
    /// Same as [`parse`](Self::parse).
    pub(crate) fn completed(value: &OsStr, defaults: &DefaultAttributes) -> Result<Option<Self>> {
        let completed = value.to_str().and_then(|text| defaults.complete(text).ok());
        let Some((completed, added)) = completed else { return Self::parse(value) };
        let mut value = Self::parse(OsStr::new(&completed))?;
        if let Some(value) = &mut value {
            value.given = value.given.saturating_sub(added.len());
        }
        Ok(value)
    }

    /// Parses the value of a cache option. Returns `None` for other types of caches.
    ///
    /// # Errors
    /// [`Error::Usage`] if it is meant as `type=s3` and cannot be read.
    pub(crate) fn parse(value: &OsStr) -> Result<Option<Self>> {
        let Some(text) = value.to_str() else {
            return match mentions_s3(value.as_bytes()) {
                true => Err(Error::usage("the attributes are not UTF-8").with_hint("write them in UTF-8")),
                false => Ok(None),
            };
        };
        let fields = match parse_fields(text) {
            Ok(fields) => fields,
            Err(error) if mentions_s3(text.as_bytes()) => return Err(error),
            Err(_) => return Ok(None),
        };
        let pairs = fields.iter().filter_map(|field| field.split_once('='));
        let pairs: Vec<_> = pairs.map(|(key, value)| (key.to_ascii_lowercase(), value.to_owned())).collect();
        // As in buildx, the last one counts. The library then refuses two of them.
        if pairs.iter().rfind(|(key, _)| key == "type").is_none_or(|(_, value)| value != "s3") {
            return Ok(None);
        }
        // Parsed as it was given, so that every error is that of the string the user wrote.
        let of_layers = |field: &&String| {
            let key = field.split_once('=').map(|(key, _)| key.to_ascii_lowercase());
            key.is_some_and(|key| OF_LAYERS.contains(&key.as_str()))
        };
        let kept = fields.iter().filter(|field| !of_layers(field)).map(|field| quote_field(field));
        let mut options = kept.collect::<Vec<_>>().join(",").parse::<CacheOptions>()?.to_builder();
        options.policy.mode = s3_build_cache::options::Mode::Max;
        Ok(Some(Self { options: options.build()?, given: pairs.len(), fields: pairs }))
    }

    /// Returns the value for the same cache behind a registry.
    pub(crate) fn registry(&self, reference: &str, insecure: bool) -> String {
        let mut fields = vec!["type=registry".to_owned(), format!("ref={reference}")];
        if insecure {
            fields.push("registry.insecure=true".to_owned());
        }
        let of_the_build = self.fields.iter().filter(|(key, _)| is_of_the_build(key));
        fields.extend(of_the_build.map(|(key, value)| format!("{key}={value}")));
        joined(&fields)
    }

    /// Returns the value for BuildKit's own S3 cache, without the keys.
    ///
    /// # Errors
    /// [`Error::Usage`] if it has an attribute that BuildKit lacks.
    pub(crate) fn of_buildkit(&self) -> Result<String> {
        let known = |key: &str| OF_BUILDKIT.contains(&key) || is_of_the_build(key);
        let kept: Vec<_> = self.fields.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())).collect();
        match kept.iter().find(|(key, _)| !known(key)) {
            Some((key, _)) => Err(Error::usage(format!("BuildKit's own S3 cache has no attribute {key}"))),
            None => Ok(joined(&kept.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>())),
        }
    }

    /// Returns the value for a daemon that opens the cache itself and does not get the environment, or `None` if it
    /// stays as it was given. Keys of the defaults are left out: they are no more secret on a command line.
    pub(crate) fn of_daemon(&self) -> Option<String> {
        let mut kept = Vec::new();
        for (at, (key, value)) in self.fields.iter().enumerate() {
            if at < self.given || !KEYS.contains(&key.as_str()) {
                kept.push(format!("{key}={value}"));
            }
        }
        (self.given < self.fields.len()).then(|| joined(&kept))
    }

    /// Returns the keys in the value.
    pub(crate) fn keys(&self) -> Option<&AccessKeys> {
        self.options.credentials().keys.as_ref()
    }

    /// Returns whether a failed export is to be ignored.
    pub(crate) fn ignores_errors(&self) -> bool {
        self.options.policy().ignore_error
    }
}

fn is_of_the_build(key: &str) -> bool {
    OF_THE_BUILD.contains(&key) || OF_LAYERS.contains(&key)
}

fn joined(fields: &[String]) -> String {
    fields.iter().map(|field| quote_field(field)).collect::<Vec<_>>().join(",")
}

fn mentions_s3(text: &[u8]) -> bool {
    text.to_ascii_lowercase().windows(7).any(|window| window == b"type=s3")
}
