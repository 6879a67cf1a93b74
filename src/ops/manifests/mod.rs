//! Reads the manifests of one or more caches, and skips those that are damaged or contradict the others. Writes a
//! manifest unless another writer came between.

mod agree;
mod load;
mod without;
mod write;

use crate::base::Result;
use crate::cache_config::CacheConfig;
use crate::ops::cache::S3Cache;
pub(super) use agree::agreeing;
pub(super) use load::{Found, find, is_damage, load_bytes, load_name, load_names};
pub(super) use without::drop_vanished;
pub(super) use write::{Before, ManifestWriter};

impl S3Cache {
    /// Reads, checks and merges the manifests of all names. Returns `None` if no manifest exists. Skips a manifest that
    /// is damaged or contradicts the others with a warning, as long as another one is valid. Does not check the blobs.
    ///
    /// # Errors
    /// If the store refuses or fails, or no manifest is a valid cache config.
    pub fn load(&self) -> Result<Option<CacheConfig>> {
        self.warn_about_keys();
        let cache = self.without_limit();
        let found = agreeing(&[&cache], load_names(&cache, false)?)?;
        if found.is_empty() {
            return Ok(None);
        }
        CacheConfig::merge(found.into_iter().map(|found| (found.location, found.config))).map(Some)
    }
}
