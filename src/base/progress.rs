//! Progress of a long operation.

use std::sync::Arc;

use super::Digest;

/// Receives progress events, from several threads at once. Called often: implementations must be quick and must not
/// block. Closures are implementations.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bucket = tempfile::tempdir()?;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// use s3_build_cache::progress::Event;
/// use s3_build_cache::{CacheOptions, LocalCache, S3Cache};
///
/// let options: CacheOptions =
///     format!("type=s3,bucket=my-cache,endpoint_url=file://{}", bucket.path().display()).parse()?;
/// let finished = Arc::new(AtomicUsize::new(0));
/// let count = finished.clone();
/// let progress = move |event: &Event<'_>| {
///     if matches!(event, Event::Finished { .. }) {
///         count.fetch_add(1, Ordering::Relaxed);
///     }
/// };
/// let cache = S3Cache::builder(&options).progress(progress).open()?;
/// cache.export(&LocalCache::open("tests/fixtures/min/local", "latest")?)?;
/// assert_eq!(finished.load(Ordering::Relaxed), 3);
/// # Ok(())
/// # }
/// ```
pub trait Progress: Send + Sync {
    /// Reports an event.
    fn event(&self, event: &Event<'_>);
}

/// What is done with a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Uploaded from the local cache to the store.
    Upload,
    /// Downloaded from the store into the local cache.
    Download,
    /// Refreshed by a server-side copy, which resets its age.
    Touch,
    /// Read back to check its digest.
    Verify,
}

/// What is done with many objects of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The objects under the prefix of the blobs are listed.
    ListBlobs,
    /// Manifests are read.
    ReadManifests,
    /// Blobs are read and their digests are checked.
    CheckBlobs,
    /// Blobs are deleted.
    DeleteBlobs,
    /// Blobs are copied by the store.
    CopyBlobs,
}

/// A progress event. Sizes are in bytes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The plan is known. Blobs that turn out later to need a transfer, such as one that is read back and found
    /// corrupt, are not included.
    Planned {
        /// The number of blobs to transfer.
        blobs: usize,
        /// Their total size.
        bytes: u64,
    },
    /// Work on a blob begins, or begins again after a failed attempt.
    Started {
        /// The blob.
        digest: &'a Digest,
        /// What is done with it.
        action: Action,
        /// Its size.
        total: u64,
    },
    /// Bytes of a blob were transferred.
    Advanced {
        /// The blob.
        digest: &'a Digest,
        /// The number of its bytes transferred so far.
        current: u64,
        /// Its size.
        total: u64,
    },
    /// Work on a blob succeeded.
    Finished {
        /// The blob.
        digest: &'a Digest,
        /// What was done with it.
        action: Action,
        /// Its size.
        total: u64,
    },
    /// More objects of a bucket were listed or read.
    Counted {
        /// What was done with them.
        step: Step,
        /// The number of objects so far.
        done: u64,
        /// The number of all objects, as far as it is known. It may be an estimate.
        expected: Option<u64>,
    },
    /// A warning that does not fail the operation.
    Warning(&'a str),
}

/// Ignores all events.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl<F: Fn(&Event<'_>) + Send + Sync> Progress for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}

impl<P: Progress + ?Sized> Progress for Arc<P> {
    fn event(&self, event: &Event<'_>) {
        (**self).event(event);
    }
}

impl Progress for NoProgress {
    fn event(&self, _event: &Event<'_>) {}
}
