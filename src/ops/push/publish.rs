//! Writes a manifest that was pushed, after all its blobs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use crate::base::{Digest, Result};
use crate::cache_config::CacheConfig;
use crate::ops::cache::S3Cache;
use crate::ops::export::{Job, Publisher, Refresh, Sender, Step, check_sizes, plan};
use crate::ops::presence;
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
        let outcome = publish(&task_shared, publication);
        task_shared.end();
        task_shared.published(manifest, &task_names, &task_completion, outcome);
    };
    if let Err(error) = shared.spawner.start(task) {
        shared.published(manifest, &names, &completion, Err(PushState::no_thread(error)));
    }
    Ok(completion)
}

fn publish(shared: &Arc<PushState>, publication: Publication) -> Result<Published> {
    let Publication { config, names, write_by, room, .. } = publication;
    let cache = &shared.cache;
    let blobs = config.blobs();
    check_sizes(&blobs)?;
    let refresh = Behind { shared, write_by };
    let publisher =
        Publisher::new(cache, &config, names.clone())?.since(|name| shared.take_before(name)).refreshing(&refresh);
    let present = presence::find(cache, &blobs)?;
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
        return Ok(shared.missing(gone.into_iter().map(Missing::gone(&blobs)).collect()));
    }
    publisher.publish(&mut Report::default())?;
    let outcome = check_again(shared, &config, names, &blobs);
    drop(room);
    outcome
}

/// Looks up the refreshed blobs once more, and drops the layers whose blobs a pruner has deleted meanwhile.
fn check_again(
    shared: &Arc<PushState>,
    config: &CacheConfig,
    names: Vec<String>,
    blobs: &[(Digest, u64)],
) -> Result<Published> {
    let refreshed: Vec<(Digest, u64)> =
        blobs.iter().filter(|(digest, _)| shared.touches.has_seen(digest)).copied().collect();
    if refreshed.is_empty() {
        return Ok(Published::Written);
    }
    let present = presence::find(&shared.cache, &refreshed)?;
    let gone: BTreeSet<Digest> =
        refreshed.iter().map(|(digest, _)| *digest).filter(|digest| !present.contains_key(digest)).collect();
    if gone.is_empty() {
        return Ok(Published::Written);
    }
    let left = config.clone().without_blobs(&gone);
    Publisher::new(&shared.cache, &left, names)?.publish(&mut Report::default())?;
    Ok(shared.missing(gone.into_iter().map(Missing::gone(blobs)).collect()))
}

impl Missing {
    /// Returns a function that makes a missing blob of one that is gone.
    fn gone(blobs: &[(Digest, u64)]) -> impl Fn(Digest) -> Self {
        move |digest| {
            let size = blobs.iter().find(|(blob, _)| *blob == digest).map_or(0, |(_, size)| *size);
            Self { digest, found: None, size }
        }
    }
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
}
