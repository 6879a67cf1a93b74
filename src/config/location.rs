//! Where a bucket is, and how to reach it.

use std::fmt;
use std::str::FromStr;

use crate::base::{Error, Result, shown};
use crate::config::attribute::Attribute;
use crate::config::bucket::Bucket;
use crate::config::endpoint_url::EndpointUrl;

const ACCOUNT_DIGITS: usize = 12;

/// Where a bucket is, and how to reach it.
///
/// Fields that are `None` fall back to the environment and the AWS files when the cache is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Location {
    /// The bucket; falls back to `$AWS_BUCKET`.
    pub bucket: Option<Bucket>,
    /// The region; falls back to `$AWS_REGION`, `$AWS_DEFAULT_REGION` and the profile.
    pub region: Option<String>,
    /// An S3 server or a directory; falls back to `$AWS_ENDPOINT_URL_S3`, `$AWS_ENDPOINT_URL` and the profile. A
    /// directory is accepted only here, not from the fallbacks.
    pub endpoint: Option<EndpointUrl>,
    /// Whether to put the bucket in the path instead of the host name.
    pub use_path_style: bool,
    /// Whether to use AWS's transfer acceleration; falls back to `use_accelerate_endpoint` in the profile's `s3` block.
    pub use_accelerate_endpoint: Option<bool>,
    /// The account that must own the bucket; sent as `x-amz-expected-bucket-owner`.
    pub expected_bucket_owner: Option<AccountId>,
}

type Row = Attribute<Location>;

/// The attributes that set the fields of a [`Location`].
pub(super) const ATTRIBUTES: &[Row] = &[
    Row::parsed(
        "bucket",
        "a bucket's name, or an access point's ARN or alias; default: $AWS_BUCKET",
        |location, value| {
            location.bucket = value.text().map(|text| text.parse()).transpose()?;
            Ok(())
        },
    )
    .aliases(&["bucket_name"]),
    Row::text("region", "required on AWS; default: $AWS_REGION, the profile's", |location, region| {
        location.region = region;
    })
    .aliases(&["default_region", "location"]),
    Row::parsed("endpoint_url", "http://…, https://… or file:///DIR; default: AWS's own", |location, value| {
        location.endpoint = value.text().map(|url| url.parse()).transpose()?;
        Ok(())
    })
    .aliases(&["endpoint_uri", "host", "server", "uri", "url"]),
    Row::bool("use_path_style", "put the bucket in the path, not in the host name", |location, on| {
        location.use_path_style = on;
    })
    .aliases(&["force_path_style", "path_style"]),
    Row::bool("use_accelerate_endpoint", "use AWS transfer acceleration", |location, on| {
        location.use_accelerate_endpoint = Some(on);
    }),
    Row::parsed("expected_bucket_owner", "refuse buckets of other AWS accounts", |location, value| {
        location.expected_bucket_owner = Some(value.text.parse()?);
        Ok(())
    }),
];

impl Location {
    /// Parses a bucket that the attributes leave open, and checks that this location can have it.
    ///
    /// # Errors
    /// [`Error::Usage`] if it does not name a bucket, its kind is not supported, or it contradicts another field.
    pub(crate) fn parse_bucket(&self, text: &str) -> Result<Bucket> {
        let bucket = text.parse()?;
        self.check_bucket(&bucket)?;
        Ok(bucket)
    }

    /// Returns whether the store is a directory.
    pub(crate) fn is_directory(&self) -> bool {
        matches!(self.endpoint, Some(EndpointUrl::File(_)))
    }

    /// Checks that the fields do not contradict each other.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_directory() && self.use_accelerate_endpoint == Some(true) {
            return Err(Error::usage("use_accelerate_endpoint does not apply to file:// stores").with_hint("remove it"));
        }
        self.bucket.as_ref().map_or(Ok(()), |bucket| self.check_bucket(bucket))
    }

    fn check_bucket(&self, bucket: &Bucket) -> Result<()> {
        if self.is_directory() { bucket.check_for_directory() } else { bucket.check_for_s3(self.use_path_style) }
    }
}

/// An AWS account: 12 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountId(String);

impl AccountId {
    /// Returns the 12 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AccountId {
    type Err = Error;

    /// Parses 12 digits without dashes.
    ///
    /// # Errors
    /// [`Error::Usage`] for any other text.
    fn from_str(text: &str) -> Result<Self> {
        if text.len() == ACCOUNT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self(text.to_owned()));
        }
        let hint = "set expected_bucket_owner to an AWS account ID: 12 digits without dashes";
        Err(Error::usage(format!("expected_bucket_owner={} is not valid", shown(text))).with_hint(hint))
    }
}
