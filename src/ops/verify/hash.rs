//! Reads blobs and checks their digests, several at a time.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::{Action, Digest, Error, Event, Progress as _, Result, Step};
use crate::bucket::StoredBlob;
use crate::ops::cache::S3Cache;
use crate::ops::manifests::is_damage;
use crate::ops::meter::{Meter, PartMeter};
use crate::ops::rounds::{Streak, Tried, Work, run};
use crate::ops::verify::finding::Defect;
use crate::ops::verify::scan::Scan;
use crate::transfer::{Next, Run};

impl Scan<'_> {
    /// Reads every blob that the manifests reference and the bucket has, and records those that are wrong. Returns the
    /// number of bytes read.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses everything. A single blob that cannot be read is a finding.
    pub(super) fn hash(&mut self) -> Result<u64> {
        let expected = Some(self.readable().count() as u64);
        let mut done = 0;
        let (defects, bytes) = hash(self.cache, self.readable(), || {
            done += 1;
            self.cache.context.progress.event(&Event::Counted { step: Step::CheckBlobs, done, expected });
        })?;
        let wrong: HashSet<Digest> = defects.keys().copied().collect();
        defects.into_iter().for_each(|(digest, defect)| self.blame(digest, defect));
        self.attribute(&wrong)?;
        Ok(bytes)
    }
}

/// Reads blobs and returns those that are wrong, and the number of bytes read. Calls `each` after each blob.
///
/// # Errors
/// If the store cannot be reached or refuses everything.
pub(super) fn hash(
    cache: &S3Cache,
    mut blobs: impl Iterator<Item = StoredBlob> + Send,
    mut each: impl FnMut() + Send,
) -> Result<(HashMap<Digest, Defect>, u64)> {
    let (streak, bytes, mut defects) = (Streak::default(), AtomicU64::new(0), HashMap::new());
    let start = |blob: StoredBlob, run: &Run<'_>| match read(cache, &blob, run, &bytes) {
        Ok(defect) => {
            streak.succeeded();
            Ok(Next::Done(Tried::Done((blob.digest, defect))))
        }
        Err(error) if error.is_transient() => {
            if streak.failed() {
                streak.trip();
            }
            Ok(Next::Done(Tried::failed(blob, error, true)))
        }
        Err(error) if is_damage(&error) => Ok(Next::Done(Tried::failed(blob, error, false))),
        Err(error) => Err(error),
    };
    let mut done = |(digest, defect): (Digest, Option<Defect>)| {
        defects.extend(defect.map(|defect| (digest, defect)));
        each();
    };
    let work = Work { splits: |_: &StoredBlob| false, start: &start, done: &mut done };
    let left = run(cache, &mut blobs, &streak, work)?;
    for (blob, error) in left {
        let error = error.unwrap_or_else(|| Error::network("the store failed too often to read this blob"));
        if error.is_unreachable() {
            return Err(error);
        }
        defects.insert(blob.digest, Defect::Unreadable(error));
    }
    Ok((defects, bytes.into_inner()))
}

/// Reads one blob. Returns what is wrong with it.
fn read(cache: &S3Cache, blob: &StoredBlob, run: &Run<'_>, bytes: &AtomicU64) -> Result<Option<Defect>> {
    let mut reader = cache.reader(cache.keys.blob(&blob.digest));
    match reader.open() {
        Ok(true) => {}
        Ok(false) => return Ok(Some(Defect::Missing)),
        Err(error) if error.kind() == crate::base::ErrorKind::Archived => return Ok(Some(Defect::Archived)),
        Err(error) => return Err(error),
    }
    let meter = Meter::start(&*cache.context.progress, &blob.digest, Action::Verify, reader.size());
    let part = PartMeter::new(&meter);
    let digest = reader.digest(run, |position| part.at(position))?;
    bytes.fetch_add(reader.position(), Ordering::Relaxed);
    meter.finish();
    Ok((digest != blob.digest).then(|| Defect::Corrupt { version: reader.version() }))
}
