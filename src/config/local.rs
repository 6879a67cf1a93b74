//! A local cache directory in buildx's syntax: `type=local,src=DIR,tag=TAG`.

use std::path::PathBuf;

use crate::base::{Digest, Error, InvalidDigest, Result};
use crate::config::attribute::{Attribute, Content};

/// A local cache directory and a tag in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalOptions {
    /// The directory.
    pub dir: PathBuf,
    /// The tag of the cache in the directory's index.
    pub tag: String,
    /// The digest of the manifest to read instead of the tag; attributes can set only one of the two. It has no effect
    /// when the directory is written.
    pub digest: Option<Digest>,
}

/// The attributes as given, before they are checked against each other.
#[derive(Default)]
pub(super) struct LocalAttributes {
    src: Option<String>,
    dest: Option<String>,
    tag: Option<String>,
    digest: Option<Digest>,
}

type Row = Attribute<LocalAttributes>;

/// The attributes of `type=local`. Import accepts those of export and vice versa. Both also accept the attributes for
/// creating layers, which were meant for the build that wrote the directory.
pub(super) const ATTRIBUTES: &[Row] = &[
    Row::verbatim("src", "the directory", |given, dir| given.src = Some(dir)).aliases(&[
        "dir",
        "directory",
        "from",
        "path",
    ]),
    Row::verbatim("dest", "the directory", |given, dir| given.dest = Some(dir)).aliases(&["output", "to"]),
    Row::verbatim("tag", "the tag of the cache; default: latest", |given, tag| given.tag = Some(tag))
        .aliases(&["name", "ref"]),
    Row::parsed("digest", "the digest of the manifest to read instead of the tag", |given, value| {
        let invalid =
            |error: InvalidDigest| Error::usage(format!("digest: {error}")).with_hint("write digest=sha256:…");
        given.digest = Some(value.text.parse().map_err(invalid)?);
        Ok(())
    }),
    Row::ignored("mode", "accepted and ignored"),
    Row::ignored("ignore-error", "accepted and ignored"),
    Row::ignored("reset", "accepted and ignored"),
    Row::ignored("compression", OF_LAYERS).content(Content::OfLayers),
    Row::ignored("compression-level", OF_LAYERS).content(Content::OfLayers),
    Row::ignored("force-compression", OF_LAYERS).content(Content::OfLayers),
    Row::ignored("oci-mediatypes", OF_LAYERS).content(Content::OfLayers),
    Row::ignored("image-manifest", OF_LAYERS).content(Content::OfLayers),
];
const OF_LAYERS: &str = "for the build that creates the layers; accepted and ignored";

impl LocalOptions {
    /// BuildKit's default tag.
    pub const DEFAULT_TAG: &str = "latest";

    /// Creates options for the cache tagged `latest` in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), tag: Self::DEFAULT_TAG.to_owned(), digest: None }
    }
}

impl LocalAttributes {
    /// Checks the attributes against each other.
    ///
    /// # Errors
    /// [`Error::Usage`], which names the attribute and the fix.
    pub(super) fn check(self) -> Result<LocalOptions> {
        let dir = match (self.src, self.dest) {
            (Some(src), Some(dest)) if src != dest => {
                return Err(Error::usage("src and dest name different directories").with_hint("set only one of them"));
            }
            (Some(dir), _) | (None, Some(dir)) => dir,
            (None, None) => {
                return Err(Error::usage("type=local needs src or dest").with_hint("write type=local,src=DIR"));
            }
        };
        if dir.is_empty() {
            return Err(
                Error::usage("the path of the directory is empty").with_hint("for example type=local,src=cache")
            );
        }
        if self.tag.is_some() && self.digest.is_some() {
            return Err(
                Error::usage("tag and digest both name a cache in the directory").with_hint("set only one of them")
            );
        }
        if self.tag.as_ref().is_some_and(String::is_empty) {
            return Err(Error::usage("tag is empty").with_hint("leave it out for the tag latest"));
        }
        let defaults = LocalOptions::new(dir);
        Ok(LocalOptions { tag: self.tag.unwrap_or(defaults.tag), digest: self.digest, ..defaults })
    }
}
