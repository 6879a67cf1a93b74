//! A blob that an import looks for, and what became of the search.

use crate::base::{Digest, Error, ErrorKind, Parts, Result, S3Error};
use crate::ops::cache::S3Cache;

/// A blob of a wrong size or digest is fetched once more: the first time may have been the network.
const FETCHES: usize = 2;

/// A blob to be fetched.
pub(super) struct Wanted {
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// The ranges it comes in.
    pub(super) parts: Parts,
    /// The source to ask next, and how often it gave wrong bytes.
    pub(super) source: usize,
    pub(super) fetches: usize,
    /// What was wrong with the sources before.
    pub(super) reasons: Vec<String>,
    pub(super) error: Option<Error>,
    /// Its ranges have been asked for again and again.
    pub(super) persisted: bool,
    /// The source refused ranges of it: it is fetched whole.
    pub(super) whole: bool,
    /// This is its last round.
    pub(super) given_up: bool,
}

/// How the search for a blob ended.
pub(super) enum Fetched {
    Yes(Digest),
    /// Gone or corrupt everywhere; why, by location.
    Lost(Box<(Digest, String)>),
    /// Only layers that were dropped for others would need it.
    Unneeded,
}

/// How one source did.
pub(super) enum Outcome {
    Good,
    /// It does not have the blob.
    Gone(String),
    /// It refused a range, and may give the whole.
    NoRanges,
    /// What it gave was wrong; the next time it may be right.
    Wrong(String),
    /// It refused or failed.
    Failed(Error),
}

impl Outcome {
    /// What an error of a source means for the blob at `location`.
    ///
    /// # Errors
    /// When the operation was cancelled.
    pub(super) fn of(error: Error, location: &str) -> Result<Self> {
        Ok(match error {
            Error::Canceled => return Err(error),
            Error::S3(refusal) if refusal.status == Some(416) => {
                Self::Wrong(format!("{location} has fewer bytes than its layer says"))
            }
            Error::S3(refusal) if is_archived(&refusal) => Self::Gone(format!("{location} is archived")),
            Error::Integrity(problem) => Self::Wrong(problem.message),
            error if error.kind() == ErrorKind::Conflict => Self::Wrong(error.to_string()),
            error => Self::Failed(error),
        })
    }
}

/// The object is there, but must be restored before it can be read.
pub(super) fn is_archived(refusal: &S3Error) -> bool {
    refusal.code.as_deref() == Some("InvalidObjectState")
}

impl Wanted {
    /// Blobs of these sizes, and the ranges in which `first`'s connections fetch them.
    pub(super) fn all(blobs: &[(Digest, u64)], first: &S3Cache) -> Vec<Self> {
        let most = first.tuning.range_size;
        let large = blobs.iter().filter(|(_, size)| *size > most).count();
        let connections = first.connections / large.max(1);
        let wanted = |&(digest, size)| {
            let parts = Parts::download(size, most, if size > most { connections } else { 1 });
            let (reasons, persisted, whole, given_up) = (Vec::new(), false, false, false);
            Self { digest, size, parts, source: 0, fetches: 0, reasons, error: None, persisted, whole, given_up }
        };
        blobs.iter().map(wanted).collect()
    }

    pub(super) fn next_source(mut self) -> Self {
        self.source += 1;
        (self.fetches, self.whole) = (0, false);
        self
    }

    /// The source gave wrong bytes: it is asked once more, then the next one.
    pub(super) fn once_more(mut self, why: String) -> Self {
        log::info!("{why}");
        self.fetches += 1;
        if self.fetches < FETCHES {
            return self;
        }
        self.reasons.push(why);
        self.next_source()
    }

    /// Begins with the first source again.
    pub(super) fn anew(mut self) -> Self {
        (self.source, self.fetches) = (0, 0);
        self.reasons.clear();
        self
    }
}
