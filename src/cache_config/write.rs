//! Writes a cache config, byte for byte as Go's `encoding/json` does.

use crate::base::Digest;
use crate::cache_config::crown::{CROWN_DIGEST, Crown};
use crate::cache_config::model::{Annotations, CacheConfig, Input, Layer, LayerIndex, Record, RecordIndex};
use crate::go::{Timestamp, push_go_string};

/// The typical size of a layer with and without annotations, of a record, and of a link of the crown, in bytes.
const ANNOTATED_BYTES: usize = 400;
const LAYER_BYTES: usize = 120;
const RECORD_BYTES: usize = 200;
const LINK_BYTES: usize = 20;

impl CacheConfig {
    /// Returns the manifest of an S3 cache: compact JSON, with annotations for every layer. If there are several leaves,
    /// a [crown](Crown::Plain) links them.
    pub fn to_s3_json(&self) -> Vec<u8> {
        self.to_s3_json_with(Crown::Plain)
    }

    /// Returns the manifest of an S3 cache, with this crown.
    pub fn to_s3_json_with(&self, crown: Crown) -> Vec<u8> {
        Document::new(self, crown).write(true)
    }

    /// Returns the config of a local cache: the same JSON without annotations.
    pub(crate) fn to_local_json(&self, crown: Crown) -> Vec<u8> {
        Document::new(self, crown).write(false)
    }
}

/// A config as it is written, with its crown.
pub(super) struct Document<'a> {
    config: &'a CacheConfig,
    /// The records that the crown links to; none if there is no crown.
    crown: Vec<RecordIndex>,
    is_timed: bool,
}

impl<'a> Document<'a> {
    pub(super) fn new(config: &'a CacheConfig, crown: Crown) -> Self {
        Self { config, crown: config.crown_links(crown), is_timed: crown == Crown::Timed }
    }

    fn write(&self, annotated: bool) -> Vec<u8> {
        let CacheConfig { layers, records, .. } = self.config;
        let each = if annotated { ANNOTATED_BYTES } else { LAYER_BYTES };
        let size = layers.len() * each + records.len() * RECORD_BYTES + self.crown.len() * LINK_BYTES;
        let mut json = Json { out: String::with_capacity(size) };
        for piece in 0..self.pieces() {
            self.write_piece(&mut json, piece, annotated);
        }
        json.out.into_bytes()
    }

    /// Returns the number of JSON pieces: one for each layer, each record and each link of the crown, and the end.
    pub(super) fn pieces(&self) -> usize {
        self.config.layers.len() + self.config.records.len() + self.crown.len() + 1
    }

    pub(super) fn write_piece(&self, json: &mut Json, piece: usize, annotated: bool) {
        let CacheConfig { layers, records, .. } = self.config;
        if let Some(layer) = layers.get(piece) {
            json.raw(if piece == 0 { r#"{"layers":["# } else { "," });
            json.layer(layer, annotated);
            return;
        }
        let at = piece - layers.len();
        if let Some(record) = records.get(at) {
            json.raw(match (piece, at) {
                (0, _) => r#"{"records":["#,
                (_, 0) => r#"],"records":["#,
                _ => ",",
            });
            json.record(record);
            return;
        }
        let at = at - records.len();
        if let Some(link) = self.crown.get(at) {
            // A config with a crown has records, so the list has begun.
            match at {
                0 => json.crown_start(),
                _ => json.raw(","),
            }
            json.crown_link(*link, self.config.leaf_time(*link).filter(|_| self.is_timed));
            return;
        }
        if !self.crown.is_empty() {
            json.raw("]]}");
        }
        json.raw(if piece == 0 { "{}" } else { "]}" });
    }
}

/// The JSON written so far.
#[derive(Default)]
pub(super) struct Json {
    pub(super) out: String,
}

impl Json {
    /// Appends text that needs no escaping.
    fn raw(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn list<T>(&mut self, items: &[T], item: impl Fn(&mut Self, &T)) {
        self.raw("[");
        for (at, value) in items.iter().enumerate() {
            if at > 0 {
                self.raw(",");
            }
            item(self, value);
        }
        self.raw("]");
    }

    fn number(&mut self, value: u64) {
        self.raw(itoa::Buffer::new().format(value));
    }

    fn index(&mut self, value: usize) {
        self.number(value as u64);
    }

    fn text(&mut self, text: &str) {
        push_go_string(&mut self.out, text);
    }

    fn digest(&mut self, digest: &Digest) {
        self.raw("\"");
        digest.push_to(&mut self.out);
        self.raw("\"");
    }

    fn created_at(&mut self, time: &Timestamp) {
        self.raw(r#","createdAt":""#);
        time.push_to(&mut self.out);
        self.raw("\"");
    }

    fn layer(&mut self, layer: &Layer, annotated: bool) {
        self.raw(r#"{"blob":"#);
        self.digest(&layer.blob);
        match layer.parent {
            None => self.raw(r#","parent":-1"#),
            Some(LayerIndex(0)) => {}
            Some(LayerIndex(parent)) => {
                self.raw(r#","parent":"#);
                self.index(parent);
            }
        }
        if annotated {
            self.raw(r#","annotations":"#);
            self.annotations(&layer.annotations);
        }
        self.raw("}");
    }

    fn annotations(&mut self, annotations: &Annotations) {
        self.raw("{");
        if !annotations.media_type.is_empty() {
            self.raw(r#""mediaType":"#);
            self.text(&annotations.media_type);
            self.raw(",");
        }
        self.raw(r#""diffID":"#);
        self.digest(&annotations.diff_id);
        if annotations.size != 0 {
            self.raw(r#","size":"#);
            self.number(annotations.size);
        }
        self.created_at(&annotations.created_at);
        self.raw("}");
    }

    fn record(&mut self, record: &Record) {
        self.raw("{");
        if !record.results.is_empty() {
            self.raw(r#""layers":"#);
            self.list(&record.results, |json, result| {
                json.raw(r#"{"layer":"#);
                json.index(result.layer.0);
                json.created_at(&result.created_at);
                json.raw("}");
            });
            self.raw(",");
        }
        if !record.chains.is_empty() {
            self.raw(r#""chains":"#);
            self.list(&record.chains, |json, chain| {
                json.raw(r#"{"layers":"#);
                json.list(&chain.layers, |json, layer| json.index(layer.0));
                json.created_at(&chain.created_at);
                json.raw("}");
            });
            self.raw(",");
        }
        self.raw(r#""digest":"#);
        self.text(&record.digest);
        if !record.inputs.is_empty() {
            self.raw(r#","inputs":"#);
            self.list(&record.inputs, |json, list| json.list(list, Json::input));
        }
        self.raw("}");
    }

    fn crown_start(&mut self) {
        self.raw(r#",{"digest":""#);
        self.raw(CROWN_DIGEST);
        self.raw(r#"","inputs":[["#);
    }

    fn crown_link(&mut self, link: RecordIndex, time: Option<Timestamp>) {
        let selector = time.map(|time| time.to_string()).unwrap_or_default().into();
        self.input(&Input { selector, link });
    }

    fn input(&mut self, input: &Input) {
        self.raw("{");
        if !input.selector.is_empty() {
            self.raw(r#""selector":"#);
            self.text(&input.selector);
            self.raw(",");
        }
        self.raw(r#""link":"#);
        self.index(input.link.0);
        self.raw("}");
    }
}
