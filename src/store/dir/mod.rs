//! A plain directory as an object store: `<root>/<bucket>/<key>`, for trials without a server, caches on a network file
//! system, and tests.
//!
//! It follows S3's contract as far as files can: an object appears completely or not at all, and is stored only if its
//! bytes match the announced size and digest.

mod key;
mod list;
mod parts;
mod write;

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use crate::base::{Clock, Error, Payload, Problem, Result};
use crate::config::Bucket;
use crate::files::{Opened, Place, directory, directory_place, file_place, open_file, root_directory};
use crate::store::{GetOptions, ListPage, Object, ObjectMeta, ObjectStore, PartsUpload, Touch};

/// The same as in S3.
const PAGE_KEYS: usize = 1000;

/// A bucket in a directory. A missing directory is an empty bucket; the first write creates it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let root = tempfile::tempdir()?;
/// use std::sync::Arc;
/// use s3_build_cache::{BytesPayload, DirStore, ObjectStore, SystemClock};
///
/// let store = DirStore::new(root.path().join("caches"), "my-bucket", Arc::new(SystemClock::default()))?;
/// assert_eq!(store.head("manifests/app")?, None);
/// store.put("manifests/app", &BytesPayload::new(b"{}".to_vec()))?;
/// assert_eq!(store.head("manifests/app")?.map(|meta| meta.size), Some(2));
/// # Ok(())
/// # }
/// ```
pub struct DirStore {
    root: PathBuf,
    bucket: PathBuf,
    swept: AtomicBool,
    clock: Arc<dyn Clock>,
    page_keys: usize,
}

impl DirStore {
    /// Returns the bucket `bucket` in the directory `root`; `clock` determines ages. Accesses nothing yet.
    ///
    /// # Errors
    /// [`Error::Usage`] if `bucket` is not a valid bucket name.
    pub fn new(root: impl Into<PathBuf>, bucket: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        bucket.parse::<Bucket>()?.check_for_directory()?;
        let root = root.into();
        Ok(Self { bucket: root.join(bucket), root, swept: AtomicBool::new(false), clock, page_keys: PAGE_KEYS })
    }

    fn bucket_exists(&self) -> Result<bool> {
        Ok(root_directory(&self.root)? && directory(&self.bucket)?)
    }

    /// Returns the path of a directory in the bucket, if it exists completely.
    fn find_dir<'a>(&self, segments: impl Iterator<Item = &'a str>) -> Result<Option<PathBuf>> {
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
    fn find(&self, key: &str) -> Result<Option<PathBuf>> {
        key::check(key)?;
        let (parents, name) = key::split(key);
        let path = self.find_dir(parents)?.map(|parent| parent.join(name));
        match &path {
            Some(path) if file_place(path)? == Place::File => Ok(Some(path.clone())),
            _ => Ok(None),
        }
    }

    fn open(&self, key: &str) -> Result<Option<(Opened, PathBuf)>> {
        let Some(path) = self.find(key)? else { return Ok(None) };
        Ok(open_file(&path)?.map(|opened| (opened, path)))
    }

    fn meta(&self, meta: &fs::Metadata) -> ObjectMeta {
        let age = |modified: SystemTime| self.clock.now().duration_since(modified).unwrap_or_default();
        ObjectMeta::new(meta.len(), meta.modified().ok().map(age))
    }
}

impl ObjectStore for DirStore {
    fn location(&self, key: &str) -> String {
        self.bucket.join(key).display().to_string()
    }

    fn probe(&self) -> Result<()> {
        self.bucket_exists().map(drop)
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        Ok(self.open(key)?.map(|(opened, _)| self.meta(&opened.meta)))
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        let Some((Opened { mut file, meta }, path)) = self.open(key)? else { return Ok(None) };
        let (size, etag) = (meta.len(), etag(&meta));
        if options.if_match.as_ref().is_some_and(|wanted| *wanted != etag) {
            return Err(Error::Conflict(Problem::new(format!("{} has changed", path.display()))));
        }
        let mut left = size;
        if let Some(range) = &options.range {
            if range.start >= size {
                let message = format!("{} has only {size} bytes, none at {}", path.display(), range.start);
                return Err(Error::Integrity(Problem::new(message)));
            }
            left = range.end.min(size).saturating_sub(range.start);
            file.seek(SeekFrom::Start(range.start)).map_err(|error| Error::io("read", &path, error))?;
        }
        Ok(Some(Object::new(size, Some(etag), Box::new(Body { file, left }))))
    }

    fn put(&self, key: &str, payload: &dyn Payload) -> Result<()> {
        key::check(key)?;
        self.write(key, payload)
    }

    fn put_in_parts<'a>(&'a self, key: &str, size: u64) -> Result<Option<Box<dyn PartsUpload + 'a>>> {
        key::check(key)?;
        Ok(Some(Box::new(parts::Upload::begin(self, key, size)?)))
    }

    fn touch(&self, key: &str, _: &ObjectMeta) -> Result<Touch> {
        let Some((Opened { file, .. }, path)) = self.open(key)? else { return Ok(Touch::Gone) };
        file.set_modified(self.clock.now()).map_err(|error| Error::io("touch", path, error))?;
        Ok(Touch::Done)
    }

    fn list(&self, prefix: &str, continuation: Option<&str>) -> Result<ListPage> {
        self.page(prefix, continuation, self.page_keys)
    }

    fn delete(&self, key: &str) -> Result<()> {
        let Some(path) = self.find(key)? else { return Ok(()) };
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io("remove", path, error)),
            _ => {}
        }
        // Directories are not objects: remove empty ones. A concurrent write recreates what it needs.
        for parent in path.ancestors().skip(1).take_while(|parent| *parent != self.bucket) {
            if fs::remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn requests(&self) -> u64 {
        0
    }
}

/// Changes with every write, which creates a new file, and with every touch, which changes the time.
fn etag(meta: &fs::Metadata) -> String {
    format!("{:x}-{:x}.{:x}-{:x}", meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.len())
}

/// Reads exactly this many bytes of a file, or fails.
struct Body {
    file: File,
    left: u64,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let window = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read(buffer.get_mut(..window).unwrap_or_default())?;
        if read == 0 && window > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was cut while it was read"));
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

impl std::fmt::Debug for DirStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bucket: &Path = &self.bucket;
        f.debug_struct("DirStore").field("bucket", &bucket).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
