//! The bucket: its directory, and the objects in it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use crate::base::{Clock, Result};
use crate::config::Bucket;
use crate::files::{OpenedFile, Place, directory, directory_place, file_place, open_file, root_directory};
use crate::go::Timestamp;
use crate::object::{ObjectMeta, Version};
use crate::store::dir::key;

/// The same as in S3.
const PAGE_KEYS: usize = 1000;

/// A bucket in a directory. A missing directory is an empty bucket; the first write creates it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let root = tempfile::tempdir()?;
/// use std::sync::Arc;
/// use s3_build_cache::object::{BytesPayload, ObjectStore, PutMode};
/// use s3_build_cache::store::DirStore;
/// use s3_build_cache::time::SystemClock;
///
/// let store = DirStore::new(root.path().join("caches"), "my-bucket", Arc::new(SystemClock::default()))?;
/// assert_eq!(store.head("manifests/app")?, None);
/// store.put("manifests/app", &BytesPayload::new(b"{}".to_vec()), &PutMode::Create)?;
/// assert_eq!(store.head("manifests/app")?.map(|meta| meta.size), Some(2));
/// # Ok(())
/// # }
/// ```
pub struct DirStore {
    pub(super) root: PathBuf,
    pub(super) bucket: PathBuf,
    /// Whether the leftovers of killed runs have been removed.
    pub(super) swept: AtomicBool,
    pub(super) clock: Arc<dyn Clock>,
    /// The maximum number of objects on a page.
    pub(super) page_keys: usize,
}

impl DirStore {
    /// Returns the bucket `bucket` in the directory `root`; `clock` determines ages. Accesses nothing yet.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) if `bucket` is not a valid bucket name.
    pub fn new(root: impl Into<PathBuf>, bucket: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        bucket.parse::<Bucket>()?.check_for_directory()?;
        let root = root.into();
        Ok(Self { bucket: root.join(bucket), root, swept: AtomicBool::new(false), clock, page_keys: PAGE_KEYS })
    }

    pub(super) fn bucket_exists(&self) -> Result<bool> {
        Ok(root_directory(&self.root)? && directory(&self.bucket)?)
    }

    /// Returns the path of a directory in the bucket, if it exists completely.
    pub(super) fn find_dir<'a>(&self, segments: impl Iterator<Item = &'a str>) -> Result<Option<PathBuf>> {
        if !self.bucket_exists()? {
            return Ok(None);
        }
        let mut path = self.bucket.clone();
        for segment in segments {
            path.push(segment);
            if directory_place(&path)? != Place::Directory {
                return Ok(None);
            }
        }
        Ok(Some(path))
    }

    /// Returns the path of an object, if it exists.
    pub(super) fn find(&self, key: &str) -> Result<Option<PathBuf>> {
        key::check(key)?;
        let (parents, name) = key::split(key);
        let path = self.find_dir(parents)?.map(|parent| parent.join(name));
        match &path {
            Some(path) if file_place(path)? == Place::File => Ok(Some(path.clone())),
            _ => Ok(None),
        }
    }

    pub(super) fn open(&self, key: &str) -> Result<Option<(OpenedFile, PathBuf)>> {
        let Some(path) = self.find(key)? else { return Ok(None) };
        Ok(open_file(&path)?.map(|opened| (opened, path)))
    }

    pub(super) fn meta(&self, meta: &fs::Metadata) -> ObjectMeta {
        let object = ObjectMeta::new(meta.len()).with_version(version(meta));
        match meta.modified() {
            Ok(modified) => object.modified(Timestamp::from(modified), self.age(modified)),
            Err(_) => object,
        }
    }

    /// Returns the time since `then`; zero if that is in the future.
    pub(super) fn age(&self, then: SystemTime) -> Duration {
        self.clock.now().duration_since(then).unwrap_or_default()
    }
}

impl std::fmt::Debug for DirStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bucket = &self.bucket;
        f.debug_struct("DirStore").field("bucket", &bucket).finish_non_exhaustive()
    }
}

/// Returns the version of an object. It changes with every write, which creates a new file, and with every touch, which
/// changes the time.
pub(super) fn version(meta: &fs::Metadata) -> Version {
    Version::new(format!("{:x}-{:x}.{:x}-{:x}", meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.len()))
}
