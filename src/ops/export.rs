//! Export: a local cache goes to the store, its manifest last.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::base::{BlobSource, BytesPayload, Digest, Error, Event, Problem, Result};
use crate::config::{CacheOptions, Mode};
use crate::layout::{Committed, LocalCache};
use crate::manifest::CacheConfig;
use crate::ops::cache::S3Cache;
use crate::ops::local_limit;
use crate::ops::presence;
use crate::ops::report::{BlobCounts, Report};
use crate::ops::send::{Done, Job, Sender, Step};
use crate::store::ObjectMeta;
use crate::transfer;

/// What an export does beyond its attributes.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ExportOptions {
    /// Find out what would be done, and write nothing.
    pub dry_run: bool,
    /// Read the blobs that are already there back, and replace those whose digest is wrong.
    pub verify_existing: bool,
}

impl ExportOptions {
    /// Neither.
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
}

/// Moves the local cache to the store that `options` name, as BuildKit itself would have written it.
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
/// When the directory is not a valid cache, a setting is wrong, or the store refuses or fails. The manifest is
/// written only when every blob is there: until then readers see the old one.
pub fn export(source: &LocalCache, options: &CacheOptions) -> Result<Report> {
    // `anonymous` is an attribute of the other direction.
    let mut options = options.clone();
    options.anonymous = false;
    S3Cache::connect(&options)?.export(source)
}

impl S3Cache {
    /// Moves a local cache to this one.
    ///
    /// # Errors
    /// As [`export`].
    pub fn export(&self, source: &LocalCache) -> Result<Report> {
        self.export_config(source.load()?, source, &ExportOptions::default())
    }

    /// Moves a cache config and its blobs to this cache, from wherever `source` has them. A config that is given by value
    /// need not be copied for `mode=min`.
    ///
    /// # Errors
    /// As [`export`].
    pub fn export_config<'c>(
        &self,
        config: impl Into<Cow<'c, CacheConfig>>,
        source: &dyn BlobSource,
        options: &ExportOptions,
    ) -> Result<Report> {
        self.export_cow(config.into(), source, options)
    }

    fn export_cow(
        &self,
        mut config: Cow<'_, CacheConfig>,
        source: &dyn BlobSource,
        options: &ExportOptions,
    ) -> Result<Report> {
        let start = self.context.clock.monotonic();
        let requests_before = self.requests();
        for warning in self.options.warnings() {
            self.context.warn(&warning);
        }
        if self.options.mode == Mode::Min {
            let (min, found) = config.into_owned().into_min();
            if !found {
                self.context.warn("mode=min found no result to start from: nothing was left out");
            }
            config = Cow::Owned(min);
        }
        if let Some(warning) = local_limit::warning(&config, Committed::predict(&config), false) {
            self.context.warn(&warning);
        }
        let blobs = config.blobs();
        check_source(&blobs, source)?;
        let present = presence::find(self, &blobs)?;
        let jobs = plan(self, &blobs, present, options);
        let mut counts = BlobCounts { total: blobs.len(), ..BlobCounts::default() };
        counts.present = blobs.len() - jobs.iter().filter(|job| job.step == Step::Upload).count();
        let mut bytes = 0;
        if options.dry_run {
            for job in &jobs {
                match job.step {
                    Step::Upload => {
                        counts.transferred += 1;
                        bytes = job.size.saturating_add(bytes);
                    }
                    Step::Touch => counts.touched += 1,
                    Step::Verify => {}
                }
            }
        } else {
            for (size, done) in self.run_jobs(jobs, source)? {
                match done {
                    Done::Uploaded { replaced } => {
                        counts.transferred += 1;
                        counts.present -= usize::from(replaced);
                        bytes = size.saturating_add(bytes);
                    }
                    Done::Touched => counts.touched += 1,
                    Done::Left => {}
                }
            }
            let manifest = BytesPayload::new(config.to_s3_json());
            for name in &self.options.names {
                self.context.cancel.check()?;
                self.store.put(&self.options.manifest_key(name), &manifest)?;
            }
        }
        Ok(Report {
            layers: config.layers().len(),
            blobs: counts,
            bytes,
            requests: self.requests() - requests_before,
            elapsed: self.context.clock.monotonic().saturating_sub(start),
            names: self.options.names.clone(),
            dry_run: options.dry_run,
        })
    }

    fn run_jobs(&self, jobs: Vec<Job>, source: &dyn BlobSource) -> Result<Vec<(u64, Done)>> {
        let uploads = jobs.iter().filter(|job| job.step == Step::Upload);
        let (blobs, bytes) = uploads.fold((0, 0), |(blobs, bytes), job| (blobs + 1, job.size.saturating_add(bytes)));
        self.context.progress.event(&Event::Planned { blobs, bytes });
        let sizes: Vec<u64> = jobs.iter().map(|job| job.size).collect();
        let sender = Sender::new(self, source);
        let threads = sender.threads(&jobs);
        let done = transfer::run_chunked(jobs, threads, &self.context.cancel, &sender)?;
        Ok(sizes.into_iter().zip(done).collect())
    }
}

/// Every blob must be there before anything is sent.
fn check_source(blobs: &[(Digest, u64)], source: &dyn BlobSource) -> Result<()> {
    for (digest, size) in blobs {
        let message = match source.blob_size(digest)? {
            Some(found) if found == *size => continue,
            Some(found) => format!("the local blob {digest} has {found} bytes, its descriptor says {size}"),
            None => format!("the local blob {digest} is missing"),
        };
        return Err(Error::Integrity(
            Problem::new(message).hint("the local cache is incomplete: remove the directory and build it again"),
        ));
    }
    Ok(())
}

fn plan(
    cache: &S3Cache,
    blobs: &[(Digest, u64)],
    mut present: HashMap<Digest, ObjectMeta>,
    options: &ExportOptions,
) -> Vec<Job> {
    let mut jobs: Vec<Job> = blobs
        .iter()
        .filter_map(|&(digest, size)| {
            let meta = present.remove(&digest).filter(|meta| meta.readable && meta.size == size);
            let age = meta.as_ref().and_then(|meta| meta.age);
            let touch = age.is_some_and(|age| age > cache.options.touch_refresh);
            let step = match meta {
                None => Step::Upload,
                Some(_) if options.verify_existing => Step::Verify,
                Some(_) if touch => Step::Touch,
                Some(_) => return None,
            };
            Some(Job { digest, size, step, meta, touch })
        })
        .collect();
    // Largest first, so that no thread is left alone with a large blob at the end; touches move no bytes.
    jobs.sort_by_key(|job| (job.step == Step::Touch, std::cmp::Reverse(job.size)));
    jobs
}
