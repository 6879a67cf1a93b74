//! A blob that an import needs, and the outcome of fetching it.

use std::time::Duration;

use crate::base::{Digest, Error, ErrorKind, Parts, Result};
use crate::ops::cache::S3Cache;

/// A blob with a wrong size or digest is fetched once more, because the network may have damaged it.
const FETCHES: usize = 2;

/// Why a blob is fetched.
pub(super) const ABSENT: &str = "not in the directory";

/// A blob to be fetched.
pub(super) struct Wanted {
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// The monotonic time at which the fetch from the source began.
    pub(super) begun: Duration,
    /// The ranges to fetch it in.
    pub(super) parts: Parts,
    /// The source to try next, and how often it returned wrong bytes.
    pub(super) source: usize,
    pub(super) fetches: usize,
    /// Why the previous sources failed.
    pub(super) reasons: Vec<String>,
    pub(super) error: Option<Error>,
    /// Its range requests have already been repeated.
    pub(super) retried: bool,
    /// The source refused a range of it, so it is fetched whole.
    pub(super) whole: bool,
    /// This is its last round.
    pub(super) given_up: bool,
}

/// The final outcome of a blob.
pub(super) enum Fetched {
    Yes(Digest),
    /// Missing or corrupt in every source, with the reason for each location.
    Lost(Box<(Digest, String)>),
    /// Needed only by layers that were dropped because of other lost blobs.
    Unneeded,
}

/// The outcome of trying one source.
pub(super) enum Outcome {
    Good,
    /// The source does not have the blob.
    Gone(String),
    /// The source refused a range, but may return the whole blob.
    NoRanges,
    /// The source returned wrong bytes. Another attempt may succeed.
    Wrong(String),
    /// The source refused or failed.
    Failed(Error),
}

impl Outcome {
    /// Returns that there is no object at `location`.
    pub(super) fn gone(location: &str) -> Self {
        Self::Gone(format!("{location} is gone"))
    }

    /// Returns that the object at `location` has another size than the blob.
    pub(super) fn wrong_size(location: &str, size: u64, expected: u64) -> Self {
        Self::Wrong(format!("{location} has {size} bytes instead of {expected}"))
    }

    /// Classifies an error of a source about the blob at `location`.
    ///
    /// # Errors
    /// If the operation was cancelled.
    pub(super) fn of(error: Error, location: &str) -> Result<Self> {
        Ok(match error {
            Error::Cancelled => return Err(error),
            Error::Integrity(problem) | Error::InvalidRange(problem) => Self::Wrong(problem.message),
            error if error.kind() == ErrorKind::InvalidRange => {
                Self::Wrong(format!("{location} has fewer bytes than its layer states"))
            }
            error if error.kind() == ErrorKind::Archived => Self::Gone(format!("{location} is archived")),
            error if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::PreconditionFailed) => {
                Self::Wrong(error.to_string())
            }
            error => Self::Failed(error),
        })
    }
}

impl Wanted {
    /// Creates an entry for each blob and its size. Large ones are split into ranges. Those of the first increase in
    /// size, so that the connections do not run in step.
    pub(super) fn all(blobs: &[(Digest, u64)], first: &S3Cache) -> Vec<Self> {
        let (tuning, mut connections) = (first.tuning, first.store.connections());
        let wanted = |&(digest, size)| {
            let parts = if size > tuning.split_above {
                Parts::download(size, tuning.range_size, std::mem::replace(&mut connections, 1))
            } else {
                Parts::of(size, size)
            };
            let (reasons, retried, whole, given_up) = (Vec::new(), false, false, false);
            let (begun, source, fetches, error) = (Duration::ZERO, 0, 0, None);
            Self { digest, size, begun, parts, source, fetches, reasons, error, retried, whole, given_up }
        };
        blobs.iter().map(wanted).collect()
    }

    /// Returns whether it is to be fetched in ranges.
    pub(super) fn splits(&self) -> bool {
        !self.whole && self.parts.count() > 1
    }

    pub(super) fn next_source(mut self) -> Self {
        self.source += 1;
        (self.fetches, self.whole) = (0, false);
        self
    }

    /// Handles wrong bytes: tries the same source once more, then the next one.
    pub(super) fn once_more(mut self, why: String) -> Self {
        log::info!("{why}");
        self.fetches += 1;
        if self.fetches < FETCHES {
            return self;
        }
        self.reasons.push(why);
        self.next_source()
    }

    /// Starts over with the first source.
    pub(super) fn anew(mut self) -> Self {
        (self.source, self.fetches) = (0, 0);
        self.reasons.clear();
        self
    }
}
