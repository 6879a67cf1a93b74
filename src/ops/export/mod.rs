//! Export: uploads a local cache to the store and writes the manifest last.

mod again;
mod check;
mod combine;
mod existing;
mod kept;
mod multipart;
mod payload;
mod plan;
mod publish;
mod send;
mod sender;
mod sum;
mod touch;

use std::borrow::Cow;

use crate::base::{Error, Result};
use crate::cache_config::CacheConfig;
use crate::config::{CacheOptions, Mode};
use crate::layout::LocalCache;
use crate::object::{BlobSource, BytesPayload, ObjectStore as _};
use crate::ops::cache::S3Cache;
use crate::ops::local_limit;
use crate::ops::presence;
use crate::ops::report::Report;
use crate::ops::rounds::run_each;
use crate::ops::stale_uploads::abort_abandoned;
pub(in crate::ops) use check::Check;
pub(in crate::ops) use existing::{Existing, SETTLED, vanished};
pub(in crate::ops) use kept::Refresh;
pub(in crate::ops) use multipart::Multipart;
use payload::check_source;
pub(in crate::ops) use plan::{Job, Step, check_sizes, plan};
use plan::{foresee, log_others};
pub(in crate::ops) use publish::Publisher;
pub(in crate::ops) use sender::{NextSend, Sender};
pub(in crate::ops) use sum::{Sum, Summed};
pub(in crate::ops) use touch::{Touched, Touches};

/// Options of an export that are not attributes of the cache.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ExportOptions {
    /// Whether to only report what an export would do, without writing anything.
    pub dry_run: bool,
    /// Whether to read back the blobs that are already in the bucket and replace those with a wrong digest.
    pub verify_existing: bool,
    /// The names to write the manifest under, instead of those of the cache: for example, to promote a cache that was
    /// read under another name. A manifest that exists under a name is handled as
    /// [`Policy::on_conflict`](crate::options::Policy::on_conflict) says; by default it is replaced.
    pub names: Option<Vec<String>>,
    /// The bytes of the manifest, if they are those of another cache.
    pub(in crate::ops) manifest: Option<BytesPayload>,
    /// Whether the source is a store, in which blobs are looked up over several connections.
    pub(in crate::ops) from_store: bool,
}

impl ExportOptions {
    /// Returns the defaults: everything off, and the names of the cache.
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

    /// Sets [`names`](Self::names).
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bucket = tempfile::tempdir()?;
    /// use s3_build_cache::{CacheOptions, ExportOptions, LocalCache, S3Cache};
    ///
    /// let options: CacheOptions =
    ///     format!("type=s3,bucket=my-cache,name=feature,endpoint_url=file://{}", bucket.path().display()).parse()?;
    /// let cache = S3Cache::open(&options)?;
    /// let source = LocalCache::open("tests/fixtures/min/local", "latest")?;
    /// let report = cache.export_config(source.load()?, &source, &ExportOptions::new().names(["main"]))?;
    /// assert_eq!(report.names, ["main"]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.names = Some(names.into_iter().map(Into::into).collect());
        self
    }
}

/// The result of an export.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exported {
    /// What the export did, even if it failed.
    pub report: Report,
    /// Whether the export succeeded.
    pub outcome: Result<()>,
}

/// Exports the local cache to the store given by `options`, in the form BuildKit itself writes.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bucket = tempfile::tempdir()?;
/// use s3_build_cache::{CacheOptions, LocalCache, export};
///
/// let options: CacheOptions = format!(
///     "type=s3,bucket=my-cache,name=app,endpoint_url=file://{}", bucket.path().display()
/// ).parse()?;
/// let report = export(&LocalCache::open("tests/fixtures/max/local", "latest")?, &options)?;
/// assert_eq!((report.layers, report.blobs.total, report.blobs.transferred), (11, 10, 10));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If the directory is not a valid cache, a setting is wrong, or the store refuses or fails. The manifest is written
/// only after every blob is present, so readers see the old one until then.
pub fn export(source: &LocalCache, options: &CacheOptions) -> Result<Report> {
    S3Cache::open(&options.signed())?.export(source)
}

impl S3Cache {
    /// Exports a local cache to this cache.
    ///
    /// # Errors
    /// Same as [`export`].
    pub fn export(&self, source: &LocalCache) -> Result<Report> {
        self.export_config(source.load()?, source, &ExportOptions::default())
    }

    /// Exports a cache config and its blobs to this cache. Only the blobs that the bucket lacks are read from `source`.
    /// Passing the config by value avoids a copy with `mode=min`.
    ///
    /// # Errors
    /// Same as [`export`].
    pub fn export_config<'c>(
        &self,
        config: impl Into<Cow<'c, CacheConfig>>,
        source: &dyn BlobSource,
        options: &ExportOptions,
    ) -> Result<Report> {
        let Exported { report, outcome } = self.export_from(config, source, options);
        outcome.map(|()| report)
    }

    /// Same as [`export_config`](Self::export_config), but reports what was done even if the export fails halfway.
    pub fn export_from<'c>(
        &self,
        config: impl Into<Cow<'c, CacheConfig>>,
        source: &dyn BlobSource,
        options: &ExportOptions,
    ) -> Exported {
        let start = self.context.clock.monotonic();
        let requests_before = self.requests();
        let mut report = Report { dry_run: options.dry_run, ..Report::default() };
        let outcome = self.run_export(config.into(), source, options, &mut report);
        report.requests = self.requests() - requests_before;
        report.elapsed = self.context.clock.monotonic().saturating_sub(start);
        Exported { report, outcome }
    }

    /// Returns the names to write the manifest under.
    ///
    /// # Errors
    /// If a name cannot be part of a key.
    fn names_to_write(&self, options: &ExportOptions) -> Result<Vec<String>> {
        let Some(names) = &options.names else { return Ok(self.options.keys().names.clone()) };
        let mut checked = self.options.to_builder();
        checked.keys.names.clear();
        for name in names {
            if !checked.keys.names.contains(name) {
                checked.keys.names.push(name.clone());
            }
        }
        Ok(checked.build()?.keys().names.clone())
    }

    /// Runs the export and updates the report as it proceeds.
    fn run_export(
        &self,
        mut config: Cow<'_, CacheConfig>,
        source: &dyn BlobSource,
        options: &ExportOptions,
        report: &mut Report,
    ) -> Result<()> {
        let names = self.names_to_write(options)?;
        for warning in self.options.keys().warnings() {
            self.context.warn(&warning);
        }
        if self.options.policy().mode == Mode::Min {
            let (min, found) = config.into_owned().into_min();
            if !found {
                self.context.warn("mode=min found no result to start from: nothing was left out");
            }
            config = Cow::Owned(min);
        }
        let crown = self.crown();
        if let Some(warning) = local_limit::warning_of(&config, crown) {
            self.context.warn(&warning);
        }
        let blobs = config.blobs();
        (report.layers, report.blobs.total) = (config.layers().len(), blobs.len());
        check_sizes(&blobs)?;
        if !options.dry_run {
            self.store.expect_writes();
        }
        let publisher = Publisher::new(self, &config, names)?.copying(options.manifest.as_ref());
        let present = presence::find(self, &blobs)?;
        let mut found = Existing::default();
        found.add(self, &blobs, &present, &|_| false);
        let jobs = plan(self, &blobs, present, options.verify_existing);
        log_others(&blobs, &jobs);
        let uploads = jobs.iter().filter(|job| job.step == Step::Upload);
        report.blobs.present = blobs.len() - uploads.clone().count();
        let check = |job: &Job| check_source(source, &job.digest, job.size);
        let checked = match options.from_store {
            true => run_each(self, uploads, check).map(drop),
            false => uploads.clone().try_for_each(check),
        };
        checked.map_err(in_neither)?;
        if options.dry_run {
            foresee(&jobs, report);
            report.names = publisher.into_names();
            return Ok(());
        }
        let sender = Sender::new(self, source);
        sender.warn_if_unchecked(&jobs);
        let in_parts = jobs.iter().any(Job::splits);
        let sent = sender.send(jobs);
        sender.note(report);
        sent?;
        publisher.publish(report)?;
        again::complete(&sender, &publisher, &found, report)?;
        if in_parts { abort_abandoned(self) } else { Ok(()) }
    }
}

/// Adds where a missing blob was looked for, unless the source provides its own hint.
fn in_neither(error: Error) -> Error {
    match error {
        Error::Integrity(_) if error.hint().is_none() => {
            error.with_hint("the blob must be in the bucket or in the source, and it is intact in neither")
        }
        error => error,
    }
}
