//! The table of attributes, and the parser that uses it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::{Error, Problem, Result, Secret};
use crate::config::did_you_mean::{did_you_mean, question};
use crate::config::fields::parse_fields;
use crate::config::loose_duration;
use crate::config::options::{CacheOptions, Mode, RequestPayer, RetryMode};
use crate::config::unknown_attribute::{Known, LOCAL_ALIASES, S3_ALIASES, unknown};
use crate::go::{parse_bool, parse_duration};

/// Attributes of `type=s3`, in the order of the README's table.
const S3: &[&str] = &[
    "type",
    "bucket",
    "region",
    "name",
    "prefix",
    "blobs_prefix",
    "manifests_prefix",
    "endpoint_url",
    "use_path_style",
    "use_accelerate_endpoint",
    "access_key_id",
    "secret_access_key",
    "session_token",
    "mode",
    "ignore-error",
    "touch_refresh",
    "upload_parallelism",
    "retry_mode",
    "retry_max_attempts",
    "disable_accept_encoding",
    "profile",
    "role_arn",
    "role_session_name",
    "external_id",
    "storage_class",
    "server_side_encryption",
    "sse_kms_key_id",
    "verify_source",
    "request_payer",
    "expected_bucket_owner",
    "anonymous",
];
/// Attributes of `type=local`. Import accepts those of export and vice versa. Both also accept the attributes for
/// creating layers, which were meant for the build that wrote the directory.
const LOCAL: &[&str] = &[
    "type",
    "src",
    "dest",
    "tag",
    "digest",
    "mode",
    "ignore-error",
    "reset",
    "compression",
    "compression-level",
    "force-compression",
    "oci-mediatypes",
    "image-manifest",
];
const OF_S3: Known = Known { kind: "s3", names: S3, aliases: S3_ALIASES };
const OF_LOCAL: Known = Known { kind: "local", names: LOCAL, aliases: LOCAL_ALIASES };

/// The fields of an attribute string, with known keys that each appear once.
pub(super) struct Attributes {
    local: bool,
    values: BTreeMap<&'static str, String>,
}

impl Attributes {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let fields = parse_fields(text)?;
        let pairs =
            fields.iter().enumerate().map(|(at, field)| split(&fields, at, field)).collect::<Result<Vec<_>>>()?;
        let kind = pairs.iter().find(|(key, _)| key == "type").map(|(_, value)| *value);
        let (local, known, other) = match kind {
            Some("s3") => (false, OF_S3, OF_LOCAL),
            Some("local") => (true, OF_LOCAL, OF_S3),
            Some(other) => return Err(unknown_type(other)),
            None => {
                let hint = "begin with type=s3, for example type=s3,region=eu-west-1,bucket=my-cache";
                return Err(usage("the attribute type is missing".to_owned(), hint));
            }
        };
        let mut values = BTreeMap::new();
        for (at, (key, value)) in pairs.iter().enumerate() {
            let name = known.names.iter().copied().find(|name| name == key);
            let name = name.ok_or_else(|| unknown(&pairs, at, &known, &other))?;
            no_quotes(name, value)?;
            if values.insert(name, (*value).to_owned()).is_some() {
                return Err(usage(format!("the attribute {name} is given twice"), "give it once"));
            }
        }
        Ok(Self { local, values })
    }

    pub(super) fn is_local(&self) -> bool {
        self.local
    }

    /// Removes and returns the value of an attribute, verbatim.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    /// Removes and returns a value, treating an empty one as unset.
    fn text(&mut self, name: &str) -> Option<String> {
        self.take(name).filter(|value| !value.is_empty())
    }

    fn bool(&mut self, name: &str) -> Result<Option<bool>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        parse_bool(&value).map(Some).ok_or_else(|| bad(name, &value, "true or false"))
    }

    /// Returns the checked options of an S3 cache.
    pub(super) fn s3(mut self) -> Result<CacheOptions> {
        let defaults = CacheOptions::default();
        let names = self.take("name").map(|value| split_names(&value)).transpose()?;
        let options = CacheOptions {
            bucket: self.text("bucket"),
            region: self.text("region"),
            names: names.unwrap_or(defaults.names),
            prefix: self.take("prefix").unwrap_or_default(),
            blobs_prefix: self.take("blobs_prefix").unwrap_or(defaults.blobs_prefix),
            manifests_prefix: self.take("manifests_prefix").unwrap_or(defaults.manifests_prefix),
            endpoint_url: self.text("endpoint_url"),
            use_path_style: self.bool("use_path_style")?.unwrap_or_default(),
            use_accelerate_endpoint: self.bool("use_accelerate_endpoint")?,
            access_key_id: self.text("access_key_id"),
            secret_access_key: self.text("secret_access_key").map(Secret::from),
            session_token: self.text("session_token").map(Secret::from),
            mode: self.mode()?,
            ignore_error: self.bool("ignore-error")?.unwrap_or_default(),
            touch_refresh: self.duration("touch_refresh")?.unwrap_or(defaults.touch_refresh),
            upload_parallelism: self.number("upload_parallelism")?.unwrap_or(defaults.upload_parallelism),
            retry_mode: self.retry_mode()?,
            retry_max_attempts: self.number("retry_max_attempts")?,
            disable_accept_encoding: self.bool("disable_accept_encoding")?.unwrap_or_default(),
            profile: self.text("profile"),
            role_arn: self.text("role_arn"),
            role_session_name: self.text("role_session_name"),
            external_id: self.text("external_id"),
            storage_class: self.text("storage_class"),
            server_side_encryption: self.text("server_side_encryption"),
            sse_kms_key_id: self.text("sse_kms_key_id"),
            verify_source: self.bool("verify_source")?.unwrap_or_default(),
            request_payer: self.request_payer()?,
            expected_bucket_owner: self.take("expected_bucket_owner"),
            anonymous: self.bool("anonymous")?.unwrap_or_default(),
        };
        options.validate()?;
        Ok(options)
    }

    fn mode(&mut self) -> Result<Mode> {
        match self.take("mode").as_deref() {
            None | Some("max") => Ok(Mode::Max),
            Some("min") => Ok(Mode::Min),
            Some(other) => Err(bad("mode", other, "max or min")),
        }
    }

    fn retry_mode(&mut self) -> Result<Option<RetryMode>> {
        match self.take("retry_mode").as_deref() {
            None => Ok(None),
            Some("standard") => Ok(Some(RetryMode::Standard)),
            Some("adaptive") => Ok(Some(RetryMode::Adaptive)),
            Some(other) => Err(bad("retry_mode", other, "standard or adaptive")),
        }
    }

    fn request_payer(&mut self) -> Result<Option<RequestPayer>> {
        match self.take("request_payer").as_deref() {
            None => Ok(None),
            Some("requester") => Ok(Some(RequestPayer::Requester)),
            Some(other) => Err(bad("request_payer", other, "requester, or left out")),
        }
    }

    fn duration(&mut self, name: &str) -> Result<Option<Duration>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        parse_duration(&value).map(Some).ok_or_else(|| bad_duration(name, &value))
    }

    fn number(&mut self, name: &str) -> Result<Option<u32>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = value.parse().ok().filter(|number| *number > 0);
        number.map(Some).ok_or_else(|| bad(name, &value, "a whole number from 1"))
    }
}

/// Splits `key=value` and lowercases the key.
fn split<'a>(fields: &[String], at: usize, field: &'a str) -> Result<(String, &'a str)> {
    match field.split_once('=') {
        Some((key, value)) => Ok((key.to_ascii_lowercase(), value)),
        None if at == 0 && field.starts_with("s3://") => {
            let hint = "write s3://NAME/PATH as type=s3,bucket=NAME,prefix=PATH/";
            Err(usage("a cache is given by attributes, not by a URL".to_owned(), hint))
        }
        None if at == 0 && fields.len() == 1 => Err(only_s3_and_local()),
        None => {
            let hint = "every field is key=value; quote one that has a comma in it: \"name=a,b\"";
            Err(usage(format!("field {} has no =", at + 1), hint))
        }
    }
}

fn split_names(value: &str) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in value.split(';').map(str::trim) {
        if name.is_empty() {
            return Err(bad("name", value, "names separated by ;, none of them empty"));
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Returns the `type=s3` attribute that `word` names or most likely stands for.
pub fn s3_attribute(word: &str) -> Option<&'static str> {
    did_you_mean(word, S3, S3_ALIASES).first().copied()
}

/// Attributes that accept any text, and those whose values are never shown.
const ANY_TEXT: &[&str] = &[
    "access_key_id",
    "blobs_prefix",
    "dest",
    "external_id",
    "manifests_prefix",
    "name",
    "prefix",
    "secret_access_key",
    "session_token",
    "src",
    "tag",
];
/// Quotes that people and their editors put around a value. Double quotes are part of the grammar.
const QUOTES: &[(char, char)] = &[('\'', '\''), ('\u{201c}', '\u{201d}'), ('\u{2018}', '\u{2019}')];

fn no_quotes(name: &str, value: &str) -> Result<()> {
    let inside = |(open, close): &(char, char)| value.strip_prefix(*open)?.strip_suffix(*close);
    match QUOTES.iter().find_map(inside).filter(|_| !ANY_TEXT.contains(&name)) {
        Some(inside) if is_plain(inside) => {
            let hint = format!("write {name}={inside}; a field with a comma is quoted as a whole: \"name=a,b\"");
            Err(usage(format!("{name}={value} has quotes around it"), hint))
        }
        Some(_) => Err(usage(format!("{name} has quotes around it"), "remove them")),
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
        Some(question) if value.len() <= 16 => usage(format!("unknown type {value}"), question),
        _ => only_s3_and_local(),
    }
}

fn only_s3_and_local() -> Error {
    usage("only s3 and local caches are supported".to_owned(), "write type=s3,bucket=NAME,… or type=local,src=DIR")
}

/// Builds the error for a known, non-secret attribute, and shows its value.
fn bad(name: &str, value: &str, allowed: &str) -> Error {
    bad_value(name, value, format!("{name} is {allowed}"))
}

fn bad_value(name: &str, value: &str, hint: String) -> Error {
    let shown: String = value.chars().take(100).collect();
    usage(format!("{name}={shown} is not valid"), hint)
}

fn bad_duration(name: &str, value: &str) -> Error {
    let bare_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    match loose_duration::as_go_writes_it(value) {
        Some(go) => bad_value(name, value, format!("write {name}={go}: the units are h, m, s and ms")),
        None if bare_number => bad_value(name, value, format!("add a unit: h, m or s, for example {name}={value}h")),
        None => bad(name, value, "a duration that is not negative, such as 24h, 1h30m or 0s"),
    }
}

fn usage(message: String, hint: impl Into<String>) -> Error {
    Error::Usage(Problem::new(message).hint(hint))
}
