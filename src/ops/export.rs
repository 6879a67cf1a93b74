//! Export: a local cache goes to the store, its manifest last.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::{Action, BlobSource, BytesPayload, Digest, Error, Event, Problem, Result};
use crate::config::{CacheOptions, Mode};
use crate::layout::LocalCache;
use crate::manifest::CacheConfig;
use crate::ops::cache::S3Cache;
use crate::ops::download::ResumingReader;
use crate::ops::presence;
use crate::ops::report::{BlobCounts, Report};
use crate::ops::upload::BlobPayload;
use crate::store::{ObjectMeta, Touch};
use crate::transfer::{self, Stop};

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

/// What is to be done with one blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Upload,
    Touch,
    Verify,
}

struct Job {
    digest: Digest,
    size: u64,
    step: Step,
    meta: Option<ObjectMeta>,
    touch: bool,
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
        self.export_config(&source.load()?, source, &ExportOptions::default())
    }

    /// Moves a cache config and its blobs to this cache, from wherever `source` has them.
    ///
    /// # Errors
    /// As [`export`].
    pub fn export_config(
        &self,
        config: &CacheConfig,
        source: &dyn BlobSource,
        options: &ExportOptions,
    ) -> Result<Report> {
        let start = self.context.clock.monotonic();
        let requests_before = self.requests();
        for warning in self.options.warnings() {
            self.context.warn(&warning);
        }
        let reduced;
        let config = match self.options.mode {
            Mode::Min => {
                let (min, found) = config.min();
                if !found {
                    self.context.warn("mode=min found no result to start from: nothing was left out");
                }
                reduced = min;
                &reduced
            }
            _ => config,
        };
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
                        bytes += job.size;
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
                        bytes += size;
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
        let (blobs, bytes) = uploads.fold((0, 0), |(blobs, bytes), job| (blobs + 1, bytes + job.size));
        self.context.progress.event(&Event::Planned { blobs, bytes });
        let refused = AtomicBool::new(false);
        transfer::run(jobs, self.connections, &self.context.cancel, |job, stop| {
            let mut done = Done::Left;
            let mut upload = job.step == Step::Upload;
            if job.step == Step::Verify {
                upload = !self.verify(&job, stop)?;
            }
            if !upload && job.touch {
                match self.touch(&job, &refused)? {
                    Some(Touch::Done) => done = Done::Touched,
                    Some(Touch::Gone) => upload = true,
                    None => {}
                }
            }
            if upload {
                self.upload(&job, source, stop)?;
                done = Done::Uploaded { replaced: job.step != Step::Upload };
            }
            Ok((job.size, done))
        })
    }

    fn upload(&self, job: &Job, source: &dyn BlobSource, stop: &Stop<'_>) -> Result<()> {
        let payload = BlobPayload {
            source,
            digest: job.digest,
            size: job.size,
            verify: self.options.verify_source,
            context: &self.context,
            stop,
        };
        self.store.put(&self.options.blob_key(&job.digest), &payload)?;
        self.finished(job, Action::Upload);
        Ok(())
    }

    /// `None` when the store refused: an old blob is still a good blob, so that is a warning, and only the first one.
    fn touch(&self, job: &Job, refused: &AtomicBool) -> Result<Option<Touch>> {
        let Some(meta) = &job.meta else { return Ok(None) };
        if refused.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.store.touch(&self.options.blob_key(&job.digest), meta) {
            Ok(touch) => {
                self.finished(job, Action::Touch);
                Ok(Some(touch))
            }
            Err(Error::Canceled) => Err(Error::Canceled),
            Err(error) => {
                if !refused.swap(true, Ordering::Relaxed) {
                    self.context.warn(&format!("blobs already there could not be touched, they may expire: {error}"));
                }
                Ok(None)
            }
        }
    }

    /// Whether the blob in the store has its digest.
    fn verify(&self, job: &Job, stop: &Stop<'_>) -> Result<bool> {
        let key = self.options.blob_key(&job.digest);
        let Some(mut reader) = ResumingReader::open(self.store.clone(), self.context.clone(), key)? else {
            return Ok(false);
        };
        let (digest, action, total) = (&job.digest, Action::Verify, job.size);
        self.context.progress.event(&Event::Started { digest, action, total });
        let read = reader.digest(stop, |current| {
            self.context.progress.event(&Event::Advanced { digest, current, total });
        })?;
        if read != job.digest {
            self.context.warn(&format!(
                "{} does not have its digest and is replaced",
                self.store.location(&self.options.blob_key(digest))
            ));
        }
        self.finished(job, action);
        Ok(read == job.digest)
    }

    fn finished(&self, job: &Job, action: Action) {
        self.context.progress.event(&Event::Finished { digest: &job.digest, action, total: job.size });
    }
}

/// How a job ended.
enum Done {
    Uploaded { replaced: bool },
    Touched,
    Left,
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
