//! Sources of credentials that the chain would choose and this version cannot use: named, never passed over, for what
//! comes after them would be somebody else's credentials.

use crate::base::{Error, Problem, Result};
use crate::credentials::chain::{Found, Lookup};

/// A role on top of the profile's own keys, or of another profile's.
const ROLE: &[&str] = &["role_arn", "source_profile"];
/// In the chain's order.
const OTHER: &[&str] = &[
    "credential_source",
    "web_identity_token_file",
    "sso_session",
    "sso_region",
    "sso_start_url",
    "sso_account_id",
    "sso_role_name",
    "login_session",
    "credential_process",
];
const CONTAINER: &[&str] = &["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];

/// The attribute `role_arn`, whatever it would be assumed with.
pub(super) fn role_attribute(lookup: &Lookup<'_>) -> Result<()> {
    match lookup.options.role_arn {
        Some(_) => Err(refuse("the attribute role_arn asks for a role to be assumed", "")),
        None => Ok(()),
    }
}

/// A web identity in the environment: Kubernetes, GitHub and GitLab set it up like this.
pub(super) fn web_identity(lookup: &Lookup<'_>) -> Found {
    variable(lookup, &["AWS_WEB_IDENTITY_TOKEN_FILE"])
}

/// A role in the profile.
pub(super) fn profile_role(lookup: &Lookup<'_>) -> Found {
    profile(lookup, ROLE)
}

/// SSO, a process, a web identity and others in the profile.
pub(super) fn profile_other(lookup: &Lookup<'_>) -> Found {
    profile(lookup, OTHER)
}

/// The role of an ECS task or of a Kubernetes pod.
pub(super) fn container(lookup: &Lookup<'_>) -> Found {
    variable(lookup, CONTAINER)
}

fn variable(lookup: &Lookup<'_>, names: &[&str]) -> Found {
    match names.iter().find(|name| lookup.env.var(name).is_some()) {
        Some(name) => Err(refuse(&format!("{name} says where credentials come from"), "")),
        None => Ok(None),
    }
}

fn profile(lookup: &Lookup<'_>, keys: &[&str]) -> Found {
    match keys.iter().find_map(|key| lookup.profile.setting(key)) {
        Some(setting) => {
            let profile = format!("--profile '{}' ", lookup.profile.name());
            Err(refuse(&format!("{} says where credentials come from", setting.origin), &profile))
        }
        None => Ok(None),
    }
}

fn refuse(setting: &str, profile: &str) -> Error {
    let message = format!("{setting}, which this version does not support");
    let hint =
        format!("fetch keys first and export them: eval \"$(aws configure export-credentials {profile}--format env)\"");
    Error::Access(Problem::new(message).hint(hint))
}
