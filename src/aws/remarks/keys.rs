//! The keys of a profile: which are known, and which one a misspelt key was meant to be.

use crate::aws::ini::split;
use crate::config::distance;

pub(super) const ID: &str = "aws_access_key_id";
pub(super) const SECRET: &str = "aws_secret_access_key";
const TOKEN: &str = "aws_session_token";
/// Settings that provide credentials, and are therefore missed when misspelt or misplaced.
pub(super) const GIVE_CREDENTIALS: &[&str] = &[
    ID,
    SECRET,
    TOKEN,
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "source_profile",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];
/// Alternative names of the keys, reduced to letters and digits.
const OTHER_NAMES: &[(&str, &[&str])] = &[
    (ID, &["accesskeyid", "accesskey", "awsaccesskey", "accessid", "awsaccessid", "awskeyid", "awskey", "keyid"]),
    (SECRET, &["secretaccesskey", "secretkey", "awssecretkey", "awssecret", "secretaccess", "secret"]),
    (TOKEN, &["sessiontoken", "awstoken", "token"]),
];
/// Prefixes of settings used by AWS's tools and others, which are not considered misspelt.
const KNOWN_BEGINNINGS: &[&str] = &[
    "account_id",
    "api_versions",
    "aws_account",
    "aws_security_token",
    "ca_bundle",
    "cli_",
    "defaults_mode",
    "disable_",
    "duration_seconds",
    "ec2_",
    "endpoint_",
    "expiration",
    "external_id",
    "granted_",
    "ignore_",
    "max_attempts",
    "mfa_",
    "output",
    "parameter_validation",
    "region",
    "request_",
    "response_",
    "retry_mode",
    "role_session_name",
    "s3",
    "sdk_",
    "services",
    "sigv4",
    "sso_",
    "sts_",
    "tcp_keepalive",
    "use_",
    "x_",
];

/// No misspelt key is longer.
const MAX_KEY_BYTES: usize = 64;

/// Returns the key that an unknown key was probably meant to be.
pub(super) fn meant(key: &str, value: &str) -> Option<&'static str> {
    if is_known(key) || key.len() > MAX_KEY_BYTES {
        return None;
    }
    let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    let last = key.split_whitespace().next_back().unwrap_or_default();
    // PowerShell: $env:AWS_ACCESS_KEY_ID = "…".
    let behind =
        split(value).map(|(key, _)| key).filter(|key| GIVE_CREDENTIALS.contains(&key.as_str())).unwrap_or_default();
    for written in [letters(key), letters(last), letters(&behind)] {
        let other = OTHER_NAMES.iter().find(|(_, names)| names.contains(&&*written)).map(|(name, _)| *name);
        let near =
            || GIVE_CREDENTIALS.iter().find(|name| distance(&letters(name), &written) <= name.len() / 7).copied();
        if let Some(name) = other.or_else(near) {
            return Some(name);
        }
    }
    // Check AWS's formats for long-term and temporary keys.
    let is_id = (value.starts_with("AKIA") || value.starts_with("ASIA"))
        && value.len() == 20
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_id.then_some(ID)
}

/// Returns whether the key is one that AWS's tools or this program use.
pub(super) fn is_known(key: &str) -> bool {
    GIVE_CREDENTIALS.contains(&key) || KNOWN_BEGINNINGS.iter().any(|beginning| key.starts_with(beginning))
}
