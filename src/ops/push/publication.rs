//! Manifests to be written, and the outcomes.

use std::sync::Arc;
use std::time::Instant;

use crate::base::Digest;
use crate::cache_config::CacheConfig;
use crate::ops::push::budget::Room;

/// A manifest to write.
#[derive(Debug)]
pub(crate) struct Publication {
    /// The digest of the manifest as it was pushed.
    pub(crate) manifest: Digest,
    /// Its config.
    pub(crate) config: CacheConfig,
    /// The names to write it under.
    pub(crate) names: Vec<String>,
    /// When the manifest is written although blobs have not been refreshed yet.
    pub(crate) write_by: Instant,
    /// Held while the config is in memory.
    pub(crate) room: Room,
}

/// The outcome of a manifest.
#[derive(Clone, Debug)]
pub(crate) enum Published {
    /// It was written.
    Written,
    /// The store lacks these blobs: the manifest was not written, or only without the layers that need them.
    Missing(Arc<[Missing]>),
}

/// A blob that a manifest needs and the store does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) digest: Digest,
    /// The size of what the store has instead.
    pub(crate) found: Option<u64>,
    /// The size in the manifest.
    pub(crate) size: u64,
}
