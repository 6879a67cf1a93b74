//! From the raw document to the checked config: all problems are looked for, the first are reported.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::Range;

use crate::base::{Digest, Error, ParsedText, Problem, Result, Timestamp};
use crate::manifest::descriptor::Descriptor;
use crate::manifest::model::{
    Annotations, CacheConfig, CacheResult, ChainedResult, Input, Layer, LayerIndex, Record, RecordIndex, set,
};
use crate::manifest::raw::{RawAnnotations, RawConfig, RawInput, RawLayer, RawRecord};

/// How many problems an error names; it gives the number of all.
const MAX_PROBLEMS: usize = 20;

/// Where the annotations of the layers come from.
pub(super) enum Source<'a> {
    /// From the layers themselves, as in S3.
    Annotations,
    /// From the descriptors of a local manifest, by blob.
    Descriptors(&'a HashMap<Digest, &'a Descriptor>),
}

/// What a problem is with: a layer or a record, by its position.
#[derive(Clone, Copy)]
struct Place(&'static str, usize);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1)
    }
}

#[derive(Default)]
struct Problems {
    first: Vec<String>,
    total: usize,
}

impl Problems {
    fn add(&mut self, problem: impl FnOnce() -> String) {
        self.total += 1;
        if self.first.len() < MAX_PROBLEMS {
            self.first.push(problem());
        }
    }

    /// Keeps a value, or notes why there is none.
    fn keep<T>(&mut self, place: Place, result: std::result::Result<T, String>) -> Option<T> {
        result.map_err(|why| self.add(|| format!("{place}: {why}"))).ok()
    }
}

/// Checks the document and gives its parts their types.
pub(super) fn check(raw: RawConfig, source: Source<'_>) -> Result<CacheConfig> {
    let mut problems = Problems::default();
    let (layer_count, record_count) = (raw.layers.len(), raw.records.len());
    let mut layers: Vec<Layer> = Vec::with_capacity(layer_count);
    for (at, layer) in raw.layers.into_iter().enumerate() {
        layers.extend(check_layer(at, layer, layer_count, &source, &mut problems));
    }
    // What is collected from a list of values as large takes that list's place in memory: here, and below for inputs.
    let records = raw.records.into_iter().enumerate();
    let records: Vec<Record> = records
        .filter_map(|(at, record)| check_record(at, record, (layer_count, record_count), &mut problems))
        .collect();
    // Cycles are looked for only among indexes that are all in range.
    if problems.total == 0 {
        check_blobs(&layers, &mut problems);
        let parents = layers.iter().map(|layer| layer.parent.map(|parent| parent.0));
        for at in Links::new(layer_count, parents).cycles() {
            problems.add(|| format!("layer {at} is its own ancestor"));
        }
        let inputs = records.iter().map(|record| record.inputs.iter().flatten().map(|input| input.link.0));
        for at in Links::new(record_count, inputs).cycles() {
            problems.add(|| format!("record {at} is its own input"));
        }
    }
    if problems.total == 0 {
        return Ok(CacheConfig { layers, records });
    }
    let more = problems.total - problems.first.len();
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let noun = if problems.total == 1 { "problem" } else { "problems" };
    let message = format!("the cache config has {} {noun}: {}{more}", problems.total, problems.first.join("; "));
    Err(Error::Integrity(Problem::new(message)))
}

fn check_layer(at: usize, raw: RawLayer, layers: usize, source: &Source<'_>, problems: &mut Problems) -> Option<Layer> {
    let place = Place("layer", at);
    let blob = raw.blob.get().map_err(|error| format!("blob: {error}"));
    let annotations = match source {
        Source::Annotations => raw.annotations.ok_or_else(|| "it has no annotations".to_owned()).and_then(annotations),
        Source::Descriptors(by_blob) => match blob.as_ref().map(|blob| by_blob.get(blob)) {
            Ok(Some(descriptor)) => descriptor.to_annotations(),
            _ => Err("its blob is not in the manifest".to_owned()),
        },
    };
    let parent = match raw.parent {
        -1 => Ok(None),
        parent => index(parent, layers).map(|parent| Some(LayerIndex(parent))).map_err(|why| format!("parent {why}")),
    };
    let blob = problems.keep(place, blob);
    let parent = problems.keep(place, parent);
    let annotations = problems.keep(place, annotations);
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

fn time(text: Option<ParsedText<Timestamp>>) -> std::result::Result<Timestamp, String> {
    text.map_or(Ok(Timestamp::ZERO), |text| text.get().map_err(|error| format!("createdAt: {error}")))
}

fn index(value: i64, length: usize) -> std::result::Result<usize, String> {
    let index = usize::try_from(value).ok().filter(|index| *index < length);
    index.ok_or_else(|| format!("{value} is out of range: there are {length}"))
}

fn check_record(
    at: usize,
    raw: RawRecord,
    (layers, records): (usize, usize),
    problems: &mut Problems,
) -> Option<Record> {
    let place = Place("record", at);
    let before = problems.total;
    if raw.digest.is_empty() {
        problems.add(|| format!("{place}: it has no digest"));
    }
    let layer = |value| index(value, layers).map(LayerIndex).map_err(|why| format!("layer {why}"));
    let mut results = Vec::with_capacity(raw.results.len());
    for result in raw.results {
        let layer = problems.keep(place, layer(result.layer));
        let created_at = problems.keep(place, time(result.created_at));
        results.extend(layer.zip(created_at).map(|(layer, created_at)| CacheResult { layer, created_at }));
    }
    let mut chains = Vec::with_capacity(raw.chains.len());
    for chain in raw.chains {
        let layers = chain.layers.into_iter().filter_map(|value| problems.keep(place, layer(value))).collect();
        let created_at = problems.keep(place, time(chain.created_at));
        chains.extend(created_at.map(|created_at| ChainedResult { layers, created_at }));
    }
    let inputs = raw.inputs.into_iter().enumerate().map(|(list_at, list)| {
        let list = list.unwrap_or_default();
        if list.is_empty() {
            problems.add(|| format!("{place}: input {list_at} is empty"));
        }
        let link = |input: &RawInput| index(input.link, records).map_err(|why| format!("link {why}"));
        let checked = list.into_iter().filter_map(|input| {
            let link = problems.keep(place, link(&input))?;
            Some(Input { selector: input.selector, link: RecordIndex(link) })
        });
        checked.collect()
    });
    let inputs = inputs.collect();
    (problems.total == before).then_some(Record { digest: raw.digest, inputs, results, chains })
}

/// One blob has one size and one diffID, in however many layers it is.
fn check_blobs(layers: &[Layer], problems: &mut Problems) {
    let mut known: HashMap<Digest, (usize, &Annotations)> = HashMap::with_capacity(layers.len());
    for (at, layer) in layers.iter().enumerate() {
        let (first_at, first) = *known.entry(layer.blob).or_insert((at, &layer.annotations));
        if (first.size, first.diff_id) != (layer.annotations.size, layer.annotations.diff_id) {
            problems.add(|| format!("layers {first_at} and {at} give one blob two sizes or diffIDs"));
        }
    }
}

/// A graph, in two lists: a walk through it jumps about, and the records themselves are far apart in memory.
struct Links {
    targets: Vec<usize>,
    /// By node: where its targets end, which is where those of the next begin.
    ends: Vec<usize>,
}

impl Links {
    fn new(nodes: usize, targets: impl Iterator<Item = impl IntoIterator<Item = usize>>) -> Self {
        let mut links = Self { targets: Vec::with_capacity(nodes), ends: Vec::with_capacity(nodes) };
        for targets in targets {
            links.targets.extend(targets);
            links.ends.push(links.targets.len());
        }
        links
    }

    /// Where the targets of a node are.
    fn of(&self, node: usize) -> Range<usize> {
        let end = |node: usize| self.ends.get(node).copied();
        node.checked_sub(1).and_then(end).unwrap_or(0)..end(node).unwrap_or(0)
    }

    /// A node of each cycle, in their order, found without recursion.
    fn cycles(&self) -> BTreeSet<usize> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            OnPath,
            Done,
        }
        let nodes = self.ends.len();
        let mut marks = vec![Mark::New; nodes];
        let mut found = BTreeSet::new();
        let mut path = Vec::new();
        for start in 0..nodes {
            if marks.get(start) != Some(&Mark::New) {
                continue;
            }
            set(&mut marks, start, Mark::OnPath);
            path.push((start, self.of(start)));
            while let Some((node, ahead)) = path.last_mut() {
                let Some(target) = ahead.next().and_then(|at| self.targets.get(at).copied()) else {
                    set(&mut marks, *node, Mark::Done);
                    path.pop();
                    continue;
                };
                match marks.get(target) {
                    Some(Mark::New) => {
                        set(&mut marks, target, Mark::OnPath);
                        path.push((target, self.of(target)));
                    }
                    Some(Mark::OnPath) => {
                        found.insert(target);
                    }
                    Some(Mark::Done) | None => {}
                }
            }
        }
        found
    }
}
