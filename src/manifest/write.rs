//! Writing a cache config, byte for byte as Go's `encoding/json` does.

use std::fmt::Write as _;

use crate::base::{Timestamp, push_go_string};
use crate::manifest::model::{Annotations, CacheConfig, Input, Layer, LayerIndex, Record};

impl CacheConfig {
    /// The manifest of an S3 cache: compact JSON, annotations with every layer.
    pub fn to_s3_json(&self) -> Vec<u8> {
        self.write(true)
    }

    /// The config of a local cache: the same without annotations.
    pub(crate) fn to_local_json(&self) -> Vec<u8> {
        self.write(false)
    }

    fn write(&self, annotated: bool) -> Vec<u8> {
        let mut json = Json { out: String::with_capacity(self.layers.len() * 400 + self.records.len() * 200) };
        json.object(|json| {
            if !self.layers.is_empty() {
                json.key("layers");
                json.list(&self.layers, |json, layer| json.layer(layer, annotated));
            }
            if !self.records.is_empty() {
                json.key("records");
                json.list(&self.records, Json::record);
            }
        });
        json.out.into_bytes()
    }
}

/// The document so far. A comma is due wherever the last character does not open something.
struct Json {
    out: String,
}

impl Json {
    fn object(&mut self, fields: impl FnOnce(&mut Self)) {
        self.out.push('{');
        fields(self);
        self.out.push('}');
    }

    fn key(&mut self, name: &str) {
        if !self.out.ends_with('{') {
            self.out.push(',');
        }
        // Writing to a String cannot fail, here and below.
        let _ = write!(self.out, "\"{name}\":");
    }

    fn list<T>(&mut self, items: &[T], item: impl Fn(&mut Self, &T)) {
        self.out.push('[');
        for (at, value) in items.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            item(self, value);
        }
        self.out.push(']');
    }

    fn field(&mut self, name: &str, value: impl std::fmt::Display) {
        self.key(name);
        let _ = write!(self.out, "{value}");
    }

    fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        push_go_string(&mut self.out, value);
    }

    fn time(&mut self, created_at: &Timestamp) {
        self.field("createdAt", format_args!("\"{created_at}\""));
    }

    fn layer(&mut self, layer: &Layer, annotated: bool) {
        self.object(|json| {
            json.field("blob", format_args!("\"{}\"", layer.blob));
            match layer.parent {
                None => json.field("parent", -1),
                Some(LayerIndex(0)) => {}
                Some(LayerIndex(parent)) => json.field("parent", parent),
            }
            if annotated {
                json.key("annotations");
                json.annotations(&layer.annotations);
            }
        });
    }

    fn annotations(&mut self, annotations: &Annotations) {
        self.object(|json| {
            if !annotations.media_type.is_empty() {
                json.text("mediaType", &annotations.media_type);
            }
            json.field("diffID", format_args!("\"{}\"", annotations.diff_id));
            if annotations.size != 0 {
                json.field("size", annotations.size);
            }
            json.time(&annotations.created_at);
        });
    }

    fn record(&mut self, record: &Record) {
        self.object(|json| {
            if !record.results.is_empty() {
                json.key("layers");
                json.list(&record.results, |json, result| {
                    json.object(|json| {
                        json.field("layer", result.layer.0);
                        json.time(&result.created_at);
                    });
                });
            }
            if !record.chains.is_empty() {
                json.key("chains");
                json.list(&record.chains, |json, chain| {
                    json.object(|json| {
                        json.key("layers");
                        json.list(&chain.layers, |json, layer| {
                            let _ = write!(json.out, "{}", layer.0);
                        });
                        json.time(&chain.created_at);
                    });
                });
            }
            json.text("digest", &record.digest);
            if !record.inputs.is_empty() {
                json.key("inputs");
                json.list(&record.inputs, |json, list| json.list(list, Json::input));
            }
        });
    }

    fn input(&mut self, input: &Input) {
        self.object(|json| {
            if !input.selector.is_empty() {
                json.text("selector", &input.selector);
            }
            json.field("link", input.link.0);
        });
    }
}
