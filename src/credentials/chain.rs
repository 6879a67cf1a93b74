//! Selects the source of the credentials: the first one configured is used; if it fails, no other is tried.

use std::sync::Arc;

use crate::aws::{KeyPair, Profile, ServiceContext};
use crate::base::{Env, Error, Result};
use crate::config::CredentialOptions;
use crate::credentials::assume_role::AssumeRole;
use crate::credentials::cached::{Cached, FailureText};
use crate::credentials::environment::{EnvKeys, env_keys};
use crate::credentials::imds::{Imds, ImdsSettings};
use crate::credentials::lookup::{Configured, Lookup};
use crate::credentials::provider::CredentialsProvider;
use crate::credentials::static_keys::StaticCredentials;
use crate::credentials::{container, login, process, sso, web_identity};

type Source = fn(&Lookup<'_>) -> Configured;
type ProfileSource = fn(&Lookup<'_>, &Profile) -> Configured;

/// The Go SDK's order. A profile set by attribute takes precedence over the environment.
const ENVIRONMENT: &[Source] = &[environment_keys, web_identity::environment];
/// The sources that a profile can configure, after `web_identity_token_file`.
const PROFILE: &[ProfileSource] = &[sso::profile, login::profile, process::profile];

/// Selects the credentials for `options`. Returns `None` if they set `anonymous` and requests are not to be signed. No
/// source is queried before the first request is signed.
///
/// # Errors
/// If the first configured source contradicts itself, or its keys are invalid.
pub(crate) fn provider(
    options: &CredentialOptions,
    env: &dyn Env,
    profile: &Profile,
    context: &ServiceContext,
) -> Result<Option<Arc<dyn CredentialsProvider>>> {
    if options.anonymous {
        return Ok(None);
    }
    let lookup = Lookup { options, env, profile, context, imds: ImdsSettings::find(env, profile)? };
    let base = base(&lookup)?;
    let (source, failure) = match base {
        Some(base) => {
            let source = AssumeRole::of_attributes(&lookup, base)?;
            let message = format!("there are no credentials from {}", source.origin());
            // The only error without its own hint is that no metadata service answers.
            let hint = "only EC2 instances have a role of their own: configure another source of credentials, or \
                        attach a role";
            (source, FailureText { message, hint: Some(hint.to_owned()), on_success: None })
        }
        None => {
            let instance = Imds::new(context, &lookup.imds)?;
            let failure = nothing_found(&lookup, &instance.origin());
            (AssumeRole::of_attributes(&lookup, Arc::new(instance))?, failure)
        }
    };
    log::debug!("credentials come from {}", source.origin());
    Ok(Some(Arc::new(Cached::new(source, context.clock.clone(), failure))))
}

/// Returns the first configured source, or `None`. The machine may then still have an instance role, which no setting
/// reveals.
fn base(lookup: &Lookup<'_>) -> Configured {
    let environment = if lookup.profile.is_from_attribute() { &[] } else { ENVIRONMENT };
    let first: &[Source] = &[attribute_keys];
    for source in first.iter().chain(environment).chain(&[profile as Source]) {
        if let Some(provider) = source(lookup)? {
            return Ok(Some(provider));
        }
    }
    Ok(None)
}

/// Resolves the profile, starting from the end of its `source_profile` chain. Each profile may assume a role with the
/// credentials of the previous one.
fn profile(lookup: &Lookup<'_>) -> Configured {
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
                Own::None => Arc::new(Imds::new(lookup.context, &lookup.imds)?),
            },
        };
        given = Some(AssumeRole::of_profile(lookup, profile, own)?);
    }
    // The profile was named and either other sources provide the credentials or part of it is missing.
    if let Some(warning) = lookup.profile.misread() {
        log::warn!("{warning}");
    }
    Ok(given)
}

/// The credentials that a single profile configures itself.
enum Own {
    /// Credentials with which the profile's role, if any, is assumed.
    Base(Arc<dyn CredentialsProvider>),
    /// Credentials that already belong to the profile's role.
    Final(Arc<dyn CredentialsProvider>),
    None,
}

fn own_source(lookup: &Lookup<'_>, profile: &Profile) -> Result<Own> {
    if let Some(keys) = profile.keys() {
        return Ok(Own::Base(Arc::new(StaticCredentials::checked(keys.clone()).map_err(Error::Setup)?)));
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

/// Returns the source that the profile names in `credential_source`.
fn credential_source(lookup: &Lookup<'_>, profile: &Profile) -> Configured {
    let Some(source) = profile.setting("credential_source") else { return Ok(None) };
    let wrong = |why: &str, hint: &str| Err(Error::setup(format!("{} {why}", source.origin)).with_hint(hint));
    match source.value {
        "Environment" => match environment_keys(lookup)? {
            None => wrong(
                "is Environment, which has no keys",
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose another source",
            ),
            found => Ok(found),
        },
        "Ec2InstanceMetadata" => Ok(Some(Arc::new(Imds::new(lookup.context, &lookup.imds)?))),
        "EcsContainer" => match container::environment(lookup)? {
            None => wrong(
                "is EcsContainer, but this is not an ECS container",
                "set AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI, or choose another \
                 source",
            ),
            found => Ok(found),
        },
        _ => wrong("is not a known source", "set it to Environment, Ec2InstanceMetadata or EcsContainer"),
    }
}

fn attribute_keys(lookup: &Lookup<'_>) -> Configured {
    let Some(keys) = &lookup.options.keys else { return Ok(None) };
    let keys = KeyPair::new(&keys.id, &keys.secret, keys.session_token.as_ref());
    let keys = keys.with_origin("the attributes access_key_id and secret_access_key");
    Ok(Some(Arc::new(StaticCredentials::checked(keys).map_err(Error::Usage)?)))
}

fn environment_keys(lookup: &Lookup<'_>) -> Configured {
    match env_keys(lookup.env) {
        EnvKeys::Absent => Ok(None),
        EnvKeys::Half { set, missing } => {
            log::warn!("{set} is set without {missing}: ignoring the environment's keys");
            Ok(None)
        }
        EnvKeys::Pair(keys) => Ok(Some(Arc::new(StaticCredentials::checked(keys).map_err(Error::Setup)?))),
    }
}

/// Describes the failure when no source is configured and the machine has no role either.
fn nothing_found(lookup: &Lookup<'_>, instance: &str) -> FailureText {
    let or_complaint = |hint: &str| lookup.profile.complaint().unwrap_or(hint).to_owned();
    let (environment, hint) = if lookup.profile.is_from_attribute() {
        let hint = "add keys to that profile, or omit the attribute profile to use other sources";
        ("the environment (skipped: the attribute profile takes precedence)".to_owned(), or_complaint(hint))
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
    FailureText { message, hint: Some(hint), on_success: lookup.profile.misread() }
}
