//! The checked cache config.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Deref;
use std::{fmt, slice};

use crate::base::Digest;
use crate::go::Timestamp;

/// A checked BuildKit cache config: every index is in range, and there are no cycles. It contains no [`Crown`]:
/// every crown is removed on reading. Two configs are equal if their layers and records are; leaf times do not count.
///
/// ```
/// use s3_build_cache::CacheConfig;
///
/// let bytes = std::fs::read("tests/fixtures/max/s3-manifest.json").unwrap();
/// let config = CacheConfig::from_s3_json(&bytes).unwrap();
/// assert_eq!((config.layers().len(), config.records().len()), (11, 18));
/// assert_eq!(config.to_s3_json(), bytes);
/// ```
///
/// [`Crown`]: crate::cache_config::Crown
#[derive(Clone, Debug, Default)]
pub struct CacheConfig {
    pub(super) layers: Vec<Layer>,
    pub(super) records: Vec<Record>,
    /// When leaves were last exported: sorted by record, with one time each.
    pub(super) leaf_times: Box<[(RecordIndex, Timestamp)]>,
}

/// A position in [`CacheConfig::layers`], proven in range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerIndex(pub(super) usize);

/// A position in [`CacheConfig::records`], proven in range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordIndex(pub(super) usize);

/// One layer: a blob on top of another layer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layer {
    /// The digest of the stored bytes.
    pub blob: Digest,
    /// The layer below.
    pub parent: Option<LayerIndex>,
    /// The metadata of the blob.
    pub annotations: Annotations,
}

/// The metadata that a reader needs about a layer's blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotations {
    /// The OCI media type.
    pub media_type: String,
    /// The digest of the uncompressed bytes.
    pub diff_id: Digest,
    /// The size of the blob in bytes.
    pub size: u64,
    /// The creation time; [`Timestamp::ZERO`] if unknown.
    pub created_at: Timestamp,
}

/// One build step, identified by its cache key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// The digest of the step itself: a non-empty string, kept unchanged.
    pub digest: Box<str>,
    /// The alternatives for each input of the step; none of the lists is empty.
    pub inputs: Box<[Alternatives]>,
    /// The results of the step.
    pub results: Box<[CacheResult]>,
    /// The results of the step that list every layer.
    pub chains: Box<[ChainedResult]>,
}

/// The alternatives for one input of a step, as a slice. There is nearly always only one, which is stored without a
/// list, because a large config has millions of these.
#[derive(Clone, PartialEq, Eq)]
pub struct Alternatives(Choice);

/// A single alternative is always `One`, so that equal lists compare equal.
#[derive(Clone, PartialEq, Eq)]
enum Choice {
    One(Input),
    Many(Box<[Input]>),
}

/// An input of a step: the result of another step, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Input {
    /// The part of the result; empty for the whole.
    pub selector: Box<str>,
    /// The other step.
    pub link: RecordIndex,
}

/// A result: a layer with all its ancestors.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheResult {
    /// The topmost layer.
    pub layer: LayerIndex,
    /// The creation time.
    pub created_at: Timestamp,
}

/// A result that lists its layers, lowest first; the layers' own parents are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainedResult {
    /// The layers, lowest first.
    pub layers: Box<[LayerIndex]>,
    /// The creation time.
    pub created_at: Timestamp,
}

impl CacheConfig {
    /// Returns the layers, in the order of the file.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Returns the records, in the order of the file, without the crown.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Returns the layer at `index`, or `None` if the index is from another config and out of range.
    pub fn layer(&self, index: LayerIndex) -> Option<&Layer> {
        self.layers.get(index.0)
    }

    /// Returns the record at `index`, or `None` if the index is from another config and out of range.
    pub fn record(&self, index: RecordIndex) -> Option<&Record> {
        self.records.get(index.0)
    }

    /// Returns the distinct blobs with their sizes in bytes, in the order of the layers.
    pub fn blobs(&self) -> Vec<(Digest, u64)> {
        let mut seen = HashSet::with_capacity(self.layers.len());
        let new = self.layers.iter().filter(|layer| seen.insert(layer.blob));
        new.map(|layer| (layer.blob, layer.annotations.size)).collect()
    }

    /// Returns the parent of each layer, by position.
    pub(super) fn parents(&self) -> Vec<Option<usize>> {
        self.layers.iter().map(|layer| layer.parent.map(|parent| parent.0)).collect()
    }
}

impl PartialEq for CacheConfig {
    fn eq(&self, other: &Self) -> bool {
        self.layers == other.layers && self.records == other.records
    }
}

impl Eq for CacheConfig {}

impl From<CacheConfig> for Cow<'_, CacheConfig> {
    fn from(config: CacheConfig) -> Self {
        Self::Owned(config)
    }
}

impl<'a> From<&'a CacheConfig> for Cow<'a, CacheConfig> {
    fn from(config: &'a CacheConfig) -> Self {
        Self::Borrowed(config)
    }
}

impl Alternatives {
    pub(super) fn new(mut inputs: Vec<Input>) -> Self {
        match inputs.pop() {
            Some(only) if inputs.is_empty() => Self::one(only),
            last => {
                inputs.extend(last);
                Self(Choice::Many(inputs.into_boxed_slice()))
            }
        }
    }

    pub(super) fn one(input: Input) -> Self {
        Self(Choice::One(input))
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [Input] {
        match &mut self.0 {
            Choice::One(input) => slice::from_mut(input),
            Choice::Many(inputs) => inputs,
        }
    }
}

impl Deref for Alternatives {
    type Target = [Input];

    fn deref(&self) -> &[Input] {
        match &self.0 {
            Choice::One(input) => slice::from_ref(input),
            Choice::Many(inputs) => inputs,
        }
    }
}

impl<'a> IntoIterator for &'a Alternatives {
    type Item = &'a Input;
    type IntoIter = slice::Iter<'a, Input>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Alternatives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.deref().fmt(f)
    }
}

impl LayerIndex {
    /// Returns the position.
    pub fn get(self) -> usize {
        self.0
    }
}

impl RecordIndex {
    /// Returns the position.
    pub fn get(self) -> usize {
        self.0
    }
}

/// Sets the slot at a position that is proven in range.
pub(super) fn set<T>(slots: &mut [T], position: usize, value: T) {
    if let Some(slot) = slots.get_mut(position) {
        *slot = value;
    }
}
