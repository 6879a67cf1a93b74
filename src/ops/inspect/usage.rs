//! `ls` and `du`: the manifests of a bucket, what each uses, and what none uses.

use std::cmp::Reverse;
use std::time::Duration;

use crate::base::{Error, Result, sort};
use crate::bucket::{Names, StoredBlob};
use crate::go::Timestamp;
use crate::ops::cache::S3Cache;
use crate::ops::inspect::ages::{self, AgeBand};
use crate::ops::inspect::largest::{LargeBlob, Largest};
use crate::ops::survey::{
    self, BlobSum, ListedManifest, ManifestUse, Owner, Reading, StoredBlobs, Usage, list_blobs, list_manifests,
};

/// The number of manifests whose largest blobs are kept.
pub(super) const MOST_DETAILED: usize = 150;
/// A blob that no manifest has referenced for this long is old enough to be deleted.
const OLD: Duration = Duration::from_secs(48 * 3600);

/// A manifest, and what it uses.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ManifestSummary {
    /// The name.
    pub name: String,
    /// The size of the manifest itself, in bytes.
    pub size: u64,
    /// When it was written, by the store's clock; `None` if the store does not report it.
    pub written: Option<Timestamp>,
    /// The time since then, by the same clock.
    pub age: Option<Duration>,
    /// The number of layers. Several layers may have the same blob.
    pub layers: usize,
    /// The number of records.
    pub records: usize,
    /// The blobs that it references and the bucket has.
    pub referenced: BlobSum,
    /// Those of them that no other manifest of the bucket references.
    pub own: BlobSum,
    /// The blobs that it references and the bucket lacks, with the sizes in the manifest.
    pub missing: BlobSum,
    /// The number of referenced blobs that are archived, or have another size than the manifest says.
    pub unusable: u64,
    /// The largest of its own blobs, largest first. Empty unless the manifest is one of the 150 with the most own
    /// bytes.
    pub largest: Vec<LargeBlob>,
    /// Why the manifest cannot be read. Then it counts as one without layers.
    pub problem: Option<Error>,
}

/// What fills a bucket.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DiskUsage {
    /// When the bucket was measured.
    pub measured_at: Option<Timestamp>,
    /// The selected manifests, sorted by name.
    pub manifests: Vec<ManifestSummary>,
    /// The names that were given exactly and have no manifest.
    pub absent: Vec<String>,
    /// All blobs of the bucket.
    pub total: BlobSum,
    /// The blobs that a manifest references. All manifests count, not only the selected ones.
    pub referenced: BlobSum,
    /// The blobs that several manifests reference.
    pub shared: BlobSum,
    /// The blobs that no manifest references.
    pub unreferenced: BlobSum,
    /// Those of them that have not been uploaded or touched for two days.
    pub unreferenced_old: BlobSum,
    /// The objects under the prefix of the blobs that are not blobs.
    pub others: BlobSum,
    /// The number of all manifests.
    pub all_manifests: usize,
    /// The number of manifests that could not be read. The blobs of these are not known, so they may count as
    /// unreferenced.
    pub unread: usize,
    /// The ages of the blobs, youngest first.
    pub ages: Vec<AgeBand>,
    /// The largest of the shared blobs, largest first.
    pub largest_shared: Vec<LargeBlob>,
    /// The largest of the unreferenced blobs, largest first.
    pub largest_unreferenced: Vec<LargeBlob>,
    /// The number of requests sent, including retries.
    pub requests: u64,
    /// The elapsed time.
    pub elapsed: Duration,
}

impl DiskUsage {
    /// Returns the blobs that one manifest references.
    pub fn own(&self) -> BlobSum {
        BlobSum {
            blobs: self.referenced.blobs.saturating_sub(self.shared.blobs),
            bytes: self.referenced.bytes.saturating_sub(self.shared.bytes),
        }
    }

    /// Returns the manifests with the most bytes of their own first.
    pub fn largest_first(&self) -> Vec<&ManifestSummary> {
        let mut manifests: Vec<&ManifestSummary> = self.manifests.iter().collect();
        sort::sort_by_key(&mut manifests, |manifest| (Reverse(manifest.own.bytes), Reverse(manifest.referenced.bytes)));
        manifests
    }
}

impl S3Cache {
    /// Returns what fills the bucket. Lists all blobs and reads all manifests under the prefixes, whatever `names`
    /// says, because a blob may belong to any of them.
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
    /// let usage = cache.disk_usage(&Names::all())?;
    /// assert_eq!((usage.manifests[0].name.as_str(), usage.manifests[0].own.blobs), ("app", 3));
    /// assert_eq!(usage.unreferenced.blobs, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the store refuses or fails. A single manifest that cannot be read is not an error.
    pub fn disk_usage(&self, names: &Names) -> Result<DiskUsage> {
        let (start, requests) = (self.context.clock.monotonic(), self.requests());
        let blobs = list_blobs(self)?;
        let manifests = list_manifests(self, &Names::all())?;
        let (mut usage, mut problems) = (Usage::new(&blobs, manifests.len()), vec![None; manifests.len()]);
        survey::read_manifests(self, &manifests, Some(&blobs), &mut |at, reading| {
            match reading {
                Reading::Config { found, late } => usage.add(&blobs, at, &found.config, late),
                Reading::Gone => {}
                Reading::Unreadable(error) => {
                    if let Some(problem) = problems.get_mut(at) {
                        *problem = Some(error);
                    }
                }
            }
            Ok(())
        })?;
        let mut sums = Sums::new(&manifests);
        usage.blobs(&blobs).for_each(|(blob, owner)| sums.add(&blobs, &blob, owner));
        let unread = problems.iter().flatten().count();
        let listed = manifests.into_iter().zip(problems).zip(sums.own).enumerate();
        let (mut selected, mut all_manifests) = (Vec::new(), 0);
        for (at, ((listed, problem), largest)) in listed {
            let used = usage.manifest(at);
            // It was deleted since it was listed.
            if used.is_none() && problem.is_none() {
                continue;
            }
            all_manifests += 1;
            if names.contains(&listed.name) {
                selected.push(summary(listed, used.unwrap_or_default(), largest.finish(), problem));
            }
        }
        keep_largest(&mut selected);
        let is_listed = |name: &&str| selected.iter().any(|known: &ManifestSummary| known.name == *name);
        Ok(DiskUsage {
            absent: names.exact().filter(|name| !is_listed(name)).map(str::to_owned).collect(),
            manifests: selected,
            others: blobs.others,
            all_manifests,
            unread,
            measured_at: Some(Timestamp::from(self.now()).to_whole_seconds()),
            largest_shared: sums.largest_shared.finish(),
            largest_unreferenced: sums.largest_unreferenced.finish(),
            requests: self.requests() - requests,
            elapsed: self.context.clock.monotonic().saturating_sub(start),
            ..sums.usage
        })
    }

    /// Returns the manifests with these names and what each uses, sorted by name. Costs as much as
    /// [`disk_usage`](Self::disk_usage).
    ///
    /// # Errors
    /// As [`disk_usage`](Self::disk_usage).
    pub fn list_manifests(&self, names: &Names) -> Result<Vec<ManifestSummary>> {
        self.disk_usage(names).map(|usage| usage.manifests)
    }
}

/// The sums over all blobs.
struct Sums {
    usage: DiskUsage,
    /// The largest blobs of each manifest's own.
    own: Vec<Largest>,
    largest_shared: Largest,
    largest_unreferenced: Largest,
}

impl Sums {
    fn new(manifests: &[ListedManifest]) -> Self {
        Self {
            usage: DiskUsage { ages: ages::bands(), ..DiskUsage::default() },
            own: manifests.iter().map(|_| Largest::default()).collect(),
            largest_shared: Largest::default(),
            largest_unreferenced: Largest::default(),
        }
    }

    fn add(&mut self, blobs: &StoredBlobs, blob: &StoredBlob, owner: Owner) {
        let Self { usage, own, largest_shared, largest_unreferenced } = self;
        let age = blobs.table.age(blob);
        usage.total.add(blob.size);
        if let Some(age) = age {
            ages::add(&mut usage.ages, age, owner, blob.size);
        }
        let largest = match owner {
            Owner::One(at) => own.get_mut(at as usize),
            Owner::Several => Some(largest_shared),
            Owner::Nobody => Some(largest_unreferenced),
        };
        if let Some(largest) = largest {
            largest.add(blob.digest, blob.size, age);
        }
        if owner == Owner::Nobody {
            usage.unreferenced.add(blob.size);
            if age.is_some_and(|age| age >= OLD) {
                usage.unreferenced_old.add(blob.size);
            }
            return;
        }
        usage.referenced.add(blob.size);
        if owner == Owner::Several {
            usage.shared.add(blob.size);
        }
    }
}

/// Forgets the largest blobs of all but the manifests with the most own bytes.
fn keep_largest(manifests: &mut [ManifestSummary]) {
    let mut sizes: Vec<u64> = manifests.iter().map(|manifest| manifest.own.bytes).collect();
    sort::sort_by_key(&mut sizes, |size| Reverse(*size));
    let Some(least) = sizes.get(MOST_DETAILED).copied() else { return };
    for manifest in manifests.iter_mut().filter(|manifest| manifest.own.bytes <= least) {
        manifest.largest = Vec::new();
    }
}

fn summary(
    listed: ListedManifest,
    used: ManifestUse,
    largest: Vec<LargeBlob>,
    problem: Option<Error>,
) -> ManifestSummary {
    let ManifestUse { layers, records, stored, own, missing, unusable } = used;
    ManifestSummary {
        name: listed.name,
        size: listed.meta.size,
        written: listed.meta.last_modified,
        age: listed.meta.age,
        layers,
        records,
        referenced: stored,
        own,
        missing,
        unusable,
        largest,
        problem,
    }
}
