//! Which source the credentials come from: the first that is set up, and then no other, whatever comes of it.

use std::sync::Arc;

use crate::base::{Env, Error, Problem, Result};
use crate::config::CacheOptions;
use crate::credentials::environment::{EnvKeys, env_keys};
use crate::credentials::{CredentialsProvider, Profile, StaticCredentials, unsupported};

/// What a source may look at.
pub(super) struct Lookup<'a> {
    pub(super) options: &'a CacheOptions,
    pub(super) env: &'a dyn Env,
    pub(super) profile: &'a Profile,
}

/// What a source says: nothing when it is not set up, an error when it is and cannot be used.
pub(super) type Found = Result<Option<Arc<dyn CredentialsProvider>>>;

type Source = fn(&Lookup<'_>) -> Found;

/// The order of the Go SDK. A profile that the attribute names goes before the environment.
const ENVIRONMENT: &[Source] = &[environment_keys, unsupported::web_identity];
const PROFILE: &[Source] =
    &[unsupported::profile_role, profile_keys, unsupported::profile_other, unsupported::container];

/// Finds the credentials for `options`; `None` when they say `anonymous`, and requests are not to be signed.
///
/// # Errors
/// [`Error::Access`] when no source is set up, or the first that is set up is one this version cannot use; another
/// error when its keys cannot be keys, or the options are not valid.
pub(crate) fn provider(
    options: &CacheOptions,
    env: &dyn Env,
    profile: &Profile,
) -> Result<Option<Arc<dyn CredentialsProvider>>> {
    // Half a pair of keys must not lead to somebody else's.
    options.validate()?;
    if options.anonymous {
        return Ok(None);
    }
    let lookup = Lookup { options, env, profile };
    unsupported::role_attribute(&lookup)?;
    let environment = if profile.is_from_attribute() { &[] } else { ENVIRONMENT };
    let first: &[Source] = &[attribute_keys];
    for source in first.iter().chain(environment).chain(PROFILE) {
        if let Some(provider) = source(&lookup)? {
            log::debug!("credentials come from {}", provider.origin());
            return Ok(Some(provider));
        }
    }
    Err(nothing_found(&lookup))
}

fn attribute_keys(lookup: &Lookup<'_>) -> Found {
    let CacheOptions { access_key_id, secret_access_key, session_token, .. } = lookup.options;
    let (Some(id), Some(secret)) = (access_key_id, secret_access_key) else { return Ok(None) };
    let keys = StaticCredentials::new(id, secret, session_token.as_ref());
    let keys = keys.with_origin("the attributes access_key_id and secret_access_key");
    Ok(Some(Arc::new(keys.check().map_err(Error::Usage)?)))
}

fn environment_keys(lookup: &Lookup<'_>) -> Found {
    match env_keys(lookup.env) {
        EnvKeys::Absent => Ok(None),
        EnvKeys::Half { set, missing } => {
            log::warn!("{set} is set without {missing}: the environment's keys are left out");
            Ok(None)
        }
        EnvKeys::Pair(keys) => Ok(Some(Arc::new(keys.check().map_err(Error::Setup)?))),
    }
}

fn profile_keys(lookup: &Lookup<'_>) -> Found {
    let Some(keys) = lookup.profile.keys() else { return Ok(None) };
    Ok(Some(Arc::new(keys.clone().check().map_err(Error::Setup)?)))
}

fn nothing_found(lookup: &Lookup<'_>) -> Error {
    let profile = lookup.profile.tried();
    let (environment, hint) = if lookup.profile.is_from_attribute() {
        let hint = "give that profile keys, or leave out the attribute profile to use others".to_owned();
        ("the environment (not asked, for the attribute profile goes first)".to_owned(), hint)
    } else if let EnvKeys::Half { set, missing } = env_keys(lookup.env) {
        (format!("the environment ({set} is set, {missing} is not)"), format!("set {missing} too"))
    } else {
        let hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile that has keys, or say \
            anonymous=true to read a public bucket; for the role of an instance, which this version does not support, \
            export its keys: eval \"$(aws configure export-credentials --format env)\"";
        ("the environment (AWS_ACCESS_KEY_ID)".to_owned(), hint.to_owned())
    };
    let message = format!("there are no credentials: tried the attribute access_key_id, {environment}, and {profile}");
    Error::Access(Problem::new(message).hint(hint))
}
