//! Keeps the blobs that a merged config needs of other exports.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::base::{Digest, Result, Unpoisoned as _, count};
use crate::cache_config::CacheConfig;
use crate::ops::cache::S3Cache;
use crate::ops::export::existing::Existing;
use crate::ops::export::plan::{Job, Step, plan};
use crate::ops::export::touch::{Touched, Touches};
use crate::ops::presence;
use crate::ops::rounds::run_each;

/// How to refresh blobs that are old.
pub(in crate::ops) trait Refresh: Sync {
    /// Refreshes the blobs, and returns those that turn out to be gone.
    ///
    /// # Errors
    /// If the store fails.
    fn refresh(&self, cache: &S3Cache, old: &[Job]) -> Result<Vec<Digest>>;

    /// Returns whether the blob is about to be refreshed, or was so recently that a deletion may be under way.
    fn is_refreshed(&self, _: &Digest) -> bool {
        false
    }
}

impl Refresh for Touches {
    fn refresh(&self, cache: &S3Cache, old: &[Job]) -> Result<Vec<Digest>> {
        let touched = run_each(cache, old, |job| Ok((job.digest, self.touch(cache, job)?)))?;
        let gone = touched.into_iter().filter(|(_, touched)| *touched == Touched::Impossible);
        Ok(gone.map(|(digest, _)| digest).collect())
    }
}

/// Refreshes the blobs of a merged config that the export's own config does not have, where they are old, and drops the
/// results whose blobs are gone: they would fail builds. Adds the others to `existing`. Returns the config, and the
/// number of blobs that are gone.
///
/// # Errors
/// If the store refuses or fails.
pub(super) fn keep_blobs(
    cache: &S3Cache,
    refresh: &dyn Refresh,
    existing: &Mutex<Existing>,
    (own, config): (&CacheConfig, CacheConfig),
) -> Result<(CacheConfig, usize)> {
    let sent: HashSet<Digest> = own.blobs().into_iter().map(|(digest, _)| digest).collect();
    let mut others = config.blobs();
    others.retain(|(digest, _)| !sent.contains(digest));
    if others.is_empty() {
        return Ok((config, 0));
    }
    let present = presence::find(cache, &others)?;
    existing.lock().unpoisoned().add(cache, &others, &present, &|blob| refresh.is_refreshed(blob));
    let (gone, old): (Vec<_>, Vec<_>) =
        plan(cache, &others, present, false).into_iter().partition(|job| job.step == Step::Upload);
    let mut gone: HashSet<Digest> = gone.into_iter().map(|job| job.digest).collect();
    gone.extend(refresh.refresh(cache, &old)?);
    if gone.is_empty() {
        return Ok((config, 0));
    }
    let lost = gone.len();
    cache.context.warn(&format!(
        "{} of other exports can no longer be read from the bucket; the results that need them were dropped",
        count(lost, "blob", "blobs")
    ));
    Ok((config.without_blobs(&gone), lost))
}
