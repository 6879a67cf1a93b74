//! The options of an S3 cache: its checked parts.

use std::fmt;

use crate::base::Result;
use crate::config::bucket::Bucket;
use crate::config::credential_options::{CredentialOptions, contradicts};
use crate::config::key_layout::KeyLayout;
use crate::config::location::Location;
use crate::config::policy::Policy;

/// Where an S3 cache is and how to handle it. All parts are checked, on their own and against each other. Parse it from
/// attributes (`"type=s3,bucket=…".parse()`), or build it from [`CacheOptions::builder`].
///
/// Fields that are `None` fall back to the environment and the AWS files when the cache is opened.
///
/// ```
/// use s3_build_cache::CacheOptions;
///
/// # fn main() -> s3_build_cache::Result<()> {
/// let parsed: CacheOptions = "type=s3,region=eu-west-1,bucket=my-cache,name=app;main".parse()?;
/// let mut builder = CacheOptions::builder("my-cache".parse()?);
/// builder.location.region = Some("eu-west-1".to_owned());
/// builder.keys.names = vec!["app".to_owned(), "main".to_owned()];
/// assert_eq!(parsed, builder.build()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CacheOptions(CacheOptionsBuilder);

/// The parts of [`CacheOptions`] before they are checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheOptionsBuilder {
    /// Where the bucket is.
    pub location: Location,
    /// The keys in it.
    pub keys: KeyLayout,
    /// How the cache is written and read.
    pub policy: Policy,
    /// Where the credentials come from.
    pub credentials: CredentialOptions,
}

impl CacheOptions {
    /// Returns a builder for a cache in this bucket, with every other field at its default.
    pub fn builder(bucket: Bucket) -> CacheOptionsBuilder {
        let location = Location { bucket: Some(bucket), ..Location::default() };
        CacheOptionsBuilder { location, ..CacheOptionsBuilder::default() }
    }

    /// Returns where the bucket is.
    pub fn location(&self) -> &Location {
        &self.0.location
    }

    /// Returns the names and prefixes of the keys.
    pub fn keys(&self) -> &KeyLayout {
        &self.0.keys
    }

    /// Returns how the cache is written and read.
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// Returns where the credentials come from.
    pub fn credentials(&self) -> &CredentialOptions {
        &self.0.credentials
    }

    /// Returns the same options for an export. `anonymous` only applies to imports.
    #[must_use]
    pub fn signed(&self) -> Self {
        Self(CacheOptionsBuilder { credentials: self.0.credentials.signed(), ..self.0.clone() })
    }

    /// Returns a builder that starts from these options.
    pub fn to_builder(&self) -> CacheOptionsBuilder {
        self.0.clone()
    }
}

impl CacheOptionsBuilder {
    /// Checks the parts.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage), which names the attribute and the fix.
    pub fn build(self) -> Result<CacheOptions> {
        self.credentials.check()?;
        if self.credentials.anonymous && self.policy.request_payer.is_some() {
            return Err(contradicts("request_payer=requester", "nobody can be charged for an unsigned request"));
        }
        self.policy.check()?;
        self.location.check()?;
        self.keys.check(self.location.is_directory())?;
        Ok(CacheOptions(Self { keys: self.keys.completed(), ..self }))
    }
}

/// Omits secrets.
impl fmt::Debug for CacheOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CacheOptionsBuilder { location, keys, policy, credentials } = &self.0;
        f.debug_struct("CacheOptions")
            .field("location", location)
            .field("keys", keys)
            .field("policy", policy)
            .field("credentials", credentials)
            .finish()
    }
}

#[cfg(test)]
mod tests;
