//! The results of a record, and the layers that they consist of.

use crate::cache_config::model::{CacheConfig, CacheResult, ChainedResult, Layer, Record};
use crate::go::Timestamp;

/// A result of a record, in either form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordResult<'a> {
    /// A layer with all its ancestors.
    Layer(&'a CacheResult),
    /// A list of layers.
    Chain(&'a ChainedResult),
}

impl RecordResult<'_> {
    /// Returns the creation time; [`Timestamp::ZERO`] if unknown.
    pub fn created_at(&self) -> Timestamp {
        match self {
            Self::Layer(result) => result.created_at,
            Self::Chain(result) => result.created_at,
        }
    }
}

impl<'a> From<&'a CacheResult> for RecordResult<'a> {
    fn from(result: &'a CacheResult) -> Self {
        Self::Layer(result)
    }
}

impl<'a> From<&'a ChainedResult> for RecordResult<'a> {
    fn from(result: &'a ChainedResult) -> Self {
        Self::Chain(result)
    }
}

impl Record {
    /// Returns the newest result, which is the one that BuildKit uses, or `None` if the cache has no result of this
    /// step. Of several equally new ones, returns the first in the file.
    pub fn newest_result(&self) -> Option<RecordResult<'_>> {
        let results = self.results.iter().map(RecordResult::from).chain(self.chains.iter().map(RecordResult::from));
        // `max_by_key` would return the last of several.
        results.reduce(
            |newest, result| {
                if result.created_at().instant() > newest.created_at().instant() { result } else { newest }
            },
        )
    }
}

impl CacheConfig {
    /// Returns the layers of a result, parents first: the order in which to unpack them. Returns `None` if the result
    /// is from another config and its indexes are out of range.
    ///
    /// ```
    /// use s3_build_cache::CacheConfig;
    ///
    /// let config = CacheConfig::from_s3_json(&std::fs::read("tests/fixtures/max/s3-manifest.json")?)?;
    /// let result = config.records().iter().find_map(|record| record.newest_result()).expect("a result");
    /// let layers = config.chain(result).expect("it is from the same config");
    /// let download_bytes: u64 = layers.iter().map(|layer| layer.annotations.size).sum();
    /// assert_eq!((layers.len(), download_bytes), (3, 71_873));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn chain<'a>(&self, result: impl Into<RecordResult<'a>>) -> Option<Vec<&Layer>> {
        match result.into() {
            RecordResult::Layer(result) => {
                self.layer(result.layer)?;
                let mut chain: Vec<&Layer> = self.ancestry(result.layer).filter_map(|at| self.layer(at)).collect();
                chain.reverse();
                Some(chain)
            }
            RecordResult::Chain(result) => result.layers.iter().map(|layer| self.layer(*layer)).collect(),
        }
    }
}
