//! Writes a manifest that was pushed, after all its blobs.

use std::sync::Arc;
use std::time::Instant;

use crate::base::{Digest, Result};
use crate::ops::cache::S3Cache;
use crate::ops::export::{Existing, Job, Publisher, Refresh, Sender, Step, check_sizes, plan};
use crate::ops::presence;
use crate::ops::push::again;
use crate::ops::push::completion::Completion;
use crate::ops::push::publication::{Missing, Publication, Published};
use crate::ops::push::state::PushState;
use crate::ops::report::Report;

/// Writes the manifest in the background, unless that is under way.
pub(super) fn start(shared: &Arc<PushState>, publication: Publication) -> Result<Arc<Completion<Published>>> {
    let (manifest, names) = (publication.manifest, publication.names.clone());
    let (completion, is_new) = shared.announce_publication(manifest, &names);
    if !is_new {
        return Ok(completion);
    }
    let (task_shared, task_names, task_completion) = (shared.clone(), names.clone(), completion.clone());
    let task = move || {
        let mut late = Vec::new();
        let outcome = publish(&task_shared, publication, &mut late);
        task_shared.end();
        task_shared.published(manifest, &task_names, &task_completion, outcome);
        again::complete_later(&task_shared, &task_names, &late);
    };
    if let Err(error) = shared.spawner.start(task) {
        shared.published(manifest, &names, &completion, Err(PushState::no_thread(error)));
    }
    Ok(completion)
}

/// Adds the blobs to `late` that the manifest names and that are not refreshed in time.
fn publish(shared: &Arc<PushState>, publication: Publication, late: &mut Vec<(Digest, u64)>) -> Result<Published> {
    let Publication { config, names, write_by, room, .. } = publication;
    let cache = &shared.cache;
    let blobs = config.blobs();
    check_sizes(&blobs)?;
    let refresh = Behind { shared, write_by };
    let publisher =
        Publisher::new(cache, &config, names.clone())?.since(|name| shared.take_before(name)).refreshing(&refresh);
    let present = presence::find(cache, &blobs)?;
    let mut existing = Existing::default();
    existing.add(cache, &blobs, &present, &|blob| refresh.is_refreshed(blob));
    let found = |digest: &Digest| present.get(digest).map(|meta| meta.size);
    let (uploads, old): (Vec<Job>, Vec<Job>) =
        plan(cache, &blobs, present.clone(), false).into_iter().partition(|job| job.step == Step::Upload);
    let missing = uploads.iter().filter(|job| shared.documents.size(&job.digest) != Some(job.size));
    let missing: Vec<Missing> =
        missing.map(|job| Missing { digest: job.digest, found: found(&job.digest), size: job.size }).collect();
    if !missing.is_empty() {
        return Ok(shared.missing(missing));
    }
    Sender::new(cache, &shared.documents).send(uploads)?;
    let gone = refresh.refresh(cache, &old)?;
    if !gone.is_empty() {
        return Ok(shared.missing(gone_of(&blobs, |digest| gone.contains(digest))));
    }
    publisher.publish(&mut Report::default())?;
    let mut doubtful = existing.old(cache);
    doubtful.extend(publisher.take_old());
    late.extend(doubtful.extract_if(.., |(digest, _)| shared.touches.is_pending(digest)));
    let lost = again::complete(shared, &names, &doubtful)?;
    if lost.is_empty() && !doubtful.is_empty() {
        publisher.restore()?;
    }
    drop(room);
    // This client cannot push again what only others have pushed.
    let gone = gone_of(&blobs, |digest| lost.contains(digest));
    Ok(if gone.is_empty() { Published::Written } else { shared.missing(gone) })
}

/// Returns the blobs that are gone.
fn gone_of(blobs: &[(Digest, u64)], is_gone: impl Fn(&Digest) -> bool) -> Vec<Missing> {
    let gone = blobs.iter().filter(|(digest, _)| is_gone(digest));
    gone.map(|&(digest, size)| Missing { digest, found: None, size }).collect()
}

impl PushState {
    fn missing(&self, missing: Vec<Missing>) -> Published {
        self.lose(missing.iter().map(|missing| missing.digest));
        Published::Missing(missing.into())
    }
}

/// Refreshes blobs in the background, and waits for them only for a while.
struct Behind<'a> {
    shared: &'a Arc<PushState>,
    write_by: Instant,
}

impl Refresh for Behind<'_> {
    fn refresh(&self, _: &S3Cache, old: &[Job]) -> Result<Vec<Digest>> {
        old.iter().for_each(|job| self.shared.refresh(job.clone()));
        let blobs: Vec<Digest> = old.iter().map(|job| job.digest).collect();
        Ok(self.shared.touches.wait_for(&blobs, self.write_by))
    }

    fn is_refreshed(&self, blob: &Digest) -> bool {
        self.shared.touches.is_recent(&self.shared.cache, blob)
    }
}
