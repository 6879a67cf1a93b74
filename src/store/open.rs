//! Opens the store that the options select.

use std::sync::Arc;
use std::time::Duration;

use crate::aws::{S3Settings, ServiceContext, Settings, blame};
use crate::base::{Cancel, Clock, Env, Result};
use crate::config::{AccountId, CacheOptions, CredentialOptions, Location, Policy, RequestPayer, RetryMode};
use crate::credentials::{self, CredentialsProvider};
use crate::http::{self, retry};
use crate::object::ObjectStore;
use crate::s3::{Endpoint, EndpointChoice, S3Client, S3ClientParts};
use crate::store::dir::DirStore;

/// What a store needs besides the options.
#[derive(Clone)]
pub(crate) struct StoreParts {
    pub(crate) env: Arc<dyn Env>,
    /// Used instead of the credential chain.
    pub(crate) credentials: Option<Arc<dyn CredentialsProvider>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cancel: Cancel,
    pub(crate) connections: usize,
    /// Larger objects are copied in parts.
    pub(crate) max_copy_bytes: u64,
    /// Whether to give up early, because a user is waiting for a diagnosis.
    pub(crate) brief: bool,
}

/// A store, and how it is trusted.
pub(crate) struct OpenedStore {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Whether its certificate is trusted because of a configured bundle of roots.
    pub(crate) has_own_roots: bool,
}

/// Opens the store selected by the options and, for unset options, the environment. Sends nothing.
///
/// # Errors
/// If a setting is missing or invalid, or there are no credentials.
pub(crate) fn open(options: &CacheOptions, parts: StoreParts) -> Result<OpenedStore> {
    match settings(options, &*parts.env)? {
        Settings::Directory { dir, bucket } => {
            Ok(OpenedStore { store: Arc::new(DirStore::new(dir, &bucket, parts.clock)?), has_own_roots: false })
        }
        Settings::S3(settings) => {
            let credentials = provider(options.credentials(), &settings, &parts)?;
            let store = Arc::new(open_s3(options, &settings, credentials, parts)?);
            Ok(OpenedStore { store, has_own_roots: settings.ca_bundle.is_some() })
        }
    }
}

/// Resolves the settings that the options leave to the environment.
///
/// # Errors
/// If a setting is missing or invalid.
pub(crate) fn settings(options: &CacheOptions, env: &dyn Env) -> Result<Settings> {
    let location = options.location();
    let settings = Settings::resolve(location, options.policy(), options.credentials().profile.as_deref(), env)?;
    if let Settings::S3(settings) = &settings {
        let origins = format!("AWS_BUCKET and {}", settings.region.origin);
        let is_attribute = location.bucket.is_some() || location.region.is_some();
        endpoint(location, settings).map_err(|error| if is_attribute { error } else { blame(&origins, error) })?;
    }
    Ok(settings)
}

/// Determines the endpoint of the bucket.
///
/// # Errors
/// If AWS has no such endpoint, or the server cannot have one.
fn endpoint(location: &Location, settings: &S3Settings) -> Result<Endpoint> {
    Endpoint::new(&EndpointChoice {
        bucket: &settings.bucket,
        region: &settings.region.value,
        custom: settings.endpoint.as_ref().map(|endpoint| &endpoint.value),
        path_style: location.use_path_style,
        fips: settings.fips,
        dualstack: settings.dualstack,
        accelerate: settings.accelerate,
        sessions: settings.sessions,
    })
}

/// Returns the credentials to sign requests with; `None` if they are not signed.
///
/// # Errors
/// If the configured credentials contradict each other.
pub(crate) fn provider(
    options: &CredentialOptions,
    settings: &S3Settings,
    parts: &StoreParts,
) -> Result<Option<Arc<dyn CredentialsProvider>>> {
    match &parts.credentials {
        Some(provider) if !options.anonymous => Ok(Some(provider.clone())),
        _ => credentials::provider(options, &*parts.env, &settings.profile, &context(settings, parts)),
    }
}

/// Returns the context for the credential sources.
pub(crate) fn context(settings: &S3Settings, parts: &StoreParts) -> ServiceContext {
    ServiceContext::new(settings, parts.env.clone(), parts.clock.clone(), parts.cancel.clone())
}

/// Opens a bucket in S3. Sends nothing.
///
/// # Errors
/// If the connection cannot be set up because of its certificates or proxy.
pub(crate) fn open_s3(
    options: &CacheOptions,
    settings: &S3Settings,
    credentials: Option<Arc<dyn CredentialsProvider>>,
    parts: StoreParts,
) -> Result<S3Client> {
    let (location, policy) = (options.location(), options.policy());
    let endpoint = endpoint(location, settings)?;
    let ca_bundle = settings.ca_bundle.as_ref().map(|bundle| (bundle.value.as_path(), bundle.origin.as_str()));
    let timeouts = if parts.brief { http::Timeouts::BRIEF } else { http::Timeouts::REMOTE };
    let http = http::Client::new(&http::ClientConfig {
        connections: parts.connections,
        target: http::Origin { https: endpoint.https, host: &endpoint.host },
        ca_bundle,
        env: &*parts.env,
        clock: parts.clock.clone(),
        timeouts,
    })?;
    Ok(S3Client::new(S3ClientParts {
        longest_answer: if parts.brief { timeouts.stall } else { Duration::MAX },
        http: http.stopped_by(&parts.cancel),
        bucket: settings.bucket.name().to_owned(),
        endpoint,
        region_origin: match settings.bucket.access_point() {
            Some(_) => "the ARN of the bucket".to_owned(),
            None => settings.region.origin.clone(),
        },
        credentials,
        retry: match settings.retry_mode {
            RetryMode::Standard => retry::RetryPolicy::standard(settings.max_attempts),
            RetryMode::Adaptive => retry::RetryPolicy::adaptive(settings.max_attempts),
        },
        clock: parts.clock,
        cancel: parts.cancel,
        write_headers: write_headers(policy),
        request_headers: request_headers(location, policy),
        copy_headers: copy_headers(location),
        payload_signing: settings.payload_signing,
        max_copy_bytes: parts.max_copy_bytes,
    }))
}

/// Returns the headers of every request that writes an object.
fn write_headers(policy: &Policy) -> Vec<(String, String)> {
    set([
        ("x-amz-storage-class", policy.storage_class.as_deref()),
        ("x-amz-server-side-encryption", policy.server_side_encryption.as_deref()),
        ("x-amz-server-side-encryption-aws-kms-key-id", policy.sse_kms_key_id.as_deref()),
    ])
}

/// Returns the headers of every request.
fn request_headers(location: &Location, policy: &Policy) -> Vec<(String, String)> {
    let payer = policy.request_payer.map(|RequestPayer::Requester| "requester");
    set([
        ("x-amz-request-payer", payer),
        ("x-amz-expected-bucket-owner", location.expected_bucket_owner.as_ref().map(AccountId::as_str)),
    ])
}

/// Returns the headers of every copy.
fn copy_headers(location: &Location) -> Vec<(String, String)> {
    set([("x-amz-source-expected-bucket-owner", location.expected_bucket_owner.as_ref().map(AccountId::as_str))])
}

/// Returns the headers that have a value.
fn set<const N: usize>(headers: [(&str, Option<&str>); N]) -> Vec<(String, String)> {
    let set = headers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    set.collect()
}
