//! Import: merges the manifests of one or more caches into one local cache and writes its index last.

mod explain;
mod fetch;
mod fetcher;
mod ranged;
mod restore;
mod wanted;

use crate::base::{Error, Result};
use crate::config::CacheOptions;
use crate::layout::LocalCache;
use crate::ops::cache::S3Cache;
use crate::ops::report::ImportOutcome;
pub use explain::{ExplainedLeaf, ExplainedManifest, Explanation};
use restore::restore;
pub use restore::{ImportOptions, Imported, NOT_STRICT};

/// Restores the cache given by `options` into the directory of `target`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bucket = tempfile::tempdir()?;
/// # let work = tempfile::tempdir()?;
/// use s3_build_cache::{CacheOptions, ImportOutcome, LocalCache, export, import};
///
/// let options: CacheOptions = format!(
///     "type=s3,bucket=my-cache,name=app,endpoint_url=file://{}", bucket.path().display()
/// ).parse()?;
/// let target = LocalCache::create(work.path().join("restored"), "latest");
/// assert_eq!(import(&options, &target)?, ImportOutcome::Miss);
///
/// export(&LocalCache::open("tests/fixtures/min/local", "latest")?, &options)?;
/// match import(&options, &target)? {
///     ImportOutcome::Restored(report) => assert_eq!(report.layers, 3),
///     outcome => panic!("{outcome:?}"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If a setting is wrong, the store refuses or fails, a manifest is not a valid cache config, or the directory cannot
/// be written. The index is written last, so builds see the old cache until then.
pub fn import(options: &CacheOptions, target: &LocalCache) -> Result<ImportOutcome> {
    S3Cache::open(options)?.import(target)
}

impl S3Cache {
    /// Restores this cache into the directory of `target`.
    ///
    /// # Errors
    /// Same as [`import`].
    pub fn import(&self, target: &LocalCache) -> Result<ImportOutcome> {
        import_from(std::slice::from_ref(self), target, &ImportOptions::default()).outcome
    }
}

/// Restores the merge of several caches into the directory of `target`. Uses the clock, progress and cancel handle of
/// the first source.
///
/// If some sources respond and others fail, the import skips the failed ones with a warning, unless `options` are
/// strict.
pub fn import_from(sources: &[S3Cache], target: &LocalCache, options: &ImportOptions) -> Imported {
    let Some(first) = sources.first() else {
        return Imported::failed(Error::usage("an import needs at least one cache to import from"));
    };
    // All sources together use as many connections as the first.
    let sources: Vec<S3Cache> = sources.iter().map(|source| source.sharing(first)).collect();
    let start = first.context.clock.monotonic();
    let requests = || sources.iter().map(S3Cache::requests).sum::<u64>();
    let before = requests();
    let mut imported = Imported::nothing();
    let restored = restore(&sources, target, options, &mut imported);
    imported.report.requests = requests() - before;
    imported.report.elapsed = first.context.clock.monotonic().saturating_sub(start);
    imported.report.dry_run = options.dry_run;
    imported.outcome = restored.map(|restored| match restored {
        true => ImportOutcome::Restored(imported.report.clone()),
        false => ImportOutcome::Miss,
    });
    imported
}
