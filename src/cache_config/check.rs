//! Checks a cache config. All problems are counted, but only the first are reported.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;

use crate::base::{Digest, Error, Result};
use crate::cache_config::blob_facts::BlobFacts;
use crate::cache_config::descriptor::Descriptor;
use crate::cache_config::graph::Links;
use crate::cache_config::model::{Annotations, CacheConfig, Layer, LayerIndex, RecordIndex};
use crate::cache_config::raw::{RawAnnotations, RawLayer};
use crate::go::{ParsedText, Timestamp};

/// The maximum number of problems listed in an error, which also reports the total.
const MAX_PROBLEMS: usize = 20;

/// Where the layers' annotations are.
pub(super) enum AnnotationSource<'a> {
    /// In the layers themselves, as in S3.
    Layers,
    /// In the descriptors of a local manifest, by blob.
    Descriptors(&'a HashMap<Digest, &'a Descriptor>),
}

/// What a problem is about: a layer or a record, by its position.
#[derive(Clone, Copy)]
pub(super) struct Subject(pub(super) &'static str, pub(super) usize);

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1)
    }
}

/// The first problems, and the total number.
#[derive(Default)]
pub(super) struct Problems {
    first: Vec<String>,
    total: usize,
}

impl Problems {
    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn add(&mut self, problem: impl FnOnce() -> String) {
        self.total += 1;
        if self.first.len() < MAX_PROBLEMS {
            self.first.push(problem());
        }
    }

    /// Adds the problems of a part.
    pub(super) fn append(&mut self, part: Self) {
        if part.is_empty() {
            return;
        }
        self.total += part.total;
        let room = MAX_PROBLEMS.saturating_sub(self.first.len());
        self.first.extend(part.first.into_iter().take(room));
    }

    /// Returns the value, or records the problem and returns `None`.
    pub(super) fn keep<T>(&mut self, subject: Subject, result: std::result::Result<T, String>) -> Option<T> {
        result.map_err(|why| self.add(|| format!("{subject}: {why}"))).ok()
    }

    pub(super) fn into_error(self) -> Error {
        let more = self.total - self.first.len();
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        let noun = if self.total == 1 { "problem" } else { "problems" };
        let first = self.first.join("; ");
        Error::integrity(format!("the cache config has {} {noun}: {first}{more}", self.total))
    }
}

/// The length of a list that is indexed.
pub(super) struct Bound {
    length: usize,
    /// The highest index so far.
    highest: Cell<Option<usize>>,
}

impl Bound {
    pub(super) fn new(length: usize) -> Self {
        Self { length, highest: Cell::new(None) }
    }

    /// Returns whether every index so far is valid in a list of that length.
    pub(super) fn fits(&self, length: usize) -> bool {
        self.highest.get().is_none_or(|highest| highest < length)
    }

    fn index(&self, value: i64) -> Option<usize> {
        let index = usize::try_from(value).ok().filter(|index| *index < self.length)?;
        self.highest.set(self.highest.get().max(Some(index)));
        Some(index)
    }

    fn missed(&self, what: &str, value: i64, noun: &str) -> String {
        let plural = if self.length == 1 { "" } else { "s" };
        format!("{what} {value} is out of range: the config has {} {noun}{plural}", self.length)
    }

    pub(super) fn layer(&self, what: &str, value: i64) -> std::result::Result<LayerIndex, String> {
        self.index(value).map(LayerIndex).ok_or_else(|| self.missed(what, value, "layer"))
    }

    pub(super) fn record(&self, what: &str, value: i64) -> std::result::Result<RecordIndex, String> {
        self.index(value).map(RecordIndex).ok_or_else(|| self.missed(what, value, "record"))
    }
}

/// Checks a layer of `layers` and parses its fields.
pub(super) fn check_layer(
    at: usize,
    raw: RawLayer,
    layers: &Bound,
    source: &AnnotationSource<'_>,
    problems: &mut Problems,
) -> Option<Layer> {
    let subject = Subject("layer", at);
    let blob = raw.blob.get().map_err(|error| format!("blob: {error}"));
    let annotations = match source {
        AnnotationSource::Layers => {
            raw.annotations.ok_or_else(|| "it has no annotations".to_owned()).and_then(annotations)
        }
        AnnotationSource::Descriptors(by_blob) => match blob.as_ref().map(|blob| by_blob.get(blob)) {
            Ok(Some(descriptor)) => descriptor.to_annotations(),
            _ => Err("its blob is not in the manifest".to_owned()),
        },
    };
    let parent = match raw.parent {
        -1 => Ok(None),
        parent => layers.layer("parent", parent).map(Some),
    };
    let blob = problems.keep(subject, blob);
    let parent = problems.keep(subject, parent);
    let annotations = problems.keep(subject, annotations);
    Some(Layer { blob: blob?, parent: parent?, annotations: annotations? })
}

fn annotations(raw: RawAnnotations) -> std::result::Result<Annotations, String> {
    if raw.diff_id.is_empty() {
        return Err("its annotations have no diffID".to_owned());
    }
    Ok(Annotations {
        media_type: raw.media_type,
        diff_id: raw.diff_id.get().map_err(|error| format!("diffID: {error}"))?,
        size: u64::try_from(raw.size).map_err(|_| format!("its size {} is negative", raw.size))?,
        created_at: time(raw.created_at)?,
    })
}

pub(super) fn time(text: Option<ParsedText<Timestamp>>) -> std::result::Result<Timestamp, String> {
    text.map_or(Ok(Timestamp::ZERO), |text| text.get().map_err(|error| format!("createdAt: {error}")))
}

/// Returns whether every index refers to an existing layer or record.
pub(super) fn is_in_range(config: &CacheConfig) -> bool {
    let (layers, records) = (config.layers.len(), config.records.len());
    let is_layer = |layer: &LayerIndex| layer.0 < layers;
    config.layers.iter().all(|layer| layer.parent.is_none_or(|parent| is_layer(&parent)))
        && config.records.iter().all(|record| {
            record.results.iter().all(|result| is_layer(&result.layer))
                && record.chains.iter().flat_map(|chain| &chain.layers).all(is_layer)
                && record.inputs.iter().flatten().all(|input| input.link.0 < records)
        })
}

/// Checks a config whose indexes are all in range.
pub(super) fn check_whole(config: CacheConfig) -> Result<CacheConfig> {
    let CacheConfig { layers, records, .. } = &config;
    let mut problems = Problems::default();
    check_blobs(layers, &mut problems);
    let parents = layers.iter().map(|layer| layer.parent.map(|parent| parent.0));
    for at in Links::new(layers.len(), parents).cycles() {
        problems.add(|| format!("layer {at} is its own ancestor"));
    }
    let inputs = records.iter().map(|record| record.inputs.iter().flatten().map(|input| input.link.0));
    for at in Links::new(records.len(), inputs).cycles() {
        problems.add(|| format!("record {at} is its own input"));
    }
    if problems.is_empty() { Ok(config) } else { Err(problems.into_error()) }
}

/// Checks that each blob has one size and one diffID across all layers.
fn check_blobs(layers: &[Layer], problems: &mut Problems) {
    let mut facts = BlobFacts::with_capacity(layers.len());
    for (at, layer) in layers.iter().enumerate() {
        if let Some(first) = facts.contradict(layer, at) {
            problems.add(|| format!("layers {first} and {at} give one blob two sizes or diffIDs"));
        }
    }
}
