//! Drops old manifests and deletes blobs that no manifest references, while others read and write.
//!
//! Blobs are deleted in two runs, because a reader may be in the middle of a build that began with a manifest that has
//! been dropped or replaced since. The first run records which blobs no manifest references. A later one deletes those
//! that are still unreferenced and unmodified after the grace.
//!
//! A writer that finds an old blob refreshes it before it writes a manifest. So the age of each blob is looked at right
//! before it is deleted. A writer that refreshed it in the second between the two looks at it again after its manifest was
//! written, and uploads what is gone.

mod apply;
mod mark;
mod members;
mod options;
mod plan;
mod pruned;
mod record;
mod refresh;
mod rules;

use crate::base::Result;
use crate::ops::cache::S3Cache;
use members::Members;
pub use options::PruneOptions;
pub use plan::{DroppedManifest, PrunePlan};
pub use pruned::{LostBlob, PruneStep, Pruned};

impl S3Cache {
    /// Returns what a pruning would do. `others` are caches that share the blobs of this one, with manifests under another
    /// prefix. All their manifests are read; those that may be dropped are given by the names of each cache, all if none
    /// is given.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bucket = tempfile::tempdir()?;
    /// use std::time::Duration;
    /// use s3_build_cache::prune::PruneOptions;
    /// use s3_build_cache::{CacheOptions, LocalCache, S3Cache};
    ///
    /// let options: CacheOptions =
    ///     format!("type=s3,bucket=my-cache,name=app,endpoint_url=file://{}", bucket.path().display()).parse()?;
    /// let cache = S3Cache::open(&options)?;
    /// cache.export(&LocalCache::open("tests/fixtures/min/local", "latest")?)?;
    /// let older = PruneOptions::new().older_than(Duration::ZERO);
    /// let plan = cache.plan_prune(&[], &older)?;
    /// assert_eq!((plan.dropped.len(), plan.recorded.blobs, plan.deleted.blobs), (1, 3, 0));
    /// let pruned = cache.prune(plan, |_| ())?;
    /// assert_eq!(pruned.recorded.blobs, 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Usage`](crate::ErrorKind::Usage) if the options contradict the attributes; [`Integrity`](crate::ErrorKind::Integrity)
    /// if a manifest cannot be read, because its blobs are unknown; otherwise if the store refuses or fails.
    pub fn plan_prune(&self, others: &[S3Cache], options: &PruneOptions) -> Result<PrunePlan> {
        let refresh = std::iter::once(self).chain(others).map(|cache| cache.options.policy().touch_refresh);
        options.check(refresh.max().unwrap_or_default())?;
        let members = Members::new(self, others, options.force)?;
        let cache = members.first().unwrap_or(self).clone();
        plan::make(members, &cache, options)
    }

    /// Prunes as planned, apart from what has changed since: manifests that were written again are kept, and so are blobs
    /// that were refreshed or are referenced again. Calls `done` after each step.
    ///
    /// # Errors
    /// [`Integrity`](crate::ErrorKind::Integrity) if a manifest cannot be read; [`Setup`](crate::ErrorKind::Setup) if the
    /// store does not refresh the age of blobs that exports copy onto themselves; otherwise if the store refuses or fails.
    /// The steps before are done, and another run continues.
    pub fn prune(&self, plan: PrunePlan, done: impl FnMut(&PruneStep)) -> Result<Pruned> {
        let cache = plan.state.members.first().unwrap_or(self).clone();
        apply::apply(&cache, plan, done)
    }
}
