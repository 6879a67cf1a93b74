//! `index.json`: maps tags to manifests. Keeps entries and fields written by other tools byte for byte.

use std::collections::HashSet;

use crate::base::{Error, Result, sort};
use crate::cache_config::{Descriptor, IMAGE_NAME, REF_NAME};
use crate::go::{GoJson, JsonProblem, JsonReader, push_go_string, read_go_json};
use crate::layout::manifest::Reference;

/// The tag BuildKit uses by default.
pub(super) const DEFAULT_TAG: &str = "latest";
/// BuildKit's index has about 210 bytes per tag.
pub(super) const MAX_INDEX_BYTES: u64 = 16 * 1024 * 1024;
/// The maximum number of objects, because empty ones are small in the file but not in memory.
const MAX_OBJECTS: usize = 100_000;
/// The maximum number of tags, and of digests, that an error lists.
const MAX_LISTED: usize = 20;
/// The maximum length of a registry tag.
const MAX_LISTED_TAG_CHARS: usize = 128;

const MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// The document, with its fields in their original order.
#[derive(Debug)]
pub(crate) struct Index {
    fields: Fields,
    entries: Vec<Entry>,
}

/// An entry of `manifests`: its text and the fields we understand.
#[derive(Debug)]
struct Entry {
    text: String,
    descriptor: Descriptor,
}

impl Entry {
    fn is_tagged(&self) -> bool {
        [REF_NAME, IMAGE_NAME].iter().any(|name| self.descriptor.annotation(name).is_some())
    }
}

/// The fields of an object in their original order, each with the text of its value. Empty for `null`.
#[derive(Debug, Default)]
struct Fields(Vec<(String, String)>);

impl GoJson for Fields {
    fn read(reader: &mut JsonReader<'_>) -> std::result::Result<Self, JsonProblem> {
        let mut fields = Vec::new();
        if reader.null()? {
            return Ok(Self(fields));
        }
        reader.open(b'{')?;
        let mut at_start = true;
        while let Some(key) = reader.any_key(&mut at_start)? {
            fields.push((key, reader.raw()?));
        }
        Ok(Self(fields))
    }
}

/// The text of an arbitrary value.
struct RawValue(String);

impl GoJson for RawValue {
    fn read(reader: &mut JsonReader<'_>) -> std::result::Result<Self, JsonProblem> {
        reader.raw().map(Self)
    }
}

impl Index {
    /// Parses `index.json` like Go: invalid UTF-8 bytes become U+FFFD. As in BuildKit, an empty file is an empty
    /// index.
    ///
    /// # Errors
    /// [`Error::Integrity`] if it is not a JSON index.
    pub(crate) fn parse(json: &[u8]) -> Result<Self> {
        if json.iter().filter(|byte| **byte == b'{').count() > MAX_OBJECTS {
            return Err(Error::integrity(format!("index.json has more than {MAX_OBJECTS} objects")));
        }
        let read = || {
            let fields = if json.is_empty() { Fields::default() } else { read_go_json(json)? };
            Self::from_fields(fields)
        };
        read().map_err(|why: JsonProblem| Error::integrity(format!("index.json is not an OCI index: {why}")))
    }

    fn from_fields(Fields(mut fields): Fields) -> std::result::Result<Self, JsonProblem> {
        let is_manifests = |key: &str| key.eq_ignore_ascii_case("manifests");
        // As in Go, a later duplicate replaces an earlier one, and a null counts as missing.
        let list = fields.iter().rev().find(|(key, value)| is_manifests(key) && value != "null");
        let texts: Vec<RawValue> = list.map(|(_, list)| read_go_json(list.as_bytes())).transpose()?.unwrap_or_default();
        let entry = |RawValue(text)| Ok(Entry { descriptor: read_go_json(text.as_bytes())?, text });
        let entries = texts.into_iter().map(entry).collect::<std::result::Result<_, _>>()?;
        let mut kept = false;
        fields.retain(|(key, _)| !is_manifests(key) || !std::mem::replace(&mut kept, true));
        Ok(Self { fields: Fields(fields), entries })
    }

    /// Prints the document. The parts that we write are compact.
    pub(crate) fn print(&self) -> Vec<u8> {
        let mut out = String::from("{");
        let set = |name: &str, empty: &str| {
            let field = self.fields.0.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name));
            field.is_some_and(|(_, value)| value != "null" && value != empty)
        };
        let (has_version, has_type) = (set("schemaVersion", "0"), set("mediaType", "\"\""));
        if !has_version {
            out.push_str("\"schemaVersion\":2");
        }
        if !has_type {
            comma(&mut out);
            out.push_str(&format!("\"mediaType\":\"{MEDIA_TYPE}\""));
        }
        let mut manifests = false;
        for (key, value) in &self.fields.0 {
            if (key.eq_ignore_ascii_case("schemaVersion") && !has_version)
                || (key.eq_ignore_ascii_case("mediaType") && !has_type)
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
                out.push_str(value);
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
            out.push_str(&entry.text);
        }
        out.push(']');
    }

    /// Returns the manifest for `tag`: the image with that name, or else the one with that tag, as BuildKit looks them
    /// up. If neither exists, `latest` refers to the only entry, because a layout copied out of a registry often has no
    /// tag.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no such manifest, listing those that exist; [`Error::Integrity`] if its digest or
    /// size is invalid.
    pub(crate) fn find(&self, tag: &str) -> Result<Reference> {
        let named = |annotation| self.entries.iter().find(|entry| entry.descriptor.annotation(annotation) == Some(tag));
        let only = || {
            let (first, rest) = self.entries.split_first()?;
            let digest = first.descriptor.digest.get().ok();
            let is_same = |entry: &Entry| entry.descriptor.digest.get().ok() == digest;
            let is_untagged = |entry: &Entry| !entry.is_tagged();
            let repeats = digest.is_some() && is_untagged(first) && rest.iter().all(|e| is_untagged(e) && is_same(e));
            (tag == DEFAULT_TAG && (rest.is_empty() || repeats)).then_some(first)
        };
        match named(IMAGE_NAME).or_else(|| named(REF_NAME)).or_else(only) {
            Some(entry) => Reference::of(&entry.descriptor, "index.json"),
            None => Err(Error::usage(format!("there is no cache tagged {tag:?}")).with_hint(self.entries_hint())),
        }
    }

    /// Returns a hint that lists the directory's entries and how to select one.
    pub(super) fn entries_hint(&self) -> String {
        let names = |annotation| self.entries.iter().filter_map(move |entry| entry.descriptor.annotation(annotation));
        let tags = sort::distinct(names(REF_NAME).chain(names(IMAGE_NAME)).map(listed));
        let untagged = self.entries.iter().filter(|entry| !entry.is_tagged());
        let digests = untagged.filter_map(|entry| entry.descriptor.digest.get().ok());
        let mut seen = HashSet::new();
        let digests = digests.filter(|digest| seen.insert(*digest));
        let digests: Vec<String> = digests.map(|digest| format!("digest={digest}")).collect();
        match (joined(tags), joined(digests)) {
            (None, None) => "the directory has no entries".to_owned(),
            (Some(tags), None) => format!("the directory has {tags}"),
            (None, Some(digests)) => format!("choose a manifest by its digest: type=local,src=DIR with {digests}"),
            (Some(tags), Some(digests)) => {
                format!("the directory has {tags}, and manifests without a tag: type=local,src=DIR with {digests}")
            }
        }
    }

    /// Keeps only the entries with one of these tags or image names. Returns the first tag that no entry has.
    pub(super) fn retain_tags(&mut self, tags: &[String]) -> Option<String> {
        let has = |entry: &Entry, tag: &str| {
            [REF_NAME, IMAGE_NAME].iter().any(|name| entry.descriptor.annotation(name) == Some(tag))
        };
        let absent = tags.iter().find(|tag| !self.entries.iter().any(|entry| has(entry, tag)));
        if absent.is_none() {
            self.entries.retain(|entry| tags.iter().any(|tag| has(entry, tag)));
        }
        absent.cloned()
    }

    /// Returns the number of entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns what the entries refer to.
    ///
    /// # Errors
    /// [`Error::Integrity`] if a digest or size is invalid.
    pub(super) fn references(&self) -> Result<Vec<Reference>> {
        self.entries.iter().map(|entry| Reference::of(&entry.descriptor, "index.json")).collect()
    }

    /// Points `tag` at the manifest. As in BuildKit, removes an existing entry with the tag and appends the new one.
    ///
    /// # Errors
    /// [`Error::Conflict`] if BuildKit would still prefer an image with that name.
    pub(crate) fn set(&mut self, tag: &str, media_type: &str, manifest: &Reference) -> Result<()> {
        let Reference { digest, size } = manifest;
        self.check_free(tag)?;
        let mut text = format!("{{\"mediaType\":\"{media_type}\",\"digest\":\"{digest}\",\"size\":{size},");
        text.push_str(&format!("\"annotations\":{{\"{REF_NAME}\":"));
        push_go_string(&mut text, tag);
        text.push_str("}}");
        let invalid = |why| Error::integrity(format!("the new entry of index.json: {why}"));
        let descriptor = read_go_json(text.as_bytes()).map_err(|why: JsonProblem| invalid(why))?;
        self.entries.retain(|Entry { descriptor, .. }| {
            descriptor.annotation(REF_NAME) != Some(tag)
                || descriptor.annotation(IMAGE_NAME).is_some_and(|name| !name.is_empty())
        });
        self.entries.push(Entry { text, descriptor });
        Ok(())
    }

    /// Checks that `tag` can be used: an image with that full name would take precedence.
    ///
    /// # Errors
    /// [`Error::Conflict`] if such an image exists.
    pub(crate) fn check_free(&self, tag: &str) -> Result<()> {
        if self.entries.iter().any(|entry| entry.descriptor.annotation(IMAGE_NAME) == Some(tag)) {
            let message = format!("index.json has an image named {tag:?}, which BuildKit would mistake for the cache");
            return Err(Error::conflict(message).with_hint("use another tag, or another directory"));
        }
        Ok(())
    }
}

/// Joins the first items and the number of omitted ones. Returns `None` if there are no items.
fn joined(mut items: Vec<String>) -> Option<String> {
    let more = items.len().saturating_sub(MAX_LISTED);
    items.truncate(MAX_LISTED);
    match (items.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(items.join(", ")),
        (false, more) => Some(format!("{} and {more} more", items.join(", "))),
    }
}

/// Quotes the tag, and truncates it if it is too long for a BuildKit tag.
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
