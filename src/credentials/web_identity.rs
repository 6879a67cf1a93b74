//! A role that is assumed with a token that the CI system or Kubernetes writes to a file.

use std::path::PathBuf;
use std::sync::Arc;

use crate::aws::sts::{Sts, StsAction, credentials};
use crate::aws::{Profile, check_quotes, read_text};
use crate::base::{Error, Result};
use crate::credentials::lookup::{Configured, Lookup};
use crate::credentials::provider::CredentialsProvider;
use crate::sigv4::Credentials;

const VARIABLE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
/// STS accepts tokens of up to 20,000 characters.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;
/// STS may not yet have the issuer's latest keys when a token is new.
const TRANSIENT: &[&str] = &["InvalidIdentityToken", "IDPCommunicationError"];

/// A role that is assumed with a token from a file, which is read again each time.
struct WebIdentity {
    sts: Sts,
    file: PathBuf,
    role_arn: String,
    session_name: Option<String>,
    /// The setting that names the file.
    origin: String,
}

/// Returns the role that the environment configures, as EKS and many CI systems do.
pub(super) fn environment(lookup: &Lookup<'_>) -> Configured {
    let Some(file) = lookup.env.var(VARIABLE) else { return Ok(None) };
    [VARIABLE, "AWS_ROLE_ARN"].iter().try_for_each(|name| check_quotes(lookup.env, name))?;
    let Some(role_arn) = lookup.env.var("AWS_ROLE_ARN") else {
        return Err(Error::setup(format!("{VARIABLE} is set without AWS_ROLE_ARN"))
            .with_hint(format!("set AWS_ROLE_ARN to the role to assume, or unset {VARIABLE}")));
    };
    Ok(Some(Arc::new(WebIdentity {
        sts: Sts::find(lookup.context, lookup.profile)?,
        file: file.into(),
        role_arn,
        session_name: lookup.env.var("AWS_ROLE_SESSION_NAME"),
        origin: VARIABLE.to_owned(),
    })))
}

/// Returns the role that the profile configures.
pub(super) fn profile(lookup: &Lookup<'_>, profile: &Profile) -> Configured {
    let Some(file) = profile.setting("web_identity_token_file") else { return Ok(None) };
    let Some(role_arn) = profile.get("role_arn") else {
        return Err(Error::setup(format!("{} is set without role_arn", file.origin))
            .with_hint("set role_arn in the same profile to the role to assume"));
    };
    Ok(Some(Arc::new(WebIdentity {
        sts: Sts::find(lookup.context, lookup.profile)?,
        file: file.value.into(),
        role_arn: role_arn.to_owned(),
        session_name: profile.get("role_session_name").map(str::to_owned),
        origin: file.origin,
    })))
}

impl WebIdentity {
    fn token(&self) -> Result<String> {
        let text = read_text(&self.file, "web identity token file", MAX_TOKEN_BYTES);
        let token = text.map(|text| text.trim().to_owned()).and_then(|token| {
            let wrong = |why| Err(Error::access(format!("the web identity token file {} {why}", self.file.display())));
            if token.is_empty() {
                wrong("is empty")
            } else if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                wrong("contains characters that no token has: it must be plain text with nothing but the token")
            } else {
                Ok(token)
            }
        });
        token.map_err(|error| {
            error.with_hint(format!(
                "{} names the file, which the CI system or Kubernetes must write: check that it exists and is readable",
                self.origin
            ))
        })
    }
}

impl CredentialsProvider for WebIdentity {
    fn credentials(&self) -> Result<Credentials> {
        let token = self.token()?;
        let session_name = self.session_name.clone().unwrap_or_else(|| self.sts.session_name());
        let action = StsAction {
            name: "AssumeRoleWithWebIdentity",
            form: &[
                ("RoleArn", self.role_arn.as_str()),
                ("RoleSessionName", session_name.as_str()),
                ("WebIdentityToken", token.as_str()),
            ],
            signer: None,
            secrets: &[token.as_str()],
            transient: TRANSIENT,
            hint,
        };
        self.sts.call(&action, &|result| credentials(result, &self.origin()))
    }

    fn origin(&self) -> String {
        format!(
            "the role {}, assumed with the web identity in {} ({})",
            self.role_arn,
            self.file.display(),
            self.origin
        )
    }
}

fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "AccessDenied" => {
            "the role's trust policy does not allow this identity: compare its conditions (sub, aud) with the token's \
             claims"
        }
        "InvalidIdentityToken" => {
            "the account has no OIDC provider for the token's issuer, or the provider does not list the token's \
             audience (often sts.amazonaws.com)"
        }
        "ExpiredToken" | "ExpiredTokenException" => {
            "the token in the file has expired: have the CI system write a new one, right before this step"
        }
        _ => return None,
    })
}
