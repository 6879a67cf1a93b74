//! What a long operation tells while it runs.

use super::Digest;

/// Hears what an operation does, from several threads at once. Every method of it is called often: it must be quick
/// and must not block.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bucket = tempfile::tempdir()?;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// use s3_build_cache::{CacheOptions, Event, LocalCache, Progress, S3Cache};
///
/// #[derive(Default)]
/// struct Count(AtomicUsize);
///
/// impl Progress for Count {
///     fn event(&self, event: &Event<'_>) {
///         if matches!(event, Event::Finished { .. }) {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let options: CacheOptions =
///     format!("type=s3,bucket=my-cache,endpoint_url=file://{}", bucket.path().display()).parse()?;
/// let count = Arc::new(Count::default());
/// let cache = S3Cache::builder(&options).progress(count.clone()).connect()?;
/// cache.export(&LocalCache::open("tests/fixtures/min/local", "latest")?)?;
/// assert_eq!(count.0.load(Ordering::Relaxed), 3);
/// # Ok(())
/// # }
/// ```
pub trait Progress: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

/// What is done with a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// It goes from the local cache to the store.
    Upload,
    /// It comes from the store into the local cache.
    Download,
    /// Its age in the store is set to zero by a server-side copy.
    Touch,
    /// It is read back to check its digest.
    Verify,
}

/// One thing that happened. Sizes are bytes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// What there is to move is known. A blob that turns out to need it later, as one that is read back and found corrupt,
    /// is not counted here.
    Planned {
        /// How many blobs will be moved.
        blobs: usize,
        /// Their sizes added up.
        bytes: u64,
    },
    /// Work on a blob begins, or begins again after a failed attempt.
    Started {
        /// Which blob.
        digest: &'a Digest,
        /// What is done with it.
        action: Action,
        /// Its size.
        total: u64,
    },
    /// Bytes of a blob went through.
    Advanced {
        /// Which blob.
        digest: &'a Digest,
        /// How many of its bytes are through by now.
        current: u64,
        /// Its size.
        total: u64,
    },
    /// Work on a blob ended well.
    Finished {
        /// Which blob.
        digest: &'a Digest,
        /// What was done with it.
        action: Action,
        /// Its size.
        total: u64,
    },
    /// Something a person should know that does not fail the operation.
    Warning(&'a str),
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn event(&self, _event: &Event<'_>) {}
}
