//! Copies caches: to other names, prefixes, buckets and stores. Blobs first, manifests last.

mod source;

use std::collections::BTreeMap;
use std::io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::{Digest, Error, ErrorKind, Event, IoError, Progress as _, Result, Step, log_blob};
use crate::bucket::Names;
use crate::cache_config::CacheConfig;
use crate::config::Mode;
use crate::object::{BytesPayload, ObjectMeta, ObjectStore as _};
use crate::ops::cache::S3Cache;
use crate::ops::export::ExportOptions;
use crate::ops::inspect::BlobState;
use crate::ops::manifests::load_bytes;
use crate::ops::presence;
use crate::ops::report::Report;
use crate::ops::rounds::run_each;
use crate::ops::survey::{BlobSum, named_manifests};
use source::RemoteBlobs;

/// What was copied, or in a dry run, would be.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Copied {
    /// What was written, for each set of names.
    pub reports: Vec<Report>,
    /// The blobs that the store copied itself. The others were streamed.
    pub within_store: BlobSum,
    /// The locations of manifests that were asked for and do not exist.
    pub absent: Vec<String>,
    /// What could not be copied, in the order of the names.
    pub failed: Vec<FailedCopy>,
}

/// Manifests that could not be copied.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailedCopy {
    /// The locations of the manifests: one, or all that were to be merged. If the error concerns all manifests, such as
    /// a missing permission, also those after them, which were not tried.
    pub manifests: Vec<String>,
    /// Why they could not be copied.
    pub error: Error,
}

/// A manifest of a source: its position, and the name.
type From = (usize, String);

impl S3Cache {
    /// Copies manifests of the sources and their blobs into this cache. Blobs are copied by the store if a source is in
    /// the same one, and streamed otherwise. A single manifest keeps its bytes; several are merged.
    ///
    /// If this cache was opened with a name, all manifests are copied to it, and each source must give its names.
    /// Otherwise each keeps its name; sources without a name are copied completely. What happens with a manifest that
    /// exists is up to [`Policy::on_conflict`](crate::options::Policy::on_conflict) of this cache.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bucket = tempfile::tempdir()?;
    /// use s3_build_cache::{CacheOptions, LocalCache, S3Cache};
    ///
    /// let open = |more: &str| -> Result<S3Cache, s3_build_cache::Error> {
    ///     let store = format!("type=s3,bucket=my-cache,endpoint_url=file://{}", bucket.path().display());
    ///     S3Cache::open(&format!("{store},{more}").parse::<CacheOptions>()?)
    /// };
    /// open("prefix=pr/,name=pr-12")?.export(&LocalCache::open("tests/fixtures/min/local", "latest")?)?;
    /// let copied = open("name=main")?.copy_from(&[open("prefix=pr/,name=pr-12")?], false)?;
    /// assert_eq!((copied.reports[0].names[0].as_str(), copied.within_store.blobs), ("main", 3));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Usage`](ErrorKind::Usage) if the names are ambiguous; [`NotFound`](ErrorKind::NotFound) if no source has a
    /// manifest; [`Cancelled`](ErrorKind::Cancelled), in which case the manifests written so far stay; otherwise if a
    /// store refuses or fails. A manifest that cannot be copied, because it or a blob is damaged or its name cannot be
    /// used, is in [`Copied::failed`], and the others are copied nevertheless. Only if nothing else is to be reported,
    /// its error is returned.
    pub fn copy_from(&self, sources: &[S3Cache], dry_run: bool) -> Result<Copied> {
        if !dry_run {
            self.store.expect_writes();
        }
        let mut copied = Copied::default();
        let groups = self.groups(sources, &mut copied)?;
        if groups.is_empty() {
            return Err(Error::not_found(match copied.absent.first() {
                Some(location) => format!("{location} does not exist"),
                None => "the sources have no manifests".to_owned(),
            }));
        }
        let mut groups = groups.into_iter();
        while let Some((names, from)) = groups.next() {
            self.context.cancel.check()?;
            match self.copy_group(sources, names, &from, dry_run, &mut copied.within_store) {
                Ok(report) => copied.reports.push(report),
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => {
                    let mut manifests = locations(sources, &from);
                    if concerns_all(&error) {
                        groups.by_ref().for_each(|(_, from)| manifests.extend(locations(sources, &from)));
                    }
                    copied.failed.push(FailedCopy { manifests, error });
                }
            }
        }
        match copied.failed.as_slice() {
            [only] if copied.reports.is_empty() && copied.absent.is_empty() => Err(only.error.clone()),
            _ => Ok(copied),
        }
    }

    /// Returns what to copy to which names.
    fn groups(&self, sources: &[S3Cache], copied: &mut Copied) -> Result<BTreeMap<Vec<String>, Vec<From>>> {
        let keys = self.options.keys();
        let mut groups: BTreeMap<Vec<String>, Vec<From>> = BTreeMap::new();
        for (at, source) in sources.iter().enumerate() {
            let names = Names::of(source.options.keys());
            if keys.names_given && names.is_all() {
                return Err(Error::usage("the source has no name=, so all its manifests would be merged into one")
                    .with_hint("add name= to the source, or leave it out of the target to keep the names"));
            }
            let (listed, absent) = named_manifests(source, &names)?;
            copied.absent.extend(absent.iter().map(|name| location(source, name)));
            for manifest in listed {
                let to = if keys.names_given { keys.names.clone() } else { vec![manifest.name.clone()] };
                groups.entry(to).or_default().push((at, manifest.name));
            }
        }
        Ok(groups)
    }

    fn copy_group(
        &self,
        sources: &[S3Cache],
        names: Vec<String>,
        from: &[From],
        dry_run: bool,
        within_store: &mut BlobSum,
    ) -> Result<Report> {
        let sent = || self.requests() + sources.iter().map(S3Cache::requests).sum::<u64>();
        let (start, requests) = (self.context.clock.monotonic(), sent());
        // Before blobs are copied for a name that cannot be used.
        let target = self.named(names)?;
        let (config, bytes) = read(sources, from)?;
        let mut options = ExportOptions::new().dry_run(dry_run);
        options.from_store = true;
        // Bytes of another mode or without the crown are not those of the source.
        let policy = self.options.policy();
        options.manifest = bytes.filter(|_| policy.mode == Mode::Max && !policy.exact);
        let before = *within_store;
        if !dry_run {
            self.copy_within(sources, &config, within_store)?;
        }
        let blobs = RemoteBlobs::new(sources, config.blobs(), self.tuning.part_size);
        let mut report = target.export_config(config, &blobs, &options)?;
        let copied = usize::try_from(within_store.blobs - before.blobs).unwrap_or(usize::MAX);
        report.blobs.present = report.blobs.present.saturating_sub(copied);
        report.blobs.transferred += copied;
        report.bytes = report.bytes.saturating_add(within_store.bytes - before.bytes);
        report.requests = sent() - requests;
        report.elapsed = self.context.clock.monotonic().saturating_sub(start);
        Ok(report)
    }

    /// Has the store copy the blobs that this cache lacks from sources in the same store.
    fn copy_within(&self, sources: &[S3Cache], config: &CacheConfig, sum: &mut BlobSum) -> Result<()> {
        let is_other = |source: &&S3Cache| self.shares_store(source) && source.keys.blobs() != self.keys.blobs();
        let same: Vec<&S3Cache> = sources.iter().filter(is_other).collect();
        if same.is_empty() {
            return Ok(());
        }
        let blobs = config.blobs();
        let present = presence::find(self, &blobs)?;
        let lacks = |(digest, size): &(Digest, u64)| BlobState::of(*size, present.get(digest)) != BlobState::Present;
        let missing: Vec<(Digest, u64)> = blobs.into_iter().filter(lacks).collect();
        let (copied, expected) = (AtomicU64::new(0), Some(missing.len() as u64));
        let copy = |(digest, size): (Digest, u64)| {
            for source in &same {
                let (from, to) = (source.keys.blob(&digest), self.keys.blob(&digest));
                match self.store.copy(&from, &to, &ObjectMeta::new(size)) {
                    Ok(_) => {
                        log_blob(&digest, size, "copied by the store", "not at the target", None);
                        let done = copied.fetch_add(1, Ordering::Relaxed) + 1;
                        self.context.progress.event(&Event::Counted { step: Step::CopyBlobs, done, expected });
                        return Ok(Some(size));
                    }
                    Err(error) if is_left_to_streaming(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(None)
        };
        run_each(self, missing, copy)?.into_iter().flatten().for_each(|size| sum.add(size));
        Ok(())
    }

    /// Returns whether both caches are in the same bucket, with the same credentials.
    fn shares_store(&self, other: &S3Cache) -> bool {
        let (one, two) = (&self.options, &other.options);
        one.location() == two.location()
            && one.credentials() == two.credentials()
            && self.store.location("") == other.store.location("")
    }
}

/// Returns whether the blob may still be streamed after the store failed to copy it.
fn is_left_to_streaming(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Archived | ErrorKind::TooLarge | ErrorKind::Unsupported)
}

/// Returns whether the other manifests cannot be copied either: the store refuses everything or cannot be reached, or
/// the disk is full.
fn concerns_all(error: &Error) -> bool {
    use ErrorKind::{Access, NoSuchBucket, Setup};
    let is_full = |error: &IoError| matches!(error.source.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem);
    match error {
        Error::Io(error) => is_full(error),
        error => error.is_unreachable() || matches!(error.kind(), Access | NoSuchBucket | Setup),
    }
}

fn location(source: &S3Cache, name: &str) -> String {
    source.store.location(&source.keys.manifest(name))
}

/// Returns the locations of manifests.
fn locations(sources: &[S3Cache], from: &[From]) -> Vec<String> {
    from.iter().filter_map(|(at, name)| Some(location(sources.get(*at)?, name))).collect()
}

/// Reads the manifests. Returns the config, and the bytes if there is one manifest only.
fn read(sources: &[S3Cache], from: &[From]) -> Result<(CacheConfig, Option<BytesPayload>)> {
    let mut all = Vec::new();
    for (at, name) in from {
        let Some(source) = sources.get(*at) else { continue };
        let gone = || format!("{} does not exist any more", location(source, name));
        let (found, bytes) = load_bytes(source, name.clone())?.ok_or_else(|| Error::not_found(gone()))?;
        if from.len() == 1 {
            return Ok((found.config, Some(BytesPayload::new(bytes))));
        }
        all.push((found.location, found.config));
    }
    Ok((CacheConfig::merge(all)?, None))
}
