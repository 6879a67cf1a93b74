//! Looks again at the blobs that an export has not sent itself, after the manifest was written: a pruning that looked at
//! one before the export did may have deleted it in between.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::base::{Digest, Result};
use crate::object::ObjectMeta;
use crate::ops::cache::S3Cache;
use crate::ops::export::payload::check_source;
use crate::ops::export::plan::plan;
use crate::ops::export::presence;
use crate::ops::export::publish::Publisher;
use crate::ops::export::sender::Sender;
use crate::ops::export::touch::Refreshed;
use crate::ops::report::Report;

/// A pruning deletes a blob at most a second after it looked at it. So a deletion that was decided before a blob was
/// refreshed has arrived after this time.
const SETTLED: Duration = Duration::from_secs(2);
/// How often manifests are written again.
const MOST_ROUNDS: usize = 3;

/// The blobs that an export found in the store, with their ages.
pub(super) struct Existing {
    blobs: Vec<(Digest, u64, Duration)>,
    /// The monotonic time when they were looked up.
    at: Duration,
}

impl Existing {
    pub(super) fn new(cache: &S3Cache, blobs: &[(Digest, u64)], present: &HashMap<Digest, ObjectMeta>) -> Self {
        let age = |&(digest, size): &(Digest, u64)| {
            let meta = present.get(&digest).filter(|meta| meta.readable && meta.size == size)?;
            Some((digest, size, meta.age?))
        };
        Self { blobs: blobs.iter().filter_map(age).collect(), at: cache.context.clock.monotonic() }
    }

    /// Returns the blobs that a pruning may delete by now, as if none had been refreshed. It spares younger ones.
    fn old(&self, cache: &S3Cache) -> impl Iterator<Item = (Digest, u64)> {
        let (limit, since) =
            (cache.options.policy().touch_refresh, cache.context.clock.monotonic().saturating_sub(self.at));
        self.blobs.iter().filter(move |(_, _, age)| *age + since > limit).map(|(digest, size, _)| (*digest, *size))
    }
}

/// Looks again at the blobs that were not sent, and at those that merged manifests need of other exports. Uploads what has
/// vanished, and writes the manifests again.
///
/// # Errors
/// If the store refuses or fails, or the source no longer has a blob that vanished.
pub(super) fn complete(
    sender: &Sender<'_>,
    publisher: &Publisher<'_>,
    existing: &Existing,
    report: &mut Report,
) -> Result<()> {
    let cache = sender.cache;
    let own: HashSet<Digest> = existing.blobs.iter().map(|(digest, ..)| *digest).collect();
    let mut refreshed = sender.touches.take_refreshed();
    refreshed.blobs = existing.old(cache).collect();
    for _ in 0..MOST_ROUNDS {
        let others = publisher.take_refreshed();
        refreshed.last = refreshed.last.max(others.last);
        refreshed.blobs.extend(others.blobs);
        let lost = vanished(cache, &std::mem::take(&mut refreshed))?;
        if lost.is_empty() {
            return Ok(());
        }
        cache.context.warn(&format!("{} blobs were deleted during the export: writing the manifest again", lost.len()));
        let own: Vec<(Digest, u64)> = lost.into_iter().filter(|(digest, _)| own.contains(digest)).collect();
        own.iter().try_for_each(|(digest, size)| check_source(sender.source, digest, *size))?;
        if !own.is_empty() {
            upload(sender, &own, report)?;
        }
        publisher.publish_again(report)?;
    }
    Ok(())
}

fn upload(sender: &Sender<'_>, lost: &[(Digest, u64)], report: &mut Report) -> Result<()> {
    let (again, mut sent) = (Sender::new(sender.cache, sender.source), Report::default());
    let outcome = again.send(plan(sender.cache, lost, HashMap::new(), false));
    again.note(&mut sent);
    report.blobs.transferred += sent.blobs.transferred;
    report.blobs.present = report.blobs.present.saturating_sub(sent.blobs.transferred);
    report.bytes = report.bytes.saturating_add(sent.bytes);
    outcome
}

/// Returns which of these blobs the store no longer has. To be called after the manifest that names them was written. Waits
/// until a deletion that was decided before the last one was refreshed has arrived.
///
/// # Errors
/// If the store refuses or fails.
pub(in crate::ops) fn vanished(cache: &S3Cache, refreshed: &Refreshed) -> Result<Vec<(Digest, u64)>> {
    if refreshed.blobs.is_empty() {
        return Ok(Vec::new());
    }
    let context = &cache.context;
    let since = context.clock.monotonic().saturating_sub(refreshed.last);
    if let Some(left) = SETTLED.checked_sub(since).filter(|left| !left.is_zero()) {
        context.clock.sleep(left, &context.cancel);
        context.cancel.check()?;
    }
    let present = presence::find(cache, &refreshed.blobs)?;
    let is_lost = |(digest, size): &&(Digest, u64)| present.get(digest).is_none_or(|meta| meta.size != *size);
    Ok(refreshed.blobs.iter().filter(is_lost).copied().collect())
}
