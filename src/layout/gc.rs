//! Removes what no entry of the index reaches from a cache directory.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;

use crate::base::{Digest, Error, Result, log_blob, sort};
use crate::files::{FileSystem, Native, directory, open_file, remove_file, sync_dir};
use crate::go::{JsonProblem, read_go_json};
use crate::layout::cache::LocalCache;
use crate::layout::index::Index;
use crate::layout::lock::IndexLock;
use crate::layout::manifest::{MAX_BYTES, Reference};
use crate::layout::path::LayoutPath;
use crate::layout::raw::RawManifest;
use crate::layout::write::Destination;

/// The end of the media types of manifests that refer to other blobs.
const MANIFESTS: &[&str] = &["manifest.v1+json", "index.v1+json", "manifest.v2+json", "manifest.list.v2+json"];

/// What to remove from a cache directory.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct GcOptions {
    /// Keep only the entries of the index with these tags; all if empty.
    pub keep_tags: Vec<String>,
    /// Whether to only report what would be removed.
    pub dry_run: bool,
}

/// What was removed from a cache directory, or in a dry run, would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// The number of entries of the index.
    pub entries: usize,
    /// The number of blobs.
    pub blobs: usize,
    /// Their total size in bytes.
    pub bytes: u64,
    /// The number of blobs that were kept.
    pub kept: usize,
}

impl GcOptions {
    /// Returns the defaults: all entries are kept.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`keep_tags`](Self::keep_tags).
    #[must_use]
    pub fn keep_tags(mut self, tags: impl IntoIterator<Item: Into<String>>) -> Self {
        self.keep_tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`dry_run`](Self::dry_run).
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }
}

impl LocalCache {
    /// Removes the blobs of the directory that no entry of its index reaches, and the leftovers of killed runs. Holds
    /// the lock of the index, which BuildKit fails to take meanwhile. No build or import may be writing to the
    /// directory, because it writes its blobs before their entry.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bucket = tempfile::tempdir()?;
    /// # let dir = bucket.path().join("restored");
    /// use s3_build_cache::layout::GcOptions;
    /// use s3_build_cache::{CacheOptions, ImportOutcome, LocalCache, S3Cache, import};
    ///
    /// let options: CacheOptions =
    ///     format!("type=s3,bucket=my-cache,endpoint_url=file://{}", bucket.path().display()).parse()?;
    /// S3Cache::open(&options)?.export(&LocalCache::open("tests/fixtures/min/local", "latest")?)?;
    /// let target = LocalCache::create(&dir, "latest");
    /// import(&options, &target)?;
    /// std::fs::write(dir.join("blobs/sha256").join("0".repeat(64)), "left behind")?;
    /// let collected = target.collect_garbage(&GcOptions::new())?;
    /// assert_eq!((collected.blobs, collected.bytes, collected.kept), (1, 11, 5));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Usage`] if no entry has a tag to keep; [`Error::Integrity`] if what an entry reaches cannot be found
    /// out; [`Error::Locked`] if another process uses the directory; [`Error::Io`] if it cannot be changed.
    pub fn collect_garbage(&self, options: &GcOptions) -> Result<Collected> {
        collect(&LayoutPath::new(self.dir()), options, Arc::new(Native))
    }
}

pub(super) fn collect(path: &LayoutPath, options: &GcOptions, system: Arc<dyn FileSystem>) -> Result<Collected> {
    path.check_index()?;
    if options.dry_run {
        let _lock = IndexLock::shared(&*system, path)?;
        return Ok(find(path, options)?.0);
    }
    let destination = Destination::open(path.clone(), system)?;
    if let Some(file) = destination.in_use() {
        return Err(Error::Locked(Box::new(file)));
    }
    let _lock = IndexLock::exclusive(destination.system(), path)?;
    let (collected, index, removed) = find(path, options)?;
    if collected.entries > 0 {
        destination.replace(&path.index(), &index.print())?;
        // The index must not reach the disk after the removals.
        sync_dir(destination.system(), path.dir())?;
    }
    for digest in removed {
        let blob = path.blob(&digest);
        remove_file(destination.system(), &blob).map_err(|error| Error::io("remove", blob, error))?;
    }
    Ok(collected)
}

/// Finds what to remove. Returns the index without the entries that are not kept, and the blobs.
fn find(path: &LayoutPath, options: &GcOptions) -> Result<(Collected, Index, Vec<Digest>)> {
    let mut index = path.read_index()?;
    let entries = index.len();
    if !options.keep_tags.is_empty()
        && let Some(absent) = index.retain_tags(&options.keep_tags)
    {
        let message = format!("{}: there is no cache tagged {absent:?}", path.dir().display());
        return Err(Error::usage(message).with_hint(index.entries_hint()));
    }
    let reached = reached(path, index.references()?)?;
    let (mut collected, mut removed) =
        (Collected { entries: entries - index.len(), ..Collected::default() }, Vec::new());
    for (digest, size) in blobs(path)? {
        if reached.contains(&digest) {
            collected.kept += 1;
            continue;
        }
        collected.blobs += 1;
        collected.bytes = collected.bytes.saturating_add(size);
        let what = if options.dry_run { "would be removed" } else { "to remove" };
        log_blob(&digest, size, what, "no entry of the index reaches it", None);
        removed.push(digest);
    }
    Ok((collected, index, removed))
}

/// Returns the digests and sizes of all files that are named like blobs.
fn blobs(path: &LayoutPath) -> Result<Vec<(Digest, u64)>> {
    let dir = path.blobs_dir();
    if !directory(&path.algorithms_dir())? || !directory(&dir)? {
        return Ok(Vec::new());
    }
    let mut blobs = Vec::new();
    for entry in fs::read_dir(&dir).map_err(|error| Error::io("list", &dir, error))? {
        let entry = entry.map_err(|error| Error::io("list", &dir, error))?;
        let digest = entry.file_name().to_str().and_then(|name| format!("sha256:{name}").parse().ok());
        let Some(digest) = digest else { continue };
        // A link or a FIFO is an error.
        if let Some(opened) = open_file(&path.blob(&digest))? {
            blobs.push((digest, opened.meta.len()));
        }
    }
    sort::sort(&mut blobs);
    Ok(blobs)
}

/// Returns all blobs that these manifests reach, themselves included.
fn reached(path: &LayoutPath, entries: Vec<Reference>) -> Result<HashSet<Digest>> {
    let (mut reached, mut manifests) = (HashSet::new(), entries);
    while let Some(manifest) = manifests.pop() {
        if !reached.insert(manifest.digest) {
            continue;
        }
        let bytes = path.read_blob(&manifest, MAX_BYTES)?;
        let raw: RawManifest = read_go_json(&bytes).map_err(|why: JsonProblem| {
            Error::integrity(format!("{} is not a manifest, so it is unknown what it needs: {why}", manifest.digest))
                .with_hint("remove its entry from index.json, or keep only the tags that are needed")
        })?;
        for blob in raw.config.into_iter().chain(raw.layers.unwrap_or_default()) {
            reached.insert(Reference::of(&blob, "a manifest")?.digest);
        }
        for entry in raw.manifests.unwrap_or_default() {
            let reference = Reference::of(&entry, "a manifest")?;
            if MANIFESTS.iter().any(|end| entry.media_type.ends_with(end)) {
                manifests.push(reference);
            } else {
                reached.insert(reference.digest);
            }
        }
    }
    Ok(reached)
}
