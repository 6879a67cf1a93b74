//! Removes manifests by name.

use crate::base::{Result, log_manifest};
use crate::bucket::Names;
use crate::ops::cache::S3Cache;
use crate::ops::remove_object::{Removal, is_as_listed, remove_object, too_slow};
use crate::ops::survey::{ListedManifest, named_manifests};

/// Which manifests would be removed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RemovePlan {
    /// The names of the manifests, sorted.
    pub names: Vec<String>,
    /// The names that were given exactly and have no manifest.
    pub absent: Vec<String>,
    listed: Vec<ListedManifest>,
}

impl S3Cache {
    /// Returns which manifests [`remove`](Self::remove) would remove: those with these names.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bucket = tempfile::tempdir()?;
    /// use s3_build_cache::inspect::Names;
    /// use s3_build_cache::{CacheOptions, LocalCache, S3Cache};
    ///
    /// let options: CacheOptions =
    ///     format!("type=s3,bucket=my-cache,name=pr-12,endpoint_url=file://{}", bucket.path().display()).parse()?;
    /// let cache = S3Cache::open(&options)?;
    /// cache.export(&LocalCache::open("tests/fixtures/min/local", "latest")?)?;
    /// let plan = cache.plan_remove(&Names::matching(["pr-*"]))?;
    /// assert_eq!(cache.remove(&plan, |_| ())?, ["pr-12"]);
    /// assert!(cache.load()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub fn plan_remove(&self, names: &Names) -> Result<RemovePlan> {
        let (listed, absent) = named_manifests(self, names)?;
        Ok(RemovePlan { names: listed.iter().map(|one| one.name.clone()).collect(), absent, listed })
    }

    /// Removes the manifests. Their blobs stay until the bucket is [pruned](Self::prune). A manifest that was written
    /// again since it was listed stays too, with a warning. Calls `done` after each, and returns the names of those
    /// removed.
    ///
    /// # Errors
    /// If the store refuses or fails. Those before are removed.
    pub fn remove(&self, plan: &RemovePlan, mut done: impl FnMut(&str)) -> Result<Vec<String>> {
        let mut removed = Vec::new();
        for ListedManifest { name, meta: known } in &plan.listed {
            match remove_object(self, &self.keys.manifest(name), |meta| is_as_listed(meta, known))? {
                Removal::Done => {
                    log_manifest(name, "removed", "selected by name");
                    done(name);
                    removed.push(name.clone());
                }
                Removal::Absent => log_manifest(name, "skipped", "removed meanwhile"),
                Removal::Changed => {
                    self.context.warn(&format!("the manifest {name} was written again meanwhile, and is kept"));
                }
                Removal::TooSlow => self.context.warn(&too_slow(name)),
            }
        }
        Ok(removed)
    }
}
