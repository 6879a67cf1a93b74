//! Parses an attribute string that names either an S3 cache or a local one.

use std::str::FromStr;

use crate::base::{Error, Result};
use crate::config::attributes::{Attributes, Kind};
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
        let attributes = Attributes::parse(text)?;
        match attributes.kind() {
            Kind::S3 => attributes.s3().map(|s3| Self::S3(Box::new(s3))),
            Kind::Local => attributes.local().map(Self::Local),
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
                let hint = "write type=s3,bucket=NAME,…; pass the local cache directory separately";
                Err(Error::usage("type=local is given where an S3 cache is expected").with_hint(hint))
            }
        }
    }
}
