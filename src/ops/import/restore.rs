//! Fetches the blobs of an import and drops the layers whose blobs are lost.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::base::{Digest, Error, Event, OUT_OF_FILES, Result, Step, log_blob, sort};
use crate::cache_config::CacheConfig;
use crate::layout::{DocumentSizes, LayoutWriter, LocalCache};
use crate::ops::cache::S3Cache;
use crate::ops::import::explain::{Explanation, results};
use crate::ops::import::fetcher::Fetcher;
use crate::ops::import::wanted::{ABSENT, Fetched, Wanted};
use crate::ops::lost::Lost;
use crate::ops::manifests::agreeing;
use crate::ops::report::{BlobCounts, ImportOutcome, Report, SourceOutcome};
use crate::ops::{local_limit, manifests, rounds};

/// The hint for a blob that is lost in a strict import.
pub const NOT_STRICT: &str = "export the cache again, or turn strict off to keep the rest";

/// Options of an import that are not attributes of the cache.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ImportOptions {
    /// Whether to only report what an import would do, without writing anything.
    pub dry_run: bool,
    /// Whether to check the digests of existing files, not only their sizes.
    pub verify_existing: bool,
    /// Whether to fail if a blob cannot be fetched, a manifest is damaged or contradicts the others, or one of several
    /// sources fails, instead of continuing without it.
    pub strict: bool,
    /// Whether to flush every blob to disk before the index refers to it. Without it, a power cut within seconds of the
    /// import may leave a blob with the right size and wrong bytes, which
    /// [`verify_existing`](Self::verify_existing) detects.
    pub sync: bool,
    /// Whether to report what each manifest contributed.
    pub explain: bool,
}

impl ImportOptions {
    /// Returns the defaults: everything off.
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

    /// Sets [`explain`](Self::explain).
    #[must_use]
    pub fn explain(mut self, explain: bool) -> Self {
        self.explain = explain;
        self
    }

    /// Sets [`sync`](Self::sync).
    #[must_use]
    pub fn sync(mut self, sync: bool) -> Self {
        self.sync = sync;
        self
    }
}

/// The result of an import from several caches.
#[derive(Debug)]
#[non_exhaustive]
pub struct Imported {
    /// The outcome of each source, in the order given. Shorter if the import stopped at a source that failed.
    pub sources: Vec<SourceOutcome>,
    /// What the import did, even if it failed.
    pub report: Report,
    /// What each manifest contributed, if the options ask for it.
    pub explanation: Option<Explanation>,
    /// Whether the import succeeded.
    pub outcome: Result<ImportOutcome>,
}

impl Imported {
    /// Returns an import that has found nothing.
    pub(super) fn nothing() -> Self {
        let (report, explanation) = (Report::default(), None);
        Self { sources: Vec::new(), report, explanation, outcome: Ok(ImportOutcome::Miss) }
    }

    pub(super) fn failed(error: Error) -> Self {
        Self { outcome: Err(error), ..Self::nothing() }
    }
}

/// Restores the cache and returns whether any layer was restored. Updates the report as it proceeds.
pub(super) fn restore(
    sources: &[S3Cache],
    target: &LocalCache,
    options: &ImportOptions,
    noted: &mut Imported,
) -> Result<bool> {
    sources.iter().for_each(S3Cache::warn_about_keys);
    let (answered, mut found) = manifests::find(sources, options.strict, &mut noted.sources)?;
    let Some(first) = sources.first().filter(|_| !found.is_empty()) else { return Ok(false) };
    // In strict mode, the merge reports a contradiction as an error.
    if !options.strict {
        found = agreeing(&answered, found)?;
    }
    noted.report.names = found.iter().map(|found| found.name.clone()).collect();
    let crown = S3Cache::crown_of(sources);
    let one_name_fits = found.len() > 1 && found.iter().any(|found| local_limit::is_within(&found.config, crown));
    let found = found.into_iter().map(|found| (found.location, found.config));
    let config = if options.explain {
        let merged = CacheConfig::merge_with_origins(found)?;
        noted.explanation = Some(Explanation::of(&merged));
        merged.config
    } else {
        CacheConfig::merge(found)?
    };
    let before = results(&config);
    if config.layers().is_empty() {
        first.context.warn("the cache was found but has no layers: there is nothing to restore");
        return Ok(false);
    }
    let run = ImportRun { target, options, sources: &answered, first };
    let (config, writer) = run.blobs(config, &mut noted.report)?;
    noted.report.layers = config.layers().len();
    if let Some(explanation) = &mut noted.explanation {
        explanation.lost_results = before - results(&config);
    }
    if config.layers().is_empty() {
        return Ok(false);
    }
    let committed = match writer {
        Some(writer) => writer.crown(crown).commit(&config)?,
        None => DocumentSizes::with_crown(&config, crown),
    };
    if let Some(warning) = local_limit::warning(&config, crown, committed, one_name_fits) {
        first.context.warn(&warning);
    }
    Ok(true)
}

/// An import in progress.
struct ImportRun<'a> {
    target: &'a LocalCache,
    options: &'a ImportOptions,
    /// The sources that responded.
    sources: &'a [&'a S3Cache],
    first: &'a S3Cache,
}

impl ImportRun<'_> {
    /// Fetches the blobs of `config` that the directory lacks. Returns the config without the lost blobs, and the
    /// writer to commit it with unless this is a dry run.
    fn blobs(&self, config: CacheConfig, report: &mut Report) -> Result<(CacheConfig, Option<LayoutWriter>)> {
        let wanted = self.wanted(&config, &mut report.blobs)?;
        let bytes = wanted.iter().fold(0_u64, |sum, (_, size)| sum.saturating_add(*size));
        if self.options.dry_run {
            wanted.iter().for_each(|(digest, size)| log_blob(digest, *size, "would be downloaded", ABSENT, None));
            (report.blobs.transferred, report.bytes) = (wanted.len(), bytes);
            return Ok((config, None));
        }
        self.first.context.progress.event(&Event::Planned { blobs: wanted.len(), bytes });
        let fetcher = Fetcher::new(self.sources, self.target, &config, self.options.sync);
        let (mut fetched, mut missing) = (HashSet::new(), Vec::new());
        let failed = fetcher.fetch(self.first, Wanted::all(&wanted, self.first), &mut |outcome| match outcome {
            Fetched::Yes(digest) => drop(fetched.insert(digest)),
            Fetched::Lost(blob) => missing.push(*blob),
            Fetched::Unneeded => {}
        });
        (report.blobs.transferred, report.bytes) = fetcher.arrived();
        let (mut lost, refusal) = self.give_up(&fetcher, failed?, &report.blobs)?;
        lost.extend(missing);
        let writer = Some(fetcher.into_writer()?);
        if lost.is_empty() {
            return Ok((config, writer));
        }
        let rest = self.without(config, lost, report)?;
        count(&rest, &fetched, report);
        match refusal {
            // The fetched blobs are useless without the rest.
            Some(error) if rest.layers().is_empty() => Err(error),
            _ => Ok((rest, writer)),
        }
    }

    /// Returns the blobs that the directory lacks, largest first.
    fn wanted(&self, config: &CacheConfig, counts: &mut BlobCounts) -> Result<Vec<(Digest, u64)>> {
        let mut wanted = Vec::new();
        let blobs = config.blobs();
        counts.total = blobs.len();
        let not_cancelled = || self.first.context.cancel.check();
        for (done, (digest, size)) in blobs.into_iter().enumerate() {
            let exists = self.target.has_blob(&digest, size)?;
            let present =
                exists && (!self.options.verify_existing || self.target.verify_blob_while(&digest, not_cancelled)?);
            if self.options.verify_existing {
                let (done, expected) = (done as u64 + 1, Some(counts.total as u64));
                self.first.context.progress.event(&Event::Counted { step: Step::CheckBlobs, done, expected });
            }
            if present {
                log_blob(&digest, size, "skipped", "already in the directory", None);
                counts.present += 1;
            } else {
                if exists {
                    log_blob(&digest, size, "dropped", "corrupt in the directory", None);
                }
                wanted.push((digest, size));
            }
        }
        sort::sort_by_key(&mut wanted, |&(_, size)| Reverse(size));
        Ok(wanted)
    }

    /// Counts blobs that the sources kept refusing or failing as lost, with the reason, unless the sources provide
    /// nothing at all. Also returns the first of the errors.
    fn give_up(
        &self,
        fetcher: &Fetcher<'_>,
        failed: rounds::Left<Wanted>,
        counts: &BlobCounts,
    ) -> Result<(HashMap<Digest, String>, Option<Error>)> {
        if failed.is_empty() {
            return Ok((HashMap::new(), None));
        }
        let ours = failed.iter().any(|(_, error)| error.as_ref().is_some_and(is_local));
        if ours || counts.transferred + counts.present == 0 || !fetcher.answers() {
            let errors = failed.into_iter().filter_map(|(_, error)| error);
            let first = errors.reduce(|first, error| if !is_local(&first) && is_local(&error) { error } else { first });
            return Err(first.unwrap_or(Error::Cancelled));
        }
        let why = |wanted: &Wanted, error: &Option<Error>| match error {
            Some(error) => error.chain(),
            None => format!("{} was not fetched", wanted.digest),
        };
        let lost = failed.iter().map(|(wanted, error)| (wanted.digest, why(wanted, error))).collect();
        Ok((lost, rounds::first_error(failed)))
    }

    fn without(&self, config: CacheConfig, lost: HashMap<Digest, String>, report: &mut Report) -> Result<CacheConfig> {
        let lost = Lost::of(&config, lost);
        report.blobs.missing = lost.count();
        if self.options.strict {
            return Err(Error::integrity(lost.reasons().join("; ")).with_hint(NOT_STRICT));
        }
        Ok(lost.dropped_from(config, &self.first.context))
    }
}

/// Counts the blobs that the rest of a config needs, and the lost ones. Blobs needed only by dropped layers are not
/// counted.
fn count(rest: &CacheConfig, fetched: &HashSet<Digest>, report: &mut Report) {
    let needed = rest.blobs();
    let counts = &mut report.blobs;
    counts.total = needed.len() + counts.missing;
    let moved = needed.iter().filter(|(digest, _)| fetched.contains(digest));
    (counts.transferred, report.bytes) =
        moved.fold((0, 0), |(blobs, bytes), (_, size)| (blobs + 1, size.saturating_add(bytes)));
    counts.present = needed.len() - counts.transferred;
}

/// Returns whether the cause is local: this machine may not open more files or connections.
fn is_local(error: &Error) -> bool {
    error.hint().is_some_and(|hint| hint.contains(OUT_OF_FILES))
}
