//! What a server offers: repositories, and the caches behind them.

use crate::base::Result;
use crate::ops::S3Cache;

/// A repository of a [`Server`](super::Server), or all of them, and the caches behind it.
#[derive(Clone, Debug)]
pub struct Mount {
    /// `None` for every repository.
    pub(super) repository: Option<String>,
    /// At least one; the first is the one that is written.
    pub(super) caches: Vec<S3Cache>,
    pub(super) purpose: Purpose,
}

/// What a mount is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Any tag stands for the names of the caches.
    Import,
    /// A push writes the names of the cache, and no manifest is found by its tag.
    Export,
    /// Repository and tag name the manifest.
    References { write: bool },
}

impl Mount {
    /// Offers the caches in this repository, read-only. Any tag stands for the names in their options, whose manifests
    /// are merged as an import merges them.
    pub fn read_only(repository: impl Into<String>, caches: Vec<S3Cache>) -> Self {
        Self { repository: Some(repository.into()), caches, purpose: Purpose::Import }
    }

    /// Accepts pushes to this repository: a manifest is written under the names in the options of the cache, whatever its
    /// tag. The repository answers that it has no manifest, because BuildKit would not push one that is there already.
    pub fn writable(repository: impl Into<String>, cache: S3Cache) -> Self {
        Self { repository: Some(repository.into()), caches: vec![cache], purpose: Purpose::Export }
    }

    /// Offers every manifest of the caches, read-only. The names in their options have no effect: `cache:TAG` stands
    /// for the name `TAG`, `REPOSITORY` and `REPOSITORY:latest` for `REPOSITORY`, and any other `REPOSITORY:TAG` for
    /// `REPOSITORY:TAG`. Manifests of that name in several caches are merged.
    pub fn references(caches: Vec<S3Cache>) -> Self {
        Self { repository: None, caches, purpose: Purpose::References { write: false } }
    }

    /// Offers every manifest of the cache as [`references`](Self::references) does, and accepts pushes.
    pub fn writable_references(cache: S3Cache) -> Self {
        Self { repository: None, caches: vec![cache], purpose: Purpose::References { write: true } }
    }

    /// Returns whether clients may write to it.
    pub(super) fn is_writable(&self) -> bool {
        matches!(self.purpose, Purpose::Export | Purpose::References { write: true })
    }

    /// Returns whether this is the mount of the repository.
    pub(super) fn answers(&self, repository: &str) -> bool {
        self.repository.as_deref().is_none_or(|own| own == repository)
    }

    /// Returns the caches to read a tag from, with the names that it stands for. Empty if the mount only accepts exports.
    ///
    /// # Errors
    /// If the store does not accept the reference as a name.
    pub(super) fn sources(&self, repository: &str, tag: &str) -> Result<Vec<S3Cache>> {
        match self.purpose {
            Purpose::Import => Ok(self.caches.clone()),
            Purpose::Export => Ok(Vec::new()),
            Purpose::References { .. } => {
                let name = name_of(repository, tag);
                self.caches.iter().map(|cache| cache.named(vec![name.clone()])).collect()
            }
        }
    }

    /// Returns the names of the manifests that a push to a tag writes.
    ///
    /// # Errors
    /// If the store does not accept the reference as a name.
    pub(super) fn names(&self, repository: &str, tag: &str) -> Result<Vec<String>> {
        let names = |cache: &S3Cache| cache.options().keys().names.clone();
        let Some(cache) = self.caches.first() else { return Ok(Vec::new()) };
        match self.purpose {
            Purpose::References { .. } => cache.named(vec![name_of(repository, tag)]).map(|cache| names(&cache)),
            Purpose::Import | Purpose::Export => Ok(names(cache)),
        }
    }
}

/// The repository whose tags are names.
pub(super) const BY_TAG: &str = "cache";
/// The tag of a reference without one.
pub(super) const LATEST: &str = "latest";

/// Returns the name that a reference stands for.
pub(crate) fn name_of(repository: &str, tag: &str) -> String {
    match (repository, tag) {
        (repository, LATEST) => repository.to_owned(),
        (BY_TAG, tag) => tag.to_owned(),
        (repository, tag) => format!("{repository}:{tag}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_stands_for_a_name() {
        for (repository, tag, name) in [
            ("cache", "main", "main"),
            ("cache", "V1.2_x", "V1.2_x"),
            ("cache", "latest", "cache"),
            ("app", "latest", "app"),
            ("feature/x", "latest", "feature/x"),
            ("app", "pr-12", "app:pr-12"),
            ("cache/x", "main", "cache/x:main"),
        ] {
            assert_eq!(name_of(repository, tag), name);
        }
    }
}
