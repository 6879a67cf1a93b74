//! Which source the credentials come from: the first that is set up, and then no other, whatever comes of it.

use std::sync::Arc;

use crate::base::{Env, Error, Problem, Result};
use crate::config::CacheOptions;
use crate::credentials::assume_role::AssumeRole;
use crate::credentials::cached::{Cached, Failure};
use crate::credentials::context::Context;
use crate::credentials::environment::{EnvKeys, env_keys};
use crate::credentials::imds::{Imds, ImdsSettings};
use crate::credentials::{CredentialsProvider, Profile, StaticCredentials};
use crate::credentials::{container, login, process, sso, web_identity};

/// What a source may look at when it is set up.
pub(super) struct Lookup<'a> {
    pub(super) options: &'a CacheOptions,
    pub(super) env: &'a dyn Env,
    /// The one that was chosen, not one that it refers to.
    pub(super) profile: &'a Profile,
    pub(super) context: &'a Context,
    pub(super) imds: ImdsSettings,
}

/// What a source says: nothing when it is not set up, an error when it is and cannot be used.
pub(super) type Found = Result<Option<Arc<dyn CredentialsProvider>>>;

type Source = fn(&Lookup<'_>) -> Found;
type ProfileSource = fn(&Lookup<'_>, &Profile) -> Found;

/// The order of the Go SDK. A profile that the attribute names goes before the environment.
const ENVIRONMENT: &[Source] = &[environment_keys, web_identity::environment];
/// What a profile can say of itself, behind `web_identity_token_file`.
const PROFILE: &[ProfileSource] = &[sso::profile, login::profile, process::profile];

/// Finds the credentials for `options`; `None` when they say `anonymous`, and requests are not to be signed. No source
/// is asked before the first request is signed.
///
/// # Errors
/// When the first source that is set up contradicts itself, its keys cannot be keys, or the options are not valid.
pub(crate) fn provider(
    options: &CacheOptions,
    env: &dyn Env,
    profile: &Profile,
    context: &Context,
) -> Result<Option<Arc<dyn CredentialsProvider>>> {
    // Half a pair of keys must not lead to somebody else's.
    options.validate()?;
    if options.anonymous {
        return Ok(None);
    }
    let lookup = Lookup { options, env, profile, context, imds: ImdsSettings::find(env, profile)? };
    let base = base(&lookup)?;
    let (source, failure) = match base {
        Some(base) => {
            let source = AssumeRole::of_attributes(&lookup, base)?;
            let message = format!("there are no credentials from {}", source.origin());
            // What has no hint of its own is that no metadata service answers.
            let hint = "only EC2 instances have a role of their own: name another source of credentials, or attach one";
            (source, Failure { message, hint: Some(hint.to_owned()), on_success: None })
        }
        None => {
            let instance = Imds::new(&lookup)?;
            let failure = nothing_found(&lookup, &instance.origin());
            (AssumeRole::of_attributes(&lookup, Arc::new(instance))?, failure)
        }
    };
    log::debug!("credentials come from {}", source.origin());
    Ok(Some(Arc::new(Cached::new(source, context.clock.clone(), failure))))
}

/// The first source that is set up. Where none is, a machine may have a role that nothing here tells of.
fn base(lookup: &Lookup<'_>) -> Found {
    let environment = if lookup.profile.is_from_attribute() { &[] } else { ENVIRONMENT };
    let first: &[Source] = &[attribute_keys];
    for source in first.iter().chain(environment).chain(&[profile as Source]) {
        if let Some(provider) = source(lookup)? {
            return Ok(Some(provider));
        }
    }
    Ok(None)
}

/// The profile, from the last that `source_profile` leads to back to the one that was chosen: each of them may have
/// a role that is assumed with what the one before gave.
fn profile(lookup: &Lookup<'_>) -> Found {
    let mut given = None;
    let chosen = [lookup.profile];
    for profile in lookup.profile.sources().iter().rev().chain(chosen) {
        let own = match given {
            Some(given) => given,
            None => match own_source(lookup, profile)? {
                Own::Final(provider) => {
                    given = Some(provider);
                    continue;
                }
                Own::Base(provider) => provider,
                Own::None if profile.get("role_arn").is_none() => return Ok(None),
                Own::None => Arc::new(Imds::new(lookup)?),
            },
        };
        given = Some(AssumeRole::of_profile(lookup, profile, own)?);
    }
    // It was asked, and others give the credentials, or a part of it is missing.
    if let Some(warning) = lookup.profile.misread() {
        log::warn!("{warning}");
    }
    Ok(given)
}

/// What one profile says of its own credentials.
enum Own {
    /// Its role, if it has one, is to be assumed with these.
    Base(Arc<dyn CredentialsProvider>),
    /// They are those of its role already.
    Final(Arc<dyn CredentialsProvider>),
    None,
}

fn own_source(lookup: &Lookup<'_>, profile: &Profile) -> Result<Own> {
    if let Some(keys) = profile.keys() {
        return Ok(Own::Base(Arc::new(keys.clone().check().map_err(Error::Setup)?)));
    }
    if let Some(provider) = credential_source(lookup, profile)? {
        return Ok(Own::Base(provider));
    }
    if let Some(provider) = web_identity::profile(lookup, profile)? {
        return Ok(Own::Final(provider));
    }
    for source in PROFILE {
        if let Some(provider) = source(lookup, profile)? {
            return Ok(Own::Base(provider));
        }
    }
    Ok(container::environment(lookup)?.map_or(Own::None, Own::Base))
}

/// A source that the profile names in so many words, for a role.
fn credential_source(lookup: &Lookup<'_>, profile: &Profile) -> Found {
    let Some(source) = profile.setting("credential_source") else { return Ok(None) };
    let wrong = |why: &str, hint: &str| Err(Error::Setup(Problem::new(format!("{} {why}", source.origin)).hint(hint)));
    match source.value {
        "Environment" => match environment_keys(lookup)? {
            None => wrong(
                "is Environment, which has no keys",
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name another source",
            ),
            found => Ok(found),
        },
        "Ec2InstanceMetadata" => Ok(Some(Arc::new(Imds::new(lookup)?))),
        "EcsContainer" => match container::environment(lookup)? {
            None => wrong(
                "is EcsContainer, and this is no such container",
                "set AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI, or name another \
                 source",
            ),
            found => Ok(found),
        },
        _ => wrong("is not a source", "it is Environment, Ec2InstanceMetadata or EcsContainer"),
    }
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
            log::warn!("{set} is set without {missing}: ignoring the environment's keys");
            Ok(None)
        }
        EnvKeys::Pair(keys) => Ok(Some(Arc::new(keys.check().map_err(Error::Setup)?))),
    }
}

/// What to say when nothing is set up, and the machine has no role either.
fn nothing_found(lookup: &Lookup<'_>, instance: &str) -> Failure {
    let or_complaint = |hint: &str| lookup.profile.complaint().unwrap_or(hint).to_owned();
    let (environment, hint) = if lookup.profile.is_from_attribute() {
        let hint = "give that profile keys, or leave out the attribute profile to use others";
        ("the environment (not asked, for the attribute profile goes first)".to_owned(), or_complaint(hint))
    } else if let EnvKeys::Half { set, missing } = env_keys(lookup.env) {
        (format!("the environment ({set} is set, {missing} is not)"), format!("set {missing} too"))
    } else {
        let hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile that has keys, or set \
            anonymous=true to read a public bucket";
        ("the environment (AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE)".to_owned(), or_complaint(hint))
    };
    let message = format!(
        "there are no credentials: tried the attribute access_key_id, {environment}, {}, a container's variables \
         (AWS_CONTAINER_CREDENTIALS_…), and {}",
        lookup.profile.tried(),
        instance,
    );
    Failure { message, hint: Some(hint), on_success: lookup.profile.misread() }
}
