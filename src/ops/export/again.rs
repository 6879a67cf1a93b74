//! Looks again at the blobs that an export has not sent itself, after the manifest was written: a pruning that looked
//! at one before the export did may have deleted it in between.

use std::collections::HashMap;

use crate::base::{Digest, Result, count};
use crate::ops::export::existing::{Existing, vanished};
use crate::ops::export::payload::check_source;
use crate::ops::export::plan::plan;
use crate::ops::export::publish::Publisher;
use crate::ops::export::sender::Sender;
use crate::ops::manifests::drop_vanished;
use crate::ops::report::Report;

/// How often manifests are written again.
const MOST_ROUNDS: usize = 3;

/// Looks again at the blobs that were not sent, and at those that merged manifests need of other exports. Uploads what
/// has vanished, and writes the manifests again.
///
/// # Errors
/// If the store refuses or fails, or the source no longer has a blob that vanished. Then the manifests do not name it.
pub(super) fn complete(
    sender: &Sender<'_>,
    publisher: &Publisher<'_>,
    existing: &Existing,
    report: &mut Report,
) -> Result<()> {
    let cache = sender.cache;
    let mut doubtful = existing.old(cache);
    for _ in 0..MOST_ROUNDS {
        doubtful.extend(publisher.take_old());
        if doubtful.is_empty() {
            return Ok(());
        }
        let lost = vanished(cache, &std::mem::take(&mut doubtful))?;
        if lost.is_empty() {
            publisher.restore()?;
            continue;
        }
        let lost_blobs = count(lost.len(), "blob was", "blobs were");
        cache.context.warn(&format!("{lost_blobs} deleted during the export: writing the manifest again"));
        let own: Vec<(Digest, u64)> = lost.iter().filter(|(digest, _)| existing.contains(digest)).copied().collect();
        let checked = own.iter().try_for_each(|(digest, size)| check_source(sender.source, digest, *size));
        let uploaded = checked.and_then(|()| if own.is_empty() { Ok(()) } else { upload(sender, &own, report) });
        if let Err(error) = uploaded {
            // The first error is the cause, so a failure here is ignored.
            let _ = drop_vanished(cache, publisher.names(), &lost.into_iter().map(|(digest, _)| digest).collect());
            return Err(error);
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
