//! Lists the manifests of a bucket, and reads them with little memory.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::{Error, Event, Progress as _, Result, Step, Unpoisoned as _, sort};
use crate::bucket::{Names, StoredBlob};
use crate::object::{ObjectMeta, ObjectStore};
use crate::ops::cache::S3Cache;
use crate::ops::manifests::{Found, is_damage, load_name};
use crate::ops::persist::{is_transient_and_reached, persist};
use crate::ops::presence;
use crate::ops::rounds::run_each;
use crate::ops::survey::stored::StoredBlobs;
use crate::transfer::{Next, Pool, Run};

/// Manifests up to this size are read several at a time, larger ones one after another.
const SMALL_BYTES: u64 = 512 * 1024;
/// How many small manifests are read at a time.
const SMALL_AT_ONCE: usize = 8;
/// A manifest that was written this long before the blobs were listed, or later, may name blobs that were uploaded
/// after the listing. Clocks of several servers may differ by less.
const RECENT_SECONDS: i64 = 120;

/// A manifest in a listing.
#[derive(Clone, Debug)]
pub(in crate::ops) struct ListedManifest {
    pub(in crate::ops) name: String,
    pub(in crate::ops) meta: ObjectMeta,
}

/// A manifest that was read.
pub(in crate::ops) enum Reading {
    /// It is valid. `late` are blobs of it that the listing of the bucket lacks, because they were written later.
    Config { found: Found, late: Vec<StoredBlob> },
    /// It was deleted since it was listed, or is archived.
    Gone,
    /// It is damaged, or cannot be read.
    Unreadable(Error),
}

/// Lists the manifests with these names, sorted by name.
///
/// # Errors
/// If the store refuses or fails.
pub(in crate::ops) fn list_manifests(cache: &S3Cache, names: &Names) -> Result<Vec<ListedManifest>> {
    let prefix = format!("{}{}", cache.keys.manifests(), names.start());
    // A directory is read once, and not once for each page.
    let is_directory = cache.options.location().is_directory();
    let store: &dyn ObjectStore = if is_directory { cache.store.inner() } else { &*cache.store };
    let list = || {
        let mut listed = Vec::new();
        for object in store.objects(&prefix, None) {
            cache.context.cancel.check()?;
            let object = object?;
            if let Some(name) = cache.keys.listed_name(&object).filter(|name| names.contains(name)) {
                listed.push(ListedManifest { name: name.to_owned(), meta: object.meta });
            }
        }
        Ok(listed)
    };
    Ok(by_name(persist(&cache.context, is_transient_and_reached, list)?))
}

/// Sorts manifests by name, each once.
fn by_name(mut listed: Vec<ListedManifest>) -> Vec<ListedManifest> {
    sort::sort_by(&mut listed, |one, other| one.name.cmp(&other.name));
    listed.dedup_by(|one, other| one.name == other.name);
    listed
}

/// Same as [`list_manifests`], but lists nothing if all names are exact. Also returns the exact names without a
/// manifest.
///
/// # Errors
/// If the store refuses or fails.
pub(in crate::ops) fn named_manifests(cache: &S3Cache, names: &Names) -> Result<(Vec<ListedManifest>, Vec<String>)> {
    let listed = if names.are_exact() {
        let head = |name| Ok((name, cache.store.head(&cache.keys.manifest(name))?));
        let found = run_each(cache, names.exact().collect::<Vec<_>>(), head)?;
        let found =
            found.into_iter().filter_map(|(name, meta)| Some(ListedManifest { name: name.to_owned(), meta: meta? }));
        by_name(found.collect())
    } else {
        list_manifests(cache, names)?
    };
    let absent = absent(names, &listed);
    Ok((listed, absent))
}

/// Returns the exact names without a manifest.
fn absent(names: &Names, listed: &[ListedManifest]) -> Vec<String> {
    let is_listed = |name: &&str| listed.binary_search_by(|known| known.name.as_str().cmp(name)).is_ok();
    names.exact().filter(|name| !is_listed(name)).map(str::to_owned).collect()
}

/// Reads the manifests and passes each with its position to `take`, in no particular order. Memory holds few at a time.
/// `blobs` are those of the bucket, if they are known.
///
/// # Errors
/// If the store cannot be reached, or refuses all requests. A single manifest that cannot be read is not an error.
pub(in crate::ops) fn read_manifests(
    cache: &S3Cache,
    manifests: &[ListedManifest],
    blobs: Option<&StoredBlobs>,
    take: &mut (dyn FnMut(usize, Reading) -> Result<()> + Send),
) -> Result<()> {
    let is_small = |at: &usize| manifests.get(*at).is_some_and(|listed| listed.meta.size <= SMALL_BYTES);
    let (small, large): (Vec<usize>, Vec<usize>) = (0..manifests.len()).partition(is_small);
    let expected = Some(manifests.len() as u64);
    let (taken, take) = (AtomicU64::new(0), Mutex::new(take));
    for (some, threads) in [(small, SMALL_AT_ONCE.min(cache.store.connections())), (large, 1)] {
        let read = |at: usize, _: &Run<'_>| {
            let Some(listed) = manifests.get(at) else { return Ok(Next::Done(())) };
            let reading = read(cache, listed, blobs)?;
            // Passed on here, so that no manifest waits in memory.
            (take.lock().unpoisoned())(at, reading)?;
            let done = taken.fetch_add(1, Ordering::Relaxed) + 1;
            cache.context.progress.event(&Event::Counted { step: Step::ReadManifests, done, expected });
            Ok(Next::Done(()))
        };
        Pool::with_threads(threads).run(some.into_iter(), &cache.context.cancel, |_| false, read, |()| ())?;
    }
    Ok(())
}

fn read(cache: &S3Cache, listed: &ListedManifest, blobs: Option<&StoredBlobs>) -> Result<Reading> {
    let found = match load_name(cache, listed.name.clone()) {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(Reading::Gone),
        Err(error) if is_damage(&error) && !error.is_unreachable() => return Ok(Reading::Unreadable(error)),
        Err(error) => return Err(error),
    };
    let late = match blobs {
        Some(blobs) if may_be_newer(listed, &found, blobs) => late_blobs(cache, &found, blobs)?,
        _ => Vec::new(),
    };
    Ok(Reading::Config { found, late })
}

/// Returns whether the manifest may have been written after the blobs were listed.
fn may_be_newer(listed: &ListedManifest, found: &Found, blobs: &StoredBlobs) -> bool {
    let written = listed.meta.modified_second();
    let is_old =
        written.zip(blobs.began).is_some_and(|(written, began)| written < began.saturating_sub(RECENT_SECONDS));
    !is_old || found.version.is_none() || found.version != listed.meta.version
}

/// Looks up the blobs of a manifest that the listing of the bucket lacks.
fn late_blobs(cache: &S3Cache, found: &Found, blobs: &StoredBlobs) -> Result<Vec<StoredBlob>> {
    let mut missing = found.config.blobs();
    missing.retain(|(digest, _)| blobs.get(digest).is_none());
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let late = presence::find(cache, &missing)?;
    Ok(late.iter().map(|(digest, meta)| StoredBlob::new(*digest, meta)).collect())
}
