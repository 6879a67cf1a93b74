//! Does what a plan says.

use crate::base::{Digest, Error, Event, Progress as _, Result, Step, log_blob, log_manifest, sort};
use crate::object::{ObjectMeta, ObjectStore as _};
use crate::ops::cache::S3Cache;
use crate::ops::persist::PAUSES;
use crate::ops::prune::members::Versions;
use crate::ops::prune::plan::{DroppedManifest, Fate, PrunePlan, State, UNREFERENCED, positions, seconds};
use crate::ops::prune::pruned::{LostBlob, PruneStep, Pruned};
use crate::ops::prune::record::{another, is_unchanged, record};
use crate::ops::prune::refresh::copies_refresh;
use crate::ops::remove_object::{Removal, is_as_listed, remove_object, too_slow};
use crate::ops::rounds::run_each;
use crate::ops::stale_uploads::abort;
use crate::transfer::{Next, Pool, Run};

/// After this many deletions, the manifests that were written meanwhile are read.
const BATCH: usize = 5000;

/// A pruning in progress.
struct Work<'a> {
    cache: &'a S3Cache,
    state: State,
    /// Whether a manifest references the blob, by its position, as far as known by now.
    referenced: Vec<bool>,
    versions: Versions,
    pruned: Pruned,
}

/// Does what the plan says.
pub(super) fn apply(cache: &S3Cache, plan: PrunePlan, mut done: impl FnMut(&PruneStep)) -> Result<Pruned> {
    let (start, requests) = (cache.context.clock.monotonic(), cache.requests());
    let PrunePlan { dropped, mut state, deleted, .. } = plan;
    if deleted.blobs > 0 && !state.options.force && !copies_refresh(cache, &mut state.mark)? {
        let message = format!("{} does not refresh the age of an object that is copied onto itself", cache.location());
        return Err(Error::setup(message).with_hint(
            "exports cannot refresh blobs here, so one that is in use may look old: force it if no export runs meanwhile",
        ));
    }
    let referenced = vec![false; state.fates.len()];
    let mut work = Work { cache, state, referenced, versions: Versions::new(), pruned: Pruned::default() };
    if !dropped.is_empty() {
        work.forget()?;
    }
    work.drop_manifests(&dropped, &mut done)?;
    work.read_again()?;
    let since = seconds(cache.now());
    let removed = work.delete(&mut done);
    // Also if a deletion failed, because others succeeded.
    let looked_back = if work.pruned.deleted.blobs > 0 { work.look_back() } else { Ok(()) };
    removed?;
    looked_back?;
    let referenced = &work.referenced;
    match record(cache, &mut work.state, |at, _| referenced.get(at) == Some(&false), since)? {
        Some(recorded) => (work.pruned.recorded, work.pruned.waiting) = (recorded.new, recorded.waiting),
        None => cache.context.warn("another pruning ran at the same time; its record of unreferenced blobs is kept"),
    }
    work.pruned.uploads = abort(cache, &work.state.uploads)?;
    work.pruned.requests = cache.requests() - requests;
    work.pruned.elapsed = cache.context.clock.monotonic().saturating_sub(start);
    Ok(work.pruned)
}

impl Work<'_> {
    /// Removes the blobs of manifests that are about to be dropped from the record. Otherwise, another pruning that
    /// lists the manifests after they were dropped could delete it at once.
    fn forget(&mut self) -> Result<()> {
        let is_still_waiting = |_: usize, fate: &Fate| matches!(fate, Fate::Waiting(_) | Fate::Due(Some(_)));
        record(self.cache, &mut self.state, is_still_waiting, 0)?.map(drop).ok_or_else(another)
    }

    /// Drops the manifests that have not changed since they were listed.
    fn drop_manifests(&mut self, dropped: &[DroppedManifest], done: &mut impl FnMut(&PruneStep)) -> Result<()> {
        let State { members, options, .. } = &self.state;
        for manifest in dropped {
            let known = &manifest.listed.manifest.meta;
            let is_unchanged = |meta: &ObjectMeta| {
                let is_old = options.older_than.is_none_or(|least| meta.age.is_some_and(|age| age > least));
                is_as_listed(meta, known) && is_old
            };
            let cache = members.cache(manifest.listed.member).unwrap_or(self.cache);
            match remove_object(cache, &members.key(&manifest.listed), is_unchanged)? {
                Removal::Done => {
                    log_manifest(&manifest.name, "dropped", "selected by the rules");
                    done(&PruneStep::Dropped(manifest.name.clone()));
                    self.pruned.dropped.push(manifest.name.clone());
                }
                Removal::Absent => log_manifest(&manifest.name, "skipped", "removed meanwhile"),
                Removal::Changed => {
                    log_manifest(&manifest.name, "kept", "written meanwhile");
                    done(&PruneStep::Kept(manifest.name.clone()));
                    self.pruned.kept.push(manifest.name.clone());
                }
                Removal::TooSlow => cache.context.warn(&too_slow(&manifest.name)),
            }
        }
        Ok(())
    }

    /// Reads all manifests, right before blobs are deleted.
    fn read_again(&mut self) -> Result<()> {
        let (State { members, blobs, .. }, referenced) = (&self.state, &mut self.referenced);
        members.read_changed(&mut self.versions, |_, found| {
            reference(referenced, &positions(blobs, &found.config));
            Ok(())
        })
    }

    /// Deletes the blobs whose time has come.
    fn delete(&mut self, done: &mut impl FnMut(&PruneStep)) -> Result<()> {
        let fates = self.state.fates.iter().enumerate();
        let due: Vec<usize> = fates.filter(|(_, fate)| matches!(fate, Fate::Due(_))).map(|(at, _)| at).collect();
        let expected = Some(due.len() as u64);
        // More threads than connections would wait for one between the look at a blob and its deletion.
        let pool = Pool::with_threads(self.cache.store.connections());
        for (number, batch) in due.chunks(BATCH).enumerate() {
            if number > 0 {
                self.read_again()?;
            }
            // After the manifests were read: another pruning changes the record before it drops a manifest.
            if !is_unchanged(self.cache, &self.state)? {
                return Err(another());
            }
            let Self { cache, state, referenced, .. } = &*self;
            let remove = |at: usize, run: &Run<'_>| {
                run.check()?;
                let is_free = referenced.get(at).is_some_and(|referenced| !referenced);
                Ok(Next::Done((at, if is_free { remove_blob(cache, state, at)? } else { Removal::Changed })))
            };
            let mut results = Vec::new();
            let before = (number * BATCH) as u64;
            let ran = pool.run(
                batch.iter().copied(),
                &cache.context.cancel,
                |_| false,
                remove,
                |result| {
                    results.push(result);
                    let done = before + results.len() as u64;
                    cache.context.progress.event(&Event::Counted { step: Step::DeleteBlobs, done, expected });
                },
            );
            results.into_iter().for_each(|(at, removal)| self.note(at, removal, done));
            ran?;
        }
        Ok(())
    }

    fn note(&mut self, at: usize, removal: Removal, done: &mut impl FnMut(&PruneStep)) {
        let Some(blob) = self.state.blobs.table.get(at) else { return };
        let now = match removal {
            Removal::Done => {
                log_blob(&blob.digest, blob.size, "deleted", UNREFERENCED, None);
                self.pruned.deleted.add(blob.size);
                done(&PruneStep::Deleted(blob.digest));
                Fate::Deleted
            }
            Removal::Absent => Fate::Deleted,
            Removal::Changed => {
                log_blob(&blob.digest, blob.size, "skipped", "in use again", None);
                self.pruned.spared.add(blob.size);
                Fate::Spared
            }
            // A later run deletes it.
            Removal::TooSlow => return,
        };
        if let Some(fate) = self.state.fates.get_mut(at) {
            *fate = now;
        }
    }

    /// Reads the manifests that were written meanwhile, and looks up what they name and was deleted.
    fn look_back(&mut self) -> Result<()> {
        let State { members, blobs, fates, .. } = &self.state;
        let (referenced, mut named) = (&mut self.referenced, Vec::new());
        members.read_changed(&mut self.versions, |listed, found| {
            let positions = positions(blobs, &found.config);
            reference(referenced, &positions);
            let gone = positions
                .iter()
                .filter_map(|at| usize::try_from(*at).ok())
                .filter(|at| fates.get(*at) == Some(&Fate::Deleted));
            named.extend(gone.map(|at| (members.location(listed), at)));
            Ok(())
        })?;
        let digest = |at: usize| blobs.table.get(at).map(|blob| blob.digest);
        let missing = still_missing(self.cache, sort::distinct(named.iter().filter_map(|(_, at)| digest(*at))))?;
        for (manifest, at) in named {
            if let Some(blob) = digest(at).filter(|blob| missing.binary_search(blob).is_ok()) {
                self.pruned.lost.push(LostBlob { manifest, blob });
            }
        }
        Ok(())
    }
}

/// Deletes a blob unless it was modified since it was recorded.
fn remove_blob(cache: &S3Cache, state: &State, at: usize) -> Result<Removal> {
    let (Some(blob), Some(Fate::Due(since))) = (state.blobs.table.get(at), state.fates.get(at)) else {
        return Ok(Removal::Changed);
    };
    let is_unmodified = |meta: &ObjectMeta| match since {
        Some(since) => meta.modified_second().is_some_and(|modified| modified < *since),
        None => meta.age.is_some_and(|age| age >= state.options.grace),
    };
    remove_object(cache, &cache.keys.blob(&blob.digest), is_unmodified)
}

/// Returns which of these blobs are missing, and are not uploaded again within some seconds by the exports that need
/// them. The blobs are sorted.
fn still_missing(cache: &S3Cache, mut blobs: Vec<Digest>) -> Result<Vec<Digest>> {
    let mut pauses = PAUSES.iter();
    loop {
        let head = |digest| Ok(cache.store.head(&cache.keys.blob(&digest))?.is_none().then_some(digest));
        blobs = sort::distinct(run_each(cache, blobs, head)?.into_iter().flatten());
        let Some(pause) = pauses.next().filter(|_| !blobs.is_empty()) else { return Ok(blobs) };
        cache.context.clock.sleep(*pause, &cache.context.cancel);
    }
}

fn reference(referenced: &mut [bool], positions: &[u32]) {
    for at in positions {
        if let Some(place) = usize::try_from(*at).ok().and_then(|at| referenced.get_mut(at)) {
            *place = true;
        }
    }
}
