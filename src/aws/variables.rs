//! The environment variables that are read. They are checked first, so that an unreadable variable is not mistaken for
//! an unset one.

use crate::base::{Env, Error, Result, UNQUOTE, is_quoted};

/// Every variable that the settings, the sources of credentials and the proxies look up, with its meaning as the help
/// shows it.
pub const VARIABLES: &[(&str, &str)] = &[
    ("AWS_BUCKET", "the bucket"),
    ("AWS_REGION", "the region"),
    ("AWS_DEFAULT_REGION", "the region, if AWS_REGION is not set"),
    ("AWS_PROFILE", "the profile in the AWS files"),
    ("AWS_DEFAULT_PROFILE", "the profile, if AWS_PROFILE is not set"),
    ("AWS_CONFIG_FILE", "instead of ~/.aws/config"),
    ("AWS_SHARED_CREDENTIALS_FILE", "instead of ~/.aws/credentials"),
    ("AWS_ACCESS_KEY_ID", "the access key id"),
    ("AWS_ACCESS_KEY", "the same, if AWS_ACCESS_KEY_ID is not set"),
    ("AWS_SECRET_ACCESS_KEY", "the secret access key"),
    ("AWS_SECRET_KEY", "the same, if AWS_SECRET_ACCESS_KEY is not set"),
    ("AWS_SESSION_TOKEN", "the session token of temporary keys"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "a file with an OIDC token, exchanged for credentials of AWS_ROLE_ARN"),
    ("AWS_ROLE_ARN", "the role of the token"),
    ("AWS_ROLE_SESSION_NAME", "the name of its session"),
    ("AWS_LOGIN_CACHE_DIRECTORY", "instead of ~/.aws/login/cache"),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "the path of the credentials on ECS and CodeBuild"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "the URL of a container's credentials, as on EKS"),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "the token sent to that URL"),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "a file with that token, read at each refresh"),
    ("AWS_EC2_METADATA_DISABLED", "true: do not use the EC2 instance's role"),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "the URL of the metadata service"),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4 or IPv6"),
    ("AWS_EC2_METADATA_V1_DISABLED", "true: do not fall back to IMDSv1"),
    ("AWS_ENDPOINT_URL_S3", "the S3 endpoint"),
    ("AWS_ENDPOINT_URL", "the endpoint of every service without its own variable"),
    ("AWS_ENDPOINT_URL_STS", "the endpoint that roles are assumed at"),
    ("AWS_ENDPOINT_URL_SSO", "the endpoint of SSO"),
    ("AWS_ENDPOINT_URL_SSO_OIDC", "the endpoint that renews SSO tokens"),
    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true: ignore the endpoints of variables and profiles"),
    ("AWS_USE_DUALSTACK_ENDPOINT", "true: use AWS's dual-stack endpoints (IPv4 and IPv6)"),
    ("AWS_USE_FIPS_ENDPOINT", "true: use AWS's FIPS endpoints"),
    ("AWS_S3_USE_ARN_REGION", "false: refuse access points in another region than the client's"),
    ("AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "true: access directory buckets without sessions"),
    ("AWS_MAX_ATTEMPTS", "attempts per request, including the first"),
    ("AWS_RETRY_MODE", "standard or adaptive"),
    ("AWS_CA_BUNDLE", "a PEM file of trusted roots, instead of all others"),
    ("SSL_CERT_FILE", "the same, if neither AWS_CA_BUNDLE nor the profile names one"),
    ("HTTPS_PROXY", "the proxy for https endpoints"),
    ("https_proxy", "the same, if HTTPS_PROXY is not set"),
    ("HTTP_PROXY", "the proxy for http endpoints"),
    ("http_proxy", "the same, if HTTP_PROXY is not set"),
    ("NO_PROXY", "hosts reached directly, separated by commas"),
    ("no_proxy", "the same, if NO_PROXY is not set"),
    ("REQUEST_METHOD", "set in CGI programs, where HTTP_PROXY is refused"),
];

/// Variables that always apply, and whose meaning quotes would change: to a different file, or to a disabled setting.
const NEVER_QUOTED: &[&str] =
    &["AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_SHARED_CREDENTIALS_FILE", "SSL_CERT_FILE"];

/// Checks all variables.
///
/// # Errors
/// If a variable is not valid UTF-8, or one that always applies is surrounded by quotes.
pub(super) fn check_all(env: &dyn Env) -> Result<()> {
    VARIABLES.iter().try_for_each(|(name, _)| check(env, name))?;
    NEVER_QUOTED.iter().try_for_each(|name| check_quotes(env, name))
}

/// Checks a variable whose value must not be surrounded by quotes.
///
/// # Errors
/// If the value is surrounded by quotes.
pub(crate) fn check_quotes(env: &dyn Env, name: &str) -> Result<()> {
    if env.var(name).is_some_and(|value| is_quoted(value.trim())) {
        return Err(Error::setup(format!("{name} has quotes around it")).with_hint(UNQUOTE));
    }
    Ok(())
}

/// Checks a single variable.
///
/// # Errors
/// See [`check_all`].
pub(super) fn check(env: &dyn Env, name: &str) -> Result<()> {
    if env.is_readable(name) {
        return Ok(());
    }
    let hint = format!("set {name} to text in UTF-8, or unset it");
    Err(Error::setup(format!("{name} has a value that is not UTF-8")).with_hint(hint))
}
