//! `show`: one manifest in detail.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::{Digest, Result};
use crate::bucket::Names;
use crate::cache_config::{CacheConfig, RecordIndex};
use crate::go::Timestamp;
use crate::object::{ObjectMeta, ObjectStore as _};
use crate::ops::cache::S3Cache;
use crate::ops::manifests::load_name;
use crate::ops::presence;
use crate::ops::survey::named_manifests;

/// A manifest in detail.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ManifestDetails {
    /// The name.
    pub name: String,
    /// The location: `s3://bucket/key`, or a path.
    pub location: String,
    /// The size of the manifest itself, in bytes.
    pub size: u64,
    /// When it was written, by the store's clock; `None` if the store does not report it.
    pub written: Option<Timestamp>,
    /// The time since then, by the same clock.
    pub age: Option<Duration>,
    /// The number of records.
    pub records: usize,
    /// The layers, in the order of the manifest.
    pub layers: Vec<LayerDetails>,
    /// The leaves: the records that no other record links to, which are the results of builds.
    pub leaves: Vec<LeafDetails>,
}

/// A layer, and the state of its blob.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerDetails {
    /// The digest of the blob.
    pub blob: Digest,
    /// The position of the layer below.
    pub parent: Option<usize>,
    /// The size of the blob in bytes, as the manifest says.
    pub size: u64,
    /// The media type.
    pub media_type: String,
    /// When the layer was built; zero if it is not known.
    pub created_at: Timestamp,
    /// Whether the bucket has the blob.
    pub state: BlobState,
    /// The blob in the bucket.
    pub stored: Option<StoredCopy>,
}

/// A blob in the bucket, by the store's report.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StoredCopy {
    /// The size in bytes.
    pub size: u64,
    /// When it was last uploaded or touched; `None` if the store does not report it.
    pub modified: Option<Timestamp>,
    /// The time since then, by the store's clock.
    pub age: Option<Duration>,
}

/// Whether a blob can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlobState {
    /// The bucket has it, with the right size. Its bytes are not checked.
    Present,
    /// The bucket lacks it.
    Missing,
    /// It has another size than the manifest says.
    WrongSize,
    /// It is archived: it must be restored before it can be read.
    Archived,
}

/// A leaf of a manifest: a record that no other record links to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeafDetails {
    /// The digest of the build step.
    pub digest: String,
    /// When it was last exported; `None` unless a merge wrote the manifest.
    pub exported: Option<Timestamp>,
    /// The number of its results: zero means that only steps before it are cached.
    pub results: usize,
    /// The newest result of the leaf and the steps before it; `None` if it is not known.
    pub built: Option<Timestamp>,
}

impl BlobState {
    /// Returns the state of a blob that should have this size. `meta` is that of the blob in the bucket.
    pub(in crate::ops) fn of(size: u64, meta: Option<&ObjectMeta>) -> Self {
        match meta {
            None => Self::Missing,
            Some(meta) if !meta.readable => Self::Archived,
            Some(meta) if meta.size != size => Self::WrongSize,
            Some(_) => Self::Present,
        }
    }

    /// Returns the state in one word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Missing => "missing",
            Self::WrongSize => "wrong-size",
            Self::Archived => "archived",
        }
    }
}

impl S3Cache {
    /// Returns the names of the existing manifests among `names`, sorted, and the names that are given exactly and have
    /// no manifest.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub fn manifest_names(&self, names: &Names) -> Result<(Vec<String>, Vec<String>)> {
        let (listed, absent) = named_manifests(self, names)?;
        Ok((listed.into_iter().map(|listed| listed.name).collect(), absent))
    }

    /// Returns the manifest with this name in detail, or `None` if it does not exist.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bucket = tempfile::tempdir()?;
    /// use s3_build_cache::{CacheOptions, LocalCache, S3Cache};
    /// use s3_build_cache::inspect::BlobState;
    ///
    /// let options: CacheOptions =
    ///     format!("type=s3,bucket=my-cache,name=app,endpoint_url=file://{}", bucket.path().display()).parse()?;
    /// let cache = S3Cache::open(&options)?;
    /// cache.export(&LocalCache::open("tests/fixtures/min/local", "latest")?)?;
    /// let app = cache.show_manifest("app")?.expect("it was exported above");
    /// assert!(app.layers.iter().all(|layer| layer.state == BlobState::Present));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the manifest is damaged, or the store refuses or fails.
    pub fn show_manifest(&self, name: &str) -> Result<Option<ManifestDetails>> {
        let Some(found) = load_name(self, name.to_owned())? else { return Ok(None) };
        let Some(meta) = self.store.head(&self.keys.manifest(name))? else { return Ok(None) };
        let config = &found.config;
        let stored = presence::find(self, &config.blobs())?;
        Ok(Some(ManifestDetails {
            size: meta.size,
            written: meta.last_modified,
            age: meta.age,
            records: config.records().len(),
            layers: layers(config, &stored),
            leaves: leaves(config),
            name: found.name,
            location: found.location,
        }))
    }
}

fn layers(config: &CacheConfig, stored: &HashMap<Digest, ObjectMeta>) -> Vec<LayerDetails> {
    let details = config.layers().iter().map(|layer| {
        let meta = stored.get(&layer.blob);
        LayerDetails {
            blob: layer.blob,
            parent: layer.parent.map(|parent| parent.get()),
            size: layer.annotations.size,
            media_type: layer.annotations.media_type.clone(),
            created_at: layer.annotations.created_at,
            state: BlobState::of(layer.annotations.size, meta),
            stored: meta.map(|meta| StoredCopy { size: meta.size, modified: meta.last_modified, age: meta.age }),
        }
    });
    details.collect()
}

fn leaves(config: &CacheConfig) -> Vec<LeafDetails> {
    let exported: HashMap<RecordIndex, Timestamp> = config.leaf_times().iter().copied().collect();
    let built: HashMap<RecordIndex, Timestamp> = config.newest_times().into_iter().collect();
    let details = config.leaves().filter_map(|leaf| {
        let record = config.record(leaf)?;
        Some(LeafDetails {
            digest: record.digest.to_string(),
            exported: exported.get(&leaf).copied(),
            built: built.get(&leaf).copied(),
            results: record.results.len() + record.chains.len(),
        })
    });
    details.collect()
}
