//! Refreshes blobs that the store already has.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::base::{Action, Error, ErrorKind, Result, log_blob};
use crate::object::ObjectStore;
use crate::ops::cache::S3Cache;
use crate::ops::export::plan::Job;

/// After this many failed touches in a row, the store is assumed to refuse them.
const MOST_FAILED_TOUCHES: usize = 8;

/// What an export knows about the touches of its store.
#[derive(Debug, Default)]
pub(in crate::ops) struct Touches {
    /// The store has refused a touch.
    refused: AtomicBool,
    /// The number of consecutive failed touches.
    failed: AtomicUsize,
}

/// The outcome of a touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Touched {
    Done,
    /// The object is gone or archived: upload it again.
    Impossible,
    /// The object is too large to be copied: it stays as it is, or is uploaded again.
    TooLarge,
    /// The store refused.
    Refused,
}

impl Touches {
    /// Touches the blob. An old blob is still valid, so a refusal is only a warning, shown once.
    pub(in crate::ops) fn touch(&self, cache: &S3Cache, job: &Job) -> Result<Touched> {
        let Some(meta) = &job.meta else { return Ok(Touched::Refused) };
        if self.refused.load(Ordering::Relaxed) {
            return Ok(Touched::Refused);
        }
        let begun = cache.context.clock.monotonic();
        match cache.store.touch(&cache.keys.blob(&job.digest), meta) {
            Ok(_) => {
                self.failed.store(0, Ordering::Relaxed);
                cache.context.finished(&job.digest, Action::Touch, job.size);
                let took = cache.context.clock.monotonic().saturating_sub(begun);
                log_blob(&job.digest, job.size, "touched", job.why, Some(took));
                Ok(Touched::Done)
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Archived | ErrorKind::TooLarge) => {
                self.failed.store(0, Ordering::Relaxed);
                let too_large = error.kind() == ErrorKind::TooLarge;
                Ok(if too_large { Touched::TooLarge } else { Touched::Impossible })
            }
            Err(Error::Cancelled) => Err(Error::Cancelled),
            Err(error) if error.is_transient() && self.failed.fetch_add(1, Ordering::Relaxed) < MOST_FAILED_TOUCHES => {
                Err(error)
            }
            Err(error) => {
                self.refuse(cache, &error);
                Ok(Touched::Refused)
            }
        }
    }

    /// Stops touching blobs, with a warning.
    pub(in crate::ops) fn refuse(&self, cache: &S3Cache, error: &Error) {
        if !self.refused.swap(true, Ordering::Relaxed) {
            cache.context.warn(&format!("cannot refresh existing blobs; they may expire: {error}"));
        }
    }
}
