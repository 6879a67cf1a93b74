//! Parses the caches on the command line: directories and attribute strings.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use s3_build_cache::options::{CacheRef, LocalOptions};
use s3_build_cache::program::s3_attributes;
use s3_build_cache::{CacheOptions, Error, Result};

/// How a command takes its caches, for messages about misplaced ones.
pub(super) struct CacheArguments {
    pub(super) command: &'static str,
    /// The positional argument, with its article: `a directory`.
    pub(super) positional: &'static str,
    /// The option that takes the S3 cache, if the positional argument is a local one.
    pub(super) option: Option<&'static str>,
}

impl CacheArguments {
    /// Returns those of a command whose positional arguments are the attributes of S3 caches.
    pub(super) const fn attributes(command: &'static str) -> Self {
        Self { command, positional: "the attributes of a cache", option: None }
    }

    /// Returns the only positional argument. `caches` are the attribute strings of the command's options.
    pub(super) fn single(&self, positional: Vec<OsString>, caches: &[String]) -> Result<OsString> {
        let mut positional = positional.into_iter();
        let first = positional.next().ok_or_else(|| {
            let message = format!("{} needs {}", self.command, self.positional);
            Error::usage(message).with_hint(format!("s3-build-cache {} --help shows an example", self.command))
        })?;
        match positional.next() {
            Some(extra) => Err(self.unexpected(&first.to_string_lossy(), &extra.to_string_lossy(), caches)),
            None => Ok(first),
        }
    }

    /// Parses a directory, or buildx's notation for it: `type=local,src=DIR,tag=TAG`.
    pub(super) fn local(&self, directory: OsString, tag: Option<String>) -> Result<LocalOptions> {
        if directory.is_empty() {
            return Err(Error::usage("the directory argument is empty").with_hint("use . for the current directory"));
        }
        let attributes = directory.to_str().filter(|text| text.starts_with("type=") || text.contains(",type="));
        let mut local = match attributes.map(str::parse).transpose()? {
            Some(CacheRef::Local(local)) => local,
            Some(_) => return Err(self.first_is_local()),
            None => LocalOptions::new(PathBuf::from(directory)),
        };
        if let Some(tag) = tag {
            if tag.is_empty() {
                return Err(Error::usage("--tag is empty").with_hint("leave it out for the tag latest"));
            }
            local.tag = tag;
        }
        Ok(local)
    }

    /// Parses the S3 caches given to the option. At least one is required.
    pub(super) fn s3(&self, attributes: &[String]) -> Result<Vec<CacheOptions>> {
        let option = self.option.unwrap_or_default();
        if attributes.is_empty() {
            let hint = format!("for example {option} type=s3,region=eu-west-1,bucket=my-cache,name=app");
            return Err(Error::usage(format!("{} needs {option}", self.command)).with_hint(hint));
        }
        attributes.iter().map(|text| s3_cache(option, OsStr::new(text))).collect()
    }

    /// Parses the S3 caches given as positional arguments. At least one is required.
    pub(super) fn several(&self, positional: &[OsString]) -> Result<Vec<CacheOptions>> {
        if positional.is_empty() {
            let hint = format!("for example s3-build-cache {} type=s3,region=eu-west-1,bucket=my-cache", self.command);
            return Err(Error::usage(format!("{} needs {}", self.command, self.positional)).with_hint(hint));
        }
        if let Some(other) = positional.iter().find(|text| !is_attributes(&text.to_string_lossy())) {
            let given: Vec<String> = positional.iter().map(|text| text.to_string_lossy().into_owned()).collect();
            return Err(self.unexpected("", &other.to_string_lossy(), &given));
        }
        positional.iter().map(|attributes| s3_cache(self.command, attributes)).collect()
    }

    /// Returns the error for an argument after the only positional one. The message shows no attributes, nor text that
    /// may be the rest of a secret containing a space.
    fn unexpected(&self, first: &str, extra: &str, caches: &[String]) -> Error {
        if self.option.is_some() && is_attributes(first) && first.to_ascii_lowercase().contains("type=s3") {
            return self.first_is_local();
        }
        if is_attributes(extra) {
            let hint = match self.option {
                Some(option) => format!("did you mean {option} type=s3,…?"),
                None => "pass the attributes of one cache; quote them if they contain spaces".to_owned(),
            };
            return Error::usage("unexpected argument: attributes without an option").with_hint(hint);
        }
        let given = caches.iter().map(String::as_str).chain([first]).map(str::to_ascii_lowercase).collect::<String>();
        let has_secret = s3_attributes().iter().any(|about| about.is_secret() && given.contains(about.name));
        let shown = if has_secret || extra.contains('=') { String::new() } else { format!(" {extra:?}") };
        Error::usage(format!("unexpected argument{shown}")).with_hint("quote an argument that contains spaces")
    }

    /// Returns the error for an S3 cache given in place of the directory.
    fn first_is_local(&self) -> Error {
        let hint = format!("s3-build-cache {} DIR {} type=s3,…", self.command, self.option.unwrap_or_default());
        Error::usage("the first argument is the local cache, not an S3 one").with_hint(hint)
    }
}

/// Parses the S3 cache given to `taker`, a command or an option.
pub(super) fn s3_cache(taker: &str, attributes: &OsStr) -> Result<CacheOptions> {
    let attributes = attributes
        .to_str()
        .ok_or_else(|| Error::usage("the attributes are not UTF-8").with_hint("write them in UTF-8"))?;
    match attributes.parse()? {
        CacheRef::S3(options) => Ok(*options),
        _ => Err(Error::usage(format!("{taker} takes an S3 cache, not a local one"))
            .with_hint("the local cache directory is the first argument of export and import")),
    }
}

/// Returns whether the text is an attribute string, or the first field of one.
pub(crate) fn is_attributes(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.starts_with("type=") || text.contains(",type=") || text.starts_with("bucket=")
}
