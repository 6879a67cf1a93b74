//! Import: manifests of one or more caches become one local cache, its index last.

use std::collections::{BTreeSet, HashMap};

use crate::base::{Digest, Error, Event, Problem, Result};
use crate::config::CacheOptions;
use crate::layout::LocalCache;
use crate::manifest::CacheConfig;
use crate::ops::cache::S3Cache;
use crate::ops::fetch::{Fetched, Fetcher, Wanted};
use crate::ops::load;
use crate::ops::local_limit;
use crate::ops::report::{ImportOutcome, Report, SourceOutcome};
use crate::transfer;

/// What an import does beyond its attributes.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ImportOptions {
    /// Find out what would be done, and write nothing.
    pub dry_run: bool,
    /// Check the digests of the files that are already there, not only their sizes.
    pub verify_existing: bool,
    /// Fail when a blob is gone or corrupt, or when one of several sources fails, instead of going on without it.
    pub strict: bool,
    /// Wait until every blob is on the disk before the index names it. Without it, a power cut within seconds of the
    /// import may leave a blob with its size and without its bytes; [`verify_existing`](Self::verify_existing) finds it.
    pub sync: bool,
}

impl ImportOptions {
    /// None of them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`dry_run`](Self::dry_run).
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Sets [`verify_existing`](Self::verify_existing).
    #[must_use]
    pub fn verify_existing(mut self, verify_existing: bool) -> Self {
        self.verify_existing = verify_existing;
        self
    }

    /// Sets [`strict`](Self::strict).
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Sets [`sync`](Self::sync).
    #[must_use]
    pub fn sync(mut self, sync: bool) -> Self {
        self.sync = sync;
        self
    }
}

/// Restores the cache that `options` name into the directory of `target`.
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
/// When a setting is wrong, the store refuses or fails, a manifest is not a valid cache config, or the directory
/// cannot be written. The index is written last: until then a build sees the old cache.
pub fn import(options: &CacheOptions, target: &LocalCache) -> Result<ImportOutcome> {
    S3Cache::connect(options)?.import(target)
}

impl S3Cache {
    /// Restores this cache into the directory of `target`.
    ///
    /// # Errors
    /// As [`import`].
    pub fn import(&self, target: &LocalCache) -> Result<ImportOutcome> {
        import_from(std::slice::from_ref(self), target, &ImportOptions::default()).outcome
    }
}

/// How an import from several caches ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Imported {
    /// What each source had, in the order given; shorter when the import stopped at a source that failed.
    pub sources: Vec<SourceOutcome>,
    /// What was done, however the whole ended.
    pub report: Report,
    /// How the whole ended.
    pub outcome: Result<ImportOutcome>,
}

/// Restores the merge of several caches into the directory of `target`. Clock, progress and the cancel handle are
/// those of the first.
///
/// When some sources answer and others fail, the import goes on without the others, with a warning, unless `options`
/// are strict.
pub fn import_from(sources: &[S3Cache], target: &LocalCache, options: &ImportOptions) -> Imported {
    let Some(first) = sources.first() else {
        let none = Problem::new("an import needs at least one cache to import from");
        return Imported { sources: Vec::new(), report: Report::default(), outcome: Err(Error::Usage(none)) };
    };
    let start = first.context.clock.monotonic();
    let requests = || sources.iter().map(S3Cache::requests).sum::<u64>();
    let before = requests();
    let mut imported = Imported { sources: Vec::new(), report: Report::default(), outcome: Ok(ImportOutcome::Miss) };
    let restored = restore(sources, target, options, &mut imported);
    imported.report.requests = requests() - before;
    imported.report.elapsed = first.context.clock.monotonic().saturating_sub(start);
    imported.report.dry_run = options.dry_run;
    imported.outcome = restored.map(|restored| match restored {
        true => ImportOutcome::Restored(imported.report.clone()),
        false => ImportOutcome::Miss,
    });
    imported
}

/// Whether there was something to restore. What was found and done is noted as it happens.
fn restore(sources: &[S3Cache], target: &LocalCache, options: &ImportOptions, noted: &mut Imported) -> Result<bool> {
    let (answered, found) = load::find(sources, options.strict, &mut noted.sources)?;
    noted.report.names = found.iter().map(|found| found.name.clone()).collect();
    let Some(first) = sources.first().filter(|_| !found.is_empty()) else { return Ok(false) };
    let one_name_fits = found.len() > 1 && found.iter().any(|found| local_limit::is_within(&found.config));
    let config = CacheConfig::merge(found.into_iter().map(|found| (found.location, found.config)))?;
    if config.layers().is_empty() {
        first.context.warn("the cache was found but has no layers: there is nothing to restore");
        return Ok(false);
    }
    let fetcher = Fetcher::new(&answered, target, first.connections, options.sync);
    let run = Run { target, options, fetcher };
    let config = run.blobs(first, config, &mut noted.report)?;
    noted.report.layers = config.layers().len();
    if config.layers().is_empty() {
        return Ok(false);
    }
    if !options.dry_run {
        run.commit(first, &config, one_name_fits)?;
    }
    Ok(true)
}

/// One import under way.
struct Run<'a> {
    target: &'a LocalCache,
    options: &'a ImportOptions,
    fetcher: Fetcher<'a>,
}

impl Run<'_> {
    /// Brings the blobs of `config` that are not there yet; returns what is left of the config without the lost ones.
    fn blobs(&self, first: &S3Cache, config: CacheConfig, report: &mut Report) -> Result<CacheConfig> {
        let mut wanted = Vec::new();
        let blobs = config.blobs();
        let counts = &mut report.blobs;
        counts.total = blobs.len();
        let going_on = || first.context.cancel.check();
        for (digest, size) in blobs {
            let there = self.target.has_blob(&digest, size)?
                && (!self.options.verify_existing || self.target.verify_blob_while(&digest, going_on)?);
            if there {
                counts.present += 1;
            } else {
                wanted.push((digest, size));
            }
        }
        wanted.sort_by_key(|&(_, size)| std::cmp::Reverse(size));
        let bytes = wanted.iter().fold(0_u64, |sum, (_, size)| sum.saturating_add(*size));
        if self.options.dry_run {
            (counts.transferred, report.bytes) = (wanted.len(), bytes);
            return Ok(config);
        }
        self.fetcher.begin()?;
        first.context.progress.event(&Event::Planned { blobs: wanted.len(), bytes });
        let jobs = Wanted::all(&wanted, first);
        let threads = self.fetcher.threads(first, &jobs);
        let fetched = transfer::run_chunked(jobs, threads, &first.context.cancel, &self.fetcher)?;
        let mut lost = HashMap::new();
        for ((digest, size), fetched) in wanted.into_iter().zip(fetched) {
            match fetched {
                Fetched::Yes => {
                    counts.transferred += 1;
                    report.bytes = report.bytes.saturating_add(size);
                }
                Fetched::Lost(why) => {
                    lost.insert(digest, why);
                }
            }
        }
        counts.missing = lost.len();
        self.without(first, config, lost)
    }

    fn without(&self, first: &S3Cache, config: CacheConfig, lost: HashMap<Digest, String>) -> Result<CacheConfig> {
        if lost.is_empty() {
            return Ok(config);
        }
        let mut reasons: Vec<&String> = lost.values().collect();
        reasons.sort();
        if self.options.strict {
            let reasons = reasons.iter().map(|why| why.as_str()).collect::<Vec<_>>().join("; ");
            return Err(Error::Integrity(
                Problem::new(reasons).hint("export the cache again, or import without --strict to keep the rest"),
            ));
        }
        let digests: BTreeSet<Digest> = lost.keys().copied().collect();
        let all = config.layers().len();
        let rest = config.without_blobs(&digests);
        for why in reasons {
            first.context.warn(why);
        }
        let left = rest.layers().len();
        let the_rest = if left == 0 { "nothing is left to restore" } else { "the rest is kept" };
        first.context.warn(&format!("{} of {all} layers were dropped, {the_rest}", all - left));
        Ok(rest)
    }

    fn commit(self, first: &S3Cache, config: &CacheConfig, one_name_fits: bool) -> Result<()> {
        let committed = self.fetcher.into_writer()?.commit(config)?;
        if let Some(warning) = local_limit::warning(config, committed, one_name_fits) {
            first.context.warn(&warning);
        }
        Ok(())
    }
}
