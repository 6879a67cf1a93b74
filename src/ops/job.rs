//! What an export has to do with each blob, and how much of it is done.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::base::Digest;
use crate::ops::cache::S3Cache;
use crate::ops::report::Report;
use crate::store::ObjectMeta;

/// What is to be done with one blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Upload,
    Touch,
    Verify,
}

/// One blob of an export.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// The next step: one leads to another.
    pub(super) step: Step,
    pub(super) meta: Option<ObjectMeta>,
    /// Touch it when it turns out to be right.
    pub(super) touch: bool,
    /// The store has the blob already: an upload was not planned.
    pub(super) replaces: bool,
    /// The source is known to have the blob.
    pub(super) checked: bool,
}

/// What was done so far.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) uploaded: usize,
    pub(super) bytes: u64,
    pub(super) replaced: usize,
    pub(super) touched: usize,
}

/// What has to be done, in this order.
pub(super) fn plan(
    cache: &S3Cache,
    blobs: &[(Digest, u64)],
    mut present: HashMap<Digest, ObjectMeta>,
    verify_existing: bool,
) -> Vec<Job> {
    let mut jobs: Vec<Job> = blobs
        .iter()
        .filter_map(|&(digest, size)| {
            let meta = present.remove(&digest).filter(|meta| meta.readable && meta.size == size);
            let age = meta.as_ref().and_then(|meta| meta.age);
            let touch = age.is_some_and(|age| age > cache.options.touch_refresh);
            let step = match meta {
                None => Step::Upload,
                Some(_) if verify_existing => Step::Verify,
                Some(_) if touch => Step::Touch,
                Some(_) => return None,
            };
            // The sources of those to upload are checked before anything is sent.
            let checked = step == Step::Upload;
            Some(Job { digest, size, step, meta, touch, replaces: !checked, checked })
        })
        .collect();
    // Largest first, so that no thread is left alone with a large blob at the end; touches move no bytes.
    jobs.sort_by_key(|job| (job.step == Step::Touch, Reverse(job.size)));
    jobs
}

/// What a dry run would do.
pub(super) fn foresee(jobs: &[Job], report: &mut Report) {
    for job in jobs {
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
