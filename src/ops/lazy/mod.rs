//! Reads a cache lazily: first config and manifest, as an import would write them, and single blobs when they are
//! needed.

mod fit;
mod located;
mod names;
mod preflight;

use std::collections::HashSet;

use crate::base::{Digest, Result};
use crate::cache_config::CacheConfig;
use crate::layout::manifest::{self, Reference};
use crate::ops::cache::S3Cache;
use crate::ops::lost::Lost;
use crate::ops::manifests;
use fit::fit;
use located::locate;

pub(crate) use located::Located;

/// Larger manifests are refused, because a server has to load them while it streams layers.
pub(crate) const MAX_LAZY_MANIFEST_BYTES: u64 = 32 * 1024 * 1024;

/// The media type of [`Resolved::manifest`].
pub(crate) const MANIFEST_TYPE: &str = manifest::IMAGE_MANIFEST;

/// The documents of a cache, and where its blobs are.
pub(crate) struct Resolved {
    /// The cache config.
    pub(crate) config: Vec<u8>,
    /// The image manifest, which refers to the config.
    pub(crate) manifest: Vec<u8>,
    /// Every blob that the manifest names, but the config.
    pub(crate) blobs: Vec<(Digest, Located)>,
    /// Where the manifests are that were merged.
    pub(crate) locations: Vec<String>,
    /// Their names.
    pub(crate) names: Vec<String>,
}

/// Returns the documents of the merge of several caches. All blobs that they name are present in one of the caches,
/// with the right size; layers whose blobs are not are left out with a warning. Copies in `corrupt`, given by the blob
/// and the position of their cache, count as lost. Returns `None` if no cache has a manifest with layers.
///
/// A cache that fails is skipped with a warning if another one responds.
///
/// # Errors
/// If no cache responds, no manifest is valid, or the documents are larger than BuildKit reads.
pub(crate) fn resolve(sources: &[S3Cache], corrupt: &HashSet<(Digest, usize)>) -> Result<Option<Resolved>> {
    let sources: Vec<S3Cache> = sources.iter().map(S3Cache::for_lazy_reading).collect();
    let (answered, found) = manifests::find(&sources, false, &mut Vec::new())?;
    let Some(first) = sources.first().filter(|_| !found.is_empty()) else { return Ok(None) };
    let found = manifests::agreeing(&answered, found)?;
    let names = found.iter().map(|found| found.name.clone()).collect();
    let locations: Vec<String> = found.iter().map(|found| found.location.clone()).collect();
    let crown = S3Cache::crown_of(&sources);
    let config = CacheConfig::merge(found.into_iter().map(|found| (found.location, found.config)))?;
    if config.layers().is_empty() {
        first.context.warn(&format!("{} has no layers", locations.join(", ")));
        return Ok(None);
    }
    // Sources that did not respond keep their position.
    let place = |cache: &S3Cache| sources.iter().position(|source| std::ptr::eq(source, cache));
    let answered: Vec<(usize, &S3Cache)> =
        answered.into_iter().filter_map(|cache| Some((place(cache)?, cache))).collect();
    let (located, lost) = locate(&answered, config.blobs(), corrupt)?;
    let config = match lost.is_empty() {
        true => config,
        false => Lost::of(&config, lost).dropped_from(config, &first.context),
    };
    if config.layers().is_empty() {
        return Ok(None);
    }
    let config = fit(config, crown, first)?;
    let blobs = config.blobs().into_iter().filter_map(|(digest, _)| Some((digest, *located.get(&digest)?))).collect();
    let json = config.to_local_json(crown);
    let reference = Reference { digest: Digest::of(&json), size: json.len() as u64 };
    let manifest = manifest::print(&reference, config.descriptors());
    Ok(Some(Resolved { config: json, manifest, blobs, locations, names }))
}

impl S3Cache {
    /// Returns the same cache for small requests beside open blobs: it does not wait for their connections, and refuses
    /// large manifests.
    fn for_lazy_reading(&self) -> Self {
        let mut cache = self.without_limit();
        cache.tuning.max_manifest = cache.tuning.max_manifest.min(MAX_LAZY_MANIFEST_BYTES);
        cache
    }
}
