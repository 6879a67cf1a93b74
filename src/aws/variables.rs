//! The environment variables that are read. They are checked first, so that an unreadable variable is not mistaken for
//! an unset one.

use crate::aws::quotes::{UNQUOTE, is_quoted};
use crate::base::{Env, Error, Result};

/// Every variable that the settings, the sources of credentials and the proxies look up.
pub(crate) const VARIABLES: &[&str] = &[
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_BUCKET",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_EC2_METADATA_V1_DISABLED",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_LOGIN_CACHE_DIRECTORY",
    "AWS_MAX_ATTEMPTS",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_RETRY_MODE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "REQUEST_METHOD",
    "SSL_CERT_FILE",
    "https_proxy",
    "http_proxy",
    "no_proxy",
];

/// Variables that always apply, and whose meaning quotes would change: to a different file, or to a disabled setting.
const NEVER_QUOTED: &[&str] =
    &["AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_SHARED_CREDENTIALS_FILE", "SSL_CERT_FILE"];

/// Checks all variables.
///
/// # Errors
/// If a variable is not valid UTF-8, or one that always applies is surrounded by quotes.
pub(super) fn check_all(env: &dyn Env) -> Result<()> {
    VARIABLES.iter().try_for_each(|name| check(env, name))?;
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
