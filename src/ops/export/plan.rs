//! Plans the steps of an export for each blob.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::base::{Digest, Error, Parts, Result, log_blob, logs_blobs, sort};
use crate::object::ObjectMeta;
use crate::ops::cache::S3Cache;
use crate::ops::report::Report;
use crate::ops::tuning::Tuning;

/// Why a blob is touched.
pub(super) const OLD: &str = "older than touch_refresh";
/// Why a blob that the bucket has is uploaded.
pub(super) const ARCHIVED: &str = "archived in the bucket";
/// Why nothing is done with a blob.
pub(super) const PRESENT: &str = "already in the bucket";

/// The largest object that S3 stores: 5 TiB.
const MAX_OBJECT_BYTES: u64 = 5 * 1024 * 1024 * 1024 * 1024;

/// Checks that every blob can be an object.
///
/// # Errors
/// [`Error::Usage`] if one is too large.
pub(in crate::ops) fn check_sizes(blobs: &[(Digest, u64)]) -> Result<()> {
    blobs.iter().find(|(_, size)| *size > MAX_OBJECT_BYTES).map_or(Ok(()), |(digest, size)| {
        let message = format!("the blob {digest} has {size} bytes, and an S3 object at most 5 TiB");
        Err(Error::usage(message).with_hint("build it as several layers, or leave it out with mode=min"))
    })
}

/// One step for a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Step {
    Upload,
    Touch,
    Verify,
}

/// One blob of an export.
#[derive(Clone, Debug)]
pub(in crate::ops) struct Job {
    pub(in crate::ops) digest: Digest,
    pub(in crate::ops) size: u64,
    /// The parts to upload it in, or `None` if it fits in one request.
    pub(in crate::ops) parts: Option<Parts>,
    /// The next step. Each step determines the one after it.
    pub(in crate::ops) step: Step,
    /// Why this is the next step.
    pub(in crate::ops) why: &'static str,
    /// The monotonic time at which work on the blob began.
    pub(in crate::ops) begun: Option<Duration>,
    pub(in crate::ops) meta: Option<ObjectMeta>,
    /// Whether to touch the blob if it turns out to be valid.
    pub(in crate::ops) touch: bool,
    /// Whether the store already has the blob, so that no upload was planned.
    pub(in crate::ops) replaces: bool,
    /// Whether the source is known to have the blob.
    pub(in crate::ops) checked: bool,
}

impl Job {
    /// Returns the upload of a blob that the source has.
    pub(in crate::ops) fn upload(digest: Digest, size: u64, tuning: &Tuning) -> Self {
        let parts = (size > tuning.split_above).then(|| Parts::upload(size, tuning.part_size));
        let (step, why) = (Step::Upload, "not in the bucket");
        Self { digest, size, parts, step, why, begun: None, meta: None, touch: false, replaces: false, checked: true }
    }

    /// Returns whether it is to be uploaded in parts.
    pub(in crate::ops) fn splits(&self) -> bool {
        self.step == Step::Upload && self.parts.is_some()
    }
}

/// Returns the jobs in the order to run them.
pub(in crate::ops) fn plan(
    cache: &S3Cache,
    blobs: &[(Digest, u64)],
    mut present: HashMap<Digest, ObjectMeta>,
    verify_existing: bool,
) -> Vec<Job> {
    let tuning = &cache.tuning;
    let mut jobs: Vec<Job> = blobs
        .iter()
        .filter_map(|&(digest, size)| {
            let stored = present.remove(&digest);
            let unusable =
                stored.as_ref().map(|meta| if meta.size == size { ARCHIVED } else { "of another size in the bucket" });
            let meta = stored.filter(|meta| meta.readable && meta.size == size);
            let age = meta.as_ref().and_then(|meta| meta.age);
            let touch = age.is_some_and(|age| age > cache.options.policy().touch_refresh);
            let upload = Job::upload(digest, size, tuning);
            let (step, why) = match meta {
                None => (Step::Upload, unusable.unwrap_or(upload.why)),
                Some(_) if verify_existing => (Step::Verify, "verify_existing"),
                Some(_) if touch => (Step::Touch, OLD),
                Some(_) => return None,
            };
            // The sources of planned uploads are checked before anything is sent.
            let checked = step == Step::Upload;
            Some(Job { step, why, meta, touch, replaces: !checked, checked, ..upload })
        })
        .collect();
    // Largest first, so that no thread is left with a large blob at the end. Touches transfer no bytes and go last.
    sort::sort_by_key(&mut jobs, |job| (job.step == Step::Touch, Reverse(job.size)));
    jobs
}

/// Logs the blobs that need no job.
pub(super) fn log_others(blobs: &[(Digest, u64)], jobs: &[Job]) {
    if logs_blobs() {
        let jobs: HashSet<&Digest> = jobs.iter().map(|job| &job.digest).collect();
        let others = blobs.iter().filter(|(digest, _)| !jobs.contains(digest));
        others.for_each(|(digest, size)| log_blob(digest, *size, "skipped", PRESENT, None));
    }
}

/// Reports what a dry run would do.
pub(super) fn foresee(jobs: &[Job], report: &mut Report) {
    for job in jobs {
        let what = match job.step {
            Step::Upload => "would be uploaded",
            Step::Touch => "would be touched",
            Step::Verify => "would be read back",
        };
        log_blob(&job.digest, job.size, what, job.why, None);
        match job.step {
            Step::Upload => {
                report.blobs.transferred += 1;
                report.bytes = job.size.saturating_add(report.bytes);
            }
            Step::Touch => report.blobs.touched += 1,
            Step::Verify => {}
        }
    }
}
