//! Parses an attribute string: finds each attribute in its table, and collects the values it sets.

use crate::base::{Error, Result};
use crate::config::attribute::{About, Content, all, set};
use crate::config::credential_options::{self, CredentialAttributes};
use crate::config::did_you_mean::{did_you_mean, question};
use crate::config::fields::parse_fields;
use crate::config::local::{self, LocalAttributes, LocalOptions};
use crate::config::options::{CacheOptions, CacheOptionsBuilder};
use crate::config::unknown_attribute::{Known, unknown};
use crate::config::value::AttributeValue;
use crate::config::{key_layout, location, policy};

pub(super) const TYPE: About = About::new("type", "s3, or local for a directory");

/// The type of a cache.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    S3,
    Local,
}

/// The fields of an attribute string, with known names that each appear once.
pub(super) struct Attributes {
    kind: Kind,
    fields: Vec<(&'static str, String)>,
}

impl Kind {
    fn known(self) -> Known {
        match self {
            Self::S3 => Known { kind: "s3", attributes: s3_attributes() },
            Self::Local => {
                let attributes = [TYPE].into_iter().chain(all(local::ATTRIBUTES));
                Known { kind: "local", attributes: attributes.collect() }
            }
        }
    }
}

/// Returns the attributes of `type=s3`, grouped by what they set.
pub fn s3_attributes() -> Vec<About> {
    let place = [TYPE].into_iter().chain(all(location::ATTRIBUTES)).chain(all(key_layout::ATTRIBUTES));
    place.chain(all(credential_options::ATTRIBUTES)).chain(all(policy::ATTRIBUTES)).collect()
}

/// Returns the `type=s3` attribute that `word` names or most likely stands for.
pub fn s3_attribute(word: &str) -> Option<&'static str> {
    let known = Kind::S3.known();
    did_you_mean(word, &known.names(), &known.aliases()).first().copied()
}

impl Attributes {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let fields = parse_fields(text)?;
        let pairs =
            fields.iter().enumerate().map(|(at, field)| split(&fields, at, field)).collect::<Result<Vec<_>>>()?;
        let (kind, other) = match pairs.iter().find(|(key, _)| key == TYPE.name).map(|(_, value)| *value) {
            Some("s3") => (Kind::S3, Kind::Local),
            Some("local") => (Kind::Local, Kind::S3),
            Some(other) => return Err(unknown_type(other)),
            None => {
                let hint = "begin with type=s3, for example type=s3,region=eu-west-1,bucket=my-cache";
                return Err(Error::usage("the attribute type is missing").with_hint(hint));
            }
        };
        let known = kind.known();
        let mut fields: Vec<(&'static str, String)> = Vec::with_capacity(pairs.len());
        for (at, (key, value)) in pairs.iter().enumerate() {
            let about = known.attributes.iter().find(|about| about.name == key);
            let about = about.ok_or_else(|| unknown(&pairs, at, &known, &other.known()))?;
            no_quotes(about, value)?;
            if fields.iter().any(|(name, _)| *name == about.name) {
                return Err(
                    Error::usage(format!("the attribute {} is given twice", about.name)).with_hint("set it only once")
                );
            }
            fields.push((about.name, (*value).to_owned()));
        }
        Ok(Self { kind, fields })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the names and values, in order.
    pub(super) fn into_fields(self) -> Vec<(&'static str, String)> {
        self.fields
    }

    /// Returns the options of an S3 cache.
    pub(super) fn s3(&self) -> Result<CacheOptions> {
        let (mut parts, mut credentials) = (CacheOptionsBuilder::default(), CredentialAttributes::default());
        for value in self.values() {
            // Only `type` is in no table.
            let _in_a_table = set(location::ATTRIBUTES, &mut parts.location, value)?
                || set(key_layout::ATTRIBUTES, &mut parts.keys, value)?
                || set(credential_options::ATTRIBUTES, &mut credentials, value)?
                || set(policy::ATTRIBUTES, &mut parts.policy, value)?;
        }
        parts.credentials = credentials.pair()?;
        parts.build()
    }

    /// Returns the options of a local cache.
    pub(super) fn local(&self) -> Result<LocalOptions> {
        let mut given = LocalAttributes::default();
        for value in self.values() {
            set(local::ATTRIBUTES, &mut given, value)?;
        }
        given.check()
    }

    fn values(&self) -> impl Iterator<Item = AttributeValue<'_>> {
        self.fields.iter().map(|(name, text)| AttributeValue { name, text })
    }
}

/// Splits `key=value` and lowercases the key.
fn split<'a>(fields: &[String], at: usize, field: &'a str) -> Result<(String, &'a str)> {
    match field.split_once('=') {
        Some((key, value)) => Ok((key.to_ascii_lowercase(), value)),
        None if at == 0 && field.starts_with("s3://") => {
            let hint = "write s3://NAME/PATH as type=s3,bucket=NAME,prefix=PATH/";
            Err(Error::usage("a cache is given by attributes, not by a URL").with_hint(hint))
        }
        None if at == 0 && fields.len() == 1 => Err(only_s3_and_local()),
        None => {
            let hint = "every field is key=value; quote one that has a comma in it: \"name=a,b\"";
            Err(Error::usage(format!("field {} has no =", at + 1)).with_hint(hint))
        }
    }
}

/// Quotes that people and their editors put around a value. Double quotes are part of the grammar.
const QUOTES: &[(char, char)] = &[('\'', '\''), ('\u{201c}', '\u{201d}'), ('\u{2018}', '\u{2019}')];

fn no_quotes(about: &About, value: &str) -> Result<()> {
    let (name, is_free) = (about.name, matches!(about.content, Content::Free | Content::Secret));
    let inside = |(open, close): &(char, char)| value.strip_prefix(*open)?.strip_suffix(*close);
    match QUOTES.iter().find_map(inside).filter(|_| !is_free) {
        Some(inside) if is_plain(inside) => {
            let hint = format!("write {name}={inside}; a field with a comma is quoted as a whole: \"name=a,b\"");
            Err(Error::usage(format!("{name}={value} has quotes around it")).with_hint(hint))
        }
        Some(_) => Err(Error::usage(format!("{name} has quotes around it")).with_hint("remove them")),
        None => Ok(()),
    }
}

/// Returns whether a value is short and cannot be a URL with a password in it.
fn is_plain(value: &str) -> bool {
    value.len() <= 100 && !value.contains(|c: char| c.is_control() || matches!(c, '@' | '?' | '#'))
}

/// Shows the value only if it is almost one of the two types: it may be part of a secret.
fn unknown_type(value: &str) -> Error {
    let word = QUOTES.iter().fold(value, |word, (open, close)| word.trim_matches([*open, *close]));
    let plain = word.len() <= 8 && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let near = if plain { did_you_mean(word, &["s3", "local"], &[]) } else { Vec::new() };
    match question(&near) {
        Some(question) if value.len() <= 16 => Error::usage(format!("unknown type {value}")).with_hint(question),
        _ => only_s3_and_local(),
    }
}

fn only_s3_and_local() -> Error {
    Error::usage("only s3 and local caches are supported")
        .with_hint("write type=s3,bucket=NAME,… or type=local,src=DIR")
}
