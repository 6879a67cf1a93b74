//! Checks that every blob of the manifests is there, with its size and, on request, its digest, and repairs what can be
//! repaired.

mod finding;
mod hash;
mod repair;
mod scan;
mod verification;

use crate::base::Result;
use crate::bucket::Names;
use crate::ops::cache::S3Cache;
use crate::ops::survey::named_manifests;
pub use finding::{Defect, Finding};
pub use repair::{RepairPlan, RepairStep};
use scan::Scan;
pub use verification::Verification;

impl S3Cache {
    /// Checks the manifests with these names: each must be valid, and the bucket must have every blob with the size that
    /// the manifest says. With `deep`, every blob is read and its digest is checked.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bucket = tempfile::tempdir()?;
    /// use s3_build_cache::inspect::Names;
    /// use s3_build_cache::{CacheOptions, LocalCache, S3Cache};
    ///
    /// let options: CacheOptions =
    ///     format!("type=s3,bucket=my-cache,name=app,endpoint_url=file://{}", bucket.path().display()).parse()?;
    /// let cache = S3Cache::open(&options)?;
    /// cache.export(&LocalCache::open("tests/fixtures/min/local", "latest")?)?;
    /// let verification = cache.verify(&Names::all(), true)?;
    /// assert!(verification.is_clean() && verification.blobs == 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the store refuses or fails. What is wrong with a single manifest or blob is a finding.
    pub fn verify(&self, names: &Names, deep: bool) -> Result<Verification> {
        let (start, requests) = (self.context.clock.monotonic(), self.requests());
        let (listed, absent) = named_manifests(self, names)?;
        let mut scan = Scan::of(self, listed, names.are_exact())?;
        scan.check_archived()?;
        let bytes_read = if deep { scan.hash()? } else { 0 };
        scan.log(deep);
        let (manifests, blobs, affected) = (scan.manifests(), scan.blobs(), scan.affected());
        let absent = absent.into_iter().map(|name| Finding::manifest(name.into(), Defect::AbsentManifest));
        let findings = absent.chain(scan.into_findings()).collect();
        Ok(Verification {
            manifests,
            blobs,
            bytes_read,
            findings,
            affected,
            requests: self.requests() - requests,
            elapsed: self.context.clock.monotonic().saturating_sub(start),
        })
    }
}
