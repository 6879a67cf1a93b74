//! Checks that a cache can be read and written before a build depends on it.

use crate::base::{Digest, Result};
use crate::object::{BytesPayload, ObjectStore as _, PutMode};
use crate::ops::cache::S3Cache;
use crate::ops::conditions::PROBE;
use crate::ops::persist::{is_transient_and_reached, persist};

impl S3Cache {
    /// Checks that the cache can be reached with its credentials. To read, it looks up a manifest, which may be absent.
    /// To write, it also writes a small object among the blobs, always the same one.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bucket = tempfile::tempdir()?;
    /// use s3_build_cache::{CacheOptions, S3Cache};
    ///
    /// let options: CacheOptions =
    ///     format!("type=s3,bucket=my-cache,endpoint_url=file://{}", bucket.path().display()).parse()?;
    /// S3Cache::open(&options)?.preflight(true)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If there are no credentials, or the store refuses, fails, or cannot be reached.
    pub fn preflight(&self, write: bool) -> Result<()> {
        if write {
            self.store.expect_writes();
        }
        let request = |act: &dyn Fn() -> Result<()>| persist(&self.context, is_transient_and_reached, act);
        if let Some(name) = self.options.keys().names.first() {
            request(&|| self.store.head(&self.keys.manifest(name)).map(drop))?;
        }
        if write {
            let payload = BytesPayload::new(PROBE.to_vec());
            let key = self.keys.blob(&Digest::of(PROBE));
            request(&|| self.store.put(&key, &payload, &PutMode::Overwrite).map(drop))?;
        }
        Ok(())
    }
}
