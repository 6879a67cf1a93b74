//! The options of an S3 cache.

mod combinations;

use std::fmt;
use std::time::Duration;

use crate::base::{Digest, Error, Problem, Result, Secret, shown_url};
use crate::config::bucket::Bucket;
use crate::config::endpoint_url::EndpointUrl;

/// S3's limit on the length of a key in bytes of UTF-8.
const MAX_KEY_BYTES: usize = 1024;
/// More connections are no faster, and stores begin to reject them.
const MAX_CONNECTIONS: usize = 64;
const CONNECTIONS_PER_PARALLELISM: usize = 4;

/// The location of a cache and how to handle it. Parse it from a string (`"type=s3,bucket=…".parse()`), or build it
/// from [`CacheOptions::new`] and its fields.
///
/// Fields that are `None` fall back to the environment and the AWS files when the cache is opened.
///
/// ```
/// use s3_build_cache::CacheOptions;
///
/// let parsed: CacheOptions = "type=s3,region=eu-west-1,bucket=my-cache,name=app;main".parse().unwrap();
/// let mut built = CacheOptions::new("my-cache");
/// built.region = Some("eu-west-1".to_owned());
/// built.names = vec!["app".to_owned(), "main".to_owned()];
/// assert_eq!(parsed, built);
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheOptions {
    /// The bucket; falls back to `$AWS_BUCKET`.
    pub bucket: Option<String>,
    /// The region; falls back to `$AWS_REGION`, `$AWS_DEFAULT_REGION` and the profile.
    pub region: Option<String>,
    /// The names of the manifest. Export writes all of them; import merges those that exist.
    pub names: Vec<String>,
    /// The prefix of every key, used verbatim: no slash is added.
    pub prefix: String,
    /// The path between `prefix` and a blob's digest.
    pub blobs_prefix: String,
    /// The path between `prefix` and a manifest's name.
    pub manifests_prefix: String,
    /// `http://…`, `https://…` or `file:///…`; falls back to `$AWS_ENDPOINT_URL_S3`, `$AWS_ENDPOINT_URL` and the
    /// profile. A `file:` URL is accepted only here, not from the fallbacks.
    pub endpoint_url: Option<String>,
    /// Whether to put the bucket in the path instead of the host name.
    pub use_path_style: bool,
    /// Whether to use AWS's transfer acceleration; falls back to `use_accelerate_endpoint` in the profile's `s3` block.
    pub use_accelerate_endpoint: Option<bool>,
    /// The access key ID; falls back to the credential chain, as do the next two fields.
    pub access_key_id: Option<String>,
    /// The secret access key.
    pub secret_access_key: Option<Secret>,
    /// The session token of temporary keys.
    pub session_token: Option<Secret>,
    /// The layers to export.
    pub mode: Mode,
    /// Whether a failed export is only a warning. The program honours this; the library always returns the error.
    pub ignore_error: bool,
    /// The age beyond which an export refreshes a blob that already exists.
    pub touch_refresh: Duration,
    /// The upload parallelism. Each unit stands for four connections, up to 64 in total.
    pub upload_parallelism: u32,
    /// The retry mode; falls back to `$AWS_RETRY_MODE` and the profile.
    pub retry_mode: Option<RetryMode>,
    /// The maximum number of attempts, including the first; falls back to `$AWS_MAX_ATTEMPTS` and the profile.
    pub retry_max_attempts: Option<u32>,
    /// Has no effect: `Accept-Encoding` is never signed.
    pub disable_accept_encoding: bool,
    /// The profile in the AWS files. If set here, it takes precedence over keys in the environment.
    pub profile: Option<String>,
    /// A role to assume with the credentials.
    pub role_arn: Option<String>,
    /// The session name of that role.
    pub role_session_name: Option<String>,
    /// The external ID of that role.
    pub external_id: Option<String>,
    /// Sent as `x-amz-storage-class` with every write.
    pub storage_class: Option<String>,
    /// Sent as `x-amz-server-side-encryption` with every write.
    pub server_side_encryption: Option<String>,
    /// Sent as `x-amz-server-side-encryption-aws-kms-key-id` with every write.
    pub sse_kms_key_id: Option<String>,
    /// Whether to verify local blobs while uploading them. Use it for stores that do not check payload hashes, and for
    /// multipart uploads, where a store checks only the individual parts.
    pub verify_source: bool,
    /// The account that pays for requests if it is not the bucket owner's; sent as `x-amz-request-payer`.
    pub request_payer: Option<RequestPayer>,
    /// The 12-digit ID of the account that must own the bucket; sent as `x-amz-expected-bucket-owner`.
    pub expected_bucket_owner: Option<String>,
    /// Whether to send unsigned requests, for a public bucket.
    pub anonymous: bool,
}

/// The account that pays for requests to a Requester Pays bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestPayer {
    /// The account that sends the requests.
    Requester,
}

/// The layers that an export includes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// All layers of the source.
    #[default]
    Max,
    /// Only the layers of the result.
    Min,
}

/// AWS's retry modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryMode {
    /// Exponential backoff with jitter.
    #[default]
    Standard,
    /// The same, with client-side rate limiting once the store throttles requests.
    Adaptive,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            bucket: None,
            region: None,
            names: vec!["buildkit".to_owned()],
            prefix: String::new(),
            blobs_prefix: "blobs/".to_owned(),
            manifests_prefix: "manifests/".to_owned(),
            endpoint_url: None,
            use_path_style: false,
            use_accelerate_endpoint: None,
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
            mode: Mode::Max,
            ignore_error: false,
            touch_refresh: Duration::from_secs(24 * 60 * 60),
            upload_parallelism: 4,
            retry_mode: None,
            retry_max_attempts: None,
            disable_accept_encoding: false,
            profile: None,
            role_arn: None,
            role_session_name: None,
            external_id: None,
            storage_class: None,
            server_side_encryption: None,
            sse_kms_key_id: None,
            verify_source: false,
            request_payer: None,
            expected_bucket_owner: None,
            anonymous: false,
        }
    }
}

impl CacheOptions {
    /// Creates the options for a bucket, with every other field at its default.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self { bucket: Some(bucket.into()), ..Self::default() }
    }

    /// Returns the number of connections: four times `upload_parallelism`, at most 64.
    pub fn connections(&self) -> usize {
        let parallelism = usize::try_from(self.upload_parallelism).unwrap_or(MAX_CONNECTIONS);
        parallelism.saturating_mul(CONNECTIONS_PER_PARALLELISM).clamp(1, MAX_CONNECTIONS)
    }

    /// Returns the key of a blob.
    pub fn blob_key(&self, digest: &Digest) -> String {
        format!("{}{}{digest}", self.prefix, self.blobs_prefix)
    }

    /// Returns the common prefix of all blob keys.
    pub fn blob_key_prefix(&self) -> String {
        format!("{}{}", self.prefix, self.blobs_prefix)
    }

    /// Returns the key of the manifest with this name.
    pub fn manifest_key(&self, name: &str) -> String {
        format!("{}{}{name}", self.prefix, self.manifests_prefix)
    }

    /// Parses the endpoint.
    ///
    /// # Errors
    /// [`Error::Usage`] if it is not a usable URL.
    pub fn endpoint(&self) -> Result<Option<EndpointUrl>> {
        self.endpoint_url.as_deref().map(|url| EndpointUrl::parse(url, "endpoint_url")).transpose()
    }

    /// Parses the name of this cache's bucket, from either the attribute or the environment.
    ///
    /// # Errors
    /// [`Error::Usage`] if it does not name a bucket, its kind is not supported, or it contradicts the other
    /// attributes.
    pub(crate) fn parse_bucket(&self, text: &str) -> Result<Bucket> {
        if matches!(self.endpoint()?, Some(EndpointUrl::File(_))) {
            return Bucket::parse_for_directory(text);
        }
        let bucket = Bucket::parse(text)?;
        if matches!(bucket, Bucket::AccessPoint(_)) && self.use_path_style {
            let message = format!("bucket={} and use_path_style=true cannot be combined", bucket.name());
            let hint = "access points have no path style: remove use_path_style, and set bucket to the access point's \
                        alias (…-s3alias)";
            return Err(usage(&message, hint));
        }
        bucket.supported()
    }

    /// Returns warnings about options that are valid but probably unintended.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (name, value) in self.prefixes() {
            if !value.is_empty() && !value.ends_with('/') {
                warnings
                    .push(format!("{name}={value} has no / at its end: keys begin with it as it is, no / is added"));
            }
        }
        if self.blob_key_prefix().starts_with('/') || self.manifest_key("").starts_with('/') {
            warnings.push("keys begin with a /: some stores and proxies drop it".to_owned());
        }
        warnings
    }

    fn prefixes(&self) -> [(&'static str, &str); 3] {
        [("prefix", &self.prefix), ("blobs_prefix", &self.blobs_prefix), ("manifests_prefix", &self.manifests_prefix)]
    }

    /// Checks the constraints that the types do not enforce. Options parsed from a string are already checked.
    ///
    /// # Errors
    /// [`Error::Usage`], which names the attribute and the fix.
    pub fn validate(&self) -> Result<()> {
        combinations::check(self)?;
        if self.names.is_empty() || self.names.iter().any(String::is_empty) {
            return Err(usage(
                "there is no name to store the manifest under",
                "give at least one, for example name=app",
            ));
        }
        if self.upload_parallelism == 0 || self.retry_max_attempts == Some(0) {
            return Err(usage(
                "upload_parallelism and retry_max_attempts begin at 1",
                "leave them out for the default",
            ));
        }
        let file = matches!(self.endpoint()?, Some(EndpointUrl::File(_)));
        if file && self.use_accelerate_endpoint == Some(true) {
            return Err(usage("use_accelerate_endpoint does not apply to file:// stores", "remove it"));
        }
        if let Some(bucket) = &self.bucket {
            self.parse_bucket(bucket)?;
        }
        for (name, value) in self.prefixes() {
            check_key_part(name, value)?;
        }
        let longest = self.names.iter().map(|name| self.manifest_key(name)).chain([self.blob_key(&Digest::of(b""))]);
        if longest.into_iter().any(|key| key.len() > MAX_KEY_BYTES) {
            let hint = "shorten prefix or name";
            return Err(usage(&format!("a key would be longer than the {MAX_KEY_BYTES} bytes S3 takes"), hint));
        }
        for key in self.names.iter().map(|name| self.manifest_key(name)).chain([self.blob_key_prefix()]) {
            check_key_part("prefix or name", &key)?;
            if file {
                check_file_key(&key)?;
            }
        }
        Ok(())
    }
}

fn check_key_part(name: &str, value: &str) -> Result<()> {
    let shown: String = value.chars().filter(|c| !c.is_control()).take(100).collect();
    if value.contains(char::is_control) {
        return Err(usage(&format!("{name}={shown} has a control character"), "leave it out"));
    }
    if value.split('/').any(|segment| matches!(segment, "." | "..")) {
        let hint = "stores and proxies resolve . and .. in keys: use another name";
        return Err(usage(&format!("{name}={shown} has a segment . or .."), hint));
    }
    Ok(())
}

fn check_file_key(key: &str) -> Result<()> {
    let mut segments = key.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if (segment.is_empty() && !last) || segment.len() > 255 {
            let hint = "in a directory every segment of a key is a file name: 1 to 255 bytes";
            return Err(usage(&format!("the key {key} has a segment that cannot be a file name"), hint));
        }
    }
    Ok(())
}

fn usage(message: &str, hint: &str) -> Error {
    Error::Usage(Problem::new(message).hint(hint))
}

/// Omits secrets and unset fields.
impl fmt::Debug for CacheOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("CacheOptions");
        debug.field("bucket", &self.bucket).field("region", &self.region).field("names", &self.names);
        for (name, value) in self.prefixes() {
            debug.field(name, &value);
        }
        let endpoint = self.endpoint_url.as_deref().map(shown_url);
        debug
            .field("endpoint_url", &endpoint)
            .field("use_path_style", &self.use_path_style)
            .field("use_accelerate_endpoint", &self.use_accelerate_endpoint)
            .field("access_key_id", &self.access_key_id.as_ref().map(|_| "***"))
            .field("secret_access_key", &self.secret_access_key)
            .field("session_token", &self.session_token)
            .field("mode", &self.mode)
            .field("touch_refresh", &self.touch_refresh)
            .field("upload_parallelism", &self.upload_parallelism)
            .field("profile", &self.profile)
            .field("request_payer", &self.request_payer)
            .field("expected_bucket_owner", &self.expected_bucket_owner)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
