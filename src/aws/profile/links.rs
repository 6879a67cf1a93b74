//! Follows `source_profile` and checks the profiles that it leads to.

use std::collections::HashSet;

use crate::aws::profile::Profile;
use crate::aws::profile::sections::Files;
use crate::aws::setting::Setting;
use crate::base::{Error, Result};

/// Each link costs a request; AWS itself allows only a few.
const MAX_LINKS: usize = 32;
/// Settings that apply only the first time a profile is visited.
const ROLE: &[&str] = &["role_arn", "external_id", "mfa_serial", "role_session_name", "source_profile"];
/// A profile may set only one of these.
const TYPES: &[&str] = &["source_profile", "credential_source", "credential_process", "web_identity_token_file"];
const NEED_ROLE: &[&str] = &["source_profile", "credential_source", "web_identity_token_file"];
/// Follows `source_profile` from `top` and stores the other profiles in it.
///
/// A profile that is visited again (it may name itself) provides credentials but no role, because its role settings
/// were applied on the first visit.
///
/// # Errors
/// If a setting lacks the role it requires, two settings contradict each other, or a source does not exist or has no
/// credentials.
pub(super) fn link(top: Profile, files: &Files) -> Result<Profile> {
    let mut seen = HashSet::new();
    let mut links: Vec<Profile> = Vec::new();
    let mut current = top;
    loop {
        let again = !seen.insert(current.name.clone());
        if again {
            current.settings.0.retain(|(key, _)| !ROLE.contains(&key.as_str()));
        } else {
            need_role(&current)?;
        }
        if !links.is_empty() && current.keys.is_some() {
            break;
        }
        one_type(&current)?;
        files.link_sso_session(&mut current)?;
        let Some(source) = current.setting("source_profile").map(|source| source.map(str::to_owned)) else {
            if let Some(user) = links.last()
                && !current.names_credentials()
            {
                return Err(files.explain(without_credentials(user, &current, again), &current.name));
            }
            break;
        };
        current.keys = None;
        let Some(next) = files.profile(&source.value)? else {
            return Err(files.missing(&source.value, &source.origin, Error::setup));
        };
        links.push(std::mem::replace(&mut current, next));
        if links.len() > MAX_LINKS {
            let message = format!("{} leads through more than {MAX_LINKS} profiles", source.origin);
            return Err(Error::setup(message).with_hint("set source_profile to the profile that has the keys"));
        }
    }
    links.push(current);
    let mut top = links.remove(0);
    top.sources = links;
    Ok(top)
}

fn need_role(profile: &Profile) -> Result<()> {
    if profile.get("role_arn").is_some() {
        return Ok(());
    }
    match NEED_ROLE.iter().find_map(|key| profile.setting(key)) {
        Some(Setting { origin, .. }) => {
            let message = format!("{origin} is set without role_arn");
            Err(Error::setup(message).with_hint("set role_arn in the same profile to the role to assume"))
        }
        None => Ok(()),
    }
}

fn one_type(profile: &Profile) -> Result<()> {
    let mut set = TYPES.iter().filter_map(|key| profile.setting(key));
    match (set.next(), set.next()) {
        (Some(one), Some(other)) => {
            let message = format!("{} and {} contradict each other", one.origin, other.origin);
            let hint = "keep one of source_profile, credential_source, credential_process and web_identity_token_file";
            Err(Error::setup(message).with_hint(hint))
        }
        _ => Ok(()),
    }
}

fn without_credentials(user: &Profile, source: &Profile, again: bool) -> Error {
    let origin = user.setting("source_profile").map(|setting| setting.origin).unwrap_or_default();
    let name = source.name();
    let message = format!("profile {name} has no credentials, but {origin} needs them to assume a role");
    Error::setup(message).with_hint(if again {
        format!("the profiles refer to each other in a circle: add keys to profile {name}")
    } else {
        "add keys to that profile, or name one that has them".to_owned()
    })
}
