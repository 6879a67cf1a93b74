//! Resolves a cache's settings, other than its credentials, from the attributes, the environment and the profile.

use std::path::PathBuf;

use crate::aws::contradictions::{
    ACCELERATE_ATTRIBUTE, BUCKET_ATTRIBUTE, aws_endpoint_and_own, check_acceleration, check_alias, check_arn_region,
    check_directory, check_directory_bucket, check_endpoint,
};
use crate::aws::custom_endpoint::endpoint_url;
use crate::aws::lookup::{bool_variable, flag, invalid, variable, variable_or_setting};
use crate::aws::profile::Profile;
use crate::aws::region::{pseudo_region, region, region_for};
use crate::aws::setting::{Setting, blame};
use crate::aws::variables;
use crate::base::{Env, Error, Result};
use crate::config::{Bucket, EndpointUrl, Location, PayloadSigning, Policy, RetryMode};
use crate::go::parse_integer;

/// AWS's default, including the first attempt.
const DEFAULT_MAX_ATTEMPTS: u32 = 3;

/// The location of a cache, with every setting that falls back to the environment or the AWS files resolved.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub(crate) enum Settings {
    /// A local directory. No file, region or credentials were looked up.
    Directory {
        /// The directory in `endpoint_url=file:///…`.
        dir: PathBuf,
        /// The bucket, a subdirectory of it.
        bucket: String,
    },
    /// A bucket in S3.
    S3(Box<S3Settings>),
}

/// How to reach a bucket in S3.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub(crate) struct S3Settings {
    /// The bucket, whose kind is supported.
    pub bucket: Bucket,
    /// The region to sign for.
    pub region: Setting<String>,
    /// The endpoint, or `None` for AWS's own. Never a `file:` URL.
    pub endpoint: Option<Setting<EndpointUrl>>,
    /// The retry mode.
    pub retry_mode: RetryMode,
    /// The maximum number of attempts, including the first; at least 1.
    pub max_attempts: u32,
    /// The same for the services that provide credentials. The attribute does not apply to them.
    pub service_attempts: u32,
    /// The certificates to trust instead of the system's.
    pub ca_bundle: Option<Setting<PathBuf>>,
    /// Whether to use AWS's FIPS endpoints. Never set together with a custom endpoint.
    pub fips: bool,
    /// Whether to use AWS's dual-stack endpoints, which also support IPv6. Never set together with a custom endpoint.
    pub dualstack: bool,
    /// Whether to use AWS's transfer acceleration. Never set together with a custom endpoint, FIPS, path style, a
    /// bucket name that is not a valid host label, or a region without acceleration.
    pub accelerate: bool,
    /// Whether to access directory buckets with sessions.
    pub sessions: bool,
    /// Whether to sign the hashes of parts also over TLS.
    pub payload_signing: bool,
    /// The profile, which may also configure a source of credentials.
    pub profile: Profile,
}

impl Settings {
    /// Resolves whatever the attributes leave open. `profile` is the attribute of that name.
    ///
    /// # Errors
    /// If the bucket or the region cannot be determined, or a setting is invalid.
    pub(crate) fn resolve(location: &Location, policy: &Policy, profile: Option<&str>, env: &dyn Env) -> Result<Self> {
        let Setting { value: bucket, origin } = bucket(location, env)?;
        if let Some(EndpointUrl::File(dir)) = &location.endpoint {
            check_directory(dir, (bucket.name(), &origin));
            return Ok(Self::Directory { dir: dir.clone(), bucket: bucket.name().to_owned() });
        }
        variables::check_all(env)?;
        let profile = Profile::load(profile, env)?;
        let endpoint = endpoint_url(location.endpoint.as_ref(), env, &profile)?;
        if let Some(endpoint) = &endpoint {
            check_endpoint(endpoint, (bucket.name(), &origin))?;
        }
        check_directory_bucket((&bucket, &origin), policy)?;
        check_alias(location.use_path_style && endpoint.is_none(), (&bucket, &origin))?;
        let fips = flag(env, &profile, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")?;
        let dualstack = flag(env, &profile, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")?;
        if let (Some(endpoint), Some(flag)) = (&endpoint, fips.as_ref().or(dualstack.as_ref())) {
            return Err(aws_endpoint_and_own(&flag.origin, &endpoint.origin));
        }
        let mut region = region_for(endpoint.is_some(), region(location.region.as_deref(), env, &profile), &profile)?;
        let pseudo = pseudo_region(&region.value).filter(|_| endpoint.is_none()).map(str::to_owned);
        let fips_region = pseudo.is_some();
        region.value = pseudo.unwrap_or(region.value);
        if let Some(switch) = use_arn_region(env, &profile)? {
            check_arn_region(&switch, (&bucket, &origin), &region)?;
        }
        let accelerate = accelerate(location, &profile);
        if let Some(switch) = &accelerate {
            let endpoint = endpoint.as_ref().map(|endpoint| endpoint.origin.clone());
            let fips = fips.as_ref().map(|flag| flag.origin.clone());
            let other = endpoint.or(fips).or_else(|| fips_region.then(|| format!("a FIPS region ({})", region.origin)));
            check_acceleration(switch, other, (&bucket, location.use_path_style), &region)?;
        }
        Ok(Self::S3(Box::new(S3Settings {
            bucket,
            region,
            endpoint,
            retry_mode: retry_mode(policy.retry_mode, env, &profile)?,
            max_attempts: policy
                .retry_max_attempts
                .map_or_else(|| max_attempts(env, &profile), |most| Ok(most.get()))?,
            service_attempts: max_attempts(env, &profile)?,
            ca_bundle: ca_bundle(env, &profile),
            fips: fips.is_some() || fips_region,
            dualstack: dualstack.is_some(),
            accelerate: accelerate.is_some(),
            sessions: disables_sessions(env, &profile)?.is_none(),
            payload_signing: payload_signing(policy.payload_signing, &profile),
            profile,
        })))
    }
}

/// Returns what enables transfer acceleration: the attribute, or else the profile's `s3` block, as in the AWS CLI.
fn accelerate(location: &Location, profile: &Profile) -> Option<String> {
    match location.use_accelerate_endpoint {
        Some(on) => on.then(|| ACCELERATE_ATTRIBUTE.to_owned()),
        None => {
            let setting = profile.s3_setting("use_accelerate_endpoint").filter(is_true)?;
            Some(setting.origin)
        }
    }
}

/// Returns whether the region of an access point's ARN may be another than the client's. Unset means that it may.
fn use_arn_region(env: &dyn Env, profile: &Profile) -> Result<Option<Setting<bool>>> {
    let set = bool_variable(env, "AWS_S3_USE_ARN_REGION")?;
    let in_profile = || profile.setting("s3_use_arn_region").or_else(|| profile.s3_setting("use_arn_region"));
    Ok(set.or_else(|| in_profile().map(|setting| setting.map(|text| text.eq_ignore_ascii_case("true")))))
}

/// Returns what disables the sessions of directory buckets.
fn disables_sessions(env: &dyn Env, profile: &Profile) -> Result<Option<Setting<bool>>> {
    flag(env, profile, "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "s3_disable_express_session_auth")
}

/// Returns whether to sign the hashes of parts also over TLS.
fn payload_signing(attribute: Option<PayloadSigning>, profile: &Profile) -> bool {
    let enabled = || profile.s3_setting("payload_signing_enabled").as_ref().is_some_and(is_true);
    attribute.map_or_else(enabled, |signing| signing == PayloadSigning::Always)
}

/// Returns whether a setting of the `s3` block is on, as in the AWS CLI.
fn is_true(setting: &Setting<&str>) -> bool {
    setting.value.eq_ignore_ascii_case("true")
}

fn bucket(location: &Location, env: &dyn Env) -> Result<Setting<Bucket>> {
    if let Some(bucket) = &location.bucket {
        return Ok(Setting::new(bucket.clone(), BUCKET_ATTRIBUTE));
    }
    variables::check(env, "AWS_BUCKET")?;
    let Some(bucket) = env.var("AWS_BUCKET").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()) else {
        return Err(Error::usage("there is no bucket").with_hint("set bucket=NAME, or AWS_BUCKET"));
    };
    let bucket = location.parse_bucket(&bucket).map_err(|error| blame("AWS_BUCKET", error))?;
    Ok(Setting::new(bucket, "AWS_BUCKET"))
}

fn retry_mode(attribute: Option<RetryMode>, env: &dyn Env, profile: &Profile) -> Result<RetryMode> {
    let setting = variable_or_setting(env, "AWS_RETRY_MODE", profile, "retry_mode");
    let mode = match setting.as_ref().map(|setting| (setting, setting.value.as_str())) {
        None => RetryMode::default(),
        Some((_, "standard")) => RetryMode::Standard,
        Some((_, "adaptive")) => RetryMode::Adaptive,
        Some((setting, _)) => return Err(invalid(setting, "set it to standard or adaptive, in lower case")),
    };
    Ok(attribute.unwrap_or(mode))
}

/// Returns the attempt limit. As in the Go SDK, zero means unset and a negative value means unlimited.
fn max_attempts(env: &dyn Env, profile: &Profile) -> Result<u32> {
    let allowed = "set it to a whole number of at least 1";
    if let Some(setting) = variable(env, "AWS_MAX_ATTEMPTS") {
        match setting.value.parse::<i64>() {
            Ok(0) => {}
            Ok(attempts) => return Ok(u32::try_from(attempts).unwrap_or(u32::MAX)),
            Err(_) => return Err(invalid(&setting, allowed)),
        }
    }
    let Some(setting) = profile.setting("max_attempts") else { return Ok(DEFAULT_MAX_ATTEMPTS) };
    match parse_integer(setting.value) {
        Some(0) => Ok(DEFAULT_MAX_ATTEMPTS),
        Some(attempts) => Ok(u32::try_from(attempts).unwrap_or(u32::MAX)),
        None => Err(invalid(&setting.map(str::to_owned), allowed)),
    }
}

/// Returns the CA bundle, which replaces the system's roots.
fn ca_bundle(env: &dyn Env, profile: &Profile) -> Option<Setting<PathBuf>> {
    variable_or_setting(env, "AWS_CA_BUNDLE", profile, "ca_bundle")
        .or_else(|| variable(env, "SSL_CERT_FILE"))
        .map(|setting| setting.map(PathBuf::from))
}
