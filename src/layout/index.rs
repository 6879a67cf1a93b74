//! `index.json`: which manifest a tag means. What others wrote into it stays as it is, byte for byte.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::base::{Digest, Error, Problem, Result, json_problem, push_go_string, read_go_json};
use crate::layout::manifest::Reference;
use crate::manifest::Descriptor;

/// BuildKit's has some 210 bytes for each tag.
pub(super) const MAX_INDEX_BYTES: u64 = 16 * 1024 * 1024;
/// How many objects it may hold, for empty ones are small in the file and not in memory.
const MAX_OBJECTS: usize = 100_000;
/// How many tags an error lists.
const MAX_LISTED_TAGS: usize = 20;
/// A tag of a registry has at most this many.
const MAX_LISTED_TAG_CHARS: usize = 128;

const REF_NAME: &str = "org.opencontainers.image.ref.name";
const IMAGE_NAME: &str = "io.containerd.image.name";
const MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// The document, its fields in their order.
#[derive(Debug)]
pub(crate) struct Index {
    fields: Vec<(String, Box<RawValue>)>,
    entries: Vec<Entry>,
}

/// An entry of `manifests`: its text, and what is understood of it.
#[derive(Debug)]
struct Entry {
    text: Box<RawValue>,
    descriptor: Descriptor,
}

/// The fields of an object in their order, `null` for none.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_unit<E: serde::de::Error>(self) -> std::result::Result<Fields, E> {
                Ok(Fields(Vec::new()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_any(Object)
    }
}

impl Index {
    /// Reads `index.json`; an empty file is an empty index, as in BuildKit.
    ///
    /// # Errors
    /// [`Error::Integrity`] when it is not JSON of that form.
    pub(crate) fn parse(json: &[u8]) -> Result<Self> {
        if json.iter().filter(|byte| **byte == b'{').count() > MAX_OBJECTS {
            return Err(Error::Integrity(Problem::new(format!("index.json has more than {MAX_OBJECTS} objects"))));
        }
        let read = || -> std::result::Result<Self, String> {
            let problem = |error| json_problem(&error);
            let Fields(mut fields) = match json {
                [] => Fields(Vec::new()),
                json => serde_json::from_slice(json).map_err(problem)?,
            };
            // As in Go, a later duplicate replaces an earlier one, and a null is no value.
            let mut manifests = None;
            for (key, value) in &fields {
                if key.eq_ignore_ascii_case("manifests") && value.get() != "null" {
                    manifests = Some(value.get());
                }
            }
            let texts: Vec<Box<RawValue>> =
                manifests.map(serde_json::from_str).transpose().map_err(problem)?.unwrap_or_default();
            let entry = |text: Box<RawValue>| {
                let descriptor = read_go_json(text.get().as_bytes()).map_err(|error| error.to_string())?;
                Ok(Entry { text, descriptor })
            };
            let entries = texts.into_iter().map(entry).collect::<std::result::Result<_, String>>()?;
            let mut kept = false;
            fields.retain(|(key, _)| {
                let first = !key.eq_ignore_ascii_case("manifests") || !kept;
                kept |= key.eq_ignore_ascii_case("manifests");
                first
            });
            Ok(Self { fields, entries })
        };
        read().map_err(|why| Error::Integrity(Problem::new(format!("index.json is not an OCI index: {why}"))))
    }

    /// The document, compact as far as it is ours.
    pub(crate) fn print(&self) -> Vec<u8> {
        let mut out = String::from("{");
        let set = |name: &str, empty: &str| {
            let field = self.fields.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name));
            field.is_some_and(|(_, value)| !matches!(value.get(), "null") && value.get() != empty)
        };
        if !set("schemaVersion", "0") {
            out.push_str("\"schemaVersion\":2");
        }
        if !set("mediaType", "\"\"") {
            comma(&mut out);
            out.push_str(&format!("\"mediaType\":\"{MEDIA_TYPE}\""));
        }
        let mut manifests = false;
        for (key, value) in &self.fields {
            if (key.eq_ignore_ascii_case("schemaVersion") && !set("schemaVersion", "0"))
                || (key.eq_ignore_ascii_case("mediaType") && !set("mediaType", "\"\""))
            {
                continue;
            }
            comma(&mut out);
            push_go_string(&mut out, key);
            out.push(':');
            if key.eq_ignore_ascii_case("manifests") {
                manifests = true;
                self.print_entries(&mut out);
            } else {
                out.push_str(value.get());
            }
        }
        if !manifests {
            comma(&mut out);
            out.push_str("\"manifests\":");
            self.print_entries(&mut out);
        }
        out.push('}');
        out.into_bytes()
    }

    fn print_entries(&self, out: &mut String) {
        out.push('[');
        for (at, entry) in self.entries.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(entry.text.get());
        }
        out.push(']');
    }

    /// The manifest that `tag` means: the image of that name, else the one with that tag, as BuildKit looks them up.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is none, which lists the tags there are; [`Error::Integrity`] when its digest or
    /// size is none.
    pub(crate) fn find(&self, tag: &str) -> Result<Reference> {
        let named = |annotation| self.entries.iter().find(|entry| entry.descriptor.annotation(annotation) == Some(tag));
        match named(IMAGE_NAME).or_else(|| named(REF_NAME)) {
            Some(entry) => Reference::of(&entry.descriptor, "index.json"),
            None => Err(Error::Usage(Problem::new(format!("there is no cache tagged {tag:?}")).hint(self.tags_hint()))),
        }
    }

    fn tags_hint(&self) -> String {
        let names = |annotation| self.entries.iter().filter_map(move |entry| entry.descriptor.annotation(annotation));
        let mut tags: Vec<String> = names(REF_NAME).chain(names(IMAGE_NAME)).map(listed).collect();
        tags.sort_unstable();
        tags.dedup();
        let more = tags.len().saturating_sub(MAX_LISTED_TAGS);
        tags.truncate(MAX_LISTED_TAGS);
        match (tags.is_empty(), more) {
            (true, _) => "the directory has no tags at all".to_owned(),
            (false, 0) => format!("the directory has {}", tags.join(", ")),
            (false, more) => format!("the directory has {} and {more} more", tags.join(", ")),
        }
    }

    /// Makes `tag` mean the manifest: an entry that had the tag goes, the new one is the last, as in BuildKit.
    ///
    /// # Errors
    /// [`Error::Conflict`] when BuildKit would still take an image of that name for it.
    pub(crate) fn set(&mut self, tag: &str, media_type: &str, digest: &Digest, size: u64) -> Result<()> {
        self.check_free(tag)?;
        let mut text = format!("{{\"mediaType\":\"{media_type}\",\"digest\":\"{digest}\",\"size\":{size},");
        text.push_str(&format!("\"annotations\":{{\"{REF_NAME}\":"));
        push_go_string(&mut text, tag);
        text.push_str("}}");
        let invalid = |why: String| Error::Integrity(Problem::new(format!("the new entry of index.json: {why}")));
        let descriptor = read_go_json(text.as_bytes()).map_err(|error| invalid(error.to_string()))?;
        let text = RawValue::from_string(text).map_err(|error| invalid(json_problem(&error)))?;
        self.entries.retain(|Entry { descriptor, .. }| {
            descriptor.annotation(REF_NAME) != Some(tag)
                || descriptor.annotation(IMAGE_NAME).is_some_and(|name| !name.is_empty())
        });
        self.entries.push(Entry { text, descriptor });
        Ok(())
    }

    /// Whether `tag` can be given: an image whose full name it is would win over it.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is such an image.
    pub(crate) fn check_free(&self, tag: &str) -> Result<()> {
        if self.entries.iter().any(|entry| entry.descriptor.annotation(IMAGE_NAME) == Some(tag)) {
            let message = format!("index.json has an image named {tag:?}, which BuildKit would take for the cache");
            return Err(Error::Conflict(Problem::new(message).hint("use another tag, or another directory")));
        }
        Ok(())
    }
}

/// In quotes, and cut when it is too long to be one of BuildKit's.
fn listed(tag: &str) -> String {
    match tag.char_indices().nth(MAX_LISTED_TAG_CHARS).and_then(|(end, _)| tag.get(..end)) {
        Some(start) => format!("{start:?}…"),
        None => format!("{tag:?}"),
    }
}

fn comma(out: &mut String) {
    if !out.ends_with('{') {
        out.push(',');
    }
}
