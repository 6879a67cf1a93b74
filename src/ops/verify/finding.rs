//! What is wrong with a manifest or a blob.

use std::sync::Arc;

use crate::base::{Digest, Error};
use crate::object::{ObjectStore as _, Version};
use crate::ops::cache::S3Cache;

/// Something that is wrong in a bucket.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What is wrong.
    pub defect: Defect,
    /// The blob; `None` if a manifest is wrong.
    pub blob: Option<Digest>,
    /// The names of the checked manifests that reference the blob, or the name of the manifest.
    pub manifests: Vec<Arc<str>>,
}

/// What is wrong with a manifest or a blob.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Defect {
    /// There is no manifest with a name that was given.
    AbsentManifest,
    /// The manifest is invalid, or cannot be read.
    UnreadableManifest(Error),
    /// The bucket lacks the blob.
    Missing,
    /// The blob has another size than the manifest says.
    WrongSize {
        /// The size in the manifest, in bytes.
        expected: u64,
        /// The size in the bucket.
        stored: u64,
    },
    /// The blob is archived: it must be restored before it can be read.
    Archived,
    /// The bytes of the blob do not match its digest.
    Corrupt {
        /// The version of the blob that was read.
        version: Option<Version>,
    },
    /// The blob cannot be read.
    Unreadable(Error),
}

impl Finding {
    pub(super) fn manifest(name: Arc<str>, defect: Defect) -> Self {
        Self { defect, blob: None, manifests: vec![name] }
    }

    pub(super) fn blob(digest: Digest, defect: Defect, manifests: Vec<Arc<str>>) -> Self {
        Self { defect, blob: Some(digest), manifests }
    }
}

impl S3Cache {
    /// Returns the location of the blob or manifest that is wrong: `s3://bucket/key`, or a path.
    pub fn location_of(&self, finding: &Finding) -> String {
        let name = || finding.manifests.first().map(|name| self.keys.manifest(name)).unwrap_or_default();
        self.store.location(&finding.blob.map_or_else(name, |blob| self.keys.blob(&blob)))
    }
}

impl Defect {
    /// Returns the defect's name in machine-readable output: one or two lower-case words, joined by `-`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::AbsentManifest => "absent-manifest",
            Self::UnreadableManifest(_) => "unreadable-manifest",
            Self::Missing => "missing",
            Self::WrongSize { .. } => "wrong-size",
            Self::Archived => "archived",
            Self::Corrupt { .. } => "corrupt",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Returns whether the blob is lost for good, so that manifests can do without it.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Missing | Self::WrongSize { .. } | Self::Corrupt { .. })
    }

    /// Returns why the object cannot be read.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::UnreadableManifest(error) | Self::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}
