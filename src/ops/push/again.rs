//! Looks again at the blobs of a manifest that were not pushed, after it was written: a pruning that looked at one
//! before it was refreshed may have deleted it in between.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::{Digest, Error, Result};
use crate::ops::export::{Sender, plan, vanished};
use crate::ops::manifests::drop_vanished;
use crate::ops::push::state::PushState;

/// How long blobs may take to be refreshed after the client got its answer.
const LATE: Duration = Duration::from_secs(3600);

/// Returns the blobs that have vanished and that only the client can send again. The manifests no longer name them.
///
/// # Errors
/// If the store refuses or fails.
pub(super) fn complete(shared: &PushState, names: &[String], doubtful: &[(Digest, u64)]) -> Result<HashSet<Digest>> {
    let lost = lost(shared, doubtful)?;
    if !lost.is_empty() {
        drop_vanished(&shared.cache, names.iter(), &lost)?;
    }
    Ok(lost)
}

/// Waits until the blobs are refreshed for which the client has not waited, and does the same.
pub(super) fn complete_later(shared: &Arc<PushState>, names: &[String], late: &[(Digest, u64)]) {
    if late.is_empty() {
        return;
    }
    let digests: Vec<Digest> = late.iter().map(|(digest, _)| *digest).collect();
    shared.touches.wait_for(&digests, Instant::now() + LATE);
    let documents = &shared.rooms.documents;
    let lost = lost(shared, late).and_then(|lost| {
        if !lost.is_empty() {
            let _room = documents.take(documents.limit(), || shared.cache.context.cancel.check())?;
            drop_vanished(&shared.cache, names.iter(), &lost)?;
        }
        Ok(lost)
    });
    match lost {
        Ok(lost) => shared.lose(lost),
        Err(Error::Cancelled) => {}
        Err(error) => {
            let message = format!("cannot look again at blobs of {}: {}", names.join(", "), error.chain());
            shared.cache.context.warn(&message);
        }
    }
}

/// Returns which of these blobs have vanished. Sends those that were pushed as documents.
fn lost(shared: &PushState, doubtful: &[(Digest, u64)]) -> Result<HashSet<Digest>> {
    let cache = &shared.cache;
    let is_kept = |(digest, size): &(Digest, u64)| shared.documents.size(digest) == Some(*size);
    let (kept, lost): (Vec<_>, Vec<_>) = vanished(cache, doubtful)?.into_iter().partition(is_kept);
    if !kept.is_empty() {
        Sender::new(cache, &shared.documents).send(plan(cache, &kept, HashMap::new(), false))?;
    }
    Ok(lost.into_iter().map(|(digest, _)| digest).collect())
}
