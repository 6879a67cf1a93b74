//! A role that is assumed with other credentials.

use std::sync::Arc;

use crate::aws::sts::{Sts, StsAction, credentials};
use crate::aws::{Profile, invalid};
use crate::base::{Error, Result};
use crate::credentials::lookup::Lookup;
use crate::credentials::provider::CredentialsProvider;
use crate::go::parse_integer;
use crate::sigv4::Credentials;

/// STS's minimum, which the Go SDK requests by default.
const SHORTEST_SECONDS: i64 = 900;
const LONGEST_SECONDS: i64 = 43_200;

/// A role that is assumed with the credentials of another source.
pub(super) struct AssumeRole {
    sts: Sts,
    base: Arc<dyn CredentialsProvider>,
    role: Role,
}

/// The role and how to assume it.
struct Role {
    arn: String,
    /// The setting that names the role.
    origin: String,
    session_name: Option<String>,
    external_id: Option<String>,
    seconds: i64,
}

impl AssumeRole {
    /// Returns the role from the attribute `role_arn`, or `base` itself if it is unset.
    pub(super) fn of_attributes(
        lookup: &Lookup<'_>,
        base: Arc<dyn CredentialsProvider>,
    ) -> Result<Arc<dyn CredentialsProvider>> {
        let Some(role) = &lookup.options.role else { return Ok(base) };
        let role = Role {
            arn: role.arn.trim().to_owned(),
            origin: "the attribute role_arn".to_owned(),
            session_name: role.session_name.clone(),
            external_id: role.external_id.clone(),
            seconds: SHORTEST_SECONDS,
        };
        Ok(Arc::new(Self { sts: Sts::find(lookup.context, lookup.profile)?, base, role }))
    }

    /// Returns the role from the profile, or `base` itself if the profile has none.
    ///
    /// # Errors
    /// If the profile requires an MFA code, which is not supported.
    pub(super) fn of_profile(
        lookup: &Lookup<'_>,
        profile: &Profile,
        base: Arc<dyn CredentialsProvider>,
    ) -> Result<Arc<dyn CredentialsProvider>> {
        let Some(arn) = profile.setting("role_arn") else { return Ok(base) };
        if let Some(mfa) = profile.setting("mfa_serial") {
            let message = format!("{} requires an MFA code, which is not supported", mfa.origin);
            let hint = format!(
                "export temporary keys first: eval \"$(aws configure export-credentials --profile '{}' --format \
                 env)\"",
                lookup.profile.name()
            );
            return Err(Error::setup(message).with_hint(hint));
        }
        let role = Role {
            arn: arn.value.to_owned(),
            origin: arn.origin,
            session_name: profile.get("role_session_name").map(str::to_owned),
            external_id: profile.get("external_id").map(str::to_owned),
            seconds: seconds(profile)?,
        };
        Ok(Arc::new(Self { sts: Sts::find(lookup.context, lookup.profile)?, base, role }))
    }
}

/// Returns the session duration. A value that the Go SDK cannot use means the minimum, as it does there; a value that
/// STS would reject is an error.
fn seconds(profile: &Profile) -> Result<i64> {
    let Some(setting) = profile.setting("duration_seconds") else { return Ok(SHORTEST_SECONDS) };
    match parse_integer(setting.value) {
        Some(seconds @ SHORTEST_SECONDS..=LONGEST_SECONDS) => Ok(seconds),
        Some(seconds) if seconds > LONGEST_SECONDS => {
            let allowed = format!("set it to {SHORTEST_SECONDS} to {LONGEST_SECONDS} seconds");
            Err(invalid(&setting.map(str::to_owned), &allowed))
        }
        _ => {
            let range = format!("between {SHORTEST_SECONDS} and {LONGEST_SECONDS}");
            log::warn!("{} is not {range}: using {SHORTEST_SECONDS}", setting.origin);
            Ok(SHORTEST_SECONDS)
        }
    }
}

impl CredentialsProvider for AssumeRole {
    fn credentials(&self) -> Result<Credentials> {
        let base = self.base.credentials()?;
        let made;
        let session_name = match &self.role.session_name {
            Some(name) => name,
            None => {
                made = self.sts.session_name();
                &made
            }
        };
        let seconds = self.role.seconds.to_string();
        let mut form = vec![("DurationSeconds", seconds.as_str())];
        form.extend(self.role.external_id.as_deref().map(|id| ("ExternalId", id)));
        form.extend([("RoleArn", self.role.arn.as_str()), ("RoleSessionName", session_name)]);
        let token = base.session_token.as_ref().map_or("", |token| token.expose());
        let secrets = [base.secret_access_key.expose(), token];
        let action =
            StsAction { name: "AssumeRole", form: &form, signer: Some(&base), secrets: &secrets, transient: &[], hint };
        self.sts.call(&action, &|result| credentials(result, &self.origin()))
    }

    fn origin(&self) -> String {
        format!("the role {} ({}), assumed with {}", self.role.arn, self.role.origin, self.base.origin())
    }
}

fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "AccessDenied" => {
            "the role does not exist, its trust policy does not name the caller (or requires an external id), or the \
             caller lacks sts:AssumeRole"
        }
        "ExpiredToken" | "ExpiredTokenException" => "the credentials that assume the role have expired: get new ones",
        "InvalidClientTokenId" => "STS does not know the keys that assume the role: check that they still exist",
        _ => return None,
    })
}
