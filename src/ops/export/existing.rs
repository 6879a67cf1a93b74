//! The blobs that a writer did not send, because the store has them. A pruning may delete one before it is refreshed.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::{Digest, Result};
use crate::object::ObjectMeta;
use crate::ops::cache::S3Cache;
use crate::ops::presence;

/// A pruning deletes a blob at most a second after it looked at it. So a deletion that was decided before a blob was
/// refreshed has arrived after this time.
pub(in crate::ops) const SETTLED: Duration = Duration::from_secs(2);

/// The blobs of manifests that the store already had.
#[derive(Debug, Default)]
pub(in crate::ops) struct Existing(HashMap<Digest, Known>);

#[derive(Debug)]
struct Known {
    size: u64,
    /// The monotonic time from which on a pruning may delete the blob, as if it had not been refreshed.
    old_from: Duration,
}

impl Existing {
    /// Adds those of `blobs` that the store has, as they were just found. `is_refreshed` returns whether this process has
    /// refreshed one so recently that a deletion may be under way.
    pub(in crate::ops) fn add(
        &mut self,
        cache: &S3Cache,
        blobs: &[(Digest, u64)],
        present: &HashMap<Digest, ObjectMeta>,
        is_refreshed: &dyn Fn(&Digest) -> bool,
    ) {
        let spared_until = cache.context.clock.monotonic().saturating_add(cache.options.policy().touch_refresh);
        for (digest, size) in blobs {
            let Some(age) = present.get(digest).and_then(|meta| meta.age) else { continue };
            let old_from = if is_refreshed(digest) { Duration::ZERO } else { spared_until.saturating_sub(age) };
            let known = self.0.entry(*digest).or_insert(Known { size: *size, old_from });
            known.old_from = known.old_from.min(old_from);
        }
    }

    pub(super) fn contains(&self, blob: &Digest) -> bool {
        self.0.contains_key(blob)
    }

    /// Returns the blobs that a pruning may delete by now, as if none had been refreshed. It spares younger ones.
    pub(in crate::ops) fn old(&self, cache: &S3Cache) -> Vec<(Digest, u64)> {
        let now = cache.context.clock.monotonic();
        self.0.iter().filter(|(_, known)| known.old_from < now).map(|(digest, known)| (*digest, known.size)).collect()
    }
}

/// Returns which of these blobs the store no longer has. To be called after the manifest that names them was written. Waits
/// until a deletion that was decided before the last one was refreshed has arrived.
///
/// # Errors
/// If the store refuses or fails.
pub(in crate::ops) fn vanished(cache: &S3Cache, blobs: &[(Digest, u64)]) -> Result<Vec<(Digest, u64)>> {
    if blobs.is_empty() {
        return Ok(Vec::new());
    }
    let context = &cache.context;
    context.clock.sleep(SETTLED, &context.cancel);
    context.cancel.check()?;
    presence::missing(cache, blobs)
}
