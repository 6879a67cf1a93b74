//! Builds a cache config from an embedder's own build steps.

use crate::base::{Digest, Error, Result};
use crate::cache_config::blob_facts::BlobFacts;
use crate::cache_config::canonical::canonical;
use crate::cache_config::model::{
    Alternatives, Annotations, CacheConfig, CacheResult, Input, Layer, LayerIndex, Record, RecordIndex,
};
use crate::go::Timestamp;

/// Builds a [`CacheConfig`] from build steps. Layers and records are added bottom-up, so cycles are impossible. Invalid
/// arguments are reported by [`build`](Self::build).
///
/// ```
/// use s3_build_cache::Digest;
/// use s3_build_cache::cache_config::{Annotations, CacheConfigBuilder};
/// use s3_build_cache::time::Timestamp;
///
/// let bytes = b"the bytes of a layer";
/// let mut builder = CacheConfigBuilder::new();
/// let layer = builder.layer(Digest::of(bytes), None, Annotations {
///     media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
///     diff_id: Digest::of(bytes),
///     size: bytes.len() as u64,
///     created_at: "2026-01-02T03:04:05Z".parse()?,
/// });
/// let source = builder.record(Digest::of(b"the source code").to_string(), []);
/// // One input with one alternative: the file main.rs of `source`.
/// let compile = builder.record(Digest::of(b"compile it").to_string(), [vec![(source, "main.rs")]]);
/// builder.result(compile, layer, "2026-01-02T03:04:05Z".parse()?);
/// let config = builder.build()?;
/// assert_eq!((config.layers().len(), config.records().len()), (1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CacheConfigBuilder {
    config: CacheConfig,
    /// The results of each record.
    results: Vec<Vec<CacheResult>>,
    problem: Option<String>,
}

/// A layer of the [`CacheConfigBuilder`] that returned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LayerId(usize);

/// A record of the [`CacheConfigBuilder`] that returned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordId(usize);

impl CacheConfigBuilder {
    /// Returns a builder with an empty config.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer on top of `parent`. Layers with the same blob and the same ancestors are merged.
    pub fn layer(&mut self, blob: Digest, parent: Option<LayerId>, annotations: Annotations) -> LayerId {
        if i64::try_from(annotations.size).is_err() {
            self.fail(|| format!("the blob {blob} has {} bytes, more than BuildKit can represent", annotations.size));
        }
        let parent = parent.map(|parent| self.known_layer(parent));
        self.config.layers.push(Layer { blob, parent, annotations });
        LayerId(self.config.layers.len() - 1)
    }

    /// Adds a step, given its digest and the alternatives for each of its inputs. Each alternative has a selector,
    /// which is empty for the whole result. Steps with the same digest and the same inputs are merged.
    pub fn record<'a>(
        &mut self,
        digest: impl Into<Box<str>>,
        inputs: impl IntoIterator<Item = Vec<(RecordId, &'a str)>>,
    ) -> RecordId {
        let digest = digest.into();
        if digest.is_empty() {
            self.fail(|| "a record has an empty digest".to_owned());
        }
        let mut lists = Vec::new();
        for alternatives in inputs {
            if alternatives.is_empty() {
                self.fail(|| format!("an input of the record {digest} has no alternative"));
            }
            let link = |(record, selector): (RecordId, &str)| Input {
                selector: selector.into(),
                link: self.known_record(record),
            };
            lists.push(Alternatives::new(alternatives.into_iter().map(link).collect()));
        }
        self.config.records.push(Record {
            digest,
            inputs: lists.into(),
            results: Box::default(),
            chains: Box::default(),
        });
        self.results.push(Vec::new());
        RecordId(self.config.records.len() - 1)
    }

    /// Records that a step produced this layer with all its ancestors.
    pub fn result(&mut self, record: RecordId, layer: LayerId, created_at: Timestamp) {
        let layer = self.known_layer(layer);
        let RecordIndex(at) = self.known_record(record);
        if let Some(results) = self.results.get_mut(at) {
            results.push(CacheResult { layer, created_at });
        }
    }

    /// Returns the config, in canonical order.
    ///
    /// # Errors
    /// [`Error::Usage`] if a digest or an input is empty, an id is from another builder, or one blob was added with two
    /// sizes or diffIDs, or with a size of 2⁶³ bytes or more.
    pub fn build(mut self) -> Result<CacheConfig> {
        for (record, results) in self.config.records.iter_mut().zip(self.results) {
            record.results = results.into();
        }
        let mut facts = BlobFacts::with_capacity(self.config.layers.len());
        let contradicting = self.config.layers.iter().find(|layer| facts.contradict(layer, ()).is_some());
        let problem = self
            .problem
            .or_else(|| contradicting.map(|layer| format!("the blob {} was given two sizes or diffIDs", layer.blob)));
        match problem {
            Some(problem) => Err(Error::usage(problem)),
            None => Ok(canonical(&self.config)),
        }
    }

    fn fail(&mut self, problem: impl FnOnce() -> String) {
        self.problem.get_or_insert_with(problem);
    }

    fn known_layer(&mut self, LayerId(at): LayerId) -> LayerIndex {
        if at >= self.config.layers.len() {
            self.fail(|| format!("layer {at} is from another builder"));
        }
        LayerIndex(at)
    }

    fn known_record(&mut self, RecordId(at): RecordId) -> RecordIndex {
        if at >= self.config.records.len() {
            self.fail(|| format!("record {at} is from another builder"));
        }
        RecordIndex(at)
    }
}
