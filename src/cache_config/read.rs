//! Reads a cache config the way Go does, storing each element directly in its place.
//!
//! Once an element of a list is invalid, no elements of that list are kept, so an invalid config costs no memory. A
//! second pass then collects the problems. It stores nothing, and knows the numbers of layers and records.

use std::collections::HashMap;

use crate::base::{Digest, Error, Result};
use crate::cache_config::check::{
    AnnotationSource, Bound, Problems, Subject, check_layer, check_whole, is_in_range, time,
};
use crate::cache_config::descriptor::Descriptor;
use crate::cache_config::model::{Alternatives, CacheConfig, CacheResult, ChainedResult, Input, Layer, Record};
use crate::cache_config::raw::{RawInput, RawLayer, RawResult};
use crate::go::{GoJson as _, JsonProblem, JsonReader, ParsedText, read_go_json_with};

/// The maximum size of a cache config in bytes. Real ones have a few hundred bytes per build step.
pub const MAX_MANIFEST_BYTES: u64 = 256 * 1024 * 1024;

/// The maximum number of objects and lists in a cache config; a million records have six million.
const MAX_PARTS: usize = 8_000_000;

type JsonResult<T> = std::result::Result<T, JsonProblem>;

impl CacheConfig {
    /// Reads the manifest of an S3 cache.
    ///
    /// # Errors
    /// [`Error::Integrity`] if the JSON is invalid or inconsistent; the first problems are listed.
    pub fn from_s3_json(json: &[u8]) -> Result<Self> {
        read(json, &AnnotationSource::Layers)
    }

    /// Reads the config of a local cache; `descriptors` are those of its manifest.
    pub(crate) fn from_local_json(json: &[u8], descriptors: &[Descriptor]) -> Result<Self> {
        // If several descriptors have the same blob, the last one counts, as in BuildKit.
        let by_blob: HashMap<Digest, &Descriptor> =
            descriptors.iter().filter_map(|descriptor| Some((descriptor.digest.get().ok()?, descriptor))).collect();
        read(json, &AnnotationSource::Descriptors(&by_blob))
    }
}

fn read(json: &[u8], source: &AnnotationSource<'_>) -> Result<CacheConfig> {
    if json.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(invalid(format!("it has more than {MAX_MANIFEST_BYTES} bytes")));
    }
    if memchr::memchr_iter(b'{', json).count() + memchr::memchr_iter(b'[', json).count() > MAX_PARTS {
        return Err(invalid(format!("it has more than {MAX_PARTS} objects and lists")));
    }
    let pass = Pass { source, layers: Bound::new(usize::MAX), records: Bound::new(usize::MAX), keep: true };
    let first = pass.read(json)?;
    let (layers, records) = (first.layers.seen, first.records.seen);
    if first.layers.problems.is_empty() && first.records.problems.is_empty() {
        let config = CacheConfig { layers: first.layers.kept, records: first.records.kept, ..CacheConfig::default() };
        // The highest index may have been in a list that a duplicate key replaced.
        if (pass.layers.fits(layers) && pass.records.fits(records)) || is_in_range(&config) {
            return check_whole(config).map(CacheConfig::without_crowns);
        }
    } else {
        drop(first);
    }
    let second = Pass { source, layers: Bound::new(layers), records: Bound::new(records), keep: false }.read(json)?;
    let mut problems = second.layers.problems;
    problems.append(second.records.problems);
    Err(problems.into_error())
}

fn invalid(why: String) -> Error {
    Error::integrity(format!("not a cache config: {why}"))
}

/// One pass through the document.
struct Pass<'a> {
    source: &'a AnnotationSource<'a>,
    /// The numbers of layers and records; unlimited in the first pass.
    layers: Bound,
    records: Bound,
    keep: bool,
}

#[derive(Default)]
struct Contents {
    layers: Elements<Layer>,
    records: Elements<Record>,
}

/// The elements of a list.
struct Elements<T> {
    seen: usize,
    /// All elements, or none if there are problems.
    kept: Vec<T>,
    problems: Problems,
}

impl<T> Default for Elements<T> {
    fn default() -> Self {
        Self { seen: 0, kept: Vec::new(), problems: Problems::default() }
    }
}

impl Pass<'_> {
    fn read(&self, json: &[u8]) -> Result<Contents> {
        read_go_json_with(json, |reader| self.contents(reader)).map_err(|problem| invalid(problem.to_string()))
    }

    fn contents(&self, reader: &mut JsonReader<'_>) -> JsonResult<Contents> {
        let mut contents = Contents::default();
        if reader.null()? {
            return Ok(contents);
        }
        reader.object(&["layers", "records"], |reader, key| {
            match key {
                0 => {
                    contents.layers = self.elements(reader, |reader, at, problems| self.layer(reader, at, problems))?
                }
                _ => {
                    contents.records =
                        self.elements(reader, |reader, at, problems| self.record(reader, at, problems))?
                }
            }
            Ok(())
        })?;
        Ok(contents)
    }

    /// Reads a list. `element` reads the element at a position, and returns `None` if it recorded a problem.
    fn elements<T>(
        &self,
        reader: &mut JsonReader<'_>,
        mut element: impl FnMut(&mut JsonReader<'_>, usize, &mut Problems) -> JsonResult<Option<T>>,
    ) -> JsonResult<Elements<T>> {
        let mut elements = Elements::default();
        let at_start = reader.memory.left();
        reader.list(|reader| {
            let read = element(reader, elements.seen, &mut elements.problems)?;
            elements.seen += 1;
            match read {
                Some(element) if self.keep && elements.problems.is_empty() => reader.push(&mut elements.kept, element),
                _ => {
                    elements.kept = Vec::new();
                    reader.memory.restore(at_start);
                    Ok(())
                }
            }
        })?;
        Ok(elements)
    }

    fn layer(&self, reader: &mut JsonReader<'_>, at: usize, problems: &mut Problems) -> JsonResult<Option<Layer>> {
        Ok(check_layer(at, RawLayer::read(reader)?, &self.layers, self.source, problems))
    }

    fn record(&self, reader: &mut JsonReader<'_>, at: usize, problems: &mut Problems) -> JsonResult<Option<Record>> {
        let subject = Subject("record", at);
        let mut digest: Box<str> = Box::default();
        let (mut results, mut chains, mut inputs) = (Elements::default(), Elements::default(), Elements::default());
        if !reader.null()? {
            reader.object(&["layers", "chains", "digest", "inputs"], |reader, key| {
                match key {
                    0 => {
                        results = self.elements(reader, |reader, _, problems| self.result(reader, subject, problems))?
                    }
                    1 => chains = self.elements(reader, |reader, _, problems| self.chain(reader, subject, problems))?,
                    2 => digest = Box::read(reader)?,
                    _ => {
                        inputs = self.elements(reader, |reader, at, found| self.input(reader, (subject, at), found))?
                    }
                }
                Ok(())
            })?;
        }
        let mut found = Problems::default();
        if digest.is_empty() {
            found.add(|| format!("{subject}: it has no digest"));
        }
        for more in [results.problems, chains.problems, inputs.problems] {
            found.append(more);
        }
        let is_good = found.is_empty();
        problems.append(found);
        let (results, chains, inputs) = (results.kept.into(), chains.kept.into(), inputs.kept.into());
        Ok(is_good.then_some(Record { digest, inputs, results, chains }))
    }

    fn result(
        &self,
        reader: &mut JsonReader<'_>,
        subject: Subject,
        found: &mut Problems,
    ) -> JsonResult<Option<CacheResult>> {
        let raw = RawResult::read(reader)?;
        let layer = found.keep(subject, self.layers.layer("layer", raw.layer));
        let created_at = found.keep(subject, time(raw.created_at));
        Ok(layer.zip(created_at).map(|(layer, created_at)| CacheResult { layer, created_at }))
    }

    fn chain(
        &self,
        reader: &mut JsonReader<'_>,
        subject: Subject,
        found: &mut Problems,
    ) -> JsonResult<Option<ChainedResult>> {
        let mut layers = Elements::default();
        let mut created_at = None;
        if !reader.null()? {
            reader.object(&["layers", "createdAt"], |reader, key| {
                match key {
                    0 => {
                        layers = self.elements(reader, |reader, _, problems| {
                            let value = i64::read(reader)?;
                            Ok(problems.keep(subject, self.layers.layer("layer", value)))
                        })?;
                    }
                    _ => created_at = Some(ParsedText::read(reader)?),
                }
                Ok(())
            })?;
        }
        found.append(layers.problems);
        let created_at = found.keep(subject, time(created_at));
        Ok(created_at.map(|created_at| ChainedResult { layers: layers.kept.into(), created_at }))
    }

    /// Reads the alternatives for one input.
    fn input(
        &self,
        reader: &mut JsonReader<'_>,
        (subject, at): (Subject, usize),
        found: &mut Problems,
    ) -> JsonResult<Option<Alternatives>> {
        let (mut is_empty, mut only, mut list) = (true, None, Vec::new());
        if !reader.null()? {
            reader.list(|reader| {
                is_empty = false;
                let left = reader.memory.left();
                let RawInput { selector, link } = RawInput::read(reader)?;
                let link = found.keep(subject, self.records.record("link", link));
                let Some(link) = link.filter(|_| self.keep && found.is_empty()) else {
                    reader.memory.restore(left);
                    return Ok(());
                };
                let input = Input { selector, link };
                if list.is_empty() {
                    // A single alternative needs no list.
                    let Some(first) = only.take() else {
                        only = Some(input);
                        return Ok(());
                    };
                    reader.push(&mut list, first)?;
                }
                reader.push(&mut list, input)
            })?;
        }
        if is_empty {
            found.add(|| format!("{subject}: input {at} is empty"));
        }
        Ok(found.is_empty().then(|| only.map_or_else(|| Alternatives::new(list), Alternatives::one)))
    }
}
