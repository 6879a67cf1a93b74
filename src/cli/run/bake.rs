//! The caches of bake's targets, as `bake --print` resolves them, and the arguments that set others.

use std::ffi::OsStr;
use std::path::{Component, Path};

use s3_build_cache::options::DefaultAttributes;
use s3_build_cache::program::{parse_fields, quote_field};
use s3_build_cache::{Error, Result};
use serde_json::Value;

use crate::run::s3_value::{Direction, S3Value};
use crate::run::slot::{Replacement, Slot};

/// The resolved targets and their caches.
#[derive(Debug)]
pub(super) struct Targets(Vec<(String, Vec<Caches>)>);

/// The caches that a target writes, or those that it reads.
#[derive(Debug)]
struct Caches {
    direction: Direction,
    entries: Vec<Entry>,
}

#[derive(Debug)]
enum Entry {
    /// A cache of another type.
    Other(String),
    /// An S3 cache, by its slot. Targets with the same value share it.
    Slot { at: usize, text: String },
}

impl Targets {
    /// Reads what `bake --print` writes. Returns the targets and their S3 caches.
    pub(super) fn read(printed: &[u8], defaults: &DefaultAttributes) -> Result<(Self, Vec<Slot>)> {
        let unknown =
            || Error::usage("cannot read the targets that bake --print printed").with_hint("update docker buildx");
        let printed: Value = serde_json::from_slice(printed).map_err(|_| unknown())?;
        let targets = printed.get("target").and_then(Value::as_object).ok_or_else(unknown)?;
        let mut slots: Vec<Slot> = Vec::new();
        // The values of the slots.
        let mut known: Vec<(Direction, String)> = Vec::new();
        let mut resolved = Vec::new();
        for (name, target) in targets {
            let mut caches = Vec::new();
            for (direction, key) in KEYS {
                let mut entries = Vec::new();
                for entry in target.get(key).and_then(Value::as_array).into_iter().flatten() {
                    let text = text(entry).ok_or_else(unknown)?;
                    entries.push(match S3Value::completed(OsStr::new(&text), defaults)? {
                        None => Entry::Other(text),
                        Some(value) => {
                            let same = |(other, value): &(Direction, String)| (*other, value) == (direction, &text);
                            let at = known.iter().position(same).unwrap_or(known.len());
                            if at == known.len() {
                                known.push((direction, text.clone()));
                                slots.push(Slot { direction, value });
                            }
                            Entry::Slot { at, text }
                        }
                    });
                }
                caches.push(Caches { direction, entries });
            }
            resolved.push((name.clone(), caches));
        }
        Ok((Self(resolved), slots))
    }

    /// Returns a target whose S3 cache stands beside a local one that is not below the current directory.
    pub(super) fn reaches_outside(&self) -> Option<&str> {
        let outside = |entry: &Entry| matches!(entry, Entry::Other(text) if is_outside(text));
        let risky = |caches: &Caches| caches.has_slot() && caches.entries.iter().any(outside);
        self.0.iter().find(|(_, caches)| caches.iter().any(risky)).map(|(name, _)| name.as_str())
    }

    /// Returns the values of `--set` that set the S3 caches, and with `all` also those of targets without. Several for
    /// one key add up, and together replace what the files say.
    pub(super) fn sets(&self, replacements: &[Replacement], all: bool) -> Vec<String> {
        let mut sets = Vec::new();
        for (target, caches) in &self.0 {
            for Caches { direction, entries } in caches.iter().filter(|caches| all || caches.has_slot()) {
                let key = format!("{target}.cache-{}", direction.as_str());
                let values: Vec<&str> = entries.iter().filter_map(|entry| entry.value(replacements)).collect();
                if values.is_empty() {
                    sets.push(format!("{key}="));
                }
                sets.extend(values.iter().map(|value| format!("{key}={value}")));
            }
        }
        sets
    }
}

const KEYS: [(Direction, &str); 2] = [(Direction::From, "cache-from"), (Direction::To, "cache-to")];

impl Caches {
    fn has_slot(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry, Entry::Slot { .. }))
    }
}

impl Entry {
    fn value<'a>(&'a self, replacements: &'a [Replacement]) -> Option<&'a str> {
        match self {
            Self::Other(text) => Some(text),
            Self::Slot { at, text } => match replacements.get(*at) {
                Some(Replacement::Value(value)) => Some(value),
                Some(Replacement::Keep) => Some(text),
                Some(Replacement::Drop) | None => None,
            },
        }
    }
}

/// Returns an entry as buildx takes it. Old versions print such a text, new ones an object.
fn text(entry: &Value) -> Option<String> {
    let object = match entry {
        Value::String(text) => return Some(text.clone()),
        Value::Object(object) => object,
        _ => return None,
    };
    let mut fields = vec![format!("type={}", object.get("type")?.as_str()?)];
    for (key, value) in object.iter().filter(|(key, _)| *key != "type") {
        fields.push(format!("{key}={}", value.as_str()?));
    }
    Some(fields.iter().map(|field| quote_field(field)).collect::<Vec<_>>().join(","))
}

/// Returns whether the text is a local cache that is not below the current directory.
fn is_outside(text: &str) -> bool {
    let fields = parse_fields(text).unwrap_or_default();
    let pairs: Vec<(&str, &str)> = fields.iter().filter_map(|field| field.split_once('=')).collect();
    let is = |key: &str, name: &str| key.eq_ignore_ascii_case(name);
    let below =
        |path: &str| Path::new(path).components().all(|it| matches!(it, Component::Normal(_) | Component::CurDir));
    pairs.iter().any(|(key, value)| is(key, "type") && *value == "local")
        && pairs.iter().any(|(key, value)| (is(key, "src") || is(key, "dest")) && !below(value))
}
