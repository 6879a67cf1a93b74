//! Parses an attribute string that names either an S3 cache or a local one.

use std::str::FromStr;

use crate::base::{Error, InvalidDigest, Problem, Result};
use crate::config::attributes::Attributes;
use crate::config::local::LocalOptions;
use crate::config::options::CacheOptions;

/// An S3 or local cache, as named by an attribute string.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CacheRef {
    /// `type=s3`.
    S3(Box<CacheOptions>),
    /// `type=local`.
    Local(LocalOptions),
}

impl FromStr for CacheRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut attributes = Attributes::parse(text)?;
        if attributes.is_local() {
            local(&mut attributes).map(Self::Local)
        } else {
            attributes.s3().map(|s3| Self::S3(Box::new(s3)))
        }
    }
}

impl FromStr for CacheOptions {
    type Err = Error;

    /// Parses `type=s3,…` and rejects `type=local`.
    fn from_str(text: &str) -> Result<Self> {
        match text.parse()? {
            CacheRef::S3(options) => Ok(*options),
            CacheRef::Local(_) => {
                let hint = "write type=s3,bucket=NAME,…; the local cache directory is named apart from it";
                Err(Error::Usage(Problem::new("type=local where an S3 cache is meant").hint(hint)))
            }
        }
    }
}

fn local(attributes: &mut Attributes) -> Result<LocalOptions> {
    let usage = |message: &str, hint: &str| Error::Usage(Problem::new(message).hint(hint));
    let dir = match (attributes.take("src"), attributes.take("dest")) {
        (Some(src), Some(dest)) if src != dest => {
            return Err(usage("src and dest name two directories", "give one of them"));
        }
        (Some(dir), _) | (None, Some(dir)) => dir,
        (None, None) => return Err(usage("type=local needs src or dest", "for example type=local,src=cache")),
    };
    if dir.is_empty() {
        return Err(usage("the directory of type=local is empty", "for example type=local,src=cache"));
    }
    let mut local = LocalOptions::new(dir);
    let tag = attributes.take("tag");
    let has_tag = tag.is_some();
    if let Some(tag) = tag {
        if tag.is_empty() {
            return Err(usage("tag is empty", "leave it out for the tag latest"));
        }
        local.tag = tag;
    }
    if let Some(digest) = attributes.take("digest") {
        if has_tag {
            return Err(usage("tag and digest both name a cache in the directory", "give one of them"));
        }
        let invalid =
            |error: InvalidDigest| Error::Usage(Problem::new(format!("digest: {error}")).hint("write digest=sha256:…"));
        local.digest = Some(digest.parse().map_err(invalid)?);
    }
    Ok(local)
}
