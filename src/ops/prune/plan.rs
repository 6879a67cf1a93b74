//! Finds out what a pruning would do.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use crate::base::{Digest, Result, log_blob};
use crate::bucket::StoredBlob;
use crate::cache_config::CacheConfig;
use crate::go::Timestamp;
use crate::object::ObjectStore as _;
use crate::ops::cache::S3Cache;
use crate::ops::conditions;
use crate::ops::manifests::Before;
use crate::ops::prune::mark::{MARK, MAX_MARK_BYTES, MOST_BLOBS, Mark};
use crate::ops::prune::members::{Listed, Members};
use crate::ops::prune::options::PruneOptions;
use crate::ops::prune::rules::{Aged, References, candidates};
use crate::ops::stale_uploads::{StaleUploads, stale_uploads};
use crate::ops::survey::{BlobSum, StoredBlobs, list_blobs};

/// Why a blob is deleted.
pub(super) const UNREFERENCED: &str = "no manifest references it";

/// What a pruning would do. Nothing has been changed yet.
#[non_exhaustive]
pub struct PrunePlan {
    /// The number of manifests that were read.
    pub manifests: usize,
    /// The manifests that would be dropped, oldest first.
    pub dropped: Vec<DroppedManifest>,
    /// All blobs.
    pub total: BlobSum,
    /// The blobs that the remaining manifests reference.
    pub referenced: BlobSum,
    /// The blobs that would be deleted.
    pub deleted: BlobSum,
    /// The blobs that an earlier run has recorded, and that are not yet to be deleted.
    pub waiting: BlobSum,
    /// The blobs that would be recorded, to be deleted by a later run.
    pub recorded: BlobSum,
    /// The number of unfinished multipart uploads that would be aborted.
    pub uploads: usize,
    /// Whether the last run has recorded nothing, or there was none.
    pub is_first: bool,
    pub(super) state: State,
}

/// A manifest that is dropped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DroppedManifest {
    /// The name.
    pub name: String,
    /// The key, as a location.
    pub location: String,
    /// The time since it was last written, by the store's clock.
    pub age: Option<Duration>,
    /// Its own size in bytes.
    pub size: u64,
    pub(super) listed: Listed,
}

/// What is done with a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Referenced,
    /// Deleted by this run, if it was not modified since it was recorded; the time is in seconds since 1970.
    Due(Option<i64>),
    /// Recorded at this time by an earlier run.
    Waiting(i64),
    /// Recorded by this run.
    New,
    /// Deleted by this run, or by another meanwhile.
    Deleted,
    /// Left alone.
    Spared,
}

/// What the next steps need to know.
pub(super) struct State {
    pub(super) members: Members,
    pub(super) options: PruneOptions,
    pub(super) blobs: StoredBlobs,
    /// The fate of each blob, by its position.
    pub(super) fates: Vec<Fate>,
    pub(super) mark: Before,
    pub(super) uploads: StaleUploads,
}

/// Returns a time in seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> i64 {
    Timestamp::from(time).unix_seconds()
}

/// Returns a duration in seconds.
pub(super) fn seconds_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// Returns the positions of the blobs of a config, each once.
pub(super) fn positions(blobs: &StoredBlobs, config: &CacheConfig) -> Vec<u32> {
    let position = |(digest, _): (Digest, u64)| u32::try_from(blobs.table.position(&digest)?).ok();
    config.blobs().into_iter().filter_map(position).collect()
}

/// Finds out what to do.
pub(super) fn make(members: Members, cache: &S3Cache, options: &PruneOptions) -> Result<PrunePlan> {
    let (mark, before) = read_mark(cache)?;
    let blobs = list_blobs(cache)?;
    let listed = members.list()?;
    let aged: Vec<Aged<'_>> = listed
        .iter()
        .map(|one| Aged { name: &one.manifest.name, age: one.manifest.meta.age, is_named: members.is_named(one) })
        .collect();
    let candidates = candidates(&aged, options);
    let are_candidates: HashSet<usize> = candidates.iter().copied().collect();
    let (mut references, mut manifests) = (References::new(blobs.table.len()), 0);
    members.read(&listed, |at, found| {
        manifests += 1;
        references.add(are_candidates.contains(&at).then_some(at), positions(&blobs, &found.config));
        Ok(())
    })?;
    let mut fates = fates(&blobs, &mark, &references, seconds(cache.now()), options);
    let size = |at| blobs.table.get(at).map_or(0, |blob| blob.size);
    let dropped = references.drop_candidates(candidates, options.max_size, size);
    let dropped = dropped.into_iter().filter_map(|at| listed.get(at)).map(|one| DroppedManifest {
        name: one.manifest.name.clone(),
        location: members.location(one),
        age: one.manifest.meta.age,
        size: one.manifest.meta.size,
        listed: one.clone(),
    });
    let dropped: Vec<DroppedManifest> = dropped.collect();
    for (at, fate) in fates.iter_mut().enumerate() {
        if *fate == Fate::Referenced && !references.is_referenced(at) {
            *fate = blobs.table.get(at).map_or(Fate::Spared, |blob| fresh(&blobs, &blob, options));
        }
    }
    let uploads = stale_uploads(cache, options.grace)?;
    let is_first = mark.is_empty();
    let state = State { members, options: options.clone(), blobs, fates, mark: before, uploads };
    Ok(sum(state, dropped, manifests, is_first))
}

/// Reads the record of an earlier run.
fn read_mark(cache: &S3Cache) -> Result<(Mark, Before)> {
    let key = cache.keys.own(MARK);
    let Some(reader) = cache.open_object(key.clone())? else { return Ok((Mark::default(), Before::Absent)) };
    let before = Before::Present(reader.version());
    let mark = Mark::parse(&reader.read_to_vec(MAX_MARK_BYTES)?);
    if mark.is_none() {
        cache.context.warn(&format!("ignoring {}, which is not a record of blobs", cache.store.location(&key)));
    }
    Ok((mark.unwrap_or_default(), before))
}

/// Returns the fate of each blob before any manifest is dropped. What a manifest references that is dropped by this run
/// starts to wait in this run, whatever earlier runs have recorded.
fn fates(blobs: &StoredBlobs, mark: &Mark, references: &References, now: i64, options: &PruneOptions) -> Vec<Fate> {
    let mut fates: Vec<Fate> = blobs
        .table
        .iter()
        .enumerate()
        .map(|(at, blob)| if references.is_referenced(at) { Fate::Referenced } else { fresh(blobs, &blob, options) })
        .collect();
    let grace = seconds_of(options.grace);
    for (since, digests) in &mark.since {
        for at in digests.iter().filter_map(|digest| blobs.table.position(digest)) {
            let (Some(fate), Some(blob)) = (fates.get_mut(at), blobs.table.get(at)) else { continue };
            let unmodified = blob.modified.is_some_and(|modified| modified < *since);
            if *fate == Fate::New && unmodified && *since <= now {
                *fate = if now - since >= grace { Fate::Due(Some(*since)) } else { Fate::Waiting(*since) };
            }
        }
    }
    // It is written again whenever it is needed.
    if let Some(probe) = blobs.table.position(&conditions::probe_digest()).and_then(|at| fates.get_mut(at)) {
        *probe = Fate::Spared;
    }
    fates
}

/// Returns the fate of a blob that no manifest references and no run has recorded.
fn fresh(blobs: &StoredBlobs, blob: &StoredBlob, options: &PruneOptions) -> Fate {
    let is_old = blobs.table.age(blob).is_some_and(|age| age >= options.grace);
    match blob.modified {
        None => Fate::Spared,
        Some(_) if options.now && is_old => Fate::Due(None),
        Some(_) => Fate::New,
    }
}

fn sum(mut state: State, dropped: Vec<DroppedManifest>, manifests: usize, is_first: bool) -> PrunePlan {
    let [mut total, mut referenced, mut deleted, mut waiting, mut recorded] = [BlobSum::default(); 5];
    let mut room = MOST_BLOBS;
    for (blob, fate) in state.blobs.table.iter().zip(&mut state.fates) {
        if matches!(fate, Fate::New | Fate::Waiting(_)) {
            match room.checked_sub(1) {
                Some(less) => room = less,
                None => *fate = Fate::Spared,
            }
        }
        total.add(blob.size);
        let (sum, what) = match fate {
            Fate::Referenced => (&mut referenced, None),
            Fate::Due(_) => (&mut deleted, Some("to delete now")),
            Fate::Waiting(_) => (&mut waiting, Some("to delete later, recorded by an earlier run")),
            Fate::New => (&mut recorded, Some("to record")),
            Fate::Deleted | Fate::Spared => continue,
        };
        sum.add(blob.size);
        if let Some(what) = what {
            log_blob(&blob.digest, blob.size, what, UNREFERENCED, None);
        }
    }
    let uploads = state.uploads.len();
    PrunePlan { manifests, dropped, total, referenced, deleted, waiting, recorded, uploads, is_first, state }
}
